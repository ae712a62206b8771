"""Runs the project's PowerShell scripts as far as this machine can: our reading of the language.

No machine of the project has a PowerShell. This interpreter knows as much of the language as the
scripts use, and stands for what their text says; whether Windows agrees, only Windows knows.
Cmdlets and classes of .NET are pretend ones (`dotnet`, and what a test passes), so that a test sees
what a script would do, in which order, and with what.
"""

from tests.support.powershell.interpreter import Interpreter
from tests.support.powershell.values import Block, ScriptExit, Thing, Thrown

__all__ = ["Block", "Interpreter", "ScriptExit", "Thing", "Thrown"]
