"""A second set of nodes beside the old one: a version that takes over and replaces no node."""

from functools import cache
from typing import Any

import pytest

from tests.components.topologies.test_family import FIXED, MACHINE, REQUEST, STARTS, node_json
from tests.support import stacks
from tests.support.cloud import World
from tests.support.environments import changed, of_family
from tests.support.programs import deployed

MOMENT = "2026-01-31T12:00:00Z"
SECOND = {
    "azure": ["10.20.128.128", "10.20.128.129"],
    "aws": ["10.20.128.127", "10.20.129.127"],
}
"""Addresses of the new set's compute nodes: from the middle of the subnet, or of a zone's part."""
SERVER = {
    "azure": "azure-native:dbforpostgresql:Server",
    "aws": "aws:rds/instance:Instance",
}
DATABASE = "azure-native:dbforpostgresql:Database"
every_cloud = pytest.mark.parametrize("cloud", ["azure", "aws"])


@cache
def world(cloud: str, serving: str = "old") -> World:
    """9.1.0 with 9.4.7 beside it; `alone`: 9.4.7 when 9.1.0 has gone; `before`: 9.1.0."""
    before = of_family(STARTS[cloud], "9.1.0")
    if serving == "before":
        return deployed({stacks.ENVIRONMENT: before})
    value = changed(of_family(STARTS[cloud], "9.4.7"), {"runtime.generation": 1})
    if serving != "alone":
        old = {**before["runtime"], "restored": MOMENT, "serving": serving}
        value = changed(value, {"predecessor": old})
    return deployed({stacks.ENVIRONMENT: value})


def machine(found: World, cloud: str, name: str) -> Any:
    return found.of_type(MACHINE[cloud])[name]


def told(found: World, cloud: str, name: str) -> Any:
    inputs = machine(found, cloud, name)
    aws = cloud == "aws"
    return node_json(inputs["userDataBase64"] if aws else inputs["osProfile"]["customData"])


def behind_the_balancer(found: World, cloud: str) -> set[str]:
    """Names of the machines that get calls."""
    if cloud == "aws":
        targets = found.of_type("aws:lb/targetGroupAttachment:TargetGroupAttachment")
        return {name.removesuffix("-target") for name in targets}
    interfaces = found.of_type("azure-native:network:NetworkInterface")
    return {
        name.removesuffix("-interface")
        for name, inputs in interfaces.items()
        if inputs["ipConfigurations"][0].get("loadBalancerBackendAddressPools")
    }


OLD = {"test-web-nodes-1", "test-web-nodes-2"}
NEW = {"test-g1-web-nodes-1", "test-g1-web-nodes-2"}


@every_cloud
@pytest.mark.parametrize(
    ("serving", "expected"),
    [("before", OLD), ("old", OLD), ("both", OLD | NEW), ("new", NEW), ("alone", NEW)],
)
def test_the_balancer_sends_calls_to_whoever_serves(
    cloud: str, serving: str, expected: Any
) -> None:
    assert behind_the_balancer(world(cloud, serving), cloud) == expected


@every_cloud
def test_nothing_of_the_old_set_changes_when_the_new_one_comes(cloud: str) -> None:
    alone, both = world(cloud, "before"), world(cloud, "old")
    for kind in (MACHINE[cloud], SERVER[cloud]):
        before, after = alone.of_type(kind), both.of_type(kind)
        for name, inputs in before.items():
            assert after[name] == inputs


@every_cloud
def test_nothing_of_the_new_set_changes_when_the_old_one_goes(cloud: str) -> None:
    both, alone = world(cloud, "new"), world(cloud, "alone")
    assert set(alone.of_type(MACHINE[cloud])) == {
        f"test-g1-{role}-nodes-{number}" for role in ("web", "compute") for number in (1, 2)
    }
    for name, inputs in alone.of_type(MACHINE[cloud]).items():
        assert both.of_type(MACHINE[cloud])[name] == inputs
    # What a restored server was made with once is kept whatever the program says later.
    made = {"createMode", "sourceServerResourceId", "pointInTimeUTC", "administratorLogin"}
    made |= {"administratorLoginPassword", "restoreToPointInTime", "username", "dbName"}
    name = "test-g1-database-server"
    first, later = (each.of_type(SERVER[cloud])[name] for each in (both, alone))
    assert {key for key in {*first, *later} if first.get(key) != later.get(key)} <= made
    ignored = alone.options_of(SERVER[cloud])[name].ignore_changes
    assert {key for key in {*first, *later} if first.get(key) != later.get(key)} <= set(ignored)
    assert set(alone.of_type(SERVER[cloud])) == {name}


@every_cloud
def test_the_new_sets_database_begins_with_the_old_ones_backup(cloud: str) -> None:
    servers = world(cloud).of_type(SERVER[cloud])
    old, new = servers["test-database-server"], servers["test-g1-database-server"]
    if cloud == "azure":
        assert new["createMode"] == "PointInTimeRestore"
        assert new["pointInTimeUTC"] == MOMENT
        assert "test-database-server" in new["sourceServerResourceId"]
        assert "administratorLogin" not in new
        assert list(world(cloud).of_type(DATABASE)) == ["test-database-database"]
    else:
        source = new["restoreToPointInTime"]
        assert source["restoreTime"] == MOMENT
        assert source["sourceDbInstanceIdentifier"] == old["identifier"]
        assert "username" not in new
        assert "dbName" not in new


@every_cloud
def test_each_set_has_compute_nodes_and_a_database_of_its_own(cloud: str) -> None:
    found = world(cloud)
    old, new = (told(found, cloud, f"test{suffix}-web-nodes-1") for suffix in ("", "-g1"))
    assert old["computeNodes"]["values"] == [f"https://{each}:12805" for each in FIXED[cloud]]
    assert new["computeNodes"]["values"] == [f"https://{each}:12805" for each in SECOND[cloud]]
    assert old["database"]["host"] != new["database"]["host"]
    assert (old["version"], new["version"]) == ("9.1.0", "9.4.7")


@every_cloud
def test_both_share_what_makes_tokens_and_logins(cloud: str) -> None:
    keys = world(cloud).of_type("tls:index/privateKey:PrivateKey")
    assert [name for name in keys if "token-signing" in name] == ["test-credentials-token-signing"]
    request = world(cloud).of_type(REQUEST)["test-credentials-compute-server-request"]
    assert request["ipAddresses"] == [*FIXED[cloud], *SECOND[cloud]]


@every_cloud
def test_who_joins_the_balancer_comes_before_who_leaves_it(cloud: str) -> None:
    joins = {"azure": "interface", "aws": "target"}[cloud]
    for serving, later, first in (("new", "test", "test-g1"), ("both", "test-g1", "test")):
        options = world(cloud, serving).options_of(f"operationalization:{cloud}:NodeGroup")
        after = {urn.partition("::")[2] for urn in options[f"{later}-web-nodes"].depends_on}
        assert f"{first}-web-nodes-1-{joins}" in after


@every_cloud
def test_operations_are_told_of_both(cloud: str) -> None:
    outputs = world(cloud).result.outputs
    assert outputs["oldSet"]["serving"] is True
    assert outputs["newSet"]["serving"] is False
    assert outputs["newSet"]["groups"]["compute"]["addresses"] == SECOND[cloud]
    assert outputs["groups"]["compute"]["addresses"] == FIXED[cloud]
    assert outputs["newSet"]["runtime"]["version"] == "9.4.7"
    assert world(cloud, "new").result.outputs["groups"]["compute"]["addresses"] == SECOND[cloud]
    assert "oldSet" not in world(cloud, "alone").result.outputs
