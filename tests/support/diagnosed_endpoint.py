"""Managed endpoints that are well, as facts: what the golden states say that the cloud has."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

from operations import endpoint
from operations.diagnosis.endpoint import wanted
from operations.diagnosis.endpoint.front import Answer, Front
from operations.diagnosis.endpoint.judging import Evidence
from operations.endpoint import Endpoint
from operations.endpoint_cloud import Facts, Instance, key, value
from tests.support import golden_states

NOW = 1_800_000_000.0
DAY = 24 * 60 * 60.0
PUBLIC, PRIVATE = "dev-endpoint", "azure-endpoint-production"


def outputs(stack: str) -> dict[str, Any]:
    """The outputs that a golden state has."""
    (found,) = [e for e in golden_states.kept(stack) if e["type"] == "pulumi:pulumi:Stack"]
    return dict(found["outputs"])


def endpoint_of(stack: str) -> Endpoint:
    """The endpoint of a golden state."""
    found = endpoint.read(stack, outputs(stack))
    assert found is not None
    return found


class Sick:
    """An endpoint, as it is known; it is well until a test changes something."""

    def __init__(self, stack: str) -> None:
        self.wanted = wanted.read(endpoint_of(stack), golden_states.deployment(stack))
        self.resources = {
            key(each.id): deepcopy(dict(each.outputs)) for each in self.wanted.resources
        }
        self.told(wanted.ENDPOINT)["properties"]["traffic"] = dict(self.wanted.split.traffic)
        self.gone: set[str] = set()
        self.deployment = next(iter(self.wanted.deployments))
        capacity = int(value(self.told(wanted.DEPLOYMENT), "sku.capacity"))
        self.instances: list[Instance] | None = [
            Instance(
                name=f"{self.deployment}-{number}",
                id=f"{self.id_of(wanted.DEPLOYMENT)}/instances/{number}",
                deployment=self.deployment,
                state="ready",
                ready=True,
            )
            for number in range(capacity)
        ]
        host = self.wanted.endpoint.uri.split("/")[2]
        self.front = Front(
            host=host,
            port=443,
            addresses=("20.0.0.4",),
            until=NOW + 60 * DAY,
            stranger=401,
            answers=(Answer(deployment=self.deployment, status=200, seconds=0.1, right=True),),
        )
        self.images = {
            str(value(each.inputs, "properties.image")): True
            for each in self.wanted.of(wanted.ENVIRONMENT)
        }
        self.logs: dict[str, str] = {}

    def id_of(self, kind: str, end: str = "") -> str:
        """The id of the one resource of a type, whose logical name ends so."""
        (found,) = [each for each in self.wanted.of(kind) if each.name.endswith(end)]
        return found.id

    def told(self, kind: str, end: str = "") -> dict[str, Any]:
        """What the cloud tells of it, to be changed."""
        return self.resources[key(self.id_of(kind, end))]

    def lose(self, kind: str, end: str = "") -> None:
        """Take it away."""
        arm = key(self.id_of(kind, end))
        del self.resources[arm]
        self.gone.add(arm)

    def answer(self, status: int, said: str = "", *, right: bool = False) -> None:
        """Have the deployment answer so."""
        answers = (
            Answer(deployment=self.deployment, status=status, seconds=0.2, said=said, right=right),
        )
        self.front = replace(self.front, answers=answers)

    def unready(self, state: str, why: str, *, all_of_them: bool = True) -> None:
        """Have instances that are not ready."""
        assert self.instances is not None
        count = len(self.instances) if all_of_them else 1
        self.instances[:count] = [
            replace(each, state=state, ready=False, why=why) for each in self.instances[:count]
        ]

    def evidence(self) -> Evidence:
        """All of it."""
        return Evidence(
            wanted=self.wanted,
            front=self.front,
            facts=Facts(resources=self.resources, gone=frozenset(self.gone)),
            now=NOW,
            instances=self.instances,
            images=self.images,
            logs=self.logs,
        )
