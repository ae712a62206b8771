# Compares the product's appsettings.json of two versions, as upgrade_settings.py does on Linux. Keys change their place
# with the versions (facts.md 9.3 and 15): 9.3 has ComputeNodesConfiguration in place of BackEndConfiguration, and the
# installed file says which one it has; 9.0, whose other shapes Linux nodes know, does not run on Windows here. No value
# of a setting is ever printed: some are secrets. Paths are keys with a line end between them.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$UriSections = 'BackEndConfiguration', 'ComputeNodesConfiguration'

# What each version makes for itself.
$Made = 'AdminPassword', "Authentication`nAdminPassword", "Authentication`nJWTKey",
"ConnectionStrings`ndefaultDb`nConnection", 'configured'

# Keys without effect (facts.md 9.2).
$Wordless = 'Description', 'AllowedLogLevels'

# All values below objects, by path; a list is one value.
function Get-JsonLeaves {
    param([System.Xml.XmlElement]$Element, [string]$Path = '')
    foreach ($child in @(Get-JsonChildren -Element $Element)) {
        $below = Get-JsonKey -Element $child
        if ($Path -ne '') {
            $below = "$Path`n$below"
        }
        if ((Get-JsonKind -Element $child) -eq 'object') {
            Get-JsonLeaves -Element $child -Path $below
        }
        else {
            @{ Path = $below; Element = $child }
        }
    }
}

# The old file's settings where the new version has them.
function Move-Settings {
    param([System.Xml.XmlElement]$Old, [System.Xml.XmlElement]$New)
    foreach ($name in $UriSections) {
        $other = @($UriSections | Where-Object -FilterScript { $_ -ne $name })[0]
        $here = Find-JsonChild -Element $Old -Names $name
        $there = $null -ne (Find-JsonChild -Element $New -Names $other)
        if ($null -ne $here -and $there -and $null -eq (Find-JsonChild -Element $New -Names $name)) {
            $taken = Find-JsonChild -Element $Old -Names $other
            if ($null -ne $taken) {
                $Old.RemoveChild($taken) | Out-Null
            }
            Add-JsonChild -Element $Old -Key $other -From $here
            $Old.RemoveChild($here) | Out-Null
        }
    }
}

# The paths that our own settings say, `A|B` as the file has it; an expression stands for a value.
function Get-OwnPaths {
    param([System.Xml.XmlElement]$Overlay, [System.Xml.XmlElement]$New)
    foreach ($leaf in @(Get-JsonLeaves -Element $Overlay)) {
        $keys = @()
        foreach ($key in $leaf.Path.Split("`n")) {
            if ($key.StartsWith('$')) {
                break
            }
            $names = $key.Split('|')
            $chosen = $names[0]
            foreach ($name in $names) {
                if ($null -ne (Find-JsonChild -Element $New -Names $name)) {
                    $chosen = $name
                    break
                }
            }
            $keys += $chosen
        }
        $keys -join "`n"
    }
}

# What of the old file is not in the new one: `ours`, which the settings say; `made`, which each version makes; `left`.
function Compare-Settings {
    param([string]$Part)
    $old = Read-Json -Text ([IO.File]::ReadAllText("$Backup\$Part\appsettings.json"))
    $file = Join-Path -Path (Get-PartFolder -Part $Part) -ChildPath 'appsettings.json'
    $new = Read-Json -Text ([IO.File]::ReadAllText($file))
    Move-Settings -Old $old -New $new
    $place = (Get-NodeValue -Path 'role'), 'appsettings', $Part, 'overlay'
    $said = @(Get-OwnPaths -Overlay (Get-JsonAt -Element $NodeRoot -Keys $place) -New $new)
    $after = @{}
    foreach ($leaf in @(Get-JsonLeaves -Element $new)) {
        $after[$leaf.Path] = Write-Json -Element $leaf.Element
    }
    $found = @{ ours = @(); made = @(); left = @() }
    foreach ($leaf in @(Get-JsonLeaves -Element $old)) {
        $path = $leaf.Path
        $keys = $path.Split("`n")
        if ($Wordless -contains $keys[$keys.Count - 1]) {
            continue
        }
        if ($after.ContainsKey($path) -and $after[$path] -ceq (Write-Json -Element $leaf.Element)) {
            continue
        }
        if ($Made -contains $path) {
            $found['made'] += $path
        }
        elseif (Test-Below -Path $path -Places $said) {
            $found['ours'] += $path
        }
        else {
            $found['left'] += $leaf
        }
    }
    return $found
}

function Test-Below {
    param([string]$Path, [string[]]$Places)
    foreach ($place in $Places) {
        if ($Path -eq $place -or $Path.StartsWith("$place`n")) {
            return $true
        }
    }
    return $false
}

# Settings that the new version did not take over, and that are not ours to say, are put into its file.
function Copy-Settings {
    $overlays = @{}
    foreach ($part in @($Move.parts)) {
        $left = @((Compare-Settings -Part $part)['left'])
        if ($left.Count -gt 0) {
            $overlays[$part] = Get-Overlay -Leaves $left
        }
    }
    if ($overlays.Count -eq 0) {
        return
    }
    Disconnect-Node
    foreach ($part in @($overlays.Keys)) {
        $file = Join-Path -Path (Get-PartFolder -Part $part) -ChildPath 'appsettings.json'
        Update-JsonFile -Path $file -Overlay $overlays[$part] | Out-Null
    }
    Invoke-Configure
}

# Values at their paths, as one object.
function Get-Overlay {
    param([object[]]$Leaves)
    $overlay = Read-Json -Text '{}'
    foreach ($leaf in $Leaves) {
        $place = $overlay
        $keys = $leaf.Path.Split("`n")
        foreach ($key in @($keys | Select-Object -First ($keys.Count - 1))) {
            if ($null -eq (Find-JsonChild -Element $place -Names $key)) {
                Add-JsonChild -Element $place -Key $key -From (Read-Json -Text '{}')
            }
            $place = Find-JsonChild -Element $place -Names $key
        }
        Add-JsonChild -Element $place -Key $keys[$keys.Count - 1] -From $leaf.Element
    }
    return $overlay
}

# What became of the settings, by names alone.
function Get-SettingsReport {
    $report = @{ 'ours' = @(); 'made anew' = @(); 'lost' = @() }
    foreach ($part in @($Move.parts)) {
        $found = Compare-Settings -Part $part
        $report['ours'] += @($found['ours'])
        $report['made anew'] += @($found['made'])
        $report['lost'] += @($found['left'] | ForEach-Object -Process { $_.Path })
    }
    $members = @()
    foreach ($name in 'lost', 'made anew', 'ours') {
        $texts = @($report[$name] | Sort-Object | ForEach-Object -Process {
                ConvertTo-JsonString -Text ($_.Replace("`n", '.'))
            })
        $members += '{0}: [{1}]' -f (ConvertTo-JsonString -Text $name), ($texts -join ', ')
    }
    return '{' + ($members -join ', ') + '}'
}
