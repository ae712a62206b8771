# JSON whose order, numbers and lists stay as they are. ConvertFrom-Json and ConvertTo-Json of PowerShell 4 would turn a
# list of one element into that element, stop at a depth, and write apostrophes as \u0027; .NET's own reader gives
# XML instead, in which all of it is still there ("Mapping Between JSON and XML", System.Runtime.Serialization).
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

Add-Type -AssemblyName System.Xml
Add-Type -AssemblyName System.Runtime.Serialization

$Escapes = @{ 8 = '\b'; 9 = '\t'; 10 = '\n'; 12 = '\f'; 13 = '\r'; 34 = '\"'; 92 = '\\' }

# The root element of a JSON text.
function Read-Json {
    param([string]$Text)
    $bytes = [Text.Encoding]::UTF8.GetBytes($Text)
    $quotas = [System.Xml.XmlDictionaryReaderQuotas]::Max
    $reader = [System.Runtime.Serialization.Json.JsonReaderWriterFactory]::CreateJsonReader($bytes, $quotas)
    $document = New-Object -TypeName System.Xml.XmlDocument
    # A text of blanks is a text.
    $document.PreserveWhitespace = $true
    $document.Load($reader)
    $reader.Close()
    return $document.get_DocumentElement()
}

# Members are asked for by method: as a property, PowerShell would take a child of that name.
function Get-JsonChildren {
    param([System.Xml.XmlElement]$Element)
    return @($Element.get_ChildNodes() | Where-Object -FilterScript { $_ -is [System.Xml.XmlElement] })
}

function Get-JsonKind {
    param([System.Xml.XmlElement]$Element)
    return $Element.GetAttribute('type')
}

# A key that is no name in XML stands in an attribute.
function Get-JsonKey {
    param([System.Xml.XmlElement]$Element)
    if ($Element.HasAttribute('item')) {
        return $Element.GetAttribute('item')
    }
    return $Element.get_LocalName()
}

# The first of some names that an object has; .NET Core tells no upper from lower case in keys of settings.
function Find-JsonChild {
    param([System.Xml.XmlElement]$Element, [string[]]$Names)
    foreach ($name in $Names) {
        foreach ($child in @(Get-JsonChildren -Element $Element)) {
            if ((Get-JsonKey -Element $child) -eq $name) {
                return $child
            }
        }
    }
    return $null
}

# Gives an element the value of another one; its own key stays.
function Set-JsonValue {
    param([System.Xml.XmlElement]$Element, [System.Xml.XmlElement]$From)
    while ($Element.get_HasChildNodes()) {
        $Element.RemoveChild($Element.get_FirstChild()) | Out-Null
    }
    $Element.SetAttribute('type', (Get-JsonKind -Element $From))
    foreach ($child in @($From.get_ChildNodes())) {
        $Element.AppendChild($Element.get_OwnerDocument().ImportNode($child, $true)) | Out-Null
    }
}

function Set-JsonText {
    param([System.Xml.XmlElement]$Element, [string]$Text)
    while ($Element.get_HasChildNodes()) {
        $Element.RemoveChild($Element.get_FirstChild()) | Out-Null
    }
    $Element.SetAttribute('type', 'string')
    $Element.AppendChild($Element.get_OwnerDocument().CreateTextNode($Text)) | Out-Null
}

function Add-JsonChild {
    param([System.Xml.XmlElement]$Element, [string]$Key, [System.Xml.XmlElement]$From)
    $made = $Element.get_OwnerDocument().CreateElement('item')
    $made.SetAttribute('item', $Key)
    $Element.AppendChild($made) | Out-Null
    Set-JsonValue -Element $made -From $From
}

# Puts one object into another: objects key by key, everything else as a whole. A key may be `A|B`: the first that is
# there, or A.
function Merge-Json {
    param([System.Xml.XmlElement]$Into, [System.Xml.XmlElement]$Overlay)
    foreach ($wanted in @(Get-JsonChildren -Element $Overlay)) {
        $names = (Get-JsonKey -Element $wanted).Split('|')
        $old = Find-JsonChild -Element $Into -Names $names
        if ($null -eq $old) {
            Add-JsonChild -Element $Into -Key $names[0] -From $wanted
        }
        elseif ((Get-JsonKind -Element $old) -eq 'object' -and (Get-JsonKind -Element $wanted) -eq 'object') {
            Merge-Json -Into $old -Overlay $wanted
        }
        else {
            Set-JsonValue -Element $old -From $wanted
        }
    }
}

function ConvertTo-JsonString {
    param([string]$Text)
    if ($Text -notmatch '["\\\x00-\x1f]') {
        return '"' + $Text + '"'
    }
    $written = New-Object -TypeName System.Text.StringBuilder
    foreach ($character in $Text.ToCharArray()) {
        $code = [int]$character
        if ($Escapes.ContainsKey($code)) {
            $written.Append([string]$Escapes[$code]) | Out-Null
        }
        elseif ($code -lt 32) {
            $written.Append('\u{0:x4}' -f $code) | Out-Null
        }
        else {
            $written.Append($character) | Out-Null
        }
    }
    return '"' + $written.ToString() + '"'
}

# Writes a value as the shipped files are written: two blanks a level, one member a line.
function Write-Json {
    param([System.Xml.XmlElement]$Element, [string]$Indent = '')
    $kind = Get-JsonKind -Element $Element
    if ($kind -eq 'null') {
        return 'null'
    }
    if ($kind -eq 'number' -or $kind -eq 'boolean') {
        return $Element.get_InnerText()
    }
    if ($kind -ne 'object' -and $kind -ne 'array') {
        return ConvertTo-JsonString -Text ($Element.get_InnerText())
    }
    $open, $close = '{', '}'
    if ($kind -eq 'array') {
        $open, $close = '[', ']'
    }
    $inner = "$Indent  "
    $lines = @()
    foreach ($child in @(Get-JsonChildren -Element $Element)) {
        $name = ''
        if ($kind -eq 'object') {
            $name = (ConvertTo-JsonString -Text (Get-JsonKey -Element $child)) + ': '
        }
        $lines += $inner + $name + (Write-Json -Element $child -Indent $inner)
    }
    if ($lines.Count -eq 0) {
        return $open + $close
    }
    return $open + "`n" + ($lines -join ",`n") + "`n" + $Indent + $close
}
