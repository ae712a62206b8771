"""What Azure and the sandbox tell of an endpoint, in the one form that is judged."""

import json
import os
from pathlib import Path

import httpx
import pytest

from operations.endpoint_cloud.azure import AzureSource
from operations.endpoint_cloud.facts import Facts
from operations.endpoint_cloud.sandbox import of_status
from operations.errors import OperationError

ARM = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/w"
BLUE = f"{ARM}/onlineEndpoints/iris/deployments/blue"


def azure(answers: dict[str, tuple[int, object]]) -> tuple[AzureSource, list[httpx.Request]]:
    heard: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        found = answers.get(request.url.path)
        if found is None:
            raise httpx.ConnectError("no way", request=request)
        return httpx.Response(found[0], json=found[1])

    return AzureSource(lambda: "t0ken", httpx.MockTransport(respond)), heard


def test_azure_tells_what_there_is_what_is_gone_and_what_it_does_not_tell() -> None:
    source, heard = azure(
        {
            ARM: (200, {"id": ARM, "properties": {"publicNetworkAccess": "Enabled"}}),
            f"{ARM}/gone": (404, {"error": {"code": "ResourceNotFound", "message": "gone"}}),
            f"{ARM}/secret": (403, {"error": {"code": "AuthorizationFailed", "message": "no"}}),
        }
    )
    wanted = [ARM, f"{ARM}/gone", f"{ARM}/secret", f"{ARM}/far"]

    assert source.facts(dict.fromkeys(wanted, "2025-12-01")) == Facts(
        resources={ARM.casefold(): {"id": ARM, "properties": {"publicNetworkAccess": "Enabled"}}},
        gone=frozenset([f"{ARM}/gone".casefold()]),
        untold={f"{ARM}/secret".casefold(): "403: no", f"{ARM}/far".casefold(): "no way"},
    )
    assert {each.url.params["api-version"] for each in heard} == {"2025-12-01"}
    assert {each.headers["Authorization"] for each in heard} == {"Bearer t0ken"}
    assert {each.method for each in heard} == {"GET"}
    assert source.instances({"blue": BLUE}) is None


def test_azure_gives_the_end_of_a_log() -> None:
    source, heard = azure({f"{BLUE}/getLogs": (200, {"content": "Loading\nhalted\n"})})

    assert source.log(BLUE, None) == "Loading\nhalted\n"
    assert json.loads(heard[0].content) == {"containerType": "InferenceServer", "tail": 20}


def test_a_log_that_may_not_be_read_says_why() -> None:
    source, _ = azure({f"{BLUE}/getLogs": (403, {"error": {"message": "not yours"}})})

    with pytest.raises(OperationError, match="403: not yours"):
        source.log(BLUE, None)


@pytest.mark.parametrize(
    ("script", "expected"),
    [("echo '{}'", True), ("echo 'ERROR: The specified tag was not found' >&2; exit 1", False)],
)
def test_the_registry_is_asked_by_the_azure_cli(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, expected: bool
) -> None:
    _cli(tmp_path, f'echo "$@" >{tmp_path}/words; {script}', monkeypatch)

    assert azure({})[0].has_image("theirs.azurecr.io/iris:1a2b") is expected
    assert (tmp_path / "words").read_text() == (
        "acr repository show --name theirs --image iris:1a2b --output json\n"
    )


def test_a_registry_that_cannot_be_reached_is_no_missing_image(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _cli(tmp_path, "echo 'client with IP 1.2.3.4 is not allowed access' >&2; exit 1", monkeypatch)

    with pytest.raises(OperationError, match="is not allowed access"):
        azure({})[0].has_image("theirs.azurecr.io/iris:1a2b")


def _cli(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = folder / "az"
    cli.write_text(f"#!/bin/sh\n{text}\n")
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin:/bin")


def node(number: int, phase: str, **more: object) -> dict[str, object]:
    known = {"name": f"blue-{number}", "id": f"{BLUE}/instances/{number}".casefold()}
    return {**known, "phase": phase, "healthy": None, "restarts": 0, "reason": "", **more}


def test_the_sandboxs_machines_are_instances_of_their_deployment() -> None:
    other = node(0, "ready") | {"id": BLUE.replace("blue", "bluer").casefold() + "/instances/0"}
    machine = {**node(7, "ready"), "name": "web-0", "id": "/subscriptions/s/virtualmachines/web-0"}
    found = of_status(
        [
            node(0, "ready", healthy=True),
            node(1, "ready", healthy=False),
            node(2, "booting", restarts=3),
            node(3, "failed", reason="the image is not in a registry"),
            other,
            machine,
        ],
        {"blue": BLUE},
    )

    assert [(each.name, each.ready, each.why) for each in found] == [
        ("blue-0", True, ""),
        ("blue-1", False, "its readiness route does not answer 200"),
        ("blue-2", False, "its container ended 3 times"),
        ("blue-3", False, "the image is not in a registry"),
    ]
    assert {each.deployment for each in found} == {"blue"}
