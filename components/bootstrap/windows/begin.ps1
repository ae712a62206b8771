# What follows when a node's first files are in place; taken in by start.ps1, whose Expand-Files it uses.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
. "$ProgramFolder\library.ps1"
. "$ProgramFolder\cloud.ps1"

# The rest of the files, where user data had no room for them: an archive in the environment's own bucket, verified
# against the hash in the user data.
if (Test-NodeValue -Path 'bundle') {
    $bundleFile = "$DataFolder\bundle.zip"
    $bundleUri = Get-NodeValue -Path 'bundle.uri'
    Invoke-Again -AgainWhat 'fetching the bundle' -AgainAction { Save-PrivateFile -Uri $bundleUri -Path $bundleFile }
    $found = (Get-FileHash -LiteralPath $bundleFile -Algorithm SHA256).Hash
    if ($found -ne (Get-NodeValue -Path 'bundle.sha256')) {
        throw "the sha256 of $bundleUri is $found, not what the user data names"
    }
    Expand-Files -Bytes ([IO.File]::ReadAllBytes($bundleFile))
    Remove-Item -LiteralPath $bundleFile
    Write-Log "unpacked bundle $found"
}
Register-NodeTask -Name 'configure' -Script 'configure.ps1'
Start-ScheduledTask -TaskName 'configure' -TaskPath '\Operationalization\'
