"""Settings of two versions are compared on Windows as on Linux, whatever is in their files."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from components.runtimes.rserver.node import upgrade_settings as linux
from tests.support.powershell.nodes import OWN, document, scripts
from tests.support.powershell.values import Thing

NODE = document("azure-9.4.7-web")
MOVE = {"role": "web", "of": {}, "to": {}, "document": NODE}
NAMES = [
    *("BackEndConfiguration", "ComputeNodesConfiguration", "Authentication", "Kestrel", "Ours"),
    *(
        "AdminPassword",
        "JWTKey",
        "Port",
        "Uris",
        "Values",
        "Description",
        "a b",
        "$x",
        "configured",
    ),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.sampled_from(["", "x", 'a"b', "\u00fc"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=10,
)
FILES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


def windows(folder: Path) -> Any:
    made = scripts("azure-9.4.7-web", folder)
    for name in ("product", "json", "settings", "upgrade/upgrade-settings"):
        made.load(OWN / f"{name}.ps1")
    made.functions.pop("get-partfolder")
    made.cmdlets["Get-PartFolder"] = lambda part: str(folder)
    made.cmdlets |= {"Disconnect-Node": list, "Invoke-Configure": list}
    made.top.names |= {"backup": f"{folder}\\backup", "move": Thing(parts=["web"])}
    return made


def names(report: str) -> dict[str, list[str]]:
    """What a report says, in one order: each system sorts in its own."""
    return {name: sorted(paths) for name, paths in json.loads(report).items()}


@given(old=FILES, new=FILES)
@settings(max_examples=50, deadline=None)
def test_the_same_settings_are_carried_and_the_same_names_reported(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = windows(folder)
        before, after = Path(f"{name}\\backup\\web\\appsettings.json"), folder / "appsettings.json"
        move = folder / "move.json"
        for path, value in ((before, old), (after, new), (move, MOVE)):
            path.write_text(json.dumps(value))
        try:
            expected = linux.report(str(move), ["web", str(before), str(after)])
            carried = linux.carry(str(move), "web", str(before), str(after))
            assert names(made.call("Get-SettingsReport")) == names(expected)
            made.call("Copy-Settings")
            assert json.loads(after.read_text()) == json.loads(carried)
        finally:
            before.unlink()
