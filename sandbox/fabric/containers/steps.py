"""The steps of a registry's task that builds one image, read from the YAML that it is declared by.

Only what a build from an archive inside the steps themselves needs is understood: `cmd` steps that
put the archive together and unpack it, one `build`, one `push`, and `cmd` steps that copy the model
into a storage account, which the sandbox has no data of and leaves out. Everything else is refused
by name. Nothing of it is given to a shell.

Source: Azure documentation, "ACR Tasks reference: YAML" (step types, `{{.Run.Registry}}` and its
alias `$Registry`, the working directory /workspace, which is the context of relative paths).
"""

import base64
import binascii
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import cast

import yaml

from sandbox.fabric.contract import FabricError

WORKSPACE = PurePosixPath("/workspace")
ARCHIVE = WORKSPACE / "context.tar.gz"

_VERSIONS = ("v1.0.0", "v1.1.0")
_CMD = re.compile(r"(?:[\w.:/-]*/)?bash(?::[\w.-]+)?(?: bash)? -c '(?P<script>[^']*)'")
"""The image is `bash`, of the public registry or the vendor's own."""
_ADD = re.compile(rf"echo (?P<data>[A-Za-z0-9+/=]+) \| base64 -d >> {re.escape(str(ARCHIVE))}")
_UNPACK = f"tar -xzf {ARCHIVE} -C {WORKSPACE}"
_COPY = re.compile(
    r"az login --identity --username \S+ --allow-no-subscriptions"
    r"|az storage blob upload-batch( --[a-z-]+( [\w./{}-]+)?)+"
)
_REGISTRY = re.compile(r"\{\{\s*\.Run\.Registry\s*\}\}|\$Registry\b")
_QUIET = frozenset({"id", "timeout"})
"""Properties of a step that change nothing of what it makes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What is to be built."""

    archive: bytes = field(repr=False)
    """tar.gz, unpacked in the workspace before the build."""
    reference: str
    """REGISTRY/NAME:TAG, which is pushed."""
    file: PurePosixPath
    """Of the build, in the workspace."""
    context: PurePosixPath
    arguments: Mapping[str, str] = field(default_factory=dict)
    copied: bool = False
    """Whether it copies something into a storage account, too, which is not done here."""


def read(text: str, registry: str) -> Task:
    """The task that *text* declares, in the registry with that login server. Raises FabricError."""
    archive, unpacked = bytearray(), False
    built: Task | None = None
    pushed = copied = False
    for number, (kind, value) in enumerate(_steps(text), 1):
        where = f"step {number} ({kind})"
        if kind == "cmd" and built is None:
            data = _command(where, value)
            archive += data or b""
            unpacked = unpacked or data is None
            if data and unpacked:
                raise _refused(where, "adds to an archive that was unpacked already")
        elif kind == "build" and built is None:
            built = _build(where, value, registry, bytes(archive), unpacked=unpacked)
        elif kind == "push" and built is not None and not pushed:
            _push(where, value, registry, built)
            pushed = True
        elif kind == "cmd" and pushed and isinstance(value, str) and _COPY.fullmatch(value):
            copied = True
        elif kind == "cmd":
            raise _refused(where, f"runs {str(value)[:80]!r} after the build")
        else:
            raise _refused(where, "comes where it is not expected: cmd steps, one build, one push")
    if built is None or not pushed:
        raise FabricError("the task builds and pushes no image: it needs a build and a push step")
    return replace(built, copied=copied)


def _steps(text: str) -> Iterator[tuple[str, object]]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FabricError(f"the task is no YAML: {error}") from error
    if not isinstance(document, Mapping) or document.get("version") not in _VERSIONS:
        raise FabricError(f"the task must have a version of {', '.join(_VERSIONS)}")
    for name in document.keys() - {"version", "steps", "stepTimeout"}:
        raise FabricError(f"the sandbox does not know the task property {name}: leave it out")
    steps = document.get("steps")
    if not isinstance(steps, list) or not steps:
        raise FabricError("the task has no steps")
    for number, step in enumerate(steps, 1):
        given = [key for key in step if key not in _QUIET] if isinstance(step, Mapping) else []
        if len(given) != 1 or given[0] not in ("cmd", "build", "push"):
            said = ", ".join(map(str, given)) or "nothing"
            raise FabricError(
                f"step {number} of the task says {said}: the sandbox knows steps of one of cmd, "
                "build and push"
            )
        yield given[0], step[given[0]]


def _command(where: str, value: object) -> bytes | None:
    """What a command adds to the archive; None: it unpacks it."""
    match = _CMD.fullmatch(value) if isinstance(value, str) else None
    script = match["script"] if match else ""
    if script == _UNPACK:
        return None
    added = _ADD.fullmatch(script)
    if added is None:
        raise _refused(where, f"runs {str(value)[:80]!r}")
    try:
        return base64.b64decode(added["data"], validate=True)
    except binascii.Error as error:
        raise FabricError(f"{where} of the task has no base64: {error}") from error


def _build(where: str, value: object, registry: str, archive: bytes, *, unpacked: bool) -> Task:
    words = _words(where, value)
    tags: list[str] = []
    arguments: dict[str, str] = {}
    file, contexts = "Dockerfile", []
    while words:
        word = words.pop(0)
        option, equals, attached = word.partition("=")
        if not word.startswith("-"):
            contexts.append(word)
            continue
        given = attached if equals else words.pop(0) if words else ""
        match option:
            case "-t" | "--tag":
                tags.append(_REGISTRY.sub(registry, given))
            case "-f" | "--file":
                file = given
            case "--build-arg":
                name, _, content = given.partition("=")
                arguments[name] = content
            case _:
                raise _refused(where, f"has the option {option}")
    if len(tags) != 1 or len(contexts) != 1 or not unpacked:
        raise _refused(where, "needs one -t, one context, and an archive that was unpacked")
    return Task(
        archive=archive,
        reference=tags[0],
        file=_inside(where, file),
        context=_inside(where, contexts[0]),
        arguments=arguments,
    )


def _push(where: str, value: object, registry: str, built: Task) -> None:
    references = value if isinstance(value, list) else _words(where, value)
    pushed = [_REGISTRY.sub(registry, str(each)) for each in cast("Sequence[object]", references)]
    if pushed != [built.reference]:
        raise _refused(where, f"pushes {', '.join(pushed)}, and {built.reference} was built")


def _words(where: str, value: object) -> list[str]:
    # `{{.Run.Registry}}` may have blanks inside, and is one word with what is behind it.
    text = re.sub(r"\{\{\s*(\S+?)\s*\}\}", r"{{\1}}", value) if isinstance(value, str) else ""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise FabricError(f"{where} of the task can't be read: {error}") from error


def _inside(where: str, path: str) -> PurePosixPath:
    """A path of the workspace, relative to it."""
    found = WORKSPACE / path
    if ".." in found.parts or not found.is_relative_to(WORKSPACE):
        raise _refused(where, f"leaves the workspace: {path}")
    return found.relative_to(WORKSPACE)


def _refused(where: str, why: str) -> FabricError:
    return FabricError(f"{where} of the task {why}: the sandbox can't run that")
