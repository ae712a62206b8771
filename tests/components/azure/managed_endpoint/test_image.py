"""The steps that build an image: the same for the same content, and all of the content."""

import base64
import io
import random
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from components.azure.managed_endpoint import image as images
from components.azure.managed_endpoint.image import TooLargeError, assemble, encoded_task, task
from model_folders import reading

ROOT = Path(__file__).parents[4]
GOLDEN = ROOT / "tests" / "golden" / "tasks" / "iris.yaml"
CONTAINER = {"Dockerfile": b"FROM scratch\n", "plumber.R": b"# API\n"}
MODEL = {"model.rds": b"X\nmodel", "service.json": b"{}\n"}
CHUNK = re.compile(r"echo ([A-Za-z0-9+/=]+) \|")


def made(**changes):
    given = {"name": "iris", "version": "1.0", "container": CONTAINER, "model": MODEL}
    return assemble(**{**given, **changes})


def contents(text):
    packed = b"".join(base64.b64decode(chunk) for chunk in CHUNK.findall(text))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive.getmembers()}


def test_the_steps_are_the_golden_ones() -> None:
    # Compressed bytes are zlib's own matter, so the golden file has none.
    assert CHUNK.sub("echo CHUNK |", task(made())) == GOLDEN.read_text()


def test_the_steps_are_yaml_as_registries_read_it() -> None:
    steps = yaml.safe_load(task(made()))["steps"]
    assert [next(iter(step)) for step in steps] == ["cmd", "cmd", "build", "push", "cmd", "cmd"]
    assert steps[3]["push"] == [f"{{{{.Run.Registry}}}}/{made().reference}"]


def test_the_first_steps_write_the_whole_build_context(tmp_path) -> None:
    assert contents(task(made())) == {
        "context/Dockerfile": b"FROM scratch\n",
        "context/plumber.R": b"# API\n",
        "context/model/model.rds": b"X\nmodel",
        "context/model/service.json": b"{}\n",
    }
    # What a registry does with a step: a shell, and bash in it, below /workspace.
    for step in yaml.safe_load(task(made()))["steps"][:2]:
        command = step["cmd"].replace("/workspace", str(tmp_path))
        subprocess.run(["/bin/sh", "-c", command], check=True)
    assert (tmp_path / "context" / "model" / "model.rds").read_bytes() == b"X\nmodel"


def test_a_large_model_comes_in_steps_that_a_shell_takes() -> None:
    noise = random.Random(1).randbytes(300_000)
    text = task(made(model={**MODEL, "model.rds": noise}))
    assert len(CHUNK.findall(text)) == 7
    # MAX_ARG_STRLEN of Linux, which acr-builder's `/bin/sh -c` meets.
    assert max(len(line) for line in text.splitlines()) < 131_072
    assert contents(text)["context/model/model.rds"] == noise


def test_the_same_content_gives_the_same_bytes_in_any_order() -> None:
    turned = made(container=dict(reversed(CONTAINER.items())), model=dict(reversed(MODEL.items())))
    assert encoded_task(made()) == encoded_task(turned)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {**MODEL, "model.rds": b"X\nother"}},
        {"container": {**CONTAINER, "plumber.R": b"# other\n"}},
        {"version": "1.1"},
        {"name": "iris2"},
    ],
    ids=["model", "container", "version", "name"],
)
def test_whatever_is_in_it_is_in_its_tag(changes) -> None:
    assert made(**changes).tag != made().tag


def test_a_registered_model_is_another_when_its_content_is() -> None:
    other_container = made(container={**CONTAINER, "plumber.R": b"# other\n"})
    other_model = made(model={**MODEL, "model.rds": b"X\nother"})
    assert other_container.model_version == made().model_version
    assert other_model.model_version != made().model_version
    assert made().model_version.startswith("1.0-")


@pytest.mark.parametrize(
    ("name", "repository"),
    [("iris", "iris"), ("Iris.Model", "iris-model"), ("a__b", "a-b"), ("Ends.", "ends")],
)
def test_a_name_becomes_what_repositories_allow(name, repository) -> None:
    assert made(name=name).repository == repository


def test_an_image_that_no_task_carries_is_refused() -> None:
    noise = random.Random(1).randbytes(600_000)
    with pytest.raises(TooLargeError, match="characters, of at most 1,048,576"):
        made(model={**MODEL, "model.rds": noise})


def test_the_image_of_the_sample_has_its_model_and_the_container() -> None:
    found = images.image(reading.read(ROOT / "models" / "iris"))
    inside = contents(task(found))
    assert sorted(inside) == [
        "context/Dockerfile",
        "context/model/model.rds",
        "context/model/service.json",
        "context/plumber.R",
        "context/service.R",
        "context/start_plumber.R",
    ]
    assert inside["context/model/model.rds"] == (ROOT / "models/iris/model.rds").read_bytes()
    # What a request means is decided by the file that nodes run, not by a copy.
    worker = ROOT / "server" / "worker" / "service.R"
    assert inside["context/service.R"] == worker.read_bytes()


def test_everything_that_the_dockerfile_copies_is_there() -> None:
    names = {Path(name) for name in images.CONTAINER}
    copied = re.findall(
        r"^COPY (?:--\S+ )*(.+) \S+$", (ROOT / "container/Dockerfile").read_text(), re.MULTILINE
    )
    wanted = {Path(each) for line in copied for each in line.split() if each != "model/"}
    assert wanted <= names
