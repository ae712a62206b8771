"""The sandbox's way: its own command enters the machine, as its starter or root may."""

from pathlib import Path

from operations.channel.carrier import Node
from operations.channel.commands import Program
from operations.errors import OperationError


class SandboxRun:
    """Runs texts on nodes of the sandbox."""

    def __init__(self, script: Path, home: Path) -> None:
        self._program = Program(name=str(script), install="run scripts/setup")
        self._home = home

    def carry(self, node: Node, text: str, seconds: float) -> str:
        """Run *text* on the machine. Windows is declared there, and boots nowhere."""
        if node.is_windows:
            raise OperationError(
                "the sandbox did not run a command on a node",
                node.name,
                "the sandbox boots no Windows: there is nothing that could run it",
                "deploy the stack to its cloud, and do it there",
            )
        arguments = ["--home", str(self._home), "run", node.id, "--seconds", f"{seconds:.0f}"]
        ended = self._program.run(arguments, seconds + 30, text)
        if ended.code:
            raise OperationError(
                "the sandbox did not run a command on a node",
                node.name,
                (ended.stderr.strip() or ended.stdout.strip())[-600:] or f"status {ended.code}",
                "scripts/sandbox status shows the nodes; run this as who started the sandbox",
            )
        return ended.stdout
