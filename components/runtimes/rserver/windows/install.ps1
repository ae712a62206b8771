# Installs the product from the user's own media, whose hash is checked first; whatever of it is there already is left
# alone (facts.md 5.3).
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

Add-Type -AssemblyName System.IO.Compression.FileSystem

$MediaFolder = "$DataFolder\media"

# Files by their hash that scripts/upgrade has fetched already, of this version or of the one before it.
$KeptFolder = "$DataFolder\kept"

# What set-up programs answer with when all is well: 3010 wants a restart, which only programs on PATH need, and ours
# are called by their whole path.
$Installed = @(0, 3010)

function Install-Product {
    Install-Dotnet
    if (Get-RoleValue -Path 'windows.sqlServerServices') {
        Register-SqlServices
    }
    elseif ((Find-Home) -eq '') {
        Install-Server
    }
    Write-Log "the product is in $(Get-Home)"
}

# A file of the stack's `runtime.server.installers`.
function Save-Artifact {
    param([string]$Name, [string]$Path)
    $uri = Get-RoleValue -Path "install.files.$Name.url"
    $digest = Get-RoleValue -Path "install.files.$Name.sha256"
    Protect-Folder -Folder $MediaFolder
    if (Test-Path -LiteralPath "$KeptFolder\$digest") {
        Copy-Item -LiteralPath "$KeptFolder\$digest" -Destination $Path -Force
    }
    else {
        Invoke-Again -AgainWhat "fetching $uri" -AgainAction {
            if (Test-PrivateUri -Uri $uri) {
                Save-PrivateFile -Uri $uri -Path $Path
            }
            else {
                Save-PublicFile -Uri $uri -Path $Path
            }
        }
    }
    $found = (Get-FileHash -LiteralPath $Path -Algorithm SHA256).Hash
    if ($found -ne $digest) {
        throw "the sha256 of $uri is $found, not $digest"
    }
}

function Save-PublicFile {
    param([string]$Uri, [string]$Path)
    $client = New-Object -TypeName System.Net.WebClient
    $client.DownloadFile($Uri, $Path)
}

# The vendor's set-up program, unpacked with what came with it.
function Expand-Server {
    Save-Artifact -Name 'server' -Path "$MediaFolder\server.zip"
    $folder = "$MediaFolder\server"
    if (Test-Path -LiteralPath $folder) {
        Remove-Item -LiteralPath $folder -Recurse -Force
    }
    [IO.Compression.ZipFile]::ExtractToDirectory("$MediaFolder\server.zip", $folder)
    $wanted = Get-RoleValue -Path 'windows.program'
    $programs = @(Get-ChildItem -LiteralPath $folder -Filter $wanted -Recurse -File)
    if ($programs.Count -ne 1) {
        throw "the archive of the server has $($programs.Count) programs $wanted, not one"
    }
    return $programs[0]
}

# With the cabinets beside it, when the archive has them, nothing is downloaded.
function Install-Server {
    $found = Expand-Server
    $arguments = @(Get-RoleValue -Path 'windows.switches')
    $cabinets = @(Get-ChildItem -LiteralPath "$MediaFolder\server" -Filter '*.cab' -Recurse -File)
    if ($cabinets.Count -gt 0) {
        $cache = "$MediaFolder\cabinets"
        New-Item -Path $cache -ItemType Directory -Force | Out-Null
        foreach ($cabinet in $cabinets) {
            Copy-Item -LiteralPath $cabinet.FullName -Destination $cache -Force
        }
        # The switches are the documents'; this folder has no blank in it, which would need quotes inside the switch.
        $arguments += '/offline', "/cachedir=$cache"
    }
    Invoke-Native -What 'set-up of the product' -Program $found.FullName -Arguments $arguments `
        -Accept $Installed -Folder $found.DirectoryName | Out-Null
    Remove-Item -LiteralPath $MediaFolder -Recurse -Force
}

# .NET Core where the product brings none, and its module for IIS: what the hosting bundle is.
function Install-Dotnet {
    $module = "$env:SystemRoot\System32\inetsrv\aspnetcore.dll"
    $hosted = (Get-RoleValue -Path 'listen.proxy') -eq 'iis' -and @(Get-RoleValue -Path 'parts') -contains 'web'
    $needed = (Get-RoleValue -Path 'windows.sqlServerServices') -and -not (Test-Dotnet)
    if (-not $needed -and (-not $hosted -or (Test-Path -LiteralPath $module))) {
        return
    }
    if (-not (Test-NodeValue -Path ('{0}.install.files.dotnet' -f (Get-NodeValue -Path 'role')))) {
        throw 'the image has no .NET Core hosting bundle: name it as runtime.server.installers.dotnet'
    }
    Save-Artifact -Name 'dotnet' -Path "$MediaFolder\dotnet.exe"
    Invoke-Native -What 'set-up of .NET Core' -Program "$MediaFolder\dotnet.exe" -Accept $Installed `
        -Arguments @(Get-RoleValue -Path 'windows.dotnetSwitches') | Out-Null
    Remove-Item -LiteralPath "$MediaFolder\dotnet.exe"
    # IIS looks for modules when it starts; WAS is the service that it depends on.
    Stop-Service -Name 'WAS' -Force
    Start-Service -Name 'W3SVC'
}

function Test-Dotnet {
    foreach ($program in @(Get-RoleValue -Path 'product.dotnet')) {
        if (Test-Path -LiteralPath $program -PathType Leaf) {
            return $true
        }
    }
    return $false
}

# A node on SQL Server Machine Learning Services, which the image has: the product looks for its place in the registry
# (facts.md R16).
function Register-SqlServices {
    $parent = Split-Path -Path (Split-Path -Path (Get-Home) -Parent) -Parent
    $key = 'HKLM:\SOFTWARE\R Server'
    if (-not (Test-Path -LiteralPath $key)) {
        New-Item -Path $key | Out-Null
    }
    New-ItemProperty -LiteralPath $key -Name 'Path' -Value $parent -PropertyType String -Force | Out-Null
}
