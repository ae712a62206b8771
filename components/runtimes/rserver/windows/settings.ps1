# The product's appsettings.json (facts.md 9): ours is merged into what is installed. Mark, line ends, order and all
# that we do not name stay as they are.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$EncryptedFolder = "$DataFolder\encrypted"

# The node's JSON file once more, with its lists and its order.
$NodeRoot = Read-Json -Text ([IO.File]::ReadAllText($NodeFile))

function Get-JsonAt {
    param([System.Xml.XmlElement]$Element, [string[]]$Keys)
    $found = $Element
    foreach ($key in $Keys) {
        $found = Find-JsonChild -Element $found -Names $key
        if ($null -eq $found) {
            throw "$NodeFile has nothing at $($Keys -join '.')"
        }
    }
    return $found
}

# An object of one key that begins with `$` stands for what only the node knows
# (components/runtimes/rserver/expressions.py).
function Test-Expression {
    param([System.Xml.XmlElement]$Element)
    if ((Get-JsonKind -Element $Element) -ne 'object') {
        return $false
    }
    $children = @(Get-JsonChildren -Element $Element)
    return $children.Count -eq 1 -and (Get-JsonKey -Element $children[0]).StartsWith('$')
}

# Replaces every expression inside a value by what it stands for.
function Resolve-Json {
    param([System.Xml.XmlElement]$Element)
    if (-not (Test-Expression -Element $Element)) {
        foreach ($child in @(Get-JsonChildren -Element $Element)) {
            Resolve-Json -Element $child
        }
        return
    }
    $expression = @(Get-JsonChildren -Element $Element)[0]
    if ((Get-JsonKey -Element $expression) -eq '$node') {
        $path = $expression.get_InnerText().Split('.')
        Set-JsonValue -Element $Element -From (Get-JsonAt -Element $NodeRoot -Keys $path)
    }
    else {
        Set-JsonText -Element $Element -Text (Get-JsonText -Element $Element)
    }
}

# What a value is as a text.
function Get-JsonText {
    param([System.Xml.XmlElement]$Element)
    if (-not (Test-Expression -Element $Element)) {
        return $Element.get_InnerText()
    }
    $expression = @(Get-JsonChildren -Element $Element)[0]
    $argument = $expression.get_InnerText()
    switch (Get-JsonKey -Element $expression) {
        '$secret' { return Get-NodeSecret -Name $argument }
        '$node' { return (Get-JsonAt -Element $NodeRoot -Keys ($argument.Split('.'))).get_InnerText() }
        '$uris' { return Get-ComputeUris }
        '$thumbprint' { return $Certificates[$argument].Thumbprint }
        '$subject' { return $Certificates[$argument].Subject }
        '$encrypted' { return Protect-Text -Text (Get-JsonText -Element $expression) }
        '$join' {
            $texts = @(Get-JsonChildren -Element $expression | ForEach-Object -Process { Get-JsonText -Element $_ })
            return $texts -join ''
        }
    }
    throw "$(Get-JsonKey -Element $expression) is no expression that this node knows"
}

# All URIs and ranges of compute nodes, with commas and no blanks (facts.md 8.2, Q8).
function Get-ComputeUris {
    return @(@(Get-NodeValue -Path 'computeNodes.values') + @(Get-NodeValue -Path 'computeNodes.ranges')) -join ','
}

# Encrypted once and kept: each time gives another result, and a file that changes restarts the product.
function Protect-Text {
    param([string]$Text)
    $certificate = $Certificates['token-signing']
    $bytes = [Text.Encoding]::UTF8.GetBytes($certificate.Thumbprint + "`n" + $Text)
    $hash = [Security.Cryptography.SHA256]::Create().ComputeHash($bytes)
    $kept = Join-Path -Path $EncryptedFolder -ChildPath ([BitConverter]::ToString($hash).Replace('-', ''))
    if (-not (Test-Path -LiteralPath $kept)) {
        Protect-Folder -Folder $EncryptedFolder
        $made = Invoke-Encryption -Text $Text -Subject $certificate.Subject
        Write-Text -Path $kept -Text $made
    }
    return [IO.File]::ReadAllText($kept)
}

# Merges our settings into the file of a part, and says whether that changed it.
function Merge-Settings {
    param([string]$Part, [string]$Which)
    $role = Get-NodeValue -Path 'role'
    $overlay = (Get-JsonAt -Element $NodeRoot -Keys $role, 'appsettings', $Part, $Which).CloneNode($true)
    Resolve-Json -Element $overlay
    $file = Join-Path -Path (Get-PartFolder -Part $Part) -ChildPath 'appsettings.json'
    return Update-JsonFile -Path $file -Overlay $overlay
}

function Update-JsonFile {
    param([string]$Path, [System.Xml.XmlElement]$Overlay)
    $bytes = [IO.File]::ReadAllBytes($Path)
    $marked = $bytes.Length -ge 3 -and $bytes[0] -eq 0xEF -and $bytes[1] -eq 0xBB -and $bytes[2] -eq 0xBF
    $text = [IO.File]::ReadAllText($Path)
    $root = Read-Json -Text $text
    $before = Write-Json -Element $root
    Merge-Json -Into $root -Overlay $Overlay
    $after = Write-Json -Element $root
    if ($before -eq $after) {
        return $false
    }
    if ($text.EndsWith("`n")) {
        $after += "`n"
    }
    if ($text.Contains("`r`n")) {
        $after = $after.Replace("`n", "`r`n")
    }
    $encoding = New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $marked
    [IO.File]::WriteAllText("$Path.new", $after, $encoding)
    # Keeps the owner and the permissions of the file whose place it takes.
    [IO.File]::Replace("$Path.new", $Path, "$Path.before")
    return $true
}

# The file has the database's password in it: for the system, administrators and the web node's own account.
function Protect-Settings {
    param([string]$Part)
    if ($Part -ne 'web') {
        return
    }
    $file = Join-Path -Path (Get-PartFolder -Part $Part) -ChildPath 'appsettings.json'
    foreach ($path in $file, "$file.before") {
        if (Test-Path -LiteralPath $path) {
            $access = New-Object -TypeName System.Security.AccessControl.FileSecurity
            $access.SetAccessRuleProtection($true, $false)
            foreach ($account in $System, $Administrators) {
                $access.AddAccessRule((New-FileAccess -Account $account -Rights 'FullControl'))
            }
            $access.AddAccessRule((New-FileAccess -Account $NetworkService -Rights 'Read'))
            Set-Acl -Path $path -AclObject $access
        }
    }
}

function New-FileAccess {
    param([string]$Account, [string]$Rights)
    return New-Object -TypeName System.Security.AccessControl.FileSystemAccessRule -ArgumentList (
        (Resolve-Account -Account $Account), $Rights, 'Allow')
}
