# What every way to a node with Windows carries there: runs the script of the archive below, which has its input in a
# file beside it, as the system, in bounded time, and prints exit code and the end of both outputs as one line. Azure
# gives back 4096 bytes of each stream, so that line stays below. It is carry.sh in PowerShell 4.0.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

Add-Type -AssemblyName System.IO.Compression.FileSystem

$Archive = @'
{{archive}}
'@

# Who may be here already: the system and administrators (Protect-Folder of the node's library).
$ChannelFolder = "$env:ProgramData\Operationalization\channel"

# The exit code of timeout(1), as on Linux.
$Late = 124

# Runs a script in a PowerShell of its own: what it does to its session, and how long it takes, is not ours.
function Invoke-Native {
    param([string]$Script, [int]$Seconds)
    $start = New-Object -TypeName System.Diagnostics.ProcessStartInfo
    $start.FileName = "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe"
    $start.Arguments = '-NoProfile -NonInteractive -ExecutionPolicy Bypass -File "{0}"' -f $Script
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $process = [Diagnostics.Process]::Start($start)
    $process.StandardInput.Close()
    $output = $process.StandardOutput.ReadToEndAsync()
    $complaints = $process.StandardError.ReadToEndAsync()
    $code = $Late
    if ($process.WaitForExit(1000 * $Seconds)) {
        $code = $process.ExitCode
    }
    else {
        $process.Kill()
    }
    $said = @{ code = $code; stdout = ''; stderr = '' }
    # What it started may keep its streams open for ever: then what it said is not to be had.
    if ($output.Wait(10000)) {
        $said['stdout'] = [string]$output.Result
    }
    if ($complaints.Wait(10000)) {
        $said['stderr'] = [string]$complaints.Result
    }
    return $said
}

# Exit code and the ends of both outputs, as an archive in base64.
function Get-Answer {
    param([hashtable]$Said, [string]$Folder, [int]$Limit)
    New-Item -Path $Folder -ItemType Directory -Force | Out-Null
    foreach ($name in 'code', 'stdout', 'stderr') {
        $whole = [string]$Said[$name]
        $end = $whole.Substring([Math]::Max(0, $whole.Length - $Limit))
        [IO.File]::WriteAllText("$Folder\$name", $end)
    }
    [IO.Compression.ZipFile]::CreateFromDirectory($Folder, "$Folder.zip")
    return [Convert]::ToBase64String([IO.File]::ReadAllBytes("$Folder.zip"))
}

$work = '{0}\{1}' -f $ChannelFolder, [Guid]::NewGuid()
try {
    New-Item -Path $ChannelFolder -ItemType Directory -Force | Out-Null
    [IO.File]::WriteAllBytes("$work.zip", [Convert]::FromBase64String($Archive))
    [IO.Compression.ZipFile]::ExtractToDirectory("$work.zip", $work)
    $said = Invoke-Native -Script "$work\script.ps1" -Seconds ([int][IO.File]::ReadAllText("$work\seconds"))
    foreach ($limit in 16000, 8000, 4000, 2000, 1000) {
        $answer = Get-Answer -Said $said -Folder "$work\answer-$limit" -Limit $limit
        if ($answer.Length -le 3600) {
            break
        }
    }
    [Console]::Out.WriteLine("channel-answer:${answer}:")
}
catch {
    [Console]::Out.WriteLine("channel: $($_.Exception.Message)")
    exit 1
}
finally {
    foreach ($path in "$work.zip", $work) {
        if (Test-Path -LiteralPath $path) {
            Remove-Item -LiteralPath $path -Recurse -Force
        }
    }
}
