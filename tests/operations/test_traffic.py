"""Traffic is moved, remembered and moved back; what can't be set is refused before anything is."""

import argparse
import json

import pytest

from operations import split as splits
from operations import stack_file, traffic, traffic_command
from operations.errors import OperationError
from operations.split import Split
from operations.traffic import Memory

ENDPOINT = "/subscriptions/s/.../onlineEndpoints/iris"
URN = "urn:pulumi:dev-endpoint::operationalization::azure-native:resources:Deployment::x-traffic"
TEXT = """\
config:
  operationalization:environment:
    topology: managed-endpoint
    endpoint:
      traffic: { blue: 100 } # who gets what
"""
BLUE = Split(traffic={"blue": 100})
CANARY = Split(traffic={"blue": 90, "green": 10})
GREEN = Split(traffic={"green": 100})


def state(split=BLUE, broken=(), endpoint=ENDPOINT, names=("blue", "green")):
    template = {
        "resources": [
            {
                "name": "models/iris",
                "properties": {
                    "traffic": dict(split.traffic),
                    "mirrorTraffic": dict(split.mirror),
                },
            }
        ]
    }
    resources = [
        {
            "type": "azure-native:machinelearningservices:OnlineDeployment",
            "urn": f"urn::{name}",
            "id": f"{ENDPOINT}/deployments/{name}",
            **({"initErrors": ["it did not serve"]} if name in broken else {}),
        }
        for name in names
    ]
    setter = {
        "type": "azure-native:resources:Deployment",
        "urn": URN,
        "id": "traffic",
        "inputs": {"properties": {"template": template}},
        "outputs": {"properties": {"outputResources": [{"id": endpoint}]}},
    }
    return json.dumps({"deployment": {"resources": [*resources, setter]}})


class Stack:
    """A stack's file, its state, and what was moved before."""

    def __init__(self, folder):
        self.path = folder / "Pulumi.dev-endpoint.yaml"
        self.path.write_text(TEXT)
        self.memory = Memory(folder / "traffic", "dev-endpoint")
        self.split = BLUE
        self.broken = ()
        self.fails = False

    @property
    def now(self):
        return traffic.deployed("dev-endpoint", state(self.split, self.broken))

    @property
    def file(self):
        return stack_file.read(self.path)

    def move(self, wanted):
        traffic.moved(self.now, wanted)
        self._set(wanted, rollback=False)

    def back(self):
        wanted, why = traffic.back(self.now, self.file, self.memory)
        self._set(wanted, rollback=True)
        return why

    def _set(self, wanted, *, rollback):
        traffic.prepare(self.now, self.file, wanted, self.memory, rollback=rollback)
        if self.fails:
            traffic.undo(self.memory)
            return
        self.split = wanted
        traffic.keep(self.now, self.memory)


@pytest.fixture
def stack(tmp_path):
    return Stack(tmp_path)


def test_what_is_deployed_is_in_pulumis_state():
    found = traffic.deployed("dev-endpoint", state(CANARY, broken=("green",)))

    assert (found.split, found.urn, found.endpoint) == (CANARY, URN, ENDPOINT)
    assert (found.ready, found.broken) == ({"blue"}, {"green"})


def test_a_stack_without_an_endpoint_has_no_traffic():
    with pytest.raises(OperationError) as error:
        traffic.deployed("dev", json.dumps({"deployment": {"resources": []}}))

    assert error.value.what == "there is no traffic to move"


def test_moves_are_taken_back_one_by_one(stack):
    stack.move(CANARY)
    stack.move(GREEN)
    assert stack.file.split == GREEN
    assert stack.path.read_text().endswith("# who gets what\n")

    assert stack.back() == "the split before the last move"
    assert (stack.split, stack.file.split) == (CANARY, CANARY)
    stack.back()
    assert stack.split == BLUE
    with pytest.raises(OperationError, match="there is nothing to go back to"):
        stack.back()


def test_a_move_after_a_move_back_is_taken_back_too(stack):
    stack.move(CANARY)
    stack.back()
    stack.move(GREEN)
    stack.back()

    assert stack.split == BLUE


def test_a_move_that_did_not_come_to_pass_leaves_the_file_and_is_not_remembered(stack):
    stack.fails = True
    stack.move(GREEN)

    assert (stack.path.read_text(), stack.memory.before(stack.now)) == (TEXT, [])


def test_what_the_file_says_and_nobody_deployed_is_taken_back_first(stack):
    stack.move(CANARY)
    stack.path.write_text(stack.file.with_split(GREEN))

    assert stack.back() == ("what is deployed: the split in the stack file never came to pass")
    assert (stack.split, stack.file.split) == (CANARY, CANARY)
    stack.back()
    assert stack.split == BLUE


def test_a_broken_deployment_gets_no_traffic_and_keeps_nobody_from_going_back(stack):
    stack.move(CANARY)
    stack.broken = ("green",)

    with pytest.raises(OperationError) as error:
        stack.move(GREEN)
    assert error.value.why == "green is not ready: it was made and did not come to serve"
    stack.back()
    assert stack.split == BLUE


def test_another_endpoint_of_the_name_has_no_past(stack):
    stack.move(CANARY)
    now = traffic.deployed("dev-endpoint", state(CANARY, endpoint=f"{ENDPOINT}-2"))

    assert stack.memory.before(stack.now) == [BLUE]
    assert stack.memory.before(now) == []


def test_a_deployment_that_has_gone_is_nothing_to_go_back_to(stack):
    stack.move(CANARY)
    stack.move(BLUE)
    now = traffic.deployed("dev-endpoint", state(BLUE, names=("blue",)))

    with pytest.raises(OperationError) as error:
        traffic.back(now, stack.file, stack.memory)
    assert error.value.why == (
        "before the last move it was blue 90, green 10, and there is no deployment green: deployed "
        "are blue"
    )


def test_it_is_shown_as_deployed_and_as_written(stack):
    stack.move(CANARY)
    stack.path.write_text(stack.file.with_split(GREEN))
    stack.broken = ("green",)

    assert traffic.shown(stack.now, stack.file, stack.memory).splitlines() == [
        "as deployed:       blue 90, green 10",
        "in the stack file: green 100 (not deployed yet)",
        "not ready:         green",
        "--rollback sets:   blue 100",
    ]


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (BLUE, []),
        (Split(traffic={"blue": 90}), ["the traffic adds up to 90, not to 100"]),
        (
            Split(traffic={"blue": 90, "red": 10}),
            ["there is no deployment red: deployed are blue, green"],
        ),
        (
            Split(traffic={"blue": 100}, mirror={"green": 51}),
            ["at most 50 percent are mirrored, not 51"],
        ),
        (
            Split(traffic={"blue": 100}, mirror={"blue": 10}),
            ["blue takes live traffic: nothing is mirrored to it"],
        ),
    ],
)
def test_what_azure_asks_of_a_split(split, expected):
    assert list(splits.problems(split, ["green", "blue"])) == expected


@pytest.mark.parametrize("word", ["blue", "blue=", "blue=ten", "blue=-1", "=10", "blue=1000"])
def test_shares_are_names_and_percents(word):
    with pytest.raises(OperationError, match="it is not NAME=PERCENT"):
        splits.parse([word], "traffic")


def test_a_name_has_one_share():
    with pytest.raises(OperationError, match="it is there twice"):
        splits.parse(["blue=50", "blue=50"], "traffic")


@pytest.mark.parametrize(
    ("share", "mirror", "now", "expected"),
    [
        (["blue=90", "green=10"], None, BLUE, CANARY),
        ([], ["green=20"], BLUE, Split(traffic={"blue": 100}, mirror={"green": 20})),
        ([], [""], Split(traffic={"blue": 100}, mirror={"green": 20}), BLUE),
        (
            ["blue=100"],
            None,
            Split(traffic={"blue": 100}, mirror={"green": 20}),
            Split(traffic={"blue": 100}, mirror={"green": 20}),
        ),
        (["green=100"], None, Split(traffic={"blue": 100}, mirror={"green": 20}), GREEN),
    ],
)
def test_what_is_not_said_stays(stack, share, mirror, now, expected):
    stack.split = now
    options = argparse.Namespace(share=share, mirror=mirror)

    assert traffic_command.wanted(options, stack.now) == expected
