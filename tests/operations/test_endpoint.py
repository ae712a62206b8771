"""A managed endpoint is asked: whom a caller trusts, what lets one in, what refusals mean."""

import json
import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from model_folders import reading
from operations import endpoint as endpoints
from operations.endpoint import AzureAccess, Deployment, Endpoint, SandboxAccess
from operations.endpoint_client import EndpointClient
from operations.errors import OperationError
from operations.prove import prove_endpoint
from tests.support.web import Authority, https

HOST = "iris.westeurope.inference.ml.azure.com"
ID = (
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices"
    "/workspaces/w/onlineEndpoints/iris"
)
REQUEST = {"Sepal.Length": 6.1}
ANSWER = {"species": "virginica"}
OUTPUTS = {
    "topology": "managed-endpoint",
    "endpoint": f"https://{HOST}/score",
    "endpointName": "iris",
    "endpointId": ID,
    "authentication": "amlToken",
    "deployments": {
        "blue": {"model": "iris", "version": "1.0"},
        "green": {"model": "iris", "version": "2.0"},
        "red": {"model": "rose", "version": "1.0"},
    },
    "traffic": {"blue": 90, "green": 10},
    "mirror": {},
}


@dataclass
class Service:
    """An endpoint that answers what a test says."""

    endpoint: Endpoint
    authority: Authority
    heard: list = field(default_factory=list)
    answers: list = field(default_factory=lambda: [(200, ANSWER)])
    tokens: list = field(default_factory=lambda: ["token"])

    def bearer(self, _endpoint):
        return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]

    def address(self, _host):
        return "127.0.0.1"

    def trust(self):
        return ssl.create_default_context(cadata=self.authority.pem)

    def client(self, **changes):
        return EndpointClient(replace(self.endpoint, **changes), self)


@pytest.fixture
def service(tmp_path):
    authority = Authority()
    made = Service(endpoints.read("dev-endpoint", OUTPUTS), authority)

    def respond(heard):
        made.heard.append(heard)
        return made.answers.pop(0) if len(made.answers) > 1 else made.answers[0]

    with https(tmp_path, authority, respond, HOST) as url:
        port = url.rpartition(":")[2]
        made.endpoint = replace(made.endpoint, uri=f"https://{HOST}:{port}/score")
        yield made


def refused(service, expected, **changes):
    with service.client(**changes) as client, pytest.raises(OperationError) as error:
        client.score("iris", None, REQUEST, 5)
    assert (error.value.what, error.value.why) == expected
    return error.value


def test_outputs_describe_an_endpoint():
    found = endpoints.read("dev-endpoint", {**OUTPUTS, "key": "s3cret"})

    assert found.deployments[0] == Deployment(name="blue", model="iris", version="1.0")
    assert found.traffic == {"blue": 90, "green": 10}
    assert "s3cret" not in repr(found)
    assert endpoints.read("dev-endpoint", {**OUTPUTS, "endpoint": None}) is None


def test_the_answer_is_the_outputs_and_the_traffic_decides_who_gives_it(service):
    with service.client() as client:
        assert client.score("iris", None, REQUEST, 5) == ANSWER

    [heard] = service.heard
    assert (heard.method, heard.path, json.loads(heard.body)) == ("POST", "/score", REQUEST)
    headers = {name.lower(): value for name, value in heard.headers.items()}
    assert headers["authorization"] == "Bearer token"
    assert headers["host"] == HOST
    assert "azureml-model-deployment" not in headers


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [("iris", "2.0", "green"), ("iris", "1.0", "blue"), ("Rose", None, "red")],
)
def test_a_model_that_not_all_of_the_traffic_goes_to_is_asked_for(service, name, version, expected):
    with service.client() as client:
        client.score(name, version, REQUEST, 5)

    headers = {name.lower(): value for name, value in service.heard[0].headers.items()}
    assert headers["azureml-model-deployment"] == expected


def test_a_model_that_nobody_has(service):
    with service.client() as client, pytest.raises(OperationError) as error:
        client.score("tulip", None, REQUEST, 5)

    assert error.value.what == "no deployment has model tulip"
    assert error.value.why == "deployed are iris 1.0, iris 2.0, rose 1.0"
    assert service.heard == []


def test_a_token_that_has_ended_is_asked_for_once_more(service):
    service.tokens = ["old", "new"]
    service.answers = [(401, {"error": {"message": "expired"}}), (200, ANSWER)]

    with service.client() as client:
        assert client.score("iris", None, REQUEST, 5) == ANSWER
    sent = [heard.headers["Authorization"] for heard in service.heard]
    assert sent == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            (401, {"error": {"code": "Unauthorized", "message": "the key is not the endpoint's"}}),
            ("the endpoint does not let the caller in", "401: the key is not the endpoint's"),
        ),
        (
            (404, {"error": {"message": "the endpoint has no deployment with any traffic"}}),
            (
                "the endpoint sends the request to nobody",
                "404: the endpoint has no deployment with any traffic",
            ),
        ),
        (
            (408, {"error": {"message": "the model did not answer within 5 seconds"}}),
            (
                "the endpoint took too long to answer",
                "408: the model did not answer within 5 seconds",
            ),
        ),
        (
            (424, {"message": "Sepal.Length must be a number"}),
            (
                "the endpoint answered that the model failed",
                "424: Sepal.Length must be a number",
            ),
        ),
        (
            (429, None),
            ("the endpoint has too many requests", "429: it said nothing that can be understood"),
        ),
        (
            (503, b"<html>"),
            ("the endpoint did not answer", "503: it said nothing that can be understood"),
        ),
        ((200, b"[1]"), ("the endpoint did not answer", "200: [1]")),
    ],
)
def test_what_a_refusal_means(service, answer, expected):
    service.answers = [answer]

    refused(service, expected)


def test_who_is_not_signed_for_gets_nothing(service):
    service.authority = Authority()

    with service.client() as client, pytest.raises(OperationError) as caught:
        client.score("iris", None, REQUEST, 5)
    error = caught.value
    assert error.what == "the endpoint's certificate is not trusted"
    assert error.fix == "something else answers at this address: do not send it anything"
    assert service.heard == []


def test_an_endpoint_that_is_not_there(service):
    error = refused(
        service,
        ("the endpoint cannot be reached", "[Errno 111] Connection refused"),
        uri=f"https://{HOST}:1/score",
    )
    assert "that this machine is in its network" in error.fix


def test_each_deployment_of_a_model_proves_itself(service, iris):
    folder = reading.read(iris.path)
    service.answers = [(200, folder.answer)]

    with service.client() as client:
        said = prove_endpoint(client, folder)

    assert f"{folder.service.name} {folder.service.version} answers at" in said
    assert "(blue)" in said
    asked = [h.headers.get("azureml-model-deployment") for h in service.heard]
    assert asked == ["blue", "blue"]  # green has another version: the traffic is not free to choose


def test_another_answer_proves_nothing(service, iris):
    folder = reading.read(iris.path)
    service.answers = [(200, {"species": "a tulip"})]

    with service.client() as client, pytest.raises(OperationError) as error:
        prove_endpoint(client, folder)
    assert error.value.what == "deployment blue gives another answer than iris should"


def test_nobody_proves_a_model_that_is_not_deployed(service, iris):
    iris.change("service.json", version="9.9")

    with service.client() as client, pytest.raises(OperationError, match="no deployment has iris"):
        prove_endpoint(client, reading.read(iris.path))


def script(folder: Path, text: str) -> Path:
    made = folder / "sandbox"
    made.write_text(f"#!/bin/sh\n{text}\n")
    made.chmod(0o755)
    return made


def test_the_sandbox_is_asked_for_tokens_and_addresses(tmp_path, service):
    access = SandboxAccess(script(tmp_path, 'echo "$3 $4"'), tmp_path / "home")

    assert access.bearer(service.endpoint) == f"token {ID}"
    assert access.address(HOST) == f"address {HOST}"
    assert access.bearer(replace(service.endpoint, key="s3cret")) == "s3cret"


def test_a_sandbox_that_does_not_answer(tmp_path, service):
    access = SandboxAccess(script(tmp_path, "echo no such endpoint >&2; exit 1"), tmp_path)

    with pytest.raises(OperationError) as error:
        access.bearer(service.endpoint)
    assert error.value.why == "no such endpoint"


def test_without_a_sign_in_azure_gives_no_token(monkeypatch, service):
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(OperationError) as error:
        AzureAccess().bearer(service.endpoint)
    assert error.value.what == "there is no token of Microsoft Entra"
    assert "az login" in error.value.fix


def test_azures_cli_gives_a_token_of_entra(monkeypatch, tmp_path, service):
    cli = tmp_path / "az"
    cli.write_text('#!/bin/sh\necho "token for $4"\n')
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert AzureAccess().bearer(replace(service.endpoint, authentication="entra")) == (
        "token for https://ml.azure.com"
    )
    assert AzureAccess().address(HOST) == HOST


@pytest.fixture
def azure(monkeypatch, tmp_path):
    """Azure's CLI, signed in, and what the resource manager answers; its calls."""
    cli = tmp_path / "az"
    cli.write_text('#!/bin/sh\necho "of $4"\n')
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    calls = []
    answers = []

    def post(url, *, headers, timeout):
        calls.append((url, headers["Authorization"], timeout))
        return answers.pop(0)

    monkeypatch.setattr(httpx, "post", post)
    return calls, answers


@pytest.mark.parametrize(
    ("authentication", "action", "answer"),
    [
        ("amlToken", "token", {"accessToken": "a-token", "expiryTimeUtc": 1}),
        ("key", "listKeys", {"primaryKey": "a-token", "secondaryKey": "b"}),
    ],
)
def test_azure_gives_what_lets_one_in(azure, service, authentication, action, answer):
    calls, answers = azure
    answers.append(httpx.Response(200, json=answer))

    found = AzureAccess().bearer(replace(service.endpoint, authentication=authentication))
    assert found == "a-token"
    assert calls == [
        (
            f"https://management.azure.com{ID}/{action}?api-version=2025-12-01",
            "Bearer of https://management.azure.com",
            endpoints.SECONDS,
        )
    ]


def test_who_may_not_have_a_token_hears_why(azure, service):
    _, answers = azure
    refusal = {"error": {"code": "AuthorizationFailed", "message": "no"}}
    answers.append(httpx.Response(403, json=refusal))

    with pytest.raises(OperationError) as error:
        AzureAccess().bearer(service.endpoint)
    assert error.value.what == "Azure gives no credential for endpoint iris"
    assert error.value.why == '403: {"code": "AuthorizationFailed", "message": "no"}'
    assert "AzureML Data Scientist" in error.value.fix
