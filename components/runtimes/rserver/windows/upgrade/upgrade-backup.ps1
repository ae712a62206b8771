# What a node keeps of itself before it changes: its scripts, its JSON file, texts that it has encrypted, and every
# part's appsettings.json (facts.md 15, step 1), with their sums.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Backup = "$Work\backup"

function Remove-Tree {
    param([string]$Path)
    if (Test-Path -LiteralPath $Path) {
        Remove-Item -LiteralPath $Path -Recurse -Force
    }
}

# The files of a folder, without those of folders in it.
function Copy-Files {
    param([string]$From, [string]$To, [string]$Filter = '*')
    New-Item -Path $To -ItemType Directory -Force | Out-Null
    foreach ($file in @(Get-ChildItem -LiteralPath $From -Filter $Filter -File)) {
        Copy-Item -LiteralPath $file.FullName -Destination "$To\$($file.Name)" -Force
    }
}

function Save-Backup {
    $copy = "$Backup.new"
    Remove-Tree -Path $copy
    Copy-Files -From $ProgramFolder -To "$copy\programs"
    Copy-Item -LiteralPath $NodeFile -Destination "$copy\node.json" -Force
    if (Test-Path -LiteralPath $EncryptedFolder) {
        Copy-Files -From $EncryptedFolder -To "$copy\encrypted"
    }
    foreach ($part in @($Move.parts)) {
        Copy-Files -From (Get-PartFolder -Part $part) -To "$copy\$part" -Filter 'appsettings.json'
        if (-not (Test-Path -LiteralPath "$copy\$part\appsettings.json")) {
            throw "the $part part has no appsettings.json"
        }
    }
    Write-Sums -Folder $copy
    Remove-Tree -Path $Backup
    Move-Item -LiteralPath $copy -Destination $Backup
}

# What is in the backup, by its sum.
function Get-Sums {
    param([string]$Folder)
    $lines = @()
    foreach ($file in @(Get-ChildItem -LiteralPath $Folder -Recurse -File)) {
        $name = $file.FullName.Substring($Folder.Length + 1)
        if ($name -ne 'manifest') {
            $hash = (Get-FileHash -LiteralPath $file.FullName -Algorithm SHA256).Hash
            $lines += '{0}  {1}' -f $hash.ToLower(), $name
        }
    }
    return @($lines | Sort-Object) -join "`n"
}

function Write-Sums {
    param([string]$Folder)
    Write-Text -Path "$Folder\manifest" -Text (Get-Sums -Folder $Folder)
}

function Confirm-Backup {
    if ((Get-Sums -Folder $Backup) -ne [IO.File]::ReadAllText("$Backup\manifest")) {
        throw "the backup in $Backup is not what was backed up"
    }
}

# With SQLite the web part's database is a file in its folder (facts.md 15, step 1): it must not be written any more.
function Save-DatabaseFile {
    if ($Move.database -ne 'file' -or @($Move.parts) -notcontains 'web') {
        return
    }
    Copy-Files -From (Get-PartFolder -Part 'web') -To "$Backup\database" -Filter '*.db'
    Write-Sums -Folder $Backup
}

# What the uninstaller should have stashed, where the next set-up looks for it: ours where it left nothing. On the way
# back ours always: what lies there is the new version's, which the old one does not know.
function Save-Stash {
    param([bool]$KeepTheirs)
    $place = $Move.of.stash
    foreach ($part in @($Move.parts)) {
        $name = 'backend'
        if ($part -eq 'web') {
            $name = 'frontend'
        }
        if (-not $KeepTheirs -or -not (Test-Path -LiteralPath "$place\$name\appsettings.json")) {
            Copy-Files -From "$Backup\$part" -To "$place\$name"
        }
    }
    if (Test-Path -LiteralPath "$Backup\database") {
        Copy-Files -From "$Backup\database" -To "$place\frontend"
    }
}

# The node's own files as they were.
function Restore-Own {
    Copy-Files -From "$Backup\programs" -To $ProgramFolder
    Remove-Tree -Path $EncryptedFolder
    if (Test-Path -LiteralPath "$Backup\encrypted") {
        Protect-Folder -Folder $EncryptedFolder
        Copy-Files -From "$Backup\encrypted" -To $EncryptedFolder
    }
    Write-Text -Path $NodeFile -Text ([IO.File]::ReadAllText("$Backup\node.json"))
    Select-Node -File $NodeFile
}

# The product's settings as they were, byte for byte; the files in their places keep their owners and permissions.
function Restore-Settings {
    Stop-Parts
    foreach ($part in @($Move.parts)) {
        $file = Join-Path -Path (Get-PartFolder -Part $part) -ChildPath 'appsettings.json'
        [IO.File]::WriteAllBytes($file, [IO.File]::ReadAllBytes("$Backup\$part\appsettings.json"))
    }
    if (Test-Path -LiteralPath "$Backup\database") {
        Copy-Files -From "$Backup\database" -To (Get-PartFolder -Part 'web')
    }
    Invoke-Configure
}
