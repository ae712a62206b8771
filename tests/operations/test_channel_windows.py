"""Scripts reach nodes with Windows: the PowerShell side, in `tests/support/powershell`.

That is no PowerShell: these tests find slips in what the scripts do, not in how Windows
understands them.
"""

import hashlib
import json
import os
from pathlib import Path

import pytest

from operations.channel import Channel, Node, aws, azure, carrier, sandbox
from operations.channel.commands import Ended
from operations.errors import OperationError
from tests.support.powershell.processes import Windows

NODE = Node(name="web-1", id="/subscriptions/s/virtualMachines/web-1", role="web", system="windows")
HEAD = "Set-StrictMode -Version 2.0\n$ErrorActionPreference = 'Stop'\n"
FOLDER = "C/ProgramData/Operationalization"


class There:
    """A machine with Windows in the place of a cloud's."""

    def __init__(self, folder: Path) -> None:
        self.windows = Windows(folder)

    def carry(self, node: Node, text: str, seconds: float) -> str:
        assert node.is_windows
        assert len(text) <= carrier.LARGEST_TEXT
        return self.windows.run(text)


@pytest.fixture
def there(tmp_path):
    return There(tmp_path)


def test_a_script_gets_its_input_and_gives_code_and_both_outputs(there):
    script = HEAD + (
        '$first, $second = @(Get-Content -LiteralPath "$PSScriptRoot\\input" -Encoding UTF8)\n'
        '[Console]::Out.WriteLine("out $second $first")\n'
        "[Console]::Error.WriteLine('err')\nexit 3\n"
    )
    answer = Channel(there).run(NODE, script, "1\n2\n", 10)

    assert answer == carrier.Answer(code=3, stdout="out 2 1\n", stderr="err\n")


def test_nothing_of_a_run_stays(there, tmp_path):
    Channel(there).run(NODE, f"{HEAD}[Console]::Out.WriteLine('hi')\n", "", 10)

    assert list((tmp_path / FOLDER / "channel").iterdir()) == []


def test_what_takes_too_long_has_the_code_of_timeout(there):
    there.windows.late = True

    assert Channel(there).run(NODE, f"{HEAD}[Console]::Out.WriteLine('began')\n", "", 1).code == 124


def test_long_outputs_come_with_their_ends_in_what_azure_gives_back(there):
    noise = os.urandom(8_000).hex()
    script = f"{HEAD}[Console]::Out.WriteLine('{noise}')\n[Console]::Out.WriteLine('the end')\n"
    said = there.carry(NODE, carrier.packed_for_windows(script, "", 10), 10)
    answer = carrier.unpacked(said)

    assert len(said) < 4096
    assert answer is not None
    assert answer.stdout.endswith("\nthe end\n")
    assert len(answer.stdout) > 900


def test_an_archive_that_was_cut_off_runs_nothing(there):
    text = carrier.packed_for_windows(f"{HEAD}[Console]::Out.WriteLine('ran')\n", "", 10)
    lines = text.split("\n")
    at = lines.index("$Archive = @'") + 1

    said = there.carry(NODE, "\n".join([*lines[:at], "UEsD!", *lines[at + 1 :]]), 10)
    assert "channel: " in said
    assert "ran" not in said


def test_a_file_arrives_in_pieces_and_a_piece_may_come_twice(there, tmp_path):
    content = os.urandom(carrier.PIECE + 5)
    Channel(there).send(NODE, "upgrade-1.zip", content)
    Channel(there).send(NODE, "upgrade-1.zip", content[: carrier.PIECE])
    Channel(there).send(NODE, "upgrade-1.zip", content)

    assert (tmp_path / FOLDER / "incoming" / "upgrade-1.zip").read_bytes() == content


def test_a_piece_that_is_lost_is_noticed(there, monkeypatch):
    monkeypatch.setattr(
        carrier, "pieces", lambda content: iter([(0, content[:5]), (9, content[9:])])
    )
    with pytest.raises(OperationError) as error:
        Channel(there).send(NODE, "x", b"0123456789")

    assert error.value.why == "receive: a piece before 9 is missing"


@pytest.mark.parametrize("name", ["..\\x", "../x", "c:x", ""])
def test_a_file_has_no_way_out_of_its_folder(there, name):
    with pytest.raises(OperationError, match="not a name and a place"):
        Channel(there).send(NODE, name, b"x")


def test_the_same_call_is_the_same_text_on_every_day():
    made = {carrier.packed_for_windows("script", "input", 10) for _ in range(2)}

    assert len(made) == 1
    assert hashlib.sha256(made.pop().encode()).hexdigest()


class Said:
    """A cloud's program that says what it is told to, and keeps what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.calls = list(answers), []
        self.texts = []

    def run(self, arguments, seconds, text=""):
        self.calls.append(arguments)
        for each in arguments:
            path = Path(each.removeprefix("@").removeprefix("file://"))
            if path.is_absolute() and path.is_file():
                self.texts.append((path.suffix, path.read_text()))
        return Ended(code=0, stdout=self.answers.pop(0), stderr="")


def test_azure_is_asked_for_powershell():
    az = Said(json.dumps({"value": [{"message": "channel-answer::"}, {"message": ""}]}))
    azure.RunCommand(az).carry(NODE, "text", 10)

    assert az.calls[0][az.calls[0].index("--command-id") + 1] == "RunPowerShellScript"
    assert az.texts == [(".ps1", "text")]


def test_aws_is_asked_for_powershell():
    node = Node(name="i-1", id="i-1", role="web", system="windows")
    program = Said(
        json.dumps({"Command": {"CommandId": "c-1"}}),
        json.dumps({"Status": "Success", "StandardOutputContent": "said"}),
    )
    assert aws.SendCommand("eu-west-1", program).carry(node, "text", 10) == "said"
    first = program.calls[0]
    assert first[first.index("--document-name") + 1] == "AWS-RunPowerShellScript"


def test_the_sandbox_says_that_it_boots_no_windows(tmp_path):
    with pytest.raises(OperationError) as error:
        sandbox.SandboxRun(tmp_path / "none", tmp_path).carry(NODE, "text", 10)

    assert error.value.why == "the sandbox boots no Windows: there is nothing that could run it"
