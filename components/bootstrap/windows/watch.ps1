# Looks at the node's own processes for as long as it runs, says how they are, and drains when the cloud announces the
# machine's end.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot\library.ps1"
. "$PSScriptRoot\cloud.ps1"
. "$PSScriptRoot\firewall.ps1"
. "$PSScriptRoot\health.ps1"
. "$PSScriptRoot\role.ps1"

$LogFile = "$DataFolder\log\watch.log"

# Looks in a row that must fail before somebody is told.
$Patience = 15

# What running requests get; a termination notice gives 5 minutes.
$LongestDrain = 120

$script:Failures = 0
$script:Complaint = ''

# Each thing that goes wrong is said once, until something else does.
function Write-Complaint {
    param([string]$Text)
    if ($Text -ne $script:Complaint -and $Text -ne '') {
        Write-Log $Text
    }
    $script:Complaint = $Text
}

function Update-Health {
    $live = Test-RoleLive
    Set-HealthFile -Path (Get-NodeValue -Path 'health.live') -Holds $live
    Set-HealthFile -Path (Get-NodeValue -Path 'health.ready') -Holds ($live -and (Get-NodeState) -eq 'ready')
    if ($live) {
        $script:Failures = 0
        return
    }
    $script:Failures += 1
    if ($script:Failures -eq $Patience) {
        Write-Log "the product has not answered $Patience times in a row"
        Confirm-Broken
    }
}

# The probes notice first, then running requests end.
function Stop-Node {
    param([string]$Notice)
    Write-Log "the cloud is about to end this machine: $Notice"
    Set-NodeState -State 'draining'
    $noticed = [DateTime]::UtcNow.AddSeconds((Get-NodeValue -Path 'health.window'))
    Wait-Until -WaitFor 'the probes to notice' -WaitSeconds 300 -WaitCondition { [DateTime]::UtcNow -gt $noticed }
    try {
        Wait-Until -WaitFor 'the end of running requests' -WaitSeconds $LongestDrain -WaitCondition {
            (Get-RoleRequests) -eq 0
        }
    }
    catch {
        Write-Log $_.Exception.Message
    }
    Confirm-Notice -Notice $Notice
    Write-Log 'drained'
}

Import-Module -Name WebAdministration
Wait-Until -WaitFor 'the end of this machine' -WaitSeconds ([int]::MaxValue) -WaitCondition {
    $notice = ''
    try {
        Update-Health
        $notice = Get-Notice
        Write-Complaint -Text ''
    }
    catch {
        Write-Complaint -Text "cannot look, going on: $($_.Exception.Message)"
    }
    if ($notice -ne '') {
        Stop-Node -Notice $notice
    }
    $notice -ne ''
}
