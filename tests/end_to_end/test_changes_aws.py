"""Nodes on AWS that change, come and go, with requests running: the twin of `test_changes.py`.

One environment, and one story in this order. No client tries anything twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.support.changing import BUSY, IRIS, PROBED, QUESTION, await_use, ready
from tests.support.live import Live, live
from tests.support.load import Load, under_load
from tests.support.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.root]

SPEED = "12"
"""A node has 25 seconds to drain. One that its balancer finds unwell is replaced at once."""
GROUP = "aws:autoscaling/group:Group"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live("dev-aws", tmp_path_factory.mktemp("changes"), ("--speed", SPEED)) as running:
        published = running.script("publish", str(IRIS))
        assert published.returncode == 0, published.stderr
        yield running


def test_new_content_takes_over_and_no_request_is_lost(aws: Live) -> None:
    old = ready(aws)
    with under_load(aws, QUESTION) as load:
        load.await_served(BUSY)
        result = aws.up({"compute.workersPerNode": 3, "database.connectionsPerWebNode": 6})
        load.await_served(BUSY)

    assert load.losses == (), load
    steps = [(op, name) for op, token, name in result.changes if token == GROUP]
    for name in ("dev-aws-web-nodes", "dev-aws-compute-nodes"):
        made = steps.index(("create-replacement", name))
        assert made < steps.index(("delete-replaced", name))
    new = ready(aws)
    assert len(new) == len(old) == 4
    assert not new & old


@dataclass(frozen=True, kw_only=True)
class Unwell:
    """A web node whose proxy is gone for good, though its machine runs."""

    name: str
    since: datetime
    load: Load
    """What clients saw until the balancer's probe must have noticed, and a while longer."""


@pytest.fixture(scope="module")
def unwell(aws: Live) -> Unwell:
    name = min(ready(aws, "web"))
    with under_load(aws, QUESTION) as load:
        load.await_served(BUSY)
        aws.on(name, "systemctl", "mask", "--runtime", "--now", "operationalization-proxy.service")
        since = datetime.now(UTC)
        load.go_on(PROBED.total_seconds())
        load.await_served(BUSY)
    return Unwell(name=name, since=since, load=load)


def test_a_web_node_that_is_unwell_is_passed_by(unwell: Unwell) -> None:
    assert all(loss.began <= unwell.since + PROBED for loss in unwell.load.losses), unwell.load


def test_a_web_node_that_stays_unwell_is_replaced(aws: Live, unwell: Unwell) -> None:
    with under_load(aws, QUESTION) as load:
        until(lambda: len(ready(aws, "web") - {unwell.name}) == 2, f"{unwell.name} is not replaced")
        for node in ready(aws, "web") - {unwell.name}:
            await_use(aws, node)

    assert load.losses == (), load
    until(lambda: unwell.name not in aws.names(), f"{unwell.name} does not go")


def test_nodes_that_come_and_go_by_hand_cost_no_request(aws: Live) -> None:
    (group,) = [each["id"] for each in aws.resources(GROUP) if "-compute-" in each["id"]]
    old = set(aws.names("compute"))
    with under_load(aws, QUESTION) as load:
        load.await_served(BUSY)
        aws.tamper(group, "desiredCapacity", "3")
        until(lambda: len(ready(aws, "compute")) == 3, "no third compute node serves")
        (new,) = ready(aws, "compute") - old
        await_use(aws, new)
        aws.tamper(group, "desiredCapacity", "2")
        until(lambda: len(aws.names("compute")) == 2, "nobody goes")
        load.await_served(BUSY)

    assert load.losses == (), load
