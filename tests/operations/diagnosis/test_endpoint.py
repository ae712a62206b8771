"""Each kind of finding of managed endpoints, planted in what the golden states say."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from operations.diagnosis.endpoint import kinds, wanted
from operations.diagnosis.endpoint.front import Answer
from operations.diagnosis.endpoint.judging import judge, unwell
from operations.endpoint_cloud import value
from tests.support.diagnosed_endpoint import DAY, NOW, PRIVATE, PUBLIC, Sick

LOG = "Loading the model\nError in readRDS(path) : unknown input format\nExecution halted\n"
BLUE, IDENTITY = "deployment blue", "identity"


@pytest.mark.parametrize("stack", [PUBLIC, PRIVATE])
def test_an_endpoint_that_is_well_has_no_finding(stack: str) -> None:
    sick = Sick(stack)

    assert judge(sick.evidence()) == ()
    assert unwell(sick.evidence()) == ()
    sick.instances = None  # as Azure tells of it
    assert judge(sick.evidence()) == ()


def front(**changes: object) -> Callable[[Sick], None]:
    def plant(sick: Sick) -> None:
        sick.front = replace(sick.front, **changes)

    return plant


def put(kind: str, path: str, found: object, end: str = "") -> Callable[[Sick], None]:
    def plant(sick: Sick) -> None:
        place = sick.told(kind, end)
        *above, last = path.split(".")
        for name in above:
            place = place[name]
        place[last] = found

    return plant


def lose(kind: str, end: str = "") -> Callable[[Sick], None]:
    return lambda sick: sick.lose(kind, end)


def answers(status: int, said: str = "no") -> Callable[[Sick], None]:
    return lambda sick: sick.answer(status, said)


def has_no_image(sick: Sick) -> None:
    sick.images = dict.fromkeys(sick.images, False)


def disconnected(sick: Sick) -> None:
    found = sick.told(wanted.PRIVATE_ENDPOINT, "workspace-address")
    state = {"status": "Rejected"}
    found["privateLinkServiceConnections"][0]["privateLinkServiceConnectionState"] = state


TRAFFIC = "properties.traffic"
FAULTS: dict[str, tuple[str, Callable[[Sick], None], set[tuple[str, str]]]] = {
    "no name": (
        PUBLIC,
        front(addresses=(), unresolved="Name or service not known", until=None, answers=()),
        {("uri-unresolved", "endpoint")},
    ),
    "no connection": (
        PUBLIC,
        front(unreached="timed out", until=None, answers=()),
        {("uri-closed", "endpoint")},
    ),
    "a stranger's certificate": (
        PUBLIC,
        front(refused="self-signed certificate", answers=()),
        {("uri-untrusted", "endpoint")},
    ),
    "an expired certificate": (
        PUBLIC,
        front(until=NOW - DAY, refused="certificate has expired", answers=()),
        {("uri-expired", "endpoint")},
    ),
    "a certificate that ends": (PUBLIC, front(until=NOW + DAY), {("uri-expiring", "endpoint")}),
    "no credential": (
        PUBLIC,
        front(no_credential="Azure gives no credential", answers=()),
        {("credential-missing", "endpoint")},
    ),
    "a wrong key": (PUBLIC, answers(401), {("credential-refused", "endpoint")}),
    "no role": (PUBLIC, answers(403), {("caller-forbidden", "endpoint")}),
    "open to all": (PUBLIC, front(stranger=424), {("credential-unneeded", "endpoint")}),
    "no endpoint": (PUBLIC, lose(wanted.ENDPOINT), {("endpoint-missing", "endpoint")}),
    "a change that failed": (
        PUBLIC,
        put(wanted.ENDPOINT, "properties.provisioningState", "Failed"),
        {("endpoint-unprovisioned", "endpoint")},
    ),
    "another way in": (
        PUBLIC,
        put(wanted.ENDPOINT, "properties.authMode", "Key"),
        {("signin-differs", "endpoint")},
    ),
    "no traffic": (PUBLIC, put(wanted.ENDPOINT, TRAFFIC, {}), {("traffic-nowhere", "endpoint")}),
    "sixty percent": (
        PUBLIC,
        put(wanted.ENDPOINT, TRAFFIC, {"blue": 60}),
        {("traffic-partial", "endpoint"), ("traffic-differs", "endpoint")},
    ),
    "traffic to somebody's own": (
        PUBLIC,
        put(wanted.ENDPOINT, TRAFFIC, {"blue": 50, "grey": 50}),
        {("traffic-differs", "endpoint")},
    ),
    "copies": (
        PUBLIC,
        put(wanted.ENDPOINT, "properties.mirrorTraffic", {"grey": 10}),
        {("traffic-differs", "endpoint")},
    ),
    "no deployment": (
        PUBLIC,
        lose(wanted.DEPLOYMENT),
        {("deployment-missing", BLUE), ("traffic-unserved", BLUE)},
    ),
    "a deployment that failed": (
        PUBLIC,
        put(wanted.DEPLOYMENT, "properties.provisioningState", "Failed"),
        {("deployment-failed", BLUE)},
    ),
    "a deployment that rolls": (
        PUBLIC,
        put(wanted.DEPLOYMENT, "properties.provisioningState", "Updating"),
        {("deployment-updating", BLUE)},
    ),
    "a shorter time-out": (
        PUBLIC,
        put(wanted.DEPLOYMENT, "properties.requestSettings.requestTimeout", "PT1S"),
        {("deployment-differs", BLUE)},
    ),
    "no instance": (
        PUBLIC,
        lambda sick: sick.unready("booting", "its container ended 4 times"),
        {("instances-none", BLUE), ("traffic-unserved", BLUE)},
    ),
    "one instance less": (
        PRIVATE,
        lambda sick: sick.unready("starting", "", all_of_them=False),
        {("instances-fewer", BLUE)},
    ),
    "another number": (
        PUBLIC,
        put(wanted.DEPLOYMENT, "sku.capacity", 3),
        {("instances-count", BLUE), ("instances-fewer", BLUE)},
    ),
    "more than autoscale may": (
        PRIVATE,
        put(wanted.DEPLOYMENT, "sku.capacity", 11),
        {("instances-count", BLUE), ("instances-fewer", BLUE)},
    ),
    "no autoscale": (PRIVATE, lose(wanted.AUTOSCALE), {("autoscale-off", BLUE)}),
    "autoscale turned off": (
        PRIVATE,
        put(wanted.AUTOSCALE, "properties.enabled", False),
        {("autoscale-off", BLUE)},
    ),
    "a model that fails": (PUBLIC, answers(424), {("score-failed", BLUE)}),
    "a model that is slow": (PUBLIC, answers(408), {("score-slow", BLUE)}),
    "a crowd": (PUBLIC, answers(429), {("score-busy", BLUE)}),
    "another answer": (PUBLIC, answers(200), {("score-wrong", BLUE)}),
    "no answer": (PUBLIC, answers(0, "no answer within 15 seconds"), {("score-refused", BLUE)}),
    "nobody": (PUBLIC, answers(503), {("score-refused", BLUE)}),
    "no image": (PUBLIC, has_no_image, {("image-missing", "registry")}),
    "another environment": (
        PUBLIC,
        put(wanted.DEPLOYMENT, "properties.environmentId", "/x/environments/iris/versions/9"),
        {("image-differs", BLUE)},
    ),
    "another image": (
        PUBLIC,
        put(wanted.ENVIRONMENT, "properties.image", "theirs.azurecr.io/iris:latest"),
        {("image-differs", "environment iris/8ff06e260695a113")},
    ),
    "no environment": (
        PUBLIC,
        lose(wanted.ENVIRONMENT),
        {("model-missing", "environment iris/8ff06e260695a113")},
    ),
    "no model": (
        PUBLIC,
        lose(wanted.MODEL),
        {("model-missing", "model iris/1.0-00a033c01aa6")},
    ),
    "another model": (
        PUBLIC,
        put(wanted.DEPLOYMENT, "properties.model", "/x/models/iris/versions/2"),
        {("model-differs", BLUE)},
    ),
    "may not pull": (
        PUBLIC,
        lose(wanted.ASSIGNMENT, "endpoint-pulls-images"),
        {("pull-denied", IDENTITY)},
    ),
    "may pull as another": (
        PUBLIC,
        put(wanted.ASSIGNMENT, "principalId", "another", "endpoint-pulls-images"),
        {("pull-denied", IDENTITY)},
    ),
    "may not read": (
        PUBLIC,
        lose(wanted.ASSIGNMENT, "endpoint-reads-models"),
        {("storage-denied", IDENTITY)},
    ),
    "no storage": (PUBLIC, lose(wanted.ACCOUNT), {("part-missing", "StorageAccount")}),
    "an open endpoint": (
        PRIVATE,
        put(wanted.ENDPOINT, "properties.publicNetworkAccess", "Enabled"),
        {("exposure-differs", "endpoint")},
    ),
    "an administrator of the registry": (
        PUBLIC,
        put(wanted.REGISTRY, "adminUserEnabled", True),
        {("exposure-differs", "registry")},
    ),
    "keys of the storage account": (
        PUBLIC,
        put(wanted.ACCOUNT, "allowSharedKeyAccess", True),
        {("exposure-differs", "storage account")},
    ),
    "a vault in the open": (
        PRIVATE,
        put(wanted.VAULT, "properties.publicNetworkAccess", "Enabled"),
        {("exposure-differs", "vault")},
    ),
    "a connection that was rejected": (
        PRIVATE,
        disconnected,
        {("private-link-down", "private endpoint")},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_place_and_nothing_else_is(name: str) -> None:
    stack, plant, expected = FAULTS[name]
    sick = Sick(stack)
    plant(sick)
    found = judge(sick.evidence())

    assert {each.id for each in found} == {kind for kind, _ in expected}, found
    for kind, place in expected:
        assert any(each.id == kind and each.place.startswith(place) for each in found), found
    assert all(each.what for each in found)


def test_every_kind_is_planted() -> None:
    planted = {kind for _, _, expected in FAULTS.values() for kind, _ in expected}

    assert planted == set(kinds.KINDS)


def test_the_log_of_who_does_not_start_is_told_in_one_line() -> None:
    sick = Sick(PUBLIC)
    sick.unready("booting", "its container ended 4 times")
    assert unwell(sick.evidence()) == ("blue",)
    sick.logs = {"blue": LOG}

    (found,) = [each for each in judge(sick.evidence()) if each.id == "instances-none"]

    assert found.what == (
        "0 of 1 are ready: blue-0 is booting (its container ended 4 times); its log ends: "
        "Loading the model | Error in readRDS(path) : unknown input format | Execution halted"
    )


def test_what_follows_from_a_fault_is_no_finding_of_its_own() -> None:
    sick = Sick(PUBLIC)
    sick.unready("booting", "")
    sick.answer(503, "no instance is ready")
    assert "score-refused" not in {each.id for each in judge(sick.evidence())}

    sick = Sick(PUBLIC)
    sick.told(wanted.ENDPOINT)["properties"]["traffic"] = {}
    refused = Answer(deployment="", status=404, said="no traffic")
    sick.front = replace(sick.front, answers=(*sick.front.answers, refused))
    assert [each.id for each in judge(sick.evidence())] == ["traffic-nowhere"]


def test_what_is_hidden_from_the_caller_is_no_fault() -> None:
    """A private endpoint's name leads elsewhere outside of its network; so does a refusal."""
    sick = Sick(PRIVATE)
    sick.front = replace(sick.front, addresses=("20.0.0.4",), until=None, answers=())
    sick.resources = {}

    assert judge(sick.evidence()) == ()


def test_a_private_endpoint_is_asked_within_its_network() -> None:
    sick = Sick(PRIVATE)
    sick.front = replace(
        sick.front, addresses=("10.20.0.7",), until=None, unreached="timed out", answers=()
    )

    assert [each.id for each in judge(sick.evidence())] == ["uri-closed"]


def test_azures_own_form_is_read_as_azure_natives_is() -> None:
    flat = {"sku": {"capacity": 2}, "publicNetworkAccess": "Disabled"}
    nested = {"sku": {"capacity": 2}, "properties": {"publicNetworkAccess": "Disabled"}}

    for form in (flat, nested):
        assert value(form, "publicNetworkAccess") == "Disabled"
        assert value(form, "sku.capacity") == 2
        assert value(form, "sku.name.more") is None
