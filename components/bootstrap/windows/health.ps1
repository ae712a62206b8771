# How the node says what it is: two files that Internet Information Services show on a port of their own. The live
# path answers while the node's own processes do, the ready path while it is also configured and not draining.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$HealthFolder = "$DataFolder\health"
$StateFile = "$DataFolder\state"
$HealthSite = 'operationalization-health'

# Accounts that read what sites show: NETWORK SERVICE, who runs them, and IUSR, whom nobody has to sign in as.
$WebReaders = @('S-1-5-20', 'S-1-5-17')

function Set-NodeState {
    param([string]$State)
    Write-Text -Path $StateFile -Text $State
    if ($State -ne 'ready') {
        Set-HealthFile -Path (Get-NodeValue -Path 'health.ready') -Holds $false
    }
}

function Get-NodeState {
    if (-not (Test-Path -LiteralPath $StateFile)) {
        return 'starting'
    }
    return [IO.File]::ReadAllText($StateFile)
}

function Set-HealthFile {
    param([string]$Path, [bool]$Holds)
    $file = Join-Path -Path $HealthFolder -ChildPath ($Path.TrimStart('/'))
    if ($Holds -and -not (Test-Path -LiteralPath $file)) {
        [IO.File]::WriteAllText($file, 'yes')
    }
    if (-not $Holds -and (Test-Path -LiteralPath $file)) {
        Remove-Item -LiteralPath $file -Force
    }
}

function Test-Ready {
    $file = (Get-NodeValue -Path 'health.ready').TrimStart('/')
    return (Get-NodeState) -eq 'ready' -and (Test-Path -LiteralPath (Join-Path -Path $HealthFolder -ChildPath $file))
}

# Internet Information Services and what scripts speak to them with. Their files are in every image of Windows Server.
function Install-WebServer {
    $made = Install-WindowsFeature -Name 'Web-Server', 'Web-Static-Content', 'Web-Filtering', 'Web-Scripting-Tools'
    if (-not $made.Success) {
        throw 'Internet Information Services could not be installed'
    }
    Import-Module -Name WebAdministration
    Clear-Site -Name 'Default Web Site'
}

# Not by Get-Website: in 2012 R2 it gives every site, whatever name it is asked for.
function Clear-Site {
    param([string]$Name)
    if (Test-Path -LiteralPath "IIS:\Sites\$Name") {
        Remove-Website -Name $Name
    }
}

# A pool of the account that the vendor's templates use (facts.md 17); it runs no code of .NET Framework's.
function Set-WebPool {
    param([string]$Name)
    $path = "IIS:\AppPools\$Name"
    if (-not (Test-Path -LiteralPath $path)) {
        New-WebAppPool -Name $Name | Out-Null
    }
    Set-ItemProperty -LiteralPath $path -Name 'managedRuntimeVersion' -Value ''
    Set-ItemProperty -LiteralPath $path -Name 'processModel.identityType' -Value 2
    Set-ItemProperty -LiteralPath $path -Name 'processModel.idleTimeout' -Value ([TimeSpan]::Zero)
    Set-ItemProperty -LiteralPath $path -Name 'recycling.periodicRestart.time' -Value ([TimeSpan]::Zero)
    Set-ItemProperty -LiteralPath $path -Name 'startMode' -Value 'AlwaysRunning'
}

function Install-HealthSite {
    Protect-Folder -Folder $HealthFolder -Readers $WebReaders
    Copy-Item -LiteralPath "$ProgramFolder\health.config" -Destination "$HealthFolder\web.config" -Force
    Set-WebPool -Name $HealthSite
    Clear-Site -Name $HealthSite
    # With an id, because without any site there is none to count from.
    New-Website -Name $HealthSite -Id 2 -Port (Get-NodeValue -Path 'health.port') -PhysicalPath $HealthFolder `
        -ApplicationPool $HealthSite -Force | Out-Null
    Start-Website -Name $HealthSite
}
