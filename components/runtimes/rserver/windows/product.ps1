# Where the product is on this machine: looked for, as its documents disagree (facts.md 6 and 22).
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# The node's JSON section of its role.
function Get-RoleValue {
    param([string]$Path)
    return Get-NodeValue -Path ('{0}.{1}' -f (Get-NodeValue -Path 'role'), $Path)
}

# The first of the version's directories that is there; empty when the product is not installed.
function Find-Home {
    foreach ($folder in @(Get-RoleValue -Path 'product.homes')) {
        if (Test-Path -LiteralPath $folder -PathType Container) {
            return $folder
        }
    }
    return ''
}

function Get-Home {
    $found = Find-Home
    if ($found -eq '') {
        throw "the product is in none of $(@(Get-RoleValue -Path 'product.homes') -join ', ')"
    }
    return $found
}

# The folder of a part, which has its appsettings.json and its program.
function Get-PartFolder {
    param([string]$Part)
    return Join-Path -Path (Get-Home) -ChildPath (Get-RoleValue -Path "product.folders.$Part")
}

# The program of a part has the name of its folder.
function Get-PartProgram {
    param([string]$Part)
    return '{0}.dll' -f (Get-RoleValue -Path "product.folders.$Part")
}

function Get-Dotnet {
    foreach ($program in @(Get-RoleValue -Path 'product.dotnet')) {
        if (Test-Path -LiteralPath $program -PathType Leaf) {
            return $program
        }
    }
    throw ".NET Core is in none of $(@(Get-RoleValue -Path 'product.dotnet') -join ', ')"
}
