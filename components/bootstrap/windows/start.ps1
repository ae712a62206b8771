# The beginning of a node. Azure keeps this file as C:\AzureData\CustomData.bin, and an extension runs it; on AWS it is
# what the user data has between its marks. It unpacks what came along below and hands over to it.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Archive = @'
{{archive}}
'@

$ProgramFolder = 'C:\Program Files\Operationalization'
$DataFolder = 'C:\ProgramData\Operationalization'

Add-Type -AssemblyName System.IO.Compression
Add-Type -AssemblyName System.IO.Compression.FileSystem

# Files without folders, each where it belongs: what a node is goes beside its data, scripts beside each other.
function Expand-Files {
    param([byte[]]$Bytes)
    $memory = New-Object -TypeName System.IO.MemoryStream -ArgumentList @(, $Bytes)
    $zip = New-Object -TypeName System.IO.Compression.ZipArchive -ArgumentList $memory
    foreach ($entry in $zip.Entries) {
        if ($entry.FullName -notmatch '^[a-z][a-z0-9-]*\.(ps1|json|config|R)$') {
            throw "$($entry.FullName) is no name of a file of a node"
        }
        $folder = $ProgramFolder
        if ($entry.FullName -eq 'node.json') {
            $folder = $DataFolder
        }
        $path = Join-Path -Path $folder -ChildPath $entry.FullName
        [IO.Compression.ZipFileExtensions]::ExtractToFile($entry, $path, $true)
    }
    $zip.Dispose()
}

New-Item -Path $ProgramFolder -ItemType Directory -Force | Out-Null
New-Item -Path $DataFolder -ItemType Directory -Force | Out-Null
Expand-Files -Bytes ([Convert]::FromBase64String($Archive))
. "$ProgramFolder\begin.ps1"
