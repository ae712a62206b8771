"""The policy pack under the real engine: what a pull request must not do is refused.

The program is the project's own; a transformation does to it what a careless change would do.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support import stacks
from tests.support.engine import ROOT, Engine, Result, on_sandbox
from tests.support.environments import changed

pytestmark = pytest.mark.engine

PROGRAM = """
import json, os, runpy, sys

sys.path[0] = {root!r}
import pulumi

CHANGE = json.loads(os.environ["CHANGE_OF_THE_TEST"])


def careless(args):
    change = CHANGE.get(args.name)
    if change is None or not args.type_.startswith(("aws:", "azure-native:")):
        return None
    props = dict(args.props)
    for key, (index, name, value) in change.items():
        if index is None:
            props[key] = value
        else:
            setattr(props[key][index], name, value)
    return pulumi.ResourceTransformationResult(props, args.opts)


pulumi.runtime.register_stack_transformation(careless)
runpy.run_path({program!r}, run_name="__main__")
"""
UNCHANGED: dict[str, Any] = {}
OPENED = {
    "dev-network-firewall-compute": {"security_rules": [0, "source_address_prefix", "0.0.0.0/0"]}
}
UNENCRYPTED = {"dev-aws-database-server": {"storage_encrypted": [None, None, False]}}
SAID = """\
network-compute-port-web-only: Only web nodes reach compute nodes, which trust whoever calls them
{opened} (azure-native:network:NetworkSecurityGroup): \
rule allow-web-to-compute-12805 (port 12805) lets 0.0.0.0/0 in to 12805, the port of compute nodes
fix: take the rule away, or let it name the web nodes' subnet alone as its source
or exempt it with a reason: docs/policies.md#network-compute-port-web-only
"""
WHY = "The network in front of it is cut off from everything else."


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("policies")
    program = folder / "program"
    program.mkdir()
    described = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    described["runtime"]["options"]["virtualenv"] = str(ROOT / ".venv")
    (program / "Pulumi.yaml").write_text(yaml.safe_dump(described))
    text = PROGRAM.format(root=str(ROOT), program=str(ROOT / "__main__.py"))
    (program / "__main__.py").write_text(text)
    with on_sandbox(folder, program) as found:
        found.policies = [str(ROOT / "policies")]
        yield found


def careless(engine: Engine, change: dict[str, Any]) -> None:
    engine.environment["CHANGE_OF_THE_TEST"] = json.dumps(change)


def test_a_program_that_opens_the_compute_port_is_refused(engine: Engine) -> None:
    careless(engine, OPENED)
    update = engine.up("dev", stacks.config("dev"))

    assert update.exit_code != 0
    opened = "dev-network-firewall-compute"
    assert [each for each in update.violations if each[0] == "mandatory"] == [
        ("mandatory", "network-compute-port-web-only", opened),
        ("mandatory", "network-open-to-internet", opened),
    ]
    said = message(update, "network-compute-port-web-only")
    assert said.splitlines() == SAID.format(opened=opened).splitlines()

    assert opened not in {urn.rpartition("::")[2] for urn in engine.resources("dev")}


def test_a_database_in_the_clear_passes_with_a_reason_that_everybody_reads(engine: Engine) -> None:
    """Without one it is refused: test_preview.py."""
    careless(engine, UNENCRYPTED)
    config = stacks.config("dev-aws")
    exemption = {
        "policy": "encryption-database",
        "resource": "dev-aws-database-*",
        "reason": WHY,
        "until": "2099-12-31",
    }
    idle = {**exemption, "policy": "encryption-disks"}
    unknown = {**exemption, "policy": "encryption-of-everything"}
    environment = changed(config[stacks.ENVIRONMENT], {"exemptions": [exemption, idle, unknown]})
    exempted = engine.preview("dev-aws", {**config, stacks.ENVIRONMENT: environment})

    assert exempted.exit_code == 0, exempted.display
    assert {each for each in exempted.violations if "exempt" in each[1]} == {
        ("advisory", "exempted", "dev-aws-database-server"),
        ("advisory", "exemption-stale", "operationalization-dev-aws"),
    }
    assert f"reason: {WHY} (until 2099-12-31)" in message(exempted, "exempted")
    stale = " ".join(messages(exempted, "exemption-stale"))
    assert "exemption of encryption-disks for dev-aws-database-*: nothing needs it" in stale
    assert "exemption of encryption-of-everything for dev-aws-database-*: there is no such" in stale


@pytest.mark.parametrize("stack", ["azure-staging", "aws-staging"])
def test_a_protected_environment_goes_up_and_every_rule_decides(stack: str, engine: Engine) -> None:
    """Nothing is unknown in an update, and the whole stack is looked at when it is there."""
    careless(engine, UNCHANGED)
    update = engine.up(stack, stacks.config(stack))

    assert update.exit_code == 0, update.display
    assert {each[1] for each in update.violations} == {"exempted"}


def messages(result: Result, policy: str) -> list[str]:
    """What the pack said for a policy; the engine writes its colours as marks."""
    events = [each["policyEvent"] for each in result.events if "policyEvent" in each]
    return [
        each["message"].replace("<{%reset%}>", "").strip()
        for each in events
        if each["policyName"] == policy
    ]


def message(result: Result, policy: str) -> str:
    (found,) = messages(result, policy)
    return found
