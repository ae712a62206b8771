"""A folder is checked before anything of it is sent, and all that is wrong is said at once."""

import gzip
import hashlib
import os
import shutil

import pytest

from model_folders import files, r_types, reading
from model_folders.problems import FolderError
from server.api import definitions
from tests.support.r import ROOT


def problems(iris):
    with pytest.raises(FolderError) as refused:
        reading.read(iris.path)
    return [f"{place}: {reason}" for place, reason, _ in refused.value.problems]


def test_a_folder_in_which_all_is_right_is_read():
    path = ROOT / "models" / "iris"
    read = reading.read(path)

    assert (read.service.name, read.service.version) == ("iris", "1.0")
    assert read.sha256 == hashlib.sha256((path / "model.rds").read_bytes()).hexdigest()
    assert read.request["Petal.Width"] == 1.7
    assert read.answer["species"] == "virginica"


def test_every_part_must_be_there(iris):
    shutil.rmtree(iris.path)
    iris.path.mkdir()

    assert problems(iris) == [f"{part}: is not there" for part in reading.PARTS]


def test_all_problems_are_told_together_with_what_to_do(iris):
    (iris.path / "train.R").unlink()
    (iris.path / "model.rds").unlink()
    iris.change("service.json", name="2iris", inputs=None, owner="me")
    iris.write("answer.json", "{")

    with pytest.raises(FolderError) as refused:
        reading.read(iris.path)

    assert str(refused.value) == (
        f"error: model folder {iris.path} cannot be published:\n"
        "  train.R: is not there\n"
        "    fix: add it\n"
        "  model.rds: is not there\n"
        "    fix: make it with scripts/train\n"
        "  service.json: name: String should match pattern '^[A-Za-z][A-Za-z0-9._-]{0,63}$'\n"
        "    fix: use 1 to 64 letters, digits, '.', '_' (and '-' in name and version), "
        "beginning with a letter\n"
        "  service.json: inputs: Field required\n"
        "    fix: add it\n"
        "  service.json: owner: Extra inputs are not permitted\n"
        "    fix: remove it, or correct its name\n"
        "  answer.json: is not JSON: Expecting property name enclosed in double quotes in line 1, "
        "column 2\n"
        "    fix: correct it"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[1, 2]", "is not a JSON object"),
        ('{"a": NaN}', "has NaN, which JSON does not know"),
        ('{"a": 1, "a": 2}', 'has "a" twice in one object'),
        (b'{"a": "\xff"}', "is not text in UTF-8"),
        ("[" * 100_000, "is nested too deeply"),
        ("", "is not JSON: Expecting value in line 1, column 1"),
    ],
)
def test_a_request_must_be_an_object_of_json(iris, content, reason):
    iris.write("request.json", content)

    assert problems(iris) == [f"request.json: {reason}"]


def test_names_and_types_are_those_that_the_api_takes(iris):
    assert f"^{definitions.NAME.pattern}$" == reading.NAME
    assert f"^{definitions.VERSION.pattern}$" == reading.VERSION
    assert f"^{definitions.PARAMETER.pattern}$" == reading.PARAMETER
    assert r_types.Type.__args__ == definitions.TYPES
    assert definitions.LARGEST_MODEL == reading.LARGEST_MODEL

    iris.change("service.json", version="1\n", outputs=[{"name": "a b", "type": "factor"}])
    found = problems(iris)

    assert [problem.partition(": ")[2].split(":")[0] for problem in found[:3]] == [
        "version",
        "outputs.0.name",
        "outputs.0.type",
    ]


def test_a_service_has_at_least_one_output_and_no_name_twice(iris):
    once = {"name": "Sepal.Length", "type": "numeric"}
    iris.change("service.json", inputs=[once, once], outputs=[])

    assert problems(iris)[0].startswith("service.json: outputs: List should have at least 1 item")

    iris.change("service.json", outputs=[{"name": "species", "type": "character"}])
    iris.write("request.json", {"Sepal.Length": 1})
    iris.write("answer.json", {"species": "setosa"})

    assert problems(iris) == ["service.json: inputs: has Sepal.Length twice"]


def test_the_samples_have_the_inputs_and_outputs_that_are_declared(iris):
    iris.change("request.json", **{"Sepal.Length": None, "Sepal.Size": 1})
    iris.change("answer.json", species=None)

    assert problems(iris) == [
        "request.json: has no Sepal.Length, an input in service.json",
        "request.json: has Sepal.Size, which is no input in service.json",
        "answer.json: has no species, an output in service.json",
    ]


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("numeric", [1, 1.5, None, [1, None]], ["1", True, {}, [[1]]]),
        ("integer", [1, 2.0, [1]], [1.5, "1", True]),
        ("logical", [True, None, [False]], [1, "TRUE"]),
        ("character", ["a", ["a", None]], [1, True]),
        ("vector", [[], [1, "a"]], [1, {}]),
        ("matrix", [[], [[1]], [[1, 2], [3, 4]]], [[1, 2], [[1], [2, 3]], 1]),
        ("data.frame", [{}, {"a": [1], "b": ["x"]}], [{"a": 1}, {"a": [1], "b": []}, [1]]),
    ],
)
def test_the_samples_have_the_types_that_are_declared(iris, kind, right, wrong):
    iris.change("service.json", inputs=[{"name": "x", "type": kind}])
    for value in right:
        iris.write("request.json", {"x": value})
        reading.read(iris.path)
    for value in wrong:
        iris.write("request.json", {"x": value})
        assert problems(iris) == [f"request.json: x: is not of type {kind}"]


@pytest.mark.parametrize(
    "content",
    [b"RDX3\nX\n", b"", b"\x1f\x8b", gzip.compress(b"PK"), b"BZh91AY&SY", b"\xfd7zXZ\0"],
    ids=["save", "empty", "cut gzip", "zip in gzip", "bzip2", "xz"],
)
def test_a_model_is_what_save_rds_writes(iris, content):
    iris.write("model.rds", content)

    assert problems(iris) == [
        "model.rds: is not a file of R's saveRDS, plain or compressed by gzip"
    ]


@pytest.mark.parametrize(
    "content", [b"X\n\0", b"A\n3", gzip.compress(b"X\n\0")], ids=["plain", "text", "gzip"]
)
def test_a_model_may_be_compressed_or_text(iris, content):
    iris.write("model.rds", content)

    assert reading.read(iris.path).model == content


def test_a_link_must_not_lead_out_of_the_folder(iris, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    (iris.path / "request.json").unlink()
    (iris.path / "request.json").symlink_to(secret)

    assert problems(iris) == [f"request.json: is a link out of the folder, to {secret}"]

    (iris.path / "request.json").unlink()
    (iris.path / "request.json").symlink_to("request.json")
    assert problems(iris) == ["request.json: is a link that leads nowhere"]


def test_a_link_within_the_folder_and_to_it_is_followed(iris, tmp_path):
    (iris.path / "kept").mkdir()
    (iris.path / "model.rds").rename(iris.path / "kept" / "1.rds")
    (iris.path / "model.rds").symlink_to("kept/1.rds")
    (tmp_path / "link").symlink_to(iris.path)

    assert reading.read(tmp_path / "link").service.name == "iris"


def test_what_is_no_file_is_refused_at_once(iris):
    for part in ("model.rds", "request.json"):
        (iris.path / part).unlink()
    os.mkfifo(iris.path / "model.rds")
    (iris.path / "request.json").mkdir()

    assert problems(iris) == [
        "model.rds: is not a regular file",
        "request.json: is not a regular file",
    ]


def test_a_file_that_is_too_large_is_not_read_to_its_end(iris):
    with (iris.path / "model.rds").open("wb") as stream:
        stream.truncate(200 * 1024**3)
    with (iris.path / "README.md").open("wb") as stream:
        stream.truncate(files.MEGABYTE + 1)

    assert problems(iris) == [
        "model.rds: has more than 64 MB",
        "README.md: has more than 1 MB",
    ]


def test_a_folder_must_be_one(tmp_path):
    with pytest.raises(FolderError, match=r"nowhere cannot be published:\n  \.: is not a folder"):
        reading.read(tmp_path / "nowhere")
