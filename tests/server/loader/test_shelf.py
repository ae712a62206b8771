"""The folder that workers read: whole, verified, and nothing that is not published."""

import hashlib
import json

import pytest

from server.loader.shelf import Entry, ServiceFileError, Shelf

MODEL = b"model"
SUM = hashlib.sha256(MODEL).hexdigest()
IRIS = Entry("iris", "1.0", SUM, [{"name": "length", "type": "numeric"}], [])


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_published_service_is_a_description_and_a_model(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.add_model(SUM, MODEL)
    shelf.replace([IRIS])

    assert files(tmp_path) == [f".models/{SUM}.rds", "iris/1.0.json"]
    assert json.loads((tmp_path / "iris" / "1.0.json").read_text()) == {
        "sha256": SUM,
        "inputs": [{"name": "length", "type": "numeric"}],
        "outputs": [],
    }


def test_what_is_published_no_more_goes(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.add_model(SUM, MODEL)
    shelf.replace([IRIS])
    shelf.replace([])

    assert files(tmp_path) == []
    assert not (tmp_path / "iris").exists()


def test_workers_of_any_user_may_read(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.add_model(SUM, MODEL)
    shelf.replace([IRIS])

    modes = {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()}
    assert modes == {0o644}


def test_a_file_that_says_the_same_is_left_alone(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.replace([IRIS])
    before = (tmp_path / "iris" / "1.0.json").stat()
    shelf.replace([IRIS])

    assert (tmp_path / "iris" / "1.0.json").stat().st_ino == before.st_ino


def test_a_model_with_another_sum_is_not_written(tmp_path):
    shelf = Shelf(tmp_path)
    other = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(ServiceFileError) as refused:
        shelf.add_model(SUM, b"other")

    assert str(refused.value) == f"model {SUM} has the sum {other}: it is not written"
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", ["..", ".models", "a/b", "", "a" * 65])
def test_a_name_that_could_leave_the_folder_is_refused(tmp_path, name):
    with pytest.raises(ServiceFileError) as refused:
        Shelf(tmp_path).replace([Entry(name, "1", SUM, [], [])])

    assert str(refused.value) == f"{name!r} '1' cannot be a file's name"


def test_a_sum_that_could_leave_the_folder_is_refused(tmp_path):
    with pytest.raises(ServiceFileError) as refused:
        Shelf(tmp_path).has_model("../../etc/passwd")

    assert str(refused.value) == "'../../etc/passwd' is not a SHA-256 sum"
