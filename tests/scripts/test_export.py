"""scripts/export on real states: all of the environment, and none of its secrets."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from operations.export.state import SIGNATURE
from operations.export.terraform import PLACEHOLDER
from tests.support import old_world
from tests.support.engine import ROOT, Engine, require_engine

pytestmark = pytest.mark.engine

SHORTEST = 12
"""Characters; a shorter text may stand elsewhere for something else."""


def export(environment: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [str(ROOT / "scripts/export"), *arguments],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def secrets(value: Any) -> Iterator[str]:
    """Every secret text in a state that shows them."""
    match value:
        case {"plaintext": str(text)} if SIGNATURE in value:
            yield from texts(json.loads(text))
        case dict():
            for item in value.values():
                yield from secrets(item)
        case list():
            for item in value:
                yield from secrets(item)


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from texts(item)
        case list():
            for item in value:
                yield from texts(item)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A backend of the user's own, with the stack `dev` that an earlier commit deployed."""
    require_engine()
    folder = tmp_path_factory.mktemp("export")
    kept = old_world.restore("dev", folder)
    made = Engine(folder, variables={"PULUMI_CONFIG_PASSPHRASE": old_world.PASSPHRASE})
    old_world.take_over(kept, made)
    return made


@pytest.mark.parametrize("form", ["arm", "terraform"])
def test_no_secret_of_a_deployed_stack_is_in_its_export(engine: Engine, form: str) -> None:
    shown = engine.pulumi("stack", "export", "--show-secrets", "--stack", "dev").stdout
    known = {text for text in secrets(json.loads(shown)) if len(text) >= SHORTEST}

    made = export(engine.environment, "--deployed", "--cloud", "--format", form)

    assert len(known) > 20
    # A certificate is for everybody to see, and is in nodes' user data; keys and passwords are not.
    said = "\n".join(texts(made))
    assert [text for text in known if text in said and "CERTIFICATE-----" not in text] == []
    assert "PRIVATE KEY" not in json.dumps(made)


def test_a_deployed_stack_is_a_plan_that_changes_nothing(engine: Engine) -> None:
    made = export(engine.environment, "--deployed", "--cloud", "--format", "terraform")

    assert {tuple(each["change"]["actions"]) for each in made["resource_changes"]} == {("no-op",)}
    values = {
        each["address"]: each["values"]
        for each in made["planned_values"]["root_module"]["resources"]
    }
    secret = values["azurerm_key_vault_secret.dev-secrets-admin-password"]
    assert secret["value"] == PLACEHOLDER
    server = values["azurerm_postgresql_flexible_server.dev-database-server"]
    assert server["administrator_password"] == PLACEHOLDER
    assert server["public_network_access_enabled"] is False


def test_what_would_be_deployed_is_seen_without_an_account_and_leaves_nothing() -> None:
    require_engine()
    before = set((ROOT / ".cache").glob("world.*"))
    own = {
        k: v for k, v in os.environ.items() if not k.startswith(("PULUMI_", "OPERATIONALIZATION"))
    }

    made = export(own, "--stack", "dev", "--format", "arm")

    types = {each["type"] for each in made["resources"]}
    assert "Microsoft.Compute/virtualMachineScaleSets" in types
    assert made["metadata"]["stack"] == "dev"
    assert set((ROOT / ".cache").glob("world.*")) <= before
    assert "encryptionsalt" not in (ROOT / "stacks/Pulumi.dev.yaml").read_text()
