"""Services: published once, listed, changed and removed by whom the roles allow."""

import base64
import hashlib

import psycopg
import pytest

from server.api import postgresql
from server.api.errors import ApiError
from server.api.migrate import API
from tests.support import stores
from tests.support.api import Call, talk

MODEL = base64.b64encode(b"model").decode()
BODY = {
    "model": MODEL,
    "description": "petal width",
    "inputParameterDefinitions": [{"name": "length", "type": "numeric"}],
    "outputParameterDefinitions": [{"name": "width", "type": "numeric"}],
}
PUBLISH = Call("POST", "/services/iris/1.0", BODY)
UNKNOWN = {"message": "there is no such service and version: GET /services lists what is published"}
NEEDED = {
    "message": "a valid access token is needed: POST /login, then send it as Authorization: Bearer"
}


def test_a_published_service_is_listed_in_the_shape_of_the_product(store):
    [(status, made), (_, listed), (_, found)] = talk(
        store, PUBLISH, Call("GET", "/services"), Call("GET", "/services/iris/1.0")
    )

    assert status == 201
    assert listed == found == [made]
    assert made.pop("creationTime").endswith("+00:00")
    assert made == {
        "name": "iris",
        "version": "1.0",
        "description": "petal width",
        "operationId": "iris",
        "runtimeType": "R",
        "code": None,
        "initCode": None,
        "snapshotId": None,
        "inputParameterDefinitions": [{"name": "length", "type": "numeric"}],
        "outputParameterDefinitions": [{"name": "width", "type": "numeric"}],
        "outputFileNames": [],
        "modelSha256": hashlib.sha256(b"model").hexdigest(),
        "versionPublishedBy": "admin",
        "myPermissionOnService": "read/write",
    }


def test_without_a_version_each_publication_gets_one(store):
    publish = Call("POST", "/services/iris", BODY)
    [(first, one), (second, two), (_, listed)] = talk(
        store, publish, publish, Call("GET", "/services/iris")
    )

    assert (first, second) == (201, 201)
    assert {one["version"], two["version"]} == {service["version"] for service in listed}
    assert one["version"] != two["version"]


def test_a_version_is_published_once(store):
    [_, again] = talk(store, PUBLISH, PUBLISH)

    assert again == (
        403,
        {"message": "service iris 1.0 exists: PATCH it, or give a new version"},
    )


def test_a_change_shows_and_a_removed_service_is_gone(store):
    [_, changed, removed, gone] = talk(
        store,
        PUBLISH,
        Call("PATCH", "/services/iris/1.0", {"description": "better"}),
        Call("DELETE", "/services/iris/1.0"),
        Call("GET", "/services/iris/1.0"),
    )

    assert (changed[0], changed[1]["description"]) == (200, "better")
    assert removed == (200, {})
    assert gone == (404, UNKNOWN)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/services/none"),
        ("GET", "/services/none/1"),
        ("GET", "/services/%00"),
        ("GET", "/services/none/%00"),
        ("PATCH", "/services/none/1"),
        ("DELETE", "/services/none/1"),
        ("GET", "/services/none/1/model"),
        ("GET", "/services/none/%00/model"),
        ("GET", "/api/none/1/swagger.json"),
    ],
)
def test_what_nobody_published_is_not_found(store, method, path):
    assert talk(store, Call(method, path, {})) == [(404, UNKNOWN)]


def test_a_reader_reads_and_does_not_publish(store):
    [_, listed, refused, removed] = talk(
        store,
        PUBLISH,
        Call("GET", "/services", role="Reader", username="ann"),
        Call("POST", "/services/iris/2.0", BODY, role="Reader", username="ann"),
        Call("DELETE", "/services/iris/1.0", role="Reader", username="ann"),
    )

    message = {"message": "this needs the role Owner or Contributor, you are Reader"}
    assert listed[1][0]["myPermissionOnService"] == "read"
    assert (refused, removed) == ((403, message), (403, message))


def test_a_contributor_changes_what_is_theirs_and_nothing_else(store):
    [_, mine, others] = talk(
        store,
        Call("POST", "/services/mine/1", BODY, role="Contributor", username="ann"),
        Call("DELETE", "/services/mine/1", role="Contributor", username="ann"),
        Call("DELETE", "/services/iris/1.0", role="Contributor", username="ann"),
    )
    [_, refused] = talk(
        store,
        PUBLISH,
        Call("PATCH", "/services/iris/1.0", {}, role="Contributor", username="ann"),
    )

    assert mine == (200, {})
    assert others == (404, UNKNOWN)
    assert refused == (403, {"message": "only an Owner and admin may change this service"})


def test_an_owner_takes_a_model_elsewhere_and_nobody_else_does(store):
    path = "/services/iris/1.0/model"
    [_, taken, by_author, by_reader] = talk(
        store,
        Call("POST", "/services/iris/1.0", BODY, role="Contributor", username="ann"),
        Call("GET", path),
        Call("GET", path, role="Contributor", username="ann"),
        Call("GET", path, role="Reader", username="joe"),
    )

    assert taken == (200, b"model")
    assert by_author == (403, {"message": "this needs the role Owner, you are Contributor"})
    assert by_reader == (403, {"message": "this needs the role Owner, you are Reader"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/services"),
        ("GET", "/services/iris"),
        ("POST", "/services/iris"),
        ("PATCH", "/services/iris/1.0"),
        ("DELETE", "/services/iris/1.0"),
        ("GET", "/services/iris/1.0/model"),
        ("GET", "/api/iris/1.0/swagger.json"),
        ("GET", "/status"),
    ],
)
def test_nothing_is_told_without_a_token(store, method, path):
    assert talk(store, Call(method, path, role=None)) == [(401, NEEDED)]


def test_a_model_that_a_compute_node_refuses_is_not_published(store):
    async def refuse(_definition):
        raise ApiError(400, "model: the model is of class integer and must be a function")

    [refused, listed] = talk(store, PUBLISH, Call("GET", "/services"), check_model=refuse)

    assert refused == (
        400,
        {"message": "model: the model is of class integer and must be a function"},
    )
    assert listed == (200, [])


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "the body must be JSON"),
        (b"\xff", 400, "the body must be JSON"),
        (b"[" * 100_000, 400, "the body must be JSON"),
        (b"[]", 400, "the body must be a JSON object"),
        (b"x" * (90 * 1024 * 1024), 413, "the body is over the limit of 89544021 bytes"),
    ],
    ids=["empty", "binary", "deep", "array", "huge"],
)
def test_a_body_that_is_no_publication_is_refused(store, body, status, message):
    assert talk(store, Call("POST", "/services/iris", body)) == [(status, {"message": message})]


def test_a_service_describes_how_it_is_consumed(store):
    [_, (status, found)] = talk(store, PUBLISH, Call("GET", "/api/iris/1.0/swagger.json"))

    assert (status, found["swagger"]) == (200, "2.0")
    assert list(found["paths"]) == ["/api/iris/1.0"]
    assert found["definitions"]["InputParameters"] == {
        "type": "object",
        "required": ["length"],
        "properties": {"length": {"type": "number", "format": "double"}},
    }


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (Call("GET", "/nothing"), (404, {"message": "there is nothing at this path"})),
        (Call("PUT", "/services"), (405, {"message": "this path has no such method"})),
        (Call("GET", "/live", role=None), (200, "alive")),
    ],
)
def test_paths_that_need_no_service(store, call, answer):
    assert talk(store, call) == [answer]


def test_a_database_that_hangs_is_said_so_in_time(server, database, on_postgresql, monkeypatch):
    away = {"message": "the database cannot be reached just now: try again"}
    monkeypatch.setattr(postgresql, "READ_SECONDS", 0.2)
    monkeypatch.setattr(postgresql, "WRITE_SECONDS", 0.3)
    with psycopg.connect(server.conninfo("master", database)) as holder:
        holder.execute("LOCK TABLE operationalization.service IN ACCESS EXCLUSIVE MODE")
        answers = talk(on_postgresql, Call("GET", "/services"), PUBLISH)

    assert answers == [(503, away)] * 2
    assert talk(on_postgresql, Call("GET", "/services")) == [(200, [])]


def test_a_database_that_is_away_is_said_so(server, database):
    wrong = stores.postgresql(server.conninfo(API, database, "wrong"))
    away = {"message": "the database cannot be reached just now: try again"}

    [listed, (_, status), live] = talk(
        wrong, Call("GET", "/services"), Call("GET", "/status"), Call("GET", "/live")
    )

    assert listed == (503, away)
    assert status["statusCode"] == "fail"
    assert status["components"]["database"]["details"]["state"] == "Closed"
    assert live == (200, "alive")
