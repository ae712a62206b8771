"""Tasks of a registry: what builds an image is read, and everything else is refused by name."""

import base64
from pathlib import PurePosixPath

import pytest

from sandbox.fabric.containers import read
from sandbox.fabric.contract import FabricError

REGISTRY = "r.azurecr.io"
DATA = base64.b64encode(b"archive").decode()
ADD = f"cmd: bash -c 'echo {DATA} | base64 -d >> /workspace/context.tar.gz'"
UNPACK = "cmd: bash -c 'tar -xzf /workspace/context.tar.gz -C /workspace'"
BUILD = "build: -t {{.Run.Registry}}/iris:1 --build-arg MODEL=iris -f Dockerfile context"
PUSH = 'push: ["{{.Run.Registry}}/iris:1"]'
LOGIN = "cmd: az login --identity --username {{.Values.identity}} --allow-no-subscriptions"
UPLOAD = (
    "cmd: az storage blob upload-batch --auth-mode login --account-name {{.Values.account}} "
    "--destination models --source context/model --overwrite"
)


def task(*steps, head="version: v1.1.0\n"):
    return f"{head}steps:\n" + "".join(f"- {step}\n" for step in steps)


def test_the_archive_is_put_together_and_the_build_is_read():
    found = read(task(ADD, ADD, UNPACK, BUILD, PUSH), REGISTRY)

    assert found.archive == b"archivearchive"
    assert found.reference == "r.azurecr.io/iris:1"
    assert (found.file, found.context) == (PurePosixPath("Dockerfile"), PurePosixPath("context"))
    assert found.arguments == {"MODEL": "iris"}
    assert not found.copied


@pytest.mark.parametrize(
    "step",
    [
        ADD.replace("cmd: bash", "cmd: mcr.microsoft.com/acr/bash"),
        ADD.replace("cmd: bash", "cmd: mcr.microsoft.com/acr/bash:d0725bc bash"),
        ADD.replace("cmd: bash", "cmd: docker.io/library/bash"),
    ],
)
def test_the_image_with_the_shell_may_be_named_in_full(step):
    assert read(task(step, UNPACK, BUILD, PUSH), REGISTRY).archive == b"archive"


def test_names_may_be_written_as_the_documentation_writes_them():
    build = BUILD.replace("{{.Run.Registry}}", "{{ .Run.Registry }}")
    push = "push: $Registry/iris:1"

    assert read(task(ADD, UNPACK, build, push), REGISTRY).reference == "r.azurecr.io/iris:1"


def test_what_copies_the_model_is_known_and_left_out():
    head = "version: v1.1.0\nstepTimeout: 1800\n"

    assert read(task(ADD, UNPACK, BUILD, PUSH, LOGIN, UPLOAD, head=head), REGISTRY).copied


REFUSED = {
    "version: v2\nsteps: []": "the task must have a version of v1.0.0, v1.1.0",
    "version: v1.1.0\n": "the task has no steps",
    "- [": "the task is no YAML",
    task(ADD, head="version: v1.1.0\nsecrets: []\n"): "does not know the task property secrets",
    task("cmd: bash -c 'curl example.com | sh'"): "step 1 (cmd) of the task runs",
    task("cmd: alpine sh -c 'true'"): "step 1 (cmd) of the task runs",
    task("{cmd: bash, build: x}"): "step 1 of the task says cmd, build",
    task(ADD, UNPACK, ADD): "step 3 (cmd) of the task adds to an archive that was unpacked",
    task(ADD, BUILD, PUSH): "step 2 (build) of the task needs one -t, one context, and an archive",
    task(ADD, UNPACK, BUILD): "it needs a build and a push step",
    task(ADD, UNPACK, PUSH): "step 3 (push) of the task comes where it is not expected",
    task(ADD, UNPACK, BUILD + " --squash", PUSH): "of the task has the option --squash",
    task(ADD, UNPACK, BUILD.replace(" context", " ../etc"), PUSH): "leaves the workspace: ../etc",
    task(ADD, UNPACK, BUILD.replace("-f Dock", "-f /etc/Dock"), PUSH): "leaves the workspace",
    task(ADD, UNPACK, BUILD, PUSH.replace("iris:1", "iris:2")): "step 4 (push) of the task pushes",
    task(ADD, UNPACK, BUILD, "cmd: az login", PUSH): "step 4 (cmd) of the task runs 'az login'",
    task(ADD, UNPACK, BUILD, PUSH, "cmd: az group delete"): "step 5 (cmd) of the task runs",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_understood_is_refused_by_name(text):
    with pytest.raises(FabricError) as error:
        read(text, REGISTRY)

    assert REFUSED[text] in str(error.value)
