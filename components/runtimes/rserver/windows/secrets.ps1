# The node's secrets, fetched from the vault with the node's own identity and kept in this process alone.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Get-NodeSecret {
    param([string]$Name)
    if (-not $Secrets.ContainsKey($Name)) {
        $value = Invoke-Again -AgainWhat "fetching $Name" -AgainAction { Request-Secret -Name $Name }
        if ([string]::IsNullOrEmpty($value)) {
            throw "the vault has nothing under the name $Name"
        }
        $Secrets[$Name] = $value.TrimEnd("`r", "`n")
    }
    return $Secrets[$Name]
}

function Test-NodeSecret {
    param([string]$Name)
    foreach ($use in @(Get-NodeValue -Path 'secrets')) {
        if ($use.name -eq $Name) {
            return $true
        }
    }
    return $false
}
