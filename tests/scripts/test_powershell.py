"""The judge of PowerShell scripts: each rule holds for a good script, and refuses a bad one."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.lib.powershell.rules import problems
from scripts.lib.powershell.tree import Script
from scripts.lib.powershell.vocabulary import CMDLETS

REPOSITORY = Path(__file__).resolve().parents[2]
HEAD = "Set-StrictMode -Version 2.0\n$ErrorActionPreference = 'Stop'\n"
GOOD = """\
function Get-Length {
    param([string]$Text, [string[]]$Others = @())
    foreach ($other in $Others) {
        if ($null -ne $other) {
            return $other.Length
        }
    }
    return $Text.Length
}

$found = Get-Length -Text 'a' -Others 'b', 'c'
if (Test-Path -LiteralPath "$PSScriptRoot\\x") {
    [Console]::Out.WriteLine("found $found, ${found}: $($found.Length)")
}
"""


def judged(body, head=HEAD):
    script = Script("a/script.ps1", (head + body).encode())
    return [f"{each.line}: {each.reason}" for each in problems({script.path: script})]


def test_a_good_script_has_no_problem():
    assert judged(GOOD) == []


@pytest.mark.parametrize(
    "text", ["if ($true { 1 }", "'never ends", "}", "$found = @(1, 2", "foreach ($a of 1) { }"]
)
def test_what_does_not_parse_is_refused(text):
    assert any("is no PowerShell" in each for each in judged(f"{text}\n"))


NEWER = {
    "class Node { }\n": "3: 'class Node { }' is newer than PowerShell 4.0",
    "enum Kind { one }\n": "3: 'enum Kind { one }' is newer than PowerShell 4.0",
    "Get-Date && Get-Item\n": "3: '&&' is newer than PowerShell 4.0",
    "[Text.StringBuilder]::new()\n": "3: ::new() is newer than PowerShell 4.0: use New-Object",
    "using module Node\n": "3: using is newer than PowerShell 4.0",
}


@pytest.mark.parametrize("text", NEWER)
def test_syntax_that_came_after_version_4_is_refused(text):
    assert NEWER[text] in judged(text)


@pytest.mark.parametrize("text", ["$a = $null ?? 1\n", "$a = $true ? 1 : 2\n", "$Host?.Name\n"])
def test_operators_that_came_after_version_4_do_not_parse(text):
    assert any("is no PowerShell" in each for each in judged(text))


REFUSED = {
    "Get-ChildItem -LiteralPath . | % { $_ }\n": (
        "3: % is no function of ours and no cmdlet of version 4.0"
    ),
    "gci\n": "3: gci is no function of ours and no cmdlet of version 4.0",
    "Invoke-Expression 'x'\n": (
        "3: Invoke-Expression is no function of ours and no cmdlet of version 4.0"
    ),
    "Expand-Archive -Path x\n": (
        "3: Expand-Archive is no function of ours and no cmdlet of version 4.0"
    ),
    "Write-Host 'x'\n": "3: Write-Host is no function of ours and no cmdlet of version 4.0",
    "netsh http show\n": "3: netsh is no function of ours and no cmdlet of version 4.0",
    "Get-Item -Wrong x\n": "3: Get-Item has no parameter -Wrong",
    "& 'C:\\setup.exe' /quiet\n": "3: & starts what nobody checks: use Invoke-Native",
    ". 'C:\\other.ps1'\n": "3: only a script beside this one is taken in",
    "[Diagnostics.Process]::Start('x')\n": "3: a Process starts what nobody checks",
    "New-Object -TypeName System.Diagnostics.ProcessStartInfo\n": (
        "3: a System.Diagnostics.ProcessStartInfo starts what nobody checks"
    ),
    "[IO.File]::Move('a', 'b')\n": "3: [IO.File]::Move is not known of .NET Framework 4.5",
    "New-Object -TypeName System.Net.Http.HttpClient\n": (
        "3: System.Net.Http.HttpClient is no class that is known of .NET Framework 4.5"
    ),
    "New-Object Object\n": (
        "3: New-Object without -TypeName is no class that is known of .NET Framework 4.5"
    ),
    "[scriptblock]::Create('x')\n": (
        "3: [scriptblock] is the type of a parameter, and nothing else"
    ),
    "$found = $LASTEXITCODE\n": "3: exit codes are looked at by Invoke-Native alone",
    "$ExecutionContext.InvokeCommand.InvokeScript('x')\n": "3: InvokeScript runs a text as code",
    "$uri = 'http://example.com/x'\n": "3: http://example.com is plain HTTP",
    "function Grab-It { }\n": "3: Grab-It is no approved verb and a noun",
    "function Get-it { }\n": "3: Get-it is no approved verb and a noun",
    "Start-Sleep -Seconds 1\n": "3: wait for a condition: use Wait-Until",
    "[Threading.Thread]::Sleep(1)\n": "3: wait for a condition: use Wait-Until",
    "ConvertTo-Json -InputObject 1\n": "3: ConvertTo-Json needs -Depth",
    "Invoke-RestMethod -Uri 'https://x.example' -TimeoutSec 1\n": (
        "3: Invoke-RestMethod needs -UseBasicParsing"
    ),
    "$a = 'x'\nGet-Item -LiteralPath $a.Trim()\n": ("4: put the call of a method into parentheses"),
    "try { Get-Date } catch { }\n": "3: an empty catch hides what went wrong",
    "Remove-Item -LiteralPath x -ErrorAction SilentlyContinue\n": (
        "3: Remove-Item must not fail in silence"
    ),
    "if ($found -eq $null) { $found = 1 }\n": "3: write $null on the left of a comparison",
    "Get-Item -LiteralPath $path\n": "3: $path is read, and nobody sets it",
    '$name = 1\n"$name:x"\n': "4: $name:x is read as a drive: write ${name}",
    '$name = 1\n"$name: x"\n': "4: $name: is no variable: write ${name}:",
    "Get-Date \n": "3: ends with a blank",
    "$a = '\u2013'\n": "3: has a character that is not plain ASCII",
    f"# {'x' * 120}\n": "3: is longer than 120 characters",
    "$a = 1": "3: ends without a line end",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_rule_refuses(text):
    assert REFUSED[text] in judged(text)


@pytest.mark.parametrize(
    "text",
    [
        "Write-Verbose $adminPassword\n",
        'Write-Output "it is $($login.password)"\n',
        'throw "no $token"\n',
        "Write-Error $ConnectionString\n",
    ],
)
def test_a_secret_is_not_said(text):
    assert any("may hold a secret" in each for each in judged(f"$login = $token = 1\n{text}"))


@pytest.mark.parametrize("address", ["169.254.169.254", "localhost", "127.0.0.1"])
def test_plain_http_goes_to_this_machine_and_to_metadata(address):
    assert judged(f"$uri = 'http://{address}/x'\n") == []


def test_a_block_that_a_caller_passes_may_be_run():
    body = "function Invoke-It {\n    param([scriptblock]$Action)\n    return & $Action\n}\n"
    assert judged(body) == []


def test_a_script_that_is_not_strict_is_refused():
    reason = "must begin with Set-StrictMode -Version 2.0 and $ErrorActionPreference = 'Stop'"

    assert judged(GOOD, head="") == [f"1: {reason}"]
    assert judged(GOOD, head="Set-StrictMode -Version 2.0\n")[0] == f"1: {reason}"


def test_scripts_know_each_others_functions_and_parameters():
    library = Script("a/library.ps1", (HEAD + "$Folder = 'x'\n" + GOOD).encode())
    own = HEAD + '. "$PSScriptRoot\\library.ps1"\nGet-Length -Text $Folder -Wrong 1\n'
    user = Script("a/user.ps1", own.encode())

    found = problems({each.path: each for each in (library, user)})
    assert [str(each) for each in found] == ["a/user.ps1:4: Get-Length has no parameter -Wrong"]


def script(path, body):
    return Script(path, (HEAD + body).encode())


def test_a_variable_may_come_from_all_that_takes_a_script_in():
    outer = script("a/outer.ps1", "$Work = 'x'\n. \"$PSScriptRoot\\inner.ps1\"\n")
    inner = script("a/inner.ps1", '. "$PSScriptRoot\\part.ps1"\n')
    part = script("a/part.ps1", "Get-Item -LiteralPath $Work\n")

    assert problems({each.path: each for each in (outer, inner, part)}) == []


def test_a_variable_must_come_from_each_that_takes_a_script_in():
    one = script("a/one.ps1", "$Work = 'x'\n. \"$PSScriptRoot\\part.ps1\"\n")
    other = script("a/other.ps1", '. "$PSScriptRoot\\part.ps1"\n')
    part = script("a/part.ps1", "Get-Item -LiteralPath $Work\n")

    found = problems({each.path: each for each in (one, other, part)})
    assert [str(each) for each in found] == ["a/part.ps1:3: $work is read, and nobody sets it"]


def test_parts_of_the_repository_do_not_call_each_others_functions():
    mine = script("a/mine.ps1", "function Get-Answer { return 1 }\n")
    yours = script("b/yours.ps1", "Get-Answer\n")

    found = problems({each.path: each for each in (mine, yours)})
    assert [str(each) for each in found] == [
        "b/yours.ps1:3: Get-Answer is no function of ours and no cmdlet of version 4.0"
    ]


def test_no_word_of_the_vocabulary_is_an_alias_or_a_program():
    assert all("-" in name for name in CMDLETS)


def test_every_script_of_the_repository_holds(tmp_path):
    judge = [sys.executable, "-m", "scripts.lib.powershell"]
    clean = subprocess.run(judge, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (clean.returncode, clean.stdout) == (0, "")

    bad = tmp_path / "bad.ps1"
    bad.write_text("iex $x\n")
    found = subprocess.run(
        [*judge, str(bad)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1
    assert "iex is no function of ours" in found.stdout
