# Configures this node, at first boot and at every later one: each step may run again and then changes nothing. What
# fails is said in C:\ProgramData\Operationalization\log\configure.log, and the node never becomes ready.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot\library.ps1"
. "$PSScriptRoot\cloud.ps1"
. "$PSScriptRoot\firewall.ps1"
. "$PSScriptRoot\health.ps1"
. "$PSScriptRoot\role.ps1"

try {
    Protect-Folder -Folder $DataFolder
    Set-NodeState -State 'starting'
    Close-Firewall
    Install-WebServer
    Install-HealthSite
    Initialize-Role
    Open-Firewall
    Wait-Until -WaitFor 'a node that answers' -WaitSeconds 600 -WaitCondition { Test-RoleLive }
    Set-NodeState -State 'ready'
    Register-NodeTask -Name 'watch' -Script 'watch.ps1'
    Start-ScheduledTask -TaskName 'watch' -TaskPath '\Operationalization\'
    Confirm-Ready
    Write-Log 'ready'
}
catch {
    Set-NodeState -State 'failed'
    Write-Log "failed: $($_.Exception.Message) ($($_.InvocationInfo.PositionMessage))"
    exit 1
}
