"""Every stack of `stacks/` on the control plane, in a cloud that fails in each way it can.

It goes up, a second update changes nothing, what was lost on the way belongs to nobody afterwards,
and it is destroyed to nothing. One deployment a stack meets all faults: of the calls of the cloud,
one after the other.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import stacks
from tests.support.deployed import Deployed, succeeded
from tests.support.engine import Result, on_sandbox

pytestmark = pytest.mark.engine

CHANGED = ("dev", "dev-aws", "dev-endpoint")
"""Where faults of updates and reads are tried too: one of each cloud, and an endpoint."""
LOST = "the connection broke before the answer came"
TAKEN_OVER = "was made by an update that never heard so: it is taken over, not made twice"
REFUSED = ("AuthorizationFailed", "is not authorized to perform")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("stack", stacks.NAMES)
def test_a_stack_lives_in_a_cloud_that_fails(stack: str, tmp_path: Path) -> None:
    with on_sandbox(tmp_path) as engine:
        deployed = Deployed(stack, engine)
        goes_up(deployed)
        if stack in CHANGED:
            changes(deployed)
        goes_away(deployed)


def goes_up(deployed: Deployed) -> None:
    deployed.fault("lose", "*", "--nth", "4")
    deployed.fault("fail", "*", "--nth", "5")
    deployed.fault("throttle", "*", "--nth", "6", "--times", "2", "--seconds", "0.05")
    deployed.fault("hang", "*", "--nth", "7", "--seconds", "0.05")
    deployed.fault("lose", "*", "--nth", "20", "--disconnect")
    config = deployed.configure({})

    results = until_done(deployed, lambda: deployed.engine.up(deployed.stack, config))

    errors = " ".join(error for each in results for error in each.errors)
    assert LOST in errors
    assert any(words in errors for words in REFUSED), errors
    assert any(TAKEN_OVER in each.display for each in results[1:])
    assert deployed.orphans() == ""
    again = succeeded(deployed.engine.up(deployed.stack, config))
    assert (again.changes, again.drift) == ([], [])


def changes(deployed: Deployed) -> None:
    """A change whose answer is lost was made; a look that is refused changes nothing."""
    tags: dict[str, Any] = {"tags": {"owner": "somebody-else"}}
    deployed.fault("lose", "*", "--call", "update")
    deployed.fault("fail", "*", "--call", "update", "--code", "Conflict")
    deployed.fault("fail", "*", "--call", "read", "--nth", "20")

    config = deployed.configure(tags)
    until_done(deployed, lambda: deployed.engine.up(deployed.stack, config))

    assert deployed.orphans() == ""


def goes_away(deployed: Deployed) -> None:
    deployed.fault("lose", "*", "--call", "delete", "--nth", "3")
    deployed.fault("fail", "*", "--call", "delete", "--nth", "4", "--code", "Conflict")
    deployed.unprotect()

    results = until_done(deployed, lambda: deployed.engine.destroy(deployed.stack))

    assert any(LOST in error for each in results for error in each.errors)
    assert deployed.sandbox("resources") == ""
    assert deployed.orphans() == ""


def until_done(deployed: Deployed, operation: Callable[[], Result]) -> list[Result]:
    """Run it until it works and no fault waits any more: the engine ends at the first error."""
    results = [operation()]
    while results[-1].exit_code and len(results) <= len(deployed.faults()):
        results.append(operation())
    succeeded(results[-1])
    assert [each for each in deployed.faults() if not each["met"]] == []
    deployed.sandbox("fault", "clear")
    return results
