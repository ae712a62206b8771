"""The preview that docs/preview.md shows: recorded once, under the real engine.

A change to `dev` that nobody should make, of everything at once. To record it anew, when the
program or the policies have changed so much that the page misleads:

    PYTHONPATH=. .venv/bin/python -m tests.support.recorded_preview && scripts/docs
"""

import os
import tempfile
from pathlib import Path

from operations.preview import engine, recording
from tests.support.changed_program import copy_with
from tests.support.deployed import Deployed
from tests.support.engine import ROOT, on_sandbox

RECORDED = ROOT / "tests/golden/previews/everything.json.xz"

RULES = "    return [*allowed, deny(direction)]\n"
OPENED = """    if subnet == "compute" and direction == "Inbound":
        allowed.append(
            network.SecurityRuleArgs(
                name="allow-to-try", priority=200, direction=direction, access="Allow",
                protocol="Tcp", source_address_prefix="*", source_port_range="*",
                destination_address_prefix="*", destination_port_range="12805",
            )
        )
    return [*allowed, deny(direction)]
"""
TO_THE_INTERNET = {"components/azure/firewall.py": (RULES, OPENED)}
"""Port 12805 of compute nodes, for everybody."""

WITHOUT_TLS = {
    "components/azure/postgresql.py": (
        '"require_secure_transport": "on"',
        '"require_secure_transport": "off"',
    )
}
SETTINGS = {"database.name": "elsewhere", "compute.autoscale.maximum": 8}


def record() -> None:
    """Deploy `dev`, preview the change over it, and keep what the engine writes."""
    with tempfile.TemporaryDirectory() as folder, on_sandbox(Path(folder)) as running:
        dev = Deployed("dev", running)
        dev.up()
        program = copy_with(Path(folder) / "program", TO_THE_INTERNET | WITHOUT_TLS)
        file = running.stack_file("dev", dev.configure(SETTINGS))
        os.environ.update(running.environment)
        policies = ["--policy-pack", str(ROOT / "policies")]
        recording.save(
            engine.run(program, "dev", ["--config-file", str(file), *policies]), RECORDED
        )


if __name__ == "__main__":
    record()
