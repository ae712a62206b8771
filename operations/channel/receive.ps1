# Takes one piece of a file that is too long for one call, as receive.sh does. Input, a file beside this one: the
# file's name, the place where the piece begins, and the piece in base64, each on a line of its own. Prints the sum of
# what is there now. A piece may come twice.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$IncomingFolder = "$env:ProgramData\Operationalization\incoming"

# Puts a piece where it belongs, and cuts off what was behind it.
function Write-Piece {
    param([string]$Path, [int]$Offset, [byte[]]$Piece)
    $stream = [IO.File]::Open($Path, 'OpenOrCreate', 'ReadWrite')
    try {
        if ($stream.Length -lt $Offset) {
            throw "receive: a piece before $Offset is missing"
        }
        $stream.SetLength($Offset)
        $stream.Seek($Offset, 'Begin') | Out-Null
        $stream.Write($Piece, 0, $Piece.Length)
    }
    finally {
        $stream.Close()
    }
}

try {
    $name, $offset, $encoded = @(Get-Content -LiteralPath "$PSScriptRoot\input" -Encoding UTF8)
    if ($name -notmatch '^[a-z0-9][a-z0-9._-]{0,99}$' -or $offset -notmatch '^[0-9]+$') {
        throw 'receive: not a name and a place'
    }
    New-Item -Path $IncomingFolder -ItemType Directory -Force | Out-Null
    Write-Piece -Path "$IncomingFolder\$name" -Offset $offset -Piece ([Convert]::FromBase64String($encoded))
    $hash = (Get-FileHash -LiteralPath "$IncomingFolder\$name" -Algorithm SHA256).Hash
    [Console]::Out.WriteLine($hash.ToLower())
}
catch {
    [Console]::Error.WriteLine($_.Exception.Message)
    exit 2
}
