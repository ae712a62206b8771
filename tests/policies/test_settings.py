"""What the settings allow, the rules allow: environments that no stack of `stacks/` is."""

from typing import Any

import pytest

from policies.rules import RULES
from tests.support import azure, policies, stacks
from tests.support.environments import (
    AWS,
    AZURE,
    ONE_BOX_AWS,
    changed,
    of_family,
)
from tests.support.programs import deployed

CLOSED = {
    "access.egress": "none",
    "runtime.image": "complete",
    "runtime.imageId": azure.IMAGE,
}
FIXED = {
    "web.nodes": "fixed",
    "compute": {"nodes": "fixed", "count": 2},
}
SECRETS = {
    "9.0-preview": {
        "operationalization:adminPassword": "Correct-Horse-1",
        "operationalization:adminPasswordHash": "the-hash-of-it",
    }
}
WINDOWS = "windows-server-2016"
ANYBODY = {
    "access": {"clients": ["0.0.0.0/0"], "anyClient": True},
    "loadBalancer.exposure": "public",
}
DISCARD = {"database.discard": "operationalization"}


def beside(base: dict[str, Any], serving: str) -> dict[str, Any]:
    """9.4.7 beside 9.1.0, each with a database of its own."""
    old = of_family(base, "9.1.0")
    new = changed(of_family(base, "9.4.7"), {"runtime.generation": 1})
    before = {**old["runtime"], "restored": "2026-01-31T12:00:00Z", "serving": serving}
    return changed(new, {"predecessor": before})


ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "closed": changed(AZURE, CLOSED),
    "anybody may call": changed(AZURE, ANYBODY),
    "anybody may call on AWS": changed(AWS, ANYBODY),
    "sessions": changed(AWS, {"access.sessionManager": True}),
    "fixed on AWS": changed(AWS, FIXED),
    "a database that is given up": changed(AZURE, DISCARD),
    "a database that is given up on AWS": changed(AWS, DISCARD),
    "Windows": of_family(AZURE, "9.4.7", WINDOWS),
    "Windows on AWS": of_family(AWS, "9.4.7", WINDOWS),
    "other ports on AWS": of_family(AWS, "9.0-preview"),
    "a set of nodes that does not serve yet": beside(AZURE, "old"),
    "a set of nodes that does not serve yet on AWS": beside(AWS, "old"),
    "two sets of nodes": beside(AZURE, "both"),
    "a set of nodes that has gone": beside(AZURE, "gone"),
    "one box with a server": changed(ONE_BOX_AWS, {"database": {"engine": "postgresql"}}),
}
EXPECTED = {"database-standby", "database-geo-backup"}
"""What a protected environment keeps only if its settings ask for it."""


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_the_settings_allow_the_rules_allow(name: str) -> None:
    environment = ENVIRONMENTS[name]
    held_to = policies.ground_of(environment, "test")
    secrets = SECRETS.get(environment.get("runtime", {}).get("version"))
    found = policies.of_program(deployed({stacks.ENVIRONMENT: environment}, secrets=secrets))

    said = [
        f"{rule.id}: {resource}: {each.what}"
        for rule, resource, each in policies.findings(RULES, found, held_to)
        if rule.id not in EXPECTED
    ]
    assert said == []
