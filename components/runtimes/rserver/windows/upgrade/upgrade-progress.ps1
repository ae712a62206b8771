# What of an upgrade this node has begun and done, on its disk before and after each part of a step.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Progress = "$Work\progress"

# Two at once would undo each other: one that was left alone by its caller comes to its end first. The file is this
# process's as long as it runs.
function Wait-Turn {
    Wait-Until -WaitFor 'the end of another step on this node' -WaitSeconds 3000 -WaitCondition {
        $script:Turn = [IO.File]::Open("$Work\lock", 'OpenOrCreate', 'ReadWrite', 'None')
        $true
    }
}

function Test-Progress {
    param([string]$Line)
    return (Test-Path -LiteralPath $Progress) -and [IO.File]::ReadAllText($Progress).Split("`n") -contains $Line
}

function Test-Begun {
    param([string]$Name)
    return Test-Progress -Line "begun $Name"
}

# Flush with $true waits for the disk.
function Add-Progress {
    param([string]$Line)
    $bytes = [Text.Encoding]::UTF8.GetBytes("$Line`n")
    $stream = [IO.File]::Open($Progress, 'Append', 'Write')
    try {
        $stream.Write($bytes, 0, $bytes.Length)
        $stream.Flush($true)
    }
    finally {
        $stream.Close()
    }
}

# Runs a block, unless it has come to its end before. Names begin with `once`, because the block sees this function's
# variables before its own script's.
function Invoke-Once {
    param([string]$OnceName, [scriptblock]$OnceAction)
    if (Test-Progress -Line "done $OnceName") {
        return
    }
    Write-Log $OnceName
    if (-not (Test-Begun -Name $OnceName)) {
        Add-Progress -Line "begun $OnceName"
    }
    & $OnceAction | Out-Null
    Add-Progress -Line "done $OnceName"
}
