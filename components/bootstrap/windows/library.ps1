# What the node's scripts share; taken in, never run.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# A progress bar that nobody sees makes downloads ten times slower, and the default is SSL 3.0 and TLS 1.0.
$ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
[Net.WebRequest]::DefaultWebProxy = $null

$ProgramFolder = 'C:\Program Files\Operationalization'
$DataFolder = 'C:\ProgramData\Operationalization'
$LogFile = "$DataFolder\log\configure.log"
$NodeFile = "$DataFolder\node.json"

# Secrets live in this process alone: Windows has no file system in memory.
$Secrets = @{}

$System = 'S-1-5-18'
$Administrators = 'S-1-5-32-544'

# What has been fetched as a secret is never shown, wherever it would turn up.
function Write-Log {
    param([string]$Text)
    $shown = $Text
    foreach ($value in $Secrets.Values) {
        $shown = $shown.Replace([string]$value, '***')
    }
    $shown = '{0}Z {1}' -f [DateTime]::UtcNow.ToString('s'), $shown
    [IO.File]::AppendAllText($LogFile, "$shown`r`n")
    [Console]::Out.WriteLine($shown)
}

# The node's JSON file as objects. A list of one element stays a list in them, but not in what a function returns:
# whoever expects a list writes @(Get-NodeValue ...).
function Get-NodeValue {
    param([string]$Path)
    $value = $Node
    foreach ($name in $Path.Split('.')) {
        $property = $value.PSObject.Properties[$name]
        if ($null -eq $property) {
            throw "$NodeFile has nothing at $Path"
        }
        $value = $property.Value
    }
    return $value
}

function Test-NodeValue {
    param([string]$Path)
    $value = $Node
    foreach ($name in $Path.Split('.')) {
        if ($null -eq $value -or $null -eq $value.PSObject.Properties[$name]) {
            return $false
        }
        $value = $value.PSObject.Properties[$name].Value
    }
    return $true
}

# Names begin with `wait`, because the condition sees this function's variables before its own script's.
function Wait-Until {
    param([string]$WaitFor, [int]$WaitSeconds, [scriptblock]$WaitCondition)
    $waitEnd = [DateTime]::UtcNow.AddSeconds($WaitSeconds)
    while ($true) {
        $waitReason = ''
        try {
            if (& $WaitCondition) {
                return
            }
        }
        catch {
            $waitReason = ": $($_.Exception.Message)"
        }
        if ([DateTime]::UtcNow -gt $waitEnd) {
            throw "$WaitFor was not to be seen within $WaitSeconds seconds$waitReason"
        }
        Start-Sleep -Seconds 2
    }
}

# The permission of a fresh identity takes minutes to arrive: 10 are granted (design.md section 8).
function Invoke-Again {
    param([string]$AgainWhat, [scriptblock]$AgainAction, [int]$AgainSeconds = 600)
    $againEnd = [DateTime]::UtcNow.AddSeconds($AgainSeconds)
    $againPause = 1
    while ($true) {
        try {
            return & $AgainAction
        }
        catch {
            if ([DateTime]::UtcNow.AddSeconds($againPause) -gt $againEnd) {
                throw "$AgainWhat failed for $AgainSeconds seconds: $($_.Exception.Message)"
            }
            Write-Log "not yet, trying again in $againPause seconds: ${AgainWhat}: $($_.Exception.Message)"
        }
        Start-Sleep -Seconds $againPause
        $againPause = [Math]::Min(30, 2 * $againPause)
    }
}

# As programs of Microsoft's C runtime take their command line apart.
function ConvertTo-Argument {
    param([string]$Text)
    if ($Text -match '^[^\s"]+$') {
        return $Text
    }
    $inner = [regex]::Replace($Text, '(\\*)"', '$1$1\"')
    $inner = [regex]::Replace($inner, '(\\+)$', '$1$1')
    return '"' + $inner + '"'
}

# Runs a program and looks at its exit code. Not with PowerShell's own call operator: that does not wait for programs
# with windows, takes a line on the error stream for a failure, and breaks arguments with quotes. What it is about
# is said by -What; arguments may be secrets, and are not.
function Invoke-Native {
    param(
        [string]$What,
        [string]$Program,
        [string[]]$Arguments = @(),
        [int[]]$Accept = @(0),
        [switch]$AnyExitCode,
        [string]$Folder = $DataFolder,
        [hashtable]$Environment = @{},
        [string]$Answer = '',
        [int]$Seconds = 3600
    )
    if (-not (Test-Path -LiteralPath $Program -PathType Leaf)) {
        throw "${What}: there is no $Program"
    }
    Write-Log "running $What"
    $start = New-Object -TypeName System.Diagnostics.ProcessStartInfo
    $start.FileName = $Program
    $start.Arguments = @($Arguments | ForEach-Object -Process { ConvertTo-Argument -Text $_ }) -join ' '
    $start.WorkingDirectory = $Folder
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    foreach ($name in $Environment.Keys) {
        $start.EnvironmentVariables[$name] = [string]$Environment[$name]
    }
    $process = [Diagnostics.Process]::Start($start)
    # A question that nobody answers ends, and does not wait for ever. A program that asks none may have ended before.
    try {
        $process.StandardInput.Write($Answer)
        $process.StandardInput.Close()
    }
    catch {
        Write-Log "$What took no answer: $($_.Exception.Message)"
    }
    $output = $process.StandardOutput.ReadToEndAsync()
    $complaints = $process.StandardError.ReadToEndAsync()
    if (-not $process.WaitForExit(1000 * $Seconds)) {
        $process.Kill()
        throw "$What did not end within $Seconds seconds"
    }
    # What it started may keep its streams open for ever: then what it said is not to be had.
    $said = ''
    foreach ($stream in $output, $complaints) {
        if ($stream.Wait(10000)) {
            $said += $stream.Result
        }
    }
    $code = $process.ExitCode
    if ($Accept -notcontains $code) {
        Write-Log "$What ended with ${code}: $said"
        if (-not $AnyExitCode) {
            throw "$What ended with $code; what it said is above"
        }
    }
    return $said
}

# A folder that only the system and administrators write, and accounts given by their SID or name read.
function Protect-Folder {
    param([string]$Folder, [string[]]$Readers = @())
    New-Item -Path $Folder -ItemType Directory -Force | Out-Null
    $access = New-Object -TypeName System.Security.AccessControl.DirectorySecurity
    $access.SetAccessRuleProtection($true, $false)
    foreach ($owner in $System, $Administrators) {
        $access.AddAccessRule((New-FolderAccess -Account $owner -Rights 'FullControl'))
    }
    foreach ($reader in $Readers) {
        $access.AddAccessRule((New-FolderAccess -Account $reader -Rights 'ReadAndExecute'))
    }
    Set-Acl -Path $Folder -AclObject $access
}

function New-FolderAccess {
    param([string]$Account, [string]$Rights)
    return New-Object -TypeName System.Security.AccessControl.FileSystemAccessRule -ArgumentList (
        (Resolve-Account -Account $Account), $Rights, 'ContainerInherit, ObjectInherit', 'None', 'Allow')
}

# Names of accounts are words of the system's language; their ids are not.
function Resolve-Account {
    param([string]$Account)
    if ($Account -match '^S-1-') {
        return New-Object -TypeName System.Security.Principal.SecurityIdentifier -ArgumentList $Account
    }
    $named = New-Object -TypeName System.Security.Principal.NTAccount -ArgumentList $Account
    return $named.Translate([Security.Principal.SecurityIdentifier])
}

# Puts a text in place at once, as UTF-8 without a mark.
function Write-Text {
    param([string]$Path, [string]$Text)
    [IO.File]::WriteAllText("$Path.new", $Text)
    Move-Item -LiteralPath "$Path.new" -Destination $Path -Force
}

# A task of the system's own account; it is there again after a restart of the machine.
function Register-NodeTask {
    param([string]$Name, [string]$Script)
    $arguments = '-NoProfile -NonInteractive -ExecutionPolicy Bypass -File "{0}\{1}"' -f $ProgramFolder, $Script
    $program = "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe"
    $settings = New-ScheduledTaskSettingsSet -ExecutionTimeLimit ([TimeSpan]::Zero) -MultipleInstances IgnoreNew
    Register-ScheduledTask -TaskName $Name -TaskPath '\Operationalization\' -Force `
        -Action (New-ScheduledTaskAction -Execute $program -Argument $arguments) `
        -Trigger (New-ScheduledTaskTrigger -AtStartup) `
        -Principal (New-ScheduledTaskPrincipal -UserId $System -LogonType ServiceAccount -RunLevel Highest) `
        -Settings $settings | Out-Null
}

New-Item -Path "$DataFolder\log" -ItemType Directory -Force | Out-Null
$Node = ConvertFrom-Json -InputObject (Get-Content -LiteralPath $NodeFile -Raw -Encoding UTF8)
