"""A published service is asked, and who asks too early waits for it."""

import json

import pytest

from model_folders import reading
from operations import patience
from operations import score as scoring
from operations.errors import OperationError
from operations.publish import publish
from operations.score import score
from tests.support.web import said

REQUEST = {"Sepal.Length": 6.1}
ANSWER = {"species": "virginica"}
ABSENT = (404, {"message": "there is no such service and version"})


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Pauses are short."""
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(patience, "LONGEST_PAUSE", 0.01)


@pytest.fixture
def published(client, web, iris):
    """Publishes iris in some versions."""

    def publish_all(*versions):
        for version in versions:
            iris.change("service.json", version=version)
            publish(client, reading.read(iris.path))
        web.compute.clear()

    return publish_all


def test_the_answer_is_the_outputs(client, web, published):
    published("1.0")
    web.answers[:] = [(200, said(ANSWER, console="hello"))]

    answer = score(client, "iris", None, REQUEST, 5)

    assert (answer.outputs, answer.error, answer.console) == (ANSWER, None, "hello")
    [heard] = web.compute
    assert (heard.path, json.loads(heard.body)) == ("/api/iris/1.0", REQUEST)


def test_the_version_published_last_is_asked_unless_another_one_is_given(client, web, published):
    published("2.0", "10.0", "1.9")

    score(client, "iris", None, REQUEST, 5)
    score(client, "iris", "2.0", REQUEST, 5)

    assert [heard.path for heard in web.compute] == ["/api/iris/1.9", "/api/iris/2.0"]


def test_a_service_on_its_way_to_a_compute_node_is_waited_for(client, web, published):
    published("1.0")
    web.answers[:] = [ABSENT, ABSENT, (200, said(ANSWER))]

    assert score(client, "iris", None, REQUEST, 5).outputs == ANSWER
    assert len(web.compute) == 3


def test_one_that_never_arrives_is_said_so(client, web, published, monkeypatch):
    monkeypatch.setattr(scoring, "DISTRIBUTION_SECONDS", 0.05)
    published("1.0")
    web.answers[:] = [ABSENT]

    with pytest.raises(OperationError) as refused:
        score(client, "iris", None, REQUEST, 5)

    assert refused.value.what == "iris 1.0 is published and does not reach the compute nodes"


def test_nodes_that_are_about_to_serve_are_waited_for(client, web, published, monkeypatch):
    published("1.0")
    away = (503, {"message": "no node can answer this just now: try again"})
    web.answers[:] = [away, (200, said(ANSWER))]
    assert score(client, "iris", None, REQUEST, 5).outputs == ANSWER

    monkeypatch.setattr(scoring, "DISTRIBUTION_SECONDS", 0.05)
    web.answers[:] = [away]
    with pytest.raises(OperationError, match="503: no node can answer this just now: try again"):
        score(client, "iris", None, REQUEST, 5)


def test_a_version_that_nobody_published_is_refused_at_once(client, web, published):
    published("1.0", "1.1")
    web.answers[:] = [ABSENT]

    with pytest.raises(OperationError) as refused:
        score(client, "iris", "3.0", REQUEST, 5)

    assert refused.value.what == "there is no service iris 3.0"
    assert refused.value.why == "published are 1.0, 1.1"
    assert len(web.compute) == 1


def test_a_service_that_nobody_published_is_refused_with_those_that_are_there(client, published):
    with pytest.raises(OperationError) as refused:
        score(client, "cars", None, {}, 5)
    assert (refused.value.what, refused.value.why) == (
        "there is no service cars",
        "published are no services yet",
    )

    published("1.0")
    with pytest.raises(OperationError, match="why:   published are iris\n"):
        score(client, "cars", None, {}, 5)


def test_a_model_that_fails_is_an_error_in_its_own_words(client, web, published):
    published("1.0")
    web.answers[:] = [(200, said({}, error="missing inputs: Petal.Width", console="looking"))]

    with pytest.raises(OperationError) as refused:
        score(client, "iris", None, REQUEST, 5)

    assert refused.value.what == "iris 1.0 failed"
    assert refused.value.why == "R says: missing inputs: Petal.Width; it printed:\nlooking"


@pytest.mark.parametrize("status", [400, 429, 500, 502, 504])
def test_other_refusals_are_told_and_not_repeated(client, web, published, status):
    published("1.0")
    web.answers[:] = [(status, {"message": "no"})]

    with pytest.raises(OperationError, match=f"why:   {status}: no\n"):
        score(client, "iris", None, REQUEST, 5)
    assert len(web.compute) == 1
