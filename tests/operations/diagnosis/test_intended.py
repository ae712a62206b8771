"""What should be comes out of states as the engine wrote them."""

import base64
import gzip
import json
from functools import cache
from typing import Any

import pytest

from operations.diagnosis import intended
from operations.diagnosis.intended import NODE_FILE, Intended
from tests.support import golden_states, old_world

STACKS = [each for each in golden_states.NAMES if "endpoint" not in each]


@cache
def outputs(stack: str) -> Any:
    state = old_world.unseal(old_world.path_of(stack).read_bytes())
    resources = state["state"]["deployment"]["resources"]
    (found,) = [each for each in resources if each["type"] == "pulumi:pulumi:Stack"]
    return found["outputs"]


def read(stack: str) -> Intended:
    return intended.read(stack, outputs(stack), golden_states.deployment(stack))


@pytest.mark.parametrize("stack", STACKS)
def test_every_deployed_stack_says_what_its_nodes_are_made_of(stack: str) -> None:
    found = read(stack)

    assert found.addresses
    for role, group in found.groups.items():
        assert group.node["role"] == role
        assert group.node["port"] == group.port
        assert NODE_FILE in group.files
        assert "/opt/operationalization/bin/configure.sh" in group.files
        assert not group.windows
        assert not group.behind


@pytest.mark.parametrize("stack", STACKS)
def test_who_may_reach_whom_is_what_the_nodes_own_firewalls_say(stack: str) -> None:
    """Two readings of one intention: the cloud's rules in the state, and the file on the node."""
    found = read(stack)
    for role, group in found.groups.items():
        ports = {rule["port"] for rule in group.node["firewall"]["inbound"]}
        assert {port for _, whom, port in found.paths if whom == role} <= ports
        outward = {rule["port"] for rule in group.node["firewall"]["outbound"]}
        assert {port for source, _, port in found.paths if source == role} <= outward


def test_a_change_of_one_file_changes_its_digest_alone() -> None:
    role = "one-box"
    before = read("dev-onebox").groups[role].files

    def change(resources: golden_states.Resources) -> None:
        for each in resources:
            machine = each.get("inputs", {}).get("osProfile") or {}
            if "customData" in machine:
                text = gzip.decompress(base64.b64decode(machine["customData"])).decode()
                text = text.replace("mode http\n", "mode tcp\n")
                machine["customData"] = base64.b64encode(gzip.compress(text.encode())).decode()

    spoilt = golden_states.changed("dev-onebox", change)
    after = intended.read("dev-onebox", outputs("dev-onebox"), spoilt).groups[role].files

    assert {path for path in before if before[path] != after.get(path)} == {
        "/etc/operationalization/haproxy.cfg"
    }


def test_machines_that_were_brought_further_have_no_files_to_compare_and_a_version() -> None:
    found = json.loads(json.dumps(outputs("dev-rserver")))
    group = found["groups"]["web"]
    node = {"role": "web", "version": "9.3.0"}
    content = group["content"]
    content["rendered"] = "another"
    content["nodeFile"] = base64.b64encode(gzip.compress(json.dumps(node).encode())).decode()

    read_again = intended.read("dev-rserver", found, golden_states.deployment("dev-rserver"))

    web = read_again.groups["web"]
    assert (web.files, web.node) == ({}, node)
    assert web.behind == tuple(group["names"])


def test_windows_is_known_by_what_its_machines_begin_with() -> None:
    def change(resources: golden_states.Resources) -> None:
        for each in resources:
            if each["type"] == "aws:ec2/launchTemplate:LaunchTemplate":
                each["inputs"]["userData"] = base64.b64encode(b"<powershell>\nexit").decode()

    spoilt = golden_states.changed("dev-aws", change)
    groups = intended.read("dev-aws", outputs("dev-aws"), spoilt).groups

    assert [(each.windows, dict(each.files)) for each in groups.values()] == [(True, {})] * 2
