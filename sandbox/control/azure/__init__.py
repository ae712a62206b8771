"""What the sandbox knows of Azure: the kinds and functions of `azure-native`."""

from sandbox.control.azure import resources
from sandbox.control.kinds import Function, Kind

KINDS: tuple[Kind, ...] = (*resources.KINDS,)
FUNCTIONS: tuple[Function, ...] = ()


def builtin(_target: str) -> bool:
    """Whether Azure itself provides this id (built-in role definitions)."""
    return False
