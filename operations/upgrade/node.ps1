# Runs one step of an upgrade on a node with Windows, as node.sh does on Linux. Input, a file beside this one: the
# upgrade's id, the archive's name in the folder of what was sent, its sum, and the step. The archive brings
# upgrade.ps1, which does it: that of the release that upgrades, whatever the node was made with.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

Add-Type -AssemblyName System.IO.Compression
Add-Type -AssemblyName System.IO.Compression.FileSystem

# Files without folders, beside each other.
function Expand-Files {
    param([string]$Path, [string]$Folder)
    New-Item -Path $Folder -ItemType Directory -Force | Out-Null
    $zip = [IO.Compression.ZipFile]::OpenRead($Path)
    try {
        foreach ($entry in $zip.Entries) {
            if ($entry.FullName -notmatch '^[a-z][a-z0-9-]*\.(ps1|json|config)$') {
                throw "$($entry.FullName) is no name of a file of an upgrade"
            }
            [IO.Compression.ZipFileExtensions]::ExtractToFile($entry, "$Folder\$($entry.FullName)", $true)
        }
    }
    finally {
        $zip.Dispose()
    }
}

try {
    $id, $sent, $sum, $step = @(Get-Content -LiteralPath "$PSScriptRoot\input" -Encoding UTF8)
    $Work = "$env:ProgramData\Operationalization\upgrade\$id"
    if (-not (Test-Path -LiteralPath "$Work\unpacked")) {
        if ($step -eq 'settle') {
            exit 0 # it did before, and was not heard
        }
        $file = "$env:ProgramData\Operationalization\incoming\$sent"
        if ((Get-FileHash -LiteralPath $file -Algorithm SHA256).Hash -ne $sum) {
            throw "$sent is not what was sent"
        }
        Expand-Files -Path $file -Folder "$Work\files"
        [IO.File]::WriteAllText("$Work\unpacked", 'yes')
    }
    $ProgramFolder = "$Work\files"
    . "$ProgramFolder\upgrade.ps1"
}
catch {
    [Console]::Error.WriteLine($_.Exception.Message)
    exit 1
}
