"""Prints what scripts/capacity must know of a stack's settings, as JSON: who is asked, and what is.

Nothing is printed for settings that are wrong: what is wrong with them is for the program to say.
"""

import json
import sys
from pathlib import Path
from typing import Any

from components import settings


def main(stack_file: Path) -> None:
    """Look into *stack_file* and its bases."""
    try:
        environment = settings.parse_file(stack_file)
    except settings.SettingsError:
        return
    sys.stdout.write(json.dumps(told(environment)))


def told(environment: settings.Environment) -> dict[str, Any]:
    """Return protection, whether pools of R processes grow, and the groups that may have a size."""
    runtime = getattr(environment, "runtime", None)
    groups = {role: getattr(environment, role, None) for role in ("web", "compute")}
    return {
        "protected": environment.protection,
        "pools": getattr(runtime, "server", None) is not None,
        "groups": {role: _group(each) for role, each in groups.items() if each is not None},
    }


def _group(group: settings.NodeGroupSettings) -> dict[str, Any]:
    scale = group.autoscale
    if scale is None:
        return {"count": group.count}
    return {
        "autoscale": {
            "minimum": scale.minimum,
            "maximum": scale.maximum,
            "above": scale.scale_out.above,
            "below": scale.scale_in.below,
            "step": max(scale.scale_out.step, scale.scale_in.step),
        },
        "periods": {each.name: each.minimum for each in scale.schedules},
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
