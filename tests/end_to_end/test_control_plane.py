"""The real engine on the sandbox's control plane: a small program through its whole life."""

import subprocess

import pytest

from tests.support.engine import ROOT, on_sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_random as random
import pulumi_tls as tls
from pulumi_azure_native import Provider, resources

config = pulumi.Config()
west = Provider("west", location="westeurope")
north = Provider("north", location="northeurope")
group = resources.ResourceGroup(
    "group",
    location=config.get("location"),
    tags={"owner": config.require("owner")},
    opts=pulumi.ResourceOptions(provider=west),
)
other = resources.ResourceGroup("other", opts=pulumi.ResourceOptions(provider=north))
password = random.RandomPassword("password", length=20, min_upper=2)
key = tls.PrivateKey("key", algorithm="ED25519")
pulumi.export("locations", [group.location, other.location])
pulumi.export("password", password.result)
pulumi.export("key", key.public_key_openssh)
"""

GROUP = "azure-native:resources:ResourceGroup"
OWNER = {"tiny:owner": "me"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The engine on a program of five resources and two providers."""
    folder = tmp_path_factory.mktemp("tiny")
    program = folder / "program"
    program.mkdir()
    runtime = f"{{name: python, options: {{virtualenv: {ROOT / '.venv'}}}}}"
    project = f"name: tiny\nruntime: {runtime}\nstackConfigDir: stacks\n"
    (program / "Pulumi.yaml").write_text(project)
    (program / "__main__.py").write_text(PROGRAM)
    with on_sandbox(folder, program) as engine:
        yield engine


def sandbox(engine, *arguments):
    done = subprocess.run(
        [ROOT / "scripts/sandbox", *arguments],
        env=engine.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def group_id(engine, name):
    return next(
        resource["id"]
        for urn, resource in engine.resources("life").items()
        if urn.endswith(f"{GROUP}::{name}")
    )


def test_a_program_lives_changes_drifts_and_goes(tiny):
    created = tiny.up("life", OWNER)
    assert created.exit_code == 0, created.display
    assert created.summary == {"create": 7}
    assert tiny.outputs("life")["locations"] == ["westeurope", "northeurope"]
    assert tiny.outputs("life")["password"] == "[secret]"
    assert len(tiny.outputs("life", secrets=True)["password"]) == 20

    again = tiny.up("life", OWNER)
    assert (again.exit_code, again.changes) == (0, [])

    changed = tiny.up("life", {"tiny:owner": "you"})
    assert changed.changes == [("update", GROUP, "group")]

    sandbox(tiny, "edit", group_id(tiny, "other"), "tags", '{"by": "hand"}')
    found = tiny.refresh("life")
    assert found.drift == [("update", "other")]
    assert "updated" in found.display
    mended = tiny.up("life")
    assert mended.changes == [("update", GROUP, "other")]

    sandbox(tiny, "delete", group_id(tiny, "other"))
    assert tiny.refresh("life").drift == [("delete", "other")]
    remade = tiny.up("life")
    assert remade.changes == [("create", GROUP, "other")]

    moved = tiny.up("life", {"tiny:owner": "you", "tiny:location": "swedencentral"})
    assert [op for op, kind, name in moved.changes if name == "group"] == [
        "create-replacement",
        "replace",
        "delete-replaced",
    ]

    gone = tiny.destroy("life")
    assert gone.exit_code == 0, gone.display
    assert sandbox(tiny, "resources") == ""


def test_a_restarted_daemon_goes_on_where_it_was(tiny):
    tiny.up("restart", OWNER)
    before = sandbox(tiny, "resources")
    sandbox(tiny, "stop")
    ports = tiny.environment["PULUMI_DEBUG_PROVIDERS"].replace(":", "=").split(",")
    sandbox(tiny, "start", *[word for port in ports for word in ("--port", port)])
    assert sandbox(tiny, "resources") == before
    assert tiny.up("restart").changes == []
    assert tiny.destroy("restart").exit_code == 0


def test_a_refusal_is_what_the_user_reads(tiny):
    refused = tiny.preview("refused", {"tiny:owner": "me", "tiny:location": "atlantis"})
    assert refused.exit_code != 0
    assert any("atlantis" in error for error in refused.errors), refused.errors
