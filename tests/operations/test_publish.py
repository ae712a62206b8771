"""A model folder becomes a service once, over HTTPS, on the real API."""

import hashlib
import json

import pytest

from model_folders import reading
from operations import patience
from operations import publish as publishing
from operations.client import Client
from operations.definitions import Open
from operations.errors import OperationError
from operations.publish import Outcome, publish


@pytest.fixture
def read(iris):
    """Reads the folder as it is now."""
    return lambda: reading.read(iris.path)


@pytest.fixture
def hurry(monkeypatch):
    """No more than a moment is waited."""
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(publishing, "START_SECONDS", 0.05)


def test_a_folder_is_published_with_all_that_it_says(client, web, read):
    folder = read()

    assert publish(client, folder) is Outcome.PUBLISHED

    found = client.find("iris", "1.0")
    assert found.description == folder.service.description
    assert found.inputs[0] == ("Sepal.Length", "numeric")
    assert found.outputs == (("species", "character"), ("probabilities", "data.frame"))
    assert found.sha256 == hashlib.sha256(folder.model).hexdigest()
    assert [heard.body for heard in web.compute] == [folder.model]


def test_publishing_again_changes_nothing_and_is_no_error(client, web, read):
    publish(client, read())
    before = client.find("iris", "1.0")
    web.heard.clear()

    assert publish(client, read()) is Outcome.SAME

    assert client.find("iris", "1.0") == before
    assert set(web.paths()) == {"GET /services/iris/1.0"}


def test_another_content_under_the_same_version_is_refused(client, web, iris, read):
    publish(client, read())
    before = client.find("iris", "1.0")
    iris.write("model.rds", b"X\nanother")
    iris.change("service.json", description="Another one.")

    with pytest.raises(OperationError) as refused:
        publish(client, read())

    assert str(refused.value) == (
        "error: iris 1.0 is published with another content\n"
        f"  where: {client.endpoint}\n"
        "  why:   what differs: model, description\n"
        "  fix:   raise the version in service.json (or --update, which changes what callers of "
        "this version get)"
    )
    assert client.find("iris", "1.0") == before


def test_with_update_it_takes_the_place_of_the_old_content(client, iris, read):
    publish(client, read())
    iris.write("model.rds", b"X\nanother")

    assert publish(client, read(), update=True) is Outcome.UPDATED
    assert publish(client, read(), update=True) is Outcome.SAME
    assert client.find("iris", "1.0").sha256 == hashlib.sha256(b"X\nanother").hexdigest()


def test_a_new_version_stands_beside_the_old_one(client, iris, read):
    publish(client, read())
    iris.change("service.json", version="1.1")

    assert publish(client, read()) is Outcome.PUBLISHED
    assert [each.version for each in client.versions("iris")] == ["1.0", "1.1"]


def test_a_model_that_r_cannot_load_is_refused_in_r_s_words(client, web, read):
    web.checks[:] = [(422, {"message": "R cannot read the model: unknown input format"})]

    with pytest.raises(OperationError) as refused:
        publish(client, read())

    assert refused.value.what == "iris 1.0 is refused"
    assert refused.value.why == "model: R cannot read the model: unknown input format"
    assert client.find("iris", "1.0") is None


def test_a_model_without_a_declared_input_is_refused(client, web, read):
    web.checks[:] = [(200, {"inputs": ["Sepal.Length"]})]

    with pytest.raises(OperationError, match=r"the model has no argument Sepal\.Width, Petal"):
        publish(client, read())


def test_whoever_publishes_at_the_same_moment_is_no_error(client, web, read):
    folder = read()
    with Client(web.environment) as other:
        publish(other, folder)
    # As if the other one came between the question and the publication.
    web.refusals[:] = [(200, _token(client)), (404, {"message": "not yet"})]

    assert publish(client, folder) is Outcome.SAME


def _token(client):
    granted = client._log_in()
    return {"access_token": granted.access, "refresh_token": granted.refresh, "expires_in": 3600}


def test_an_environment_whose_compute_nodes_are_about_to_serve_is_waited_for(
    client, web, read, hurry, monkeypatch
):
    monkeypatch.setattr(publishing, "START_SECONDS", 10)
    web.checks[:] = [(503, {}), (503, {}), (200, {"inputs": ["..."]})]

    assert publish(client, read()) is Outcome.PUBLISHED
    assert len(web.compute) == 3


def test_without_compute_nodes_it_fails_after_a_while(client, web, read, hurry):
    web.checks[:] = [(503, {})]

    with pytest.raises(OperationError) as refused:
        publish(client, read())

    assert refused.value.what == "the environment did not publish iris 1.0"
    assert refused.value.why == "503: no compute node could check the model just now: try again"


def test_the_body_says_no_more_than_the_api_knows(read):
    body = Open().body(publishing.definition(Open(), read()))

    assert set(body) == {
        "model",
        "description",
        "operationId",
        "runtimeType",
        "inputParameterDefinitions",
        "outputParameterDefinitions",
    }
    assert json.loads(json.dumps(body)) == body


def test_nothing_that_is_shown_has_the_model_or_the_password(web, client, read):
    folder = read()
    publish(client, folder)
    texts = [repr(folder), repr(client), repr(web.environment), repr(client.__dict__)]

    model = repr(folder.model)[2:-1]
    assert len(model) > 100
    for text in texts:
        assert web.environment.password not in text
        assert model[:40] not in text
