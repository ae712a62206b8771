# The database of an environment whose nodes share an Azure SQL server, while nobody uses it: copied on the server
# itself, and put back by names. Nothing is deleted: what the new version made of it is kept under another name.
# "Copy a transactionally consistent copy of a database in Azure SQL Database": CREATE DATABASE AS COPY OF, by an
# administrator of the server, which the identity of web nodes is.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# Seconds that a copy may take.
$CopySeconds = 1500

$CopyStatement = @'
IF DB_ID(@copy) IS NULL
BEGIN
    DECLARE @statement nvarchar(max) = N'CREATE DATABASE ';
    SET @statement = @statement + QUOTENAME(@copy) + N' AS COPY OF ' + QUOTENAME(@database);
    EXEC (@statement);
END;
'@

$StateStatement = @'
SELECT state_desc FROM sys.databases WHERE name = @name;
'@

$RenameStatement = @'
DECLARE @statement nvarchar(max) = N'ALTER DATABASE ';
SET @statement = @statement + QUOTENAME(@from) + N' MODIFY NAME = ' + QUOTENAME(@to);
EXEC (@statement);
'@

# A name for each upgrade, which has its id; 128 characters are the most that a name has.
function Get-CopyName {
    param([string]$Kind)
    $name = '{0}-{1}-{2}' -f (Get-NodeValue -Path 'database.name'), $Kind, (Split-Path -Path $Work -Leaf)
    return $name.Substring(0, [Math]::Min(128, $name.Length))
}

# ONLINE, COPYING or another word of the server; empty for a database that is not there.
function Get-DatabaseState {
    param([string]$Name)
    $connection = Open-DatabaseServer -Database 'master'
    try {
        $command = $connection.CreateCommand()
        $command.CommandText = $StateStatement
        $command.Parameters.AddWithValue('@name', $Name) | Out-Null
        return [string]$command.ExecuteScalar()
    }
    finally {
        $connection.Dispose()
    }
}

# What would not go is known before anything changes.
function Confirm-DatabaseServer {
    $name = Get-NodeValue -Path 'database.name'
    $state = Get-DatabaseState -Name $name
    if ($state -ne 'ONLINE') {
        throw "the database cannot be copied from here: $name is '$state', as an administrator sees it"
    }
}

function Save-Database {
    $copy = Get-CopyName -Kind 'before'
    $values = @{ copy = $copy; database = Get-NodeValue -Path 'database.name' }
    Invoke-Statement -Database 'master' -Statement $CopyStatement -Values $values
    Wait-Until -WaitFor "database $copy" -WaitSeconds $CopySeconds -WaitCondition {
        (Get-DatabaseState -Name $copy) -eq 'ONLINE'
    }
    Write-Log "the database is copied: $copy"
}

# The copy takes the database's name. Cut short between the two names, it goes on.
function Restore-Database {
    $name = Get-NodeValue -Path 'database.name'
    $copy = Get-CopyName -Kind 'before'
    $after = Get-CopyName -Kind 'after'
    if ((Get-DatabaseState -Name $copy) -ne 'ONLINE') {
        if ((Get-DatabaseState -Name $after) -ne '' -and (Get-DatabaseState -Name $name) -ne '') {
            return # it was put back before
        }
        throw "no copy of the database is on the server: $copy"
    }
    if ((Get-DatabaseState -Name $name) -ne '') {
        Invoke-Statement -Database 'master' -Statement $RenameStatement -Values @{ from = $name; to = $after }
    }
    Invoke-Statement -Database 'master' -Statement $RenameStatement -Values @{ from = $copy; to = $name }
    Write-Log "the database is the one of before; what it was since is $after"
}
