"""Azure's way: Run Command, which the machine's agent carries out.

"Run scripts in your Linux VM by using action Run Commands", and the page of the same name for
Windows: it gives the last 4096 bytes and no exit code, and takes one at a time.
"""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from operations.channel.carrier import Node
from operations.channel.commands import Program
from operations.errors import OperationError

AZ = Program(name="az", install="install the Azure CLI and sign in with: az login")
LONGEST = 90 * 60.0
"""Seconds that Azure lets a command run."""
BUSY_SECONDS = 600.0
PAUSE = 10.0
BUSY = ("Conflict", "in progress")
"""Words of the refusal while another command runs on the machine."""


class RunCommand:
    """Runs texts on virtual machines of Azure."""

    def __init__(self, program: Program = AZ, sleep: Callable[[float], None] = time.sleep) -> None:
        self._az, self._sleep = program, sleep

    def carry(self, node: Node, text: str, seconds: float) -> str:
        """Run *text* on the machine."""
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / f"script.{node.suffix}"
            kind = "RunPowerShellScript" if node.is_windows else "RunShellScript"
            script.write_text(text)
            arguments = [
                *(machine_of(node.id), "run-command", "invoke", "--ids", node.id),
                *("--command-id", kind, "--scripts", f"@{script}", "--output", "json"),
            ]
            deadline = time.monotonic() + BUSY_SECONDS
            while True:
                ended = self._az.run(arguments, min(seconds, LONGEST) + 300)
                busy = ended.code and all(word in ended.stderr for word in BUSY)
                if not busy or time.monotonic() > deadline:
                    break
                self._sleep(PAUSE)
        if ended.code:
            raise OperationError(
                "Azure did not run a command on a node",
                node.name,
                ended.stderr.strip()[-600:] or f"az ended with {ended.code}",
                "sign in (az login) as somebody with the action virtualMachines/runCommand (role "
                "Virtual Machine Contributor), and see that the machine's agent runs",
            )
        try:
            return "\n".join(str(each["message"]) for each in json.loads(ended.stdout)["value"])
        except (ValueError, KeyError, TypeError):
            return ended.stdout


def machine_of(arm: str) -> str:
    """Return which of the CLI's commands is about a machine: `vmss` for one of a scale set."""
    return "vmss" if "/virtualmachinescalesets/" in arm.casefold() else "vm"
