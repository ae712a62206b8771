# The product's login on SQL Server, made by the first web node at its first boot: with the identity's token on Azure,
# with the server's first login on AWS. It owns its database and nothing else.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# Amazon RDS User Guide, "Using SSL/TLS to encrypt a connection to a DB instance": a bundle for each region.
$DatabaseAuthorities = 'https://truststore.pki.rds.amazonaws.com'

$DatabaseMark = "$DataFolder\database"

# Azure SQL Database: users of the database itself. Names and passwords are data, which QUOTENAME makes harmless.
$ContainedUser = @'
DECLARE @statement nvarchar(max) = N'CREATE USER ';
IF EXISTS (SELECT 1 FROM sys.database_principals WHERE name = @login) SET @statement = N'ALTER USER ';
SET @statement = @statement + QUOTENAME(@login) + N' WITH PASSWORD = ' + QUOTENAME(@password, '''');
EXEC (@statement);
SET @statement = N'ALTER ROLE db_owner ADD MEMBER ' + QUOTENAME(@login);
EXEC (@statement);
'@

# Amazon RDS makes no database: who logs in first does.
$ServerLogin = @'
DECLARE @statement nvarchar(max);
IF DB_ID(@database) IS NULL
BEGIN
    SET @statement = N'CREATE DATABASE ' + QUOTENAME(@database);
    EXEC (@statement);
END;
SET @statement = N'CREATE LOGIN ';
IF SUSER_ID(@login) IS NOT NULL SET @statement = N'ALTER LOGIN ';
SET @statement = @statement + QUOTENAME(@login) + N' WITH PASSWORD = ' + QUOTENAME(@password, '''');
EXEC (@statement);
'@

$LoginUser = @'
DECLARE @statement nvarchar(max);
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = @login)
BEGIN
    SET @statement = N'CREATE USER ' + QUOTENAME(@login) + N' FOR LOGIN ' + QUOTENAME(@login);
    EXEC (@statement);
END;
SET @statement = N'ALTER ROLE db_owner ADD MEMBER ' + QUOTENAME(@login);
EXEC (@statement);
'@

function Get-ServerAddress {
    param([string]$Database)
    return 'Server=tcp:{0},{1};Database={2};Encrypt=True;TrustServerCertificate=False;Connect Timeout=30' -f (
        (Get-NodeValue -Path 'database.host'), (Get-NodeValue -Path 'database.port'), $Database)
}

function Invoke-Statement {
    param([string]$Database, [string]$Statement, [hashtable]$Values)
    $connection = Open-DatabaseServer -Database $Database
    try {
        $command = $connection.CreateCommand()
        $command.CommandText = $Statement
        $command.CommandTimeout = 300
        foreach ($name in $Values.Keys) {
            $command.Parameters.AddWithValue("@$name", [string]$Values[$name]) | Out-Null
        }
        $command.ExecuteNonQuery() | Out-Null
    }
    finally {
        $connection.Dispose()
    }
}

function Initialize-Database {
    $place = '{0}.database.engine' -f (Get-NodeValue -Path 'role')
    if (-not (Test-NodeValue -Path $place) -or (Get-NodeValue -Path $place) -ne 'sqlserver') {
        return
    }
    if (Test-Path -LiteralPath $DatabaseMark) {
        Write-Log 'the database is known to have the product''s login'
        return
    }
    $database = Get-NodeValue -Path 'database.name'
    $login = Get-RoleValue -Path 'database.login'
    $word = Get-NodeSecret -Name (Get-RoleValue -Path 'database.secret')
    $account = @{ login = $login; password = $word }
    if (Test-NodeValue -Path 'database.bootstrap') {
        Add-DatabaseAuthorities
        $both = @{ login = $login; password = $word; database = $database }
        Invoke-Again -AgainWhat 'making the login' -AgainAction {
            Invoke-Statement -Database 'master' -Statement $ServerLogin -Values $both
            Invoke-Statement -Database $database -Statement $LoginUser -Values @{ login = $login }
        }
    }
    else {
        Invoke-Again -AgainWhat 'making the login' -AgainAction {
            Invoke-Statement -Database $database -Statement $ContainedUser -Values $account
        }
    }
    Write-Text -Path $DatabaseMark -Text $login
    Write-Log "the database has login $login"
}

# Whoever the server's certificate is from: the product verifies it too.
function Add-DatabaseAuthorities {
    $region = Get-NodeValue -Path 'region'
    $uri = '{0}/{1}/{1}-bundle.pem' -f $DatabaseAuthorities, $region
    $file = "$DataFolder\authorities.pem"
    Invoke-Again -AgainWhat "fetching $uri" -AgainAction { Save-PublicFile -Uri $uri -Path $file }
    Add-Authorities -Pem ([IO.File]::ReadAllText($file)) -Store 'Root'
}
