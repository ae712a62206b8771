"""Programs that scripts start: PowerShell itself, in a reader of its own on the same machine."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.powershell.machine import Machine
from tests.support.powershell.values import ScriptExit, Thrown


class Result:
    """What a stream gives in the end."""

    def __init__(self, said: str) -> None:
        self.Result = said

    def Wait(self, milliseconds: int) -> bool:  # noqa: N802 - .NET's name
        return milliseconds > 0


class Reading:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def ReadToEndAsync(self) -> Result:  # noqa: N802 - .NET's name
        return Result("".join(f"{line}\r\n" for line in self.lines))


class Closed:
    def Close(self) -> None:  # noqa: N802 - .NET's name
        pass


class Process:
    """One that has ended, or, when it is *late*, one that never does."""

    def __init__(self, code: int, said: list[str], complaints: list[str], *, late: bool) -> None:
        self.ExitCode, self.late = code, late
        self.StandardInput = Closed()
        self.StandardOutput, self.StandardError = Reading(said), Reading(complaints)

    def WaitForExit(self, milliseconds: int) -> bool:  # noqa: N802 - .NET's name
        assert milliseconds > 0
        return not self.late

    def Kill(self) -> None:  # noqa: N802 - .NET's name
        assert self.late


class Windows:
    """Runs texts as a cloud's agent does, on a machine below *folder*."""

    def __init__(self, folder: Path, cmdlets: dict[str, Callable[..., Any]] | None = None) -> None:
        self.folder, self.cmdlets, self.late = folder, cmdlets or {}, False
        self.made: list[Machine] = []

    def machine(self) -> Machine:
        machine = Machine(self.folder, self.cmdlets)
        machine.statics["Diagnostics.Process::Start"] = self._started
        self.made.append(machine)
        return machine

    def run(self, text: str) -> str:
        """Run a text; return what it printed."""
        machine = self.machine()
        try:
            machine.run(text.encode("ascii"))
        except ScriptExit as end:
            machine.said.append(f"ended with {end.code}")
        return "\r\n".join(machine.said)

    def _started(self, start: Any) -> Process:
        given = re.search(r'-File "(.*)"$', start.values["Arguments"])
        assert given
        assert start.values["FileName"].endswith("powershell.exe")
        machine, code = self.machine(), 0
        try:
            machine.run_file(given[1])
        except ScriptExit as end:
            code = end.code
        except Thrown as error:
            machine.complaints.append(error.Message)
            code = 1
        return Process(code, machine.said, machine.complaints, late=self.late)
