# The product's own set-up program, which removes a version as it installs one: from the user's media, which is kept on
# the node for the way back.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# "Install Machine Learning Server for Windows", the switches of the set-up program (facts.md 5.3, 15).
$UninstallSwitches = '/uninstall', '/quiet'

# The names of the installers that a version's file has: server, and dotnet where it is given.
function Get-InstallerNames {
    $files = Get-JsonAt -Element $NodeRoot -Keys (Get-NodeValue -Path 'role'), 'install', 'files'
    return @(Get-JsonChildren -Element $files | ForEach-Object -Process { Get-JsonKey -Element $_ })
}

# The hash of the product's own installer; empty where the image brings the product.
function Get-InstallerSum {
    param([string]$File)
    Select-Node -File $File
    $found = ''
    if (@(Get-InstallerNames) -contains 'server') {
        $found = Get-RoleValue -Path 'install.files.server.sha256'
    }
    Select-Node -File $NodeFile
    return $found
}

# While everything serves: what cannot be had is known before anything changes, and nobody waits for it later. The old
# version's too: the way back begins with it, and its address may be gone by then. Those of former upgrades go.
function Save-Installers {
    Save-NewNode
    $wanted = @()
    foreach ($file in "$Backup\node.json", $NewNode) {
        Select-Node -File $file
        foreach ($name in @(Get-InstallerNames)) {
            $wanted += Get-RoleValue -Path "install.files.$name.sha256"
            Save-Kept -Name $name
        }
    }
    Select-Node -File $NodeFile
    foreach ($file in @(Get-ChildItem -LiteralPath $KeptFolder -Filter '*' -File)) {
        if ($wanted -notcontains $file.Name) {
            Remove-Item -LiteralPath $file.FullName -Force
        }
    }
}

function Save-Kept {
    param([string]$Name)
    $kept = '{0}\{1}' -f $KeptFolder, (Get-RoleValue -Path "install.files.$Name.sha256")
    if (Test-Path -LiteralPath $kept) {
        return
    }
    Protect-Folder -Folder $KeptFolder
    Save-Artifact -Name $Name -Path "$kept.new"
    Move-Item -LiteralPath "$kept.new" -Destination $kept -Force
}

# Removes the version that a node's file tells of. How the program ends is not documented: what counts is what it
# leaves behind. What it stashes, and what it forgets to remove, is the documents' (facts.md 15).
function Uninstall-Product {
    param([string]$File)
    Select-Node -File $File
    $place = Find-Home
    if ($place -ne '') {
        $program = Expand-Server
        Invoke-Native -What 'removing the product' -Program $program.FullName -Arguments $UninstallSwitches `
            -Accept $Installed -AnyExitCode -Folder $program.DirectoryName | Out-Null
        Remove-Tree -Path $MediaFolder
        foreach ($part in @(Get-RoleValue -Path 'parts')) {
            $left = Join-Path -Path (Join-Path -Path $place -ChildPath (Get-RoleValue -Path "product.folders.$part")) `
                -ChildPath (Get-PartProgram -Part $part)
            if (Test-Path -LiteralPath $left) {
                throw "the product was not removed: there is still $left"
            }
        }
        # Settings, logs and the like, which the next version would take for its own: two have the same place.
        Remove-Tree -Path $place
    }
    # The CLI's extension is the version's own, and so are its diagnostics.
    Remove-Tree -Path $CliEnvironment['AZURE_CONFIG_DIR']
    Remove-Tree -Path "$DataFolder\diagnosed"
    Select-Node -File $NodeFile
}

# Before its installation has begun the new version's place is empty, or the old one's.
function Uninstall-New {
    if (Test-Begun -Name 'install') {
        Uninstall-Product -File $NewNode
    }
}

# From what was kept; a fresh node does the same when it is configured, from where the settings say.
function Install-Version {
    param([string]$File)
    Select-Node -File $File
    Install-Product
    Select-Node -File $NodeFile
}
