"""What is published moves to another environment: whole, as it was, and over nothing."""

import json
import stat
from dataclasses import replace

import pytest

from model_folders import reading
from operations import moving
from operations.definitions import Open
from operations.errors import OperationError
from operations.publish import definition, publish


@pytest.fixture
def folder(iris):
    return reading.read(iris.path)


@pytest.fixture
def saved(client, folder, tmp_path):
    """A folder with what was published in an environment, where it then was taken away."""
    publish(client, folder)
    body = {
        **Open().body(definition(Open(), folder)),
        "operationId": "classify",
        "description": "another",
    }
    assert client.publish("iris", "1.1", body).status == 201
    kept = tmp_path / "saved" / "box"
    moving.save(client, kept)
    for version in ("1.0", "1.1"):
        assert client._call("DELETE", f"/services/iris/{version}").status == 200
    return kept


def test_everything_comes_back_as_it_was(client, saved, folder):
    assert list(moving.restore(client, saved)) == [
        "iris 1.0 is published, and its model's sum is the same",
        "iris 1.1 is published, and its model's sum is the same",
    ]
    first, second = moving.published(client)
    assert (first.version, first.sha256, first.operation_id) == ("1.0", folder.sha256, "iris")
    assert (second.description, second.operation_id) == ("another", "classify")
    assert second.inputs == first.inputs
    assert client.model("iris", "1.1") == folder.model


def test_it_can_be_run_again(client, saved):
    list(moving.restore(client, saved))

    assert list(moving.restore(client, saved)) == [
        "iris 1.0 is there already",
        "iris 1.1 is there already",
    ]


def test_the_folder_is_its_owners_alone(saved):
    for path in (saved, *saved.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert len(list((saved / moving.MODELS).iterdir())) == 1, "a model is there once"


def test_a_folder_that_exists_is_left_alone(client, tmp_path):
    (tmp_path / "box").mkdir()
    (tmp_path / "link").symlink_to("nowhere")

    for name in ("box", "link"):
        with pytest.raises(OperationError, match="it exists already"):
            moving.save(client, tmp_path / name)


def test_a_folder_is_whole_or_not_there(client, folder, tmp_path, monkeypatch):
    publish(client, folder)
    monkeypatch.setattr(type(client), "model", lambda *_: b"something else")

    with pytest.raises(OperationError, match="came otherwise than it was published"):
        moving.save(client, tmp_path / "box")
    assert not (tmp_path / "box").exists()

    monkeypatch.undo()
    assert len(moving.save(client, tmp_path / "box")) == 1


def test_an_environment_without_services_is_a_folder_without(client, tmp_path):
    assert moving.save(client, tmp_path / "box") == []
    assert list(moving.restore(client, tmp_path / "box")) == []


def test_a_service_that_others_published_stays(client, saved, folder):
    publish(client, replace(folder, model=b"X\nother"))

    with pytest.raises(OperationError, match=r"iris 1\.0 is published with another content"):
        list(moving.restore(client, saved))
    assert client.model("iris", "1.0") == b"X\nother"


def test_a_model_that_was_changed_is_not_published(client, saved):
    (model,) = (saved / moving.MODELS).iterdir()
    model.write_bytes(b"X\nother")

    with pytest.raises(OperationError, match=r"the model of iris 1\.0 was changed"):
        list(moving.restore(client, saved))
    assert moving.published(client) == []


@pytest.mark.parametrize("text", [None, "", "{", "[1]", "{}x", '[{"name": "a"}]', "[[]]"])
def test_what_is_no_such_folder_is_refused(client, tmp_path, text):
    if text is not None:
        (tmp_path / moving.LIST).write_text(text)

    with pytest.raises(OperationError, match=r"services\.json cannot be read"):
        list(moving.restore(client, tmp_path))


def test_a_service_that_the_environment_refuses_is_said(client, saved, web):
    web.checks[:] = [(422, {"message": "no function is in it"})]

    with pytest.raises(OperationError, match="no function is in it"):
        list(moving.restore(client, saved))


def test_the_list_is_for_people_too(saved):
    first = json.loads((saved / moving.LIST).read_text())[0]

    assert first["name"] == "iris"
    assert first["inputs"][0] == ["Sepal.Length", "numeric"]
