# One step of the way of this node's product to another version, or back (facts.md section 15): upgrade.sh in
# PowerShell 4.0, with its steps, its names of what is begun and done, and its words. Taken in by node.ps1, which says
# the step and its folder: files\ has what came along, the new version's scripts and move.json; backup\ and progress
# are made here. A step may run again after it was cut short, and goes on where it was.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot\library.ps1"
. "$PSScriptRoot\cloud.ps1"
. "$PSScriptRoot\firewall.ps1"
. "$PSScriptRoot\health.ps1"
. "$PSScriptRoot\role.ps1"
. "$PSScriptRoot\upgrade-progress.ps1"
. "$PSScriptRoot\upgrade-backup.ps1"
. "$PSScriptRoot\upgrade-node.ps1"
. "$PSScriptRoot\upgrade-product.ps1"
. "$PSScriptRoot\upgrade-database.ps1"
. "$PSScriptRoot\upgrade-settings.ps1"

$LogFile = "$DataFolder\log\upgrade.log"

# The vendor's media is some gigabytes, there twice while it is unpacked, and the old version's is kept for the way
# back.
$NeededSpace = 8 * 1024 * 1024 * 1024

# --- before anything changes

function Test-SameVersion {
    $found = '{0} {1}' -f (Get-NodeValue -Path 'product'), (Get-NodeValue -Path 'version')
    $wanted = '{0} {1}' -f $Move.of.product, $Move.of.version
    if ($found -ne $wanted) {
        throw "this node has $found, not ${wanted}: versions are mixed already"
    }
    if (-not (Test-Serving -Seconds 120)) {
        throw 'this node does not serve now: mend that first'
    }
}

function Initialize-Upgrade {
    Test-SameVersion
    $drive = Get-WmiObject -Class 'Win32_LogicalDisk' -Filter "DeviceID = 'C:'"
    if ($drive.FreeSpace -lt $NeededSpace) {
        throw 'less than 8 GB are free on drive C: the installers need them'
    }
    Invoke-Once -OnceName 'back-up' -OnceAction { Save-Backup }
    Confirm-Backup
    Save-Installers
    if ($Move.database -eq 'server' -and @($Move.parts) -contains 'web') {
        Confirm-DatabaseServer
    }
}

function Initialize-Settings {
    Test-SameVersion
    Invoke-Once -OnceName 'back-up' -OnceAction { Save-Backup }
    Confirm-Backup
    Save-NewNode
    if ((Get-InstallerSum -File $NewNode) -ne (Get-InstallerSum -File "$Backup\node.json")) {
        throw 'the settings name another installer than this node was installed from: write that one, or upgrade'
    }
}

# --- the change

function Update-Product {
    Confirm-Backup
    Invoke-Once -OnceName 'drain' -OnceAction { Clear-Requests }
    Invoke-Once -OnceName 'stop' -OnceAction { Stop-Parts }
    Invoke-Once -OnceName 'keep-database-file' -OnceAction { Save-DatabaseFile }
    Invoke-Once -OnceName 'remove' -OnceAction { Uninstall-Product -File "$Backup\node.json" }
    Invoke-Once -OnceName 'stash' -OnceAction { Save-Stash -KeepTheirs $true }
    Invoke-Once -OnceName 'install' -OnceAction { Install-Version -File $NewNode }
    Invoke-Once -OnceName 'switch' -OnceAction { Update-Files }
    Invoke-Once -OnceName 'configure' -OnceAction { Invoke-Configure }
    Invoke-Once -OnceName 'carry' -OnceAction { Copy-Settings }
    Invoke-Once -OnceName 'check' -OnceAction { Confirm-Serving }
}

# What became of the settings, as JSON, is the last line of what is said.
function Write-Report {
    [Console]::Out.WriteLine((Get-SettingsReport))
}

function Set-NewSettings {
    Confirm-Backup
    Invoke-Once -OnceName 'drain' -OnceAction { Clear-Requests }
    Invoke-Once -OnceName 'stop' -OnceAction { Stop-Parts }
    Invoke-Once -OnceName 'switch' -OnceAction { Update-Files }
    Invoke-Once -OnceName 'configure' -OnceAction { Invoke-Configure }
    Invoke-Once -OnceName 'check' -OnceAction { Confirm-Serving }
}

# --- the way back

function Undo-Settings {
    if (Test-Begun -Name 'switch') {
        Confirm-Backup
        Invoke-Once -OnceName 'undo-leave' -OnceAction { Disconnect-Node }
        Invoke-Once -OnceName 'undo-files' -OnceAction { Restore-Own }
        Invoke-Once -OnceName 'undo-settings' -OnceAction { Restore-Settings }
    }
    Confirm-Serving
}

function Restore-Product {
    if (Test-Begun -Name 'remove') {
        Confirm-Backup
        Save-NewNode
        Invoke-Once -OnceName 'back-leave' -OnceAction { Disconnect-Node }
        Invoke-Once -OnceName 'back-remove-new' -OnceAction { Uninstall-New }
        Invoke-Once -OnceName 'back-remove-old' -OnceAction { Uninstall-Product -File "$Backup\node.json" }
        Invoke-Once -OnceName 'back-stash' -OnceAction { Save-Stash -KeepTheirs $false }
        Invoke-Once -OnceName 'back-files' -OnceAction { Restore-Own }
        Invoke-Once -OnceName 'back-install' -OnceAction { Install-Version -File "$Backup\node.json" }
        Invoke-Once -OnceName 'back-configure' -OnceAction { Invoke-Configure }
        Invoke-Once -OnceName 'back-settings' -OnceAction { Restore-Settings }
    }
    Confirm-Serving
}

function Invoke-Step {
    param([string]$Name)
    switch ($Name) {
        'prepare' { Initialize-Upgrade }
        'replace' {
            Update-Product
            Confirm-Serving
            Write-Report
        }
        # A compute node of the new version is not for web nodes of the old one.
        'replace-and-hold' {
            Update-Product
            Stop-Parts
            Write-Report
        }
        'leave' { Disconnect-Node }
        'open' { Invoke-Configure }
        'return' { Invoke-Configure }
        'save-database' { Invoke-Once -OnceName 'save-database' -OnceAction { Save-Database } }
        'restore-database' { Restore-Database }
        'take-back' { Restore-Product }
        'prepare-settings' { Initialize-Settings }
        'apply' {
            Set-NewSettings
            Wait-Window
        }
        'undo' {
            Undo-Settings
            Wait-Window
        }
        'diagnose' { Test-Node }
        'settle' { Clear-Upgrade }
        default { throw "no step of an upgrade: $Name" }
    }
}

Import-Module -Name WebAdministration
Protect-Folder -Folder $Work
Wait-Turn
Invoke-Step -Name $step
