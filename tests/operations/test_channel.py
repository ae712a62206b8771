"""A script reaches a node and its answer comes back whole, over every way there."""

import os
import subprocess
from pathlib import Path

import pytest

from operations import channel
from operations.channel import Channel, Node, aws, azure, carrier, sandbox
from operations.errors import OperationError
from operations.stack import Cloud, Sandbox

NODE = Node(name="web-1", id="/subscriptions/s/virtualMachines/web-1", role="web")
INSTANCE = Node(name="i-1", id="i-1", role="web")


class Here:
    """Runs texts on this machine, with a folder of the test's in the place of the node's."""

    def __init__(self, folder):
        self.folder = folder
        self.lost = 0

    def carry(self, node, text, seconds):
        assert len(text) <= carrier.LARGEST_TEXT
        done = subprocess.run(
            ["sh"], input=text, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A channel to this machine."""
    original = carrier.packed

    def packed(script, text, seconds):
        return original(script.replace("/var/lib/operationalization", str(tmp_path)), text, seconds)

    monkeypatch.setattr(carrier, "packed", packed)
    return Channel(Here(tmp_path))


def test_a_script_gets_its_input_and_gives_code_and_both_outputs(here):
    script = 'read -r a; read -r b; echo "out $b $a"; echo "err é" >&2; exit 3'

    answer = here.run(NODE, script, "1\n2\n", 10)

    assert answer == carrier.Answer(code=3, stdout="out 2 1\n", stderr="err é\n")


def test_long_outputs_come_with_their_ends_in_what_azure_gives_back(here, tmp_path):
    script = "head -c 200000 /dev/urandom | base64; echo the end; echo ended >&2"
    said = Here(tmp_path).carry(NODE, carrier.packed(script, "", 10), 10)

    assert len(said) < 4096
    answer = here.run(NODE, script, "", 10)
    assert answer.stdout.endswith("\nthe end\n")
    assert len(answer.stdout) >= 1000
    assert answer.stderr == "ended\n"


def test_what_takes_too_long_is_ended_with_its_own_code(here):
    assert here.run(NODE, "echo began; sleep 60", "", 1).code == 124


def test_nothing_of_a_run_stays(here, tmp_path):
    answer = here.run(NODE, 'dirname "$0"', "", 10)

    assert not Path(answer.stdout.strip()).exists()


def test_a_file_arrives_in_pieces_and_a_piece_may_come_twice(here, tmp_path):
    content = os.urandom(3 * carrier.PIECE + 5)
    here.send(NODE, "upgrade-1.tar.gz", content)
    here.send(NODE, "upgrade-1.tar.gz", content)

    file = tmp_path / "incoming" / "upgrade-1.tar.gz"
    assert file.read_bytes() == content
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_piece_that_is_lost_is_noticed(here, tmp_path, monkeypatch):
    monkeypatch.setattr(
        carrier, "pieces", lambda content: iter([(0, content[:5]), (9, content[9:])])
    )
    with pytest.raises(OperationError) as error:
        here.send(NODE, "x", b"0123456789")

    assert error.value.why == "receive: a piece before 9 is missing"


def test_a_file_has_no_way_out_of_its_folder(here):
    with pytest.raises(OperationError, match="not a name and a place"):
        here.send(NODE, "../x", b"")


@pytest.mark.parametrize("said", ["", "Traceback", "channel-answer:AAAA:", "channel-answer:x=:"])
def test_what_is_no_answer_is_said(said):
    class Mute:
        def carry(self, node, text, seconds):
            return said

    with pytest.raises(OperationError) as error:
        Channel(Mute()).run(NODE, "true", "", 10)

    assert error.value.what == "a node's answer cannot be understood"


def test_an_archive_that_was_cut_off_runs_nothing(tmp_path):
    text = carrier.packed("touch /should-not-be", "", 10)
    cut = text[:-60] + "\nDATA\n"

    assert "the archive did not arrive whole" in Here(tmp_path).carry(NODE, cut, 10)
    assert not Path("/should-not-be").exists()


AZ = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>{log}
if [[ -e {busy} ]]; then
  rm {busy}
  echo "ERROR: (Conflict) Run command extension execution is in progress." >&2
  exit 1
fi
while (($#)); do [[ $1 != --scripts ]] || script=${{2#@}}; shift; done
sh "$script" >{log}.out
python3 - {log}.out <<'P'
import json, sys
said = open(sys.argv[1]).read()
message = "Enable succeeded: \\n[stdout]\\n%s\\n[stderr]\\n" % said[-4096:]
print(json.dumps({{"value": [{{"code": "ProvisioningState/succeeded", "message": message}}]}}))
P
"""

AWS = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>{log}
case $2 in
  send-command)
    [[ ! -e {busy} ]] || {{ echo "An error occurred (InvalidInstanceId)" >&2; exit 254; }}
    while (($#)); do [[ $1 != --parameters ]] || file=${{2#file://}}; shift; done
    cp "$file" {log}.parameters
    echo '{{"Command": {{"CommandId": "c-1"}}}}' ;;
  get-command-invocation)
    if [[ ! -e {log}.known ]]; then
      touch {log}.known
      echo "An error occurred (InvocationDoesNotExist)" >&2
      exit 254
    fi
    python3 - {log}.parameters <<'P'
import json, subprocess, sys
parameters = json.load(open(sys.argv[1]))
text = "\\n".join(parameters["commands"])
said = subprocess.run(["sh"], input=text, text=True, capture_output=True)
print(json.dumps({{"Status": "Success", "StandardOutputContent": said.stdout[:24000]}}))
P
    ;;
esac
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A program of a cloud that runs what it is given on this machine, and a log of its calls."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def make(name, text):
        program = folder / name
        program.write_text(text.format(log=tmp_path / "log", busy=tmp_path / "busy"))
        program.chmod(0o755)
        return tmp_path / "log"

    return make


def test_azure_runs_it_by_the_machines_id_and_waits_while_it_is_busy(fake, tmp_path):
    log = fake("az", AZ)
    (tmp_path / "busy").touch()
    pauses = []

    answer = Channel(azure.RunCommand(sleep=pauses.append)).run(NODE, "echo hi; exit 4", "", 10)

    assert (answer.code, answer.stdout, pauses) == (4, "hi\n", [azure.PAUSE])
    first = log.read_text().splitlines()[0]
    assert first.startswith(
        "vm run-command invoke --ids /subscriptions/s/virtualMachines/web-1 --command-id "
        "RunShellScript --scripts @"
    )


def test_azure_has_a_command_of_its_own_for_machines_of_a_scale_set(fake):
    log = fake("az", AZ)
    arm = "/subscriptions/s/providers/Microsoft.Compute/virtualMachineScaleSets/x/virtualMachines/0"

    Channel(azure.RunCommand()).run(Node(name="x_0", id=arm, role="web"), "echo hi", "", 10)

    assert log.read_text().startswith(f"vmss run-command invoke --ids {arm} --command-id ")


def test_aws_runs_it_by_the_instances_id_and_asks_until_it_ended(fake):
    log = fake("aws", AWS)

    answer = Channel(aws.SendCommand("eu-west-1")).run(INSTANCE, "echo hi >&2; exit 5", "", 10)

    assert (answer.code, answer.stderr) == (5, "hi\n")
    calls = log.read_text().splitlines()
    assert calls[0].startswith("ssm send-command --instance-ids i-1 --document-name AWS-RunShellS")
    assert all(call.endswith("--region eu-west-1 --output json") for call in calls)


def test_aws_without_its_agent_on_the_machine_says_what_to_do(fake, tmp_path):
    fake("aws", AWS)
    (tmp_path / "busy").touch()

    with pytest.raises(OperationError) as error:
        Channel(aws.SendCommand("eu-west-1")).run(INSTANCE, "true", "", 10)

    assert "set access.sessionManager: true" in error.value.fix
    assert "amazon-ssm-agent" in error.value.fix


def test_a_program_that_is_missing_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OperationError) as error:
        Channel(azure.RunCommand()).run(NODE, "true", "", 10)

    assert (error.value.where, error.value.why) == ("az", "it is not installed")


def transport(backend, *nodes):
    return channel.choose(backend, nodes, "eu-west-1")._transport


def test_the_way_is_that_of_the_backend_and_of_the_machines(tmp_path):
    assert isinstance(transport(Sandbox(tmp_path), NODE), sandbox.SandboxRun)
    assert isinstance(transport(Cloud(), NODE), azure.RunCommand)
    assert isinstance(transport(Cloud(), INSTANCE), aws.SendCommand)
    with pytest.raises(OperationError, match="neither virtual machines of Azure nor instances"):
        transport(Cloud(), NODE, INSTANCE)
