# Ends with 0 once this node is ready, or with 1 and the end of its log: the text that `pulumi up` shows. Azure's
# extension runs it; a script may take 90 minutes there.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot\library.ps1"
. "$PSScriptRoot\health.ps1"

try {
    Wait-Until -WaitFor 'a ready node' -WaitSeconds 4800 -WaitCondition {
        (Get-NodeState) -eq 'failed' -or (Test-Ready)
    }
    $ending = 'the node could not be configured'
}
catch {
    $ending = $_.Exception.Message
}
if (Test-Ready) {
    [Console]::Out.WriteLine('ready')
    exit 0
}
[Console]::Out.WriteLine("$ending; the end of ${LogFile}:")
foreach ($line in @(Get-Content -LiteralPath $LogFile -Tail 40 -Encoding UTF8)) {
    [Console]::Out.WriteLine($line)
}
exit 1
