# R packages that services use, into the product's library, out of the user's own repository (facts.md R15, section 16).
# A later boot looks at nothing but the mark; another version of the product has another library, and gets them anew.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Install-Packages {
    if (-not (Test-NodeValue -Path ('{0}.install.packages' -f (Get-NodeValue -Path 'role')))) {
        return
    }
    $names = @(Get-RoleValue -Path 'install.packages')
    $digest = Get-RoleValue -Path 'install.files.packages.sha256'
    $wanted = @(@((Get-NodeValue -Path 'product'), (Get-NodeValue -Path 'version'), $digest) + $names) -join ' '
    $mark = "$DataFolder\packages"
    if ((Test-Path -LiteralPath $mark) -and [IO.File]::ReadAllText($mark) -eq $wanted) {
        return
    }
    Save-Artifact -Name 'packages' -Path "$MediaFolder\packages.zip"
    $folder = "$MediaFolder\packages"
    if (Test-Path -LiteralPath $folder) {
        Remove-Item -LiteralPath $folder -Recurse -Force
    }
    [IO.Compression.ZipFile]::ExtractToDirectory("$MediaFolder\packages.zip", $folder)
    $arguments = @('--no-save', '--no-restore', '--no-init-file', "$ProgramFolder\install-packages.R", $folder)
    Invoke-Native -What 'installation of R packages' -Program (Get-RProgram) `
        -Arguments @($arguments + $names) | Out-Null
    Remove-Item -LiteralPath $MediaFolder -Recurse -Force
    Write-Text -Path $mark -Text $wanted
}

# The product's R is above the folder of its parts, where R for Windows has its programs.
function Get-RProgram {
    $above = Split-Path -Path (Get-Home) -Parent
    foreach ($folder in 'bin\x64', 'bin') {
        $program = Join-Path -Path $above -ChildPath "$folder\Rscript.exe"
        if (Test-Path -LiteralPath $program -PathType Leaf) {
            return $program
        }
    }
    throw "there is no bin\x64\Rscript.exe in $above"
}
