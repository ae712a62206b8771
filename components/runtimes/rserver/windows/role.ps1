# What makes this node one of R Server or Machine Learning Server: which steps there are, and in which order
# (facts.md R8 to R10). The node's JSON section is the one that Linux nodes have.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot\secrets.ps1"
. "$PSScriptRoot\product.ps1"
. "$PSScriptRoot\certificates.ps1"
. "$PSScriptRoot\json.ps1"
. "$PSScriptRoot\settings.ps1"
. "$PSScriptRoot\install.ps1"
. "$PSScriptRoot\packages.ps1"
. "$PSScriptRoot\database.ps1"
. "$PSScriptRoot\setup.ps1"
. "$PSScriptRoot\proxy.ps1"
. "$PSScriptRoot\services.ps1"

function Initialize-Role {
    $parts = @(Get-RoleValue -Path 'parts')
    Install-Product
    Install-Packages
    Import-NodeCertificates
    foreach ($part in $parts) {
        Merge-Settings -Part $part -Which 'first' | Out-Null
    }
    Initialize-Database
    Install-Node
    foreach ($part in $parts) {
        $changed = Merge-Settings -Part $part -Which 'overlay'
        Protect-Settings -Part $part
        if ($part -eq 'web' -and (Get-RoleValue -Path 'listen.proxy') -eq 'iis') {
            Install-Proxy
        }
        else {
            Restart-Part -Part $part -Changed $changed
        }
    }
    if ($parts -contains 'compute') {
        Block-Metadata -Service 'RServeWinService'
    }
    Wait-Until -WaitFor 'the product' -WaitSeconds 600 -WaitCondition { Test-RoleLive }
    Test-Diagnostics
}
