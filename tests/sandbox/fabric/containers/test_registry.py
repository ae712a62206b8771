"""Images that are built by buildah from the sandbox's own, kept, found again and forgotten."""

import gzip
import io
import json
import tarfile
from pathlib import PurePosixPath

import pytest

from sandbox.fabric import images
from sandbox.fabric.containers import Registry, Task
from sandbox.fabric.contract import FabricError
from tests.support import traces

pytestmark = pytest.mark.root

REFERENCE = "r.azurecr.io/small:1"
DOCKERFILE = """ARG BASE=scratch
FROM ${BASE}
ARG NAME=nobody
RUN useradd --no-create-home clerk && echo $NAME >/etc/name
COPY said /etc/said
ENV GREETING=hello
USER clerk
WORKDIR /tmp
CMD ["sleep", "60"]
"""


def task(dockerfile=DOCKERFILE, reference=REFERENCE, **arguments):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, text in (("Dockerfile", dockerfile), ("said", "nothing\n")):
            entry = tarfile.TarInfo(f"context/{name}")
            entry.size, entry.mode = len(text), 0o644
            archive.addfile(entry, io.BytesIO(text.encode()))
    return Task(
        archive=gzip.compress(made.getvalue(), mtime=0),
        reference=reference,
        file=PurePosixPath("Dockerfile"),
        context=PurePosixPath("context"),
        arguments=arguments,
    )


@pytest.fixture
def home(tmp_path):
    if reasons := images.unavailable():
        pytest.skip("; ".join(reasons))
    return tmp_path


@pytest.fixture
def registry(home):
    return Registry(home, images.Images(), "complete")


def inside(built, path):
    """What a host sees at *path*: the topmost layer that has it."""
    return next(layer / path for layer in built.layers if (layer / path).exists())


def test_an_image_is_built_over_the_sandboxs_own_and_says_what_to_run(registry):
    before, told = traces.machine(), []

    built = registry.build(task(NAME="iris"), told.append)

    assert built.command == ("sleep", "60")
    assert (built.user, built.folder) == ("clerk", "/tmp")
    assert built.environment["GREETING"] == "hello"
    assert inside(built, "etc/name").read_text() == "iris\n"
    assert inside(built, "etc/said").read_text() == "nothing\n"
    assert built.layers[1:] == images.Images().layers("complete")
    assert "in place of the Dockerfile's public base" in told[0]
    assert traces.machine() == before


def test_the_same_is_not_built_again_also_by_the_next_daemon(home, registry):
    first, told = registry.build(task(), print), []

    again = Registry(home, images.Images(), "complete")

    assert again.find(REFERENCE) == first
    assert again.build(task(), told.append) == first
    assert told == []
    assert again.build(task(NAME="other"), told.append).key != first.key
    assert len(told) == 1


def test_a_build_that_fails_fails_with_the_end_of_its_log(registry):
    wrong = DOCKERFILE.replace("useradd --no-create-home clerk", "echo there is no clerk; false")

    with pytest.raises(
        FabricError, match=r"building r.azurecr.io/small:1 failed; the end of"
    ) as error:
        registry.build(task(wrong), print)

    assert "  | there is no clerk" in str(error.value)
    assert registry.find(REFERENCE) is None


def test_a_build_reaches_no_network(registry):
    asking = DOCKERFILE.replace(
        "useradd --no-create-home clerk", "cut -s -d: -f1 /proc/net/dev >/etc/links"
    )

    built = registry.build(task(asking), print)

    assert inside(built, "etc/links").read_text().split() == ["lo"]


def test_an_archive_that_leaves_its_folder_is_refused(home, registry):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../escaped"))
    wicked = task()

    with pytest.raises(FabricError, match="can't be unpacked"):
        registry.build(
            type(wicked)(
                archive=made.getvalue(),
                reference=REFERENCE,
                file=wicked.file,
                context=wicked.context,
            ),
            print,
        )
    assert not (home / "escaped").exists()


def test_what_no_registry_has_is_forgotten_and_nothing_is_left(home, registry):
    registry.build(task(), print)
    registry.keep(["r.azurecr.io"])
    assert registry.find(REFERENCE) is not None

    registry.keep(["other.azurecr.io"])
    assert registry.find(REFERENCE) is None
    registry.keep([])

    assert not (home / "containers").exists()


def test_a_file_that_can_not_be_read_is_as_none(home, registry):
    registry.build(task(), print)
    (home / "containers/images.json").write_text(json.dumps({"a": {}}))

    assert Registry(home, images.Images(), "complete").find(REFERENCE) is None
