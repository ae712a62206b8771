# Has the product's own tool set the node up (facts.md 8): the admin utility of 9.1 and 9.2, the Azure CLI's extension
# of 9.3 and 9.4. The tool has no other way to take a password than its command line.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# Windows' Azure CLI of that time is a batch file around this Python, and a batch file would take a password apart.
$CliPython = "${env:ProgramFiles(x86)}\Microsoft SDKs\Azure\CLI2\python.exe"

$CliExtension = "$env:ProgramFiles\Microsoft\ML Server\Setup\azure_ml_admin_cli-0.0.1-py2.py3-none-any.whl"

# The system's account has no profile that the CLI would find its extensions in.
$CliEnvironment = @{
    AZURE_CONFIG_DIR = "$DataFolder\azure"
    AZURE_EXTENSION_DIR = "$DataFolder\azure\cliextensions"
    AZURE_CORE_COLLECT_TELEMETRY = 'false'
}

function Install-Node {
    $parts = @(Get-RoleValue -Path 'parts')
    if (@($parts | Where-Object -FilterScript { -not (Test-Configured -Part $_) }).Count -eq 0) {
        Write-Log 'the product is set up'
        return
    }
    if (Get-RoleValue -Path 'setup.marksIdleCompute') {
        Set-IdleCompute
    }
    $role = Get-NodeValue -Path 'role'
    $given = Get-JsonAt -Element $NodeRoot -Keys $role, 'setup', 'arguments'
    $arguments = @(Get-JsonChildren -Element $given | ForEach-Object -Process { Get-JsonText -Element $_ })
    # What exit code it ends with is not documented: what counts is what it leaves behind.
    Write-Log (Invoke-Tool -What 'the product''s own set-up' -Arguments $arguments -AnyExitCode)
    foreach ($part in $parts) {
        if (-not (Test-Configured -Part $part)) {
            throw "set-up ended, and the $part part is not configured; what it said is above"
        }
    }
}

function Test-Configured {
    param([string]$Part)
    $file = Join-Path -Path (Get-PartFolder -Part $Part) -ChildPath 'appsettings.json'
    $found = Find-JsonChild -Element (Read-Json -Text ([IO.File]::ReadAllText($file))) -Names 'configured'
    return $null -ne $found -and $found.get_InnerText() -eq 'configured'
}

# Vendor templates do so on machines that become web nodes; why is not documented (facts.md 8.5).
function Set-IdleCompute {
    $file = Join-Path -Path (Get-PartFolder -Part 'compute') -ChildPath 'appsettings.json'
    if (Test-Path -LiteralPath $file) {
        $mark = Read-Json -Text '{"configured": "configured"}'
        Update-JsonFile -Path $file -Overlay $mark | Out-Null
    }
}

# The question whether a former version's settings are taken over is answered `y` (facts.md 15, step 6).
function Invoke-Tool {
    param([string]$What, [string[]]$Arguments, [switch]$AnyExitCode)
    if ((Get-RoleValue -Path 'setup.tool') -eq 'utility') {
        $utility = (Get-RoleValue -Path 'setup.utility').Replace('/', '\')
        $dll = Join-Path -Path (Get-Home) -ChildPath $utility
        return Invoke-Native -What $What -Program (Get-Dotnet) -Arguments (@($dll) + $Arguments) `
            -Folder (Get-Home) -Answer "y`r`n" -AnyExitCode:$AnyExitCode
    }
    Add-CliExtension
    $group = @(Get-RoleValue -Path 'setup.group')
    return Invoke-Native -What $What -Program $CliPython -Arguments (@('-m', 'azure.cli') + $group + $Arguments) `
        -Environment $CliEnvironment -Answer "y`r`n" -AnyExitCode:$AnyExitCode
}

function Add-CliExtension {
    if (Test-Path -LiteralPath $CliEnvironment['AZURE_EXTENSION_DIR']) {
        return
    }
    Protect-Folder -Folder $CliEnvironment['AZURE_CONFIG_DIR']
    Invoke-Native -What 'adding the CLI''s extension' -Program $CliPython -Environment $CliEnvironment `
        -Arguments '-m', 'azure.cli', 'extension', 'add', '--source', $CliExtension, '--yes' | Out-Null
}

# What the tool makes of a text with the certificate that signs tokens (facts.md 12.7).
function Invoke-Encryption {
    param([string]$Text, [string]$Subject)
    $name, $location = (Get-RoleValue -Path 'product.store.name'), (Get-RoleValue -Path 'product.store.location')
    $switches = $Text, $name, $location, $Subject
    if ((Get-RoleValue -Path 'setup.tool') -eq 'cli') {
        $switches = '--secret', $Text, '--cert-store-name', $name, '--cert-store-location', $location,
        '--cert-subject_name', $Subject
    }
    $Secrets["encrypted-$($Secrets.Count)"] = $Text
    $said = Invoke-Tool -What 'encrypting a text' -Arguments (@(Get-RoleValue -Path 'setup.encrypt') + $switches)
    $words = @($said.Split(" `r`n".ToCharArray(), [StringSplitOptions]::RemoveEmptyEntries))
    if ($words.Count -eq 0) {
        throw 'the product''s tool printed no encrypted text'
    }
    return $words[$words.Count - 1]
}
