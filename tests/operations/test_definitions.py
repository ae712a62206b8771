"""What publishes a folder on R Server and ML Server, and how it is told from other content."""

import base64
import gzip
import hashlib
import json
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_folders import reading
from operations import serialization
from operations.definitions import Family, Open
from operations.errors import OperationError
from operations.publish import definition
from operations.serialization import NewerFormError, older
from tests.support.r import require_r, rscript

HEAD = struct.Struct(">iii")
NEW, OLD = "3.5.2", "3.3.3"


def serialized(body: bytes, version: int = 3) -> bytes:
    encoding = struct.pack(">i", 5) + b"UTF-8" if version == 3 else b""
    reads = 0x00030500 if version == 3 else 0x00020300
    return b"X\n" + HEAD.pack(version, 0x00040202, reads) + encoding + body


@given(st.binary(max_size=64).filter(lambda body: b"\xee" not in body))
def test_an_older_form_has_another_head_and_the_same_body(body: bytes) -> None:
    assert older(serialized(body)) == serialized(body, version=2)


def test_the_older_form_stays_as_it_is() -> None:
    data = serialized(b"body", version=2)
    assert older(data) is data


@pytest.mark.parametrize("flags", [0, 2])
def test_a_compact_vector_cannot_be_made_older(flags: int) -> None:
    with pytest.raises(NewerFormError, match="compact"):
        older(serialized(bytes((0, 0, flags, 238)) + b"rest"))


def test_text_cannot_be_made_older() -> None:
    with pytest.raises(NewerFormError, match="binary"):
        older(b"A\n3\n")


def entry(folder: reading.ModelFolder, r_version: str) -> dict[str, object]:
    """How the product describes the folder once it is published (facts.md 13.3)."""
    dialect = Family(r_version)
    return {
        "name": folder.service.name,
        "version": folder.service.version,
        **dialect.body(definition(dialect, folder)),
        "versionPublishedBy": "admin",
        "creationTime": "2017-04-19T12:00:00.1234567Z",
        "myPermissionOnService": "read/write",
    }


@pytest.mark.parametrize("r_version", [OLD, NEW])
def test_what_is_published_is_found_again(iris, r_version: str) -> None:
    folder = reading.read(iris.path)
    dialect = Family(r_version)
    wanted = definition(dialect, folder)

    found = dialect.read(entry(folder, r_version))

    assert found.model == wanted.model
    assert found.sha256 == hashlib.sha256(wanted.model).hexdigest()
    assert found.code == dialect.code(wanted)
    assert (found.inputs, found.outputs) == (wanted.inputs, wanted.outputs)
    assert found.created == datetime(2017, 4, 19, 12, 0, 0, 123456, tzinfo=UTC)


def test_the_body_has_the_products_fields_and_no_others(iris) -> None:
    dialect = Family(NEW)
    body = dialect.body(definition(dialect, reading.read(iris.path)))
    assert set(body) == {
        "code",
        "initCode",
        "snapshotId",
        "description",
        "operationId",
        "runtimeType",
        "inputParameterDefinitions",
        "outputParameterDefinitions",
        "outputFileNames",
    }
    assert json.loads(json.dumps(body)) == body


def test_a_compressed_model_is_published_plain(iris) -> None:
    plain = iris.path.joinpath("model.rds").read_bytes()
    iris.write("model.rds", gzip.compress(plain))
    assert definition(Family(NEW), reading.read(iris.path)).model == plain


def test_a_model_that_its_r_cannot_read_is_refused_with_what_to_do(iris) -> None:
    iris.write("model.rds", serialized(bytes((0, 0, 0, 238))))
    with pytest.raises(OperationError) as refused:
        definition(Family(OLD), reading.read(iris.path))
    assert refused.value.why == "it has vectors in a compact form of R 3.5"
    assert "version = 2" in refused.value.fix
    assert definition(Family(NEW), reading.read(iris.path)).model.startswith(b"X\n")


@pytest.mark.parametrize(
    "code", ["x <- 1", f"load({base64.b64encode(b'x').decode()!r})", "# A model of R", None]
)
def test_code_of_somebody_else_holds_no_model_and_has_a_sum_of_its_own(iris, code) -> None:
    folder = reading.read(iris.path)
    found = Family(NEW).read({**entry(folder, NEW), "initCode": code})
    assert found.model is None
    assert found.sha256 != Family(NEW).read(entry(folder, NEW)).sha256


def test_the_open_runtime_takes_the_model_as_it_is(iris) -> None:
    folder = reading.read(iris.path)
    wanted = definition(Open(), folder)
    assert wanted.model == folder.model
    assert Open().body(wanted)["model"] == base64.b64encode(folder.model).decode()
    assert Open().code(wanted) == ""


RUNS = """
published <- jsonlite::read_json("body.json")
request <- jsonlite::read_json("request.json")
shell <- new.env(parent = globalenv())
eval(parse(text = published$initCode), shell)
for (name in names(request)) assign(name, request[[name]], envir = shell)
eval(parse(text = published$code), shell)
outputs <- vapply(published$outputParameterDefinitions, function(each) each$name, "")
found <- mget(outputs, envir = shell)
cat(jsonlite::toJSON(found, auto_unbox = TRUE, digits = NA, dataframe = "columns"))
"""


def ran(tmp_path, folder: reading.ModelFolder, r_version: str) -> object:
    """What R says that runs a service as the product does."""
    require_r()
    dialect = Family(r_version)
    work = tmp_path / "work"
    work.mkdir()
    (work / "body.json").write_text(json.dumps(dialect.body(definition(dialect, folder))))
    (work / "request.json").write_text(json.dumps(folder.request))
    (work / "run.R").write_text(RUNS)
    done = rscript(work, "run.R")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("r_version", [OLD, NEW])
def test_the_code_gives_the_answer_of_the_folder(tmp_path, iris, r_version: str) -> None:
    folder = reading.read(iris.path)
    found = ran(tmp_path, folder, r_version)
    assert found["species"] == folder.answer["species"]
    assert set(found["probabilities"]) == set(folder.answer["probabilities"])


def test_since_is_the_release_that_reads_version_3() -> None:
    assert serialization.SINCE == "3.5.0"
