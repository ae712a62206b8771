"""A stack file as it is after an upgrade of its product: another version, other installers.

Only what must change does: `runtime.product`, `runtime.version`, `runtime.server.installers`, and
what the new version does not know any more. Everything else, comments too, stays as it is written,
and what comes out is checked like any stack file before anybody sees it.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from components.settings.bases import FOLDER
from components.settings.environment import NodesEnvironment
from components.settings.problems import Problem, SettingsError
from components.settings.stack_file import NAMESPACE, parse_file
from components.settings.upward import Edit, edited, end_of, member, pair_of, span

BY_HAND = (
    "write runtime.product, version and server.installers into the stack file itself, each key on "
    "a line of its own"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A file of the new version."""

    url: str
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Installers:
    """The new version's media."""

    server: Archive
    r: Archive | None = None
    dotnet: Archive | None = None


def newer(path: Path, to: tuple[str, str], installers: Installers) -> tuple[str, NodesEnvironment]:
    """Return the text of the stack file at *path* with product and version *to*, and its settings.

    Raises:
        SettingsError: when the new version refuses the settings, or the file cannot be changed.
    """
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    text = path.read_text(encoding="utf-8")
    environment = member(
        member(yaml.compose(text, Loader=yaml.SafeLoader), "config"), f"{NAMESPACE}:environment"
    )
    runtime = member(environment, "runtime")
    places = [member(runtime, "product"), member(runtime, "version")]
    found = member(member(runtime, "server"), "installers")
    if None in places or not isinstance(found, yaml.MappingNode):
        rule = "must say product, version and server.installers in the stack's own file"
        raise SettingsError(stack, [Problem("runtime", "", rule, BY_HAND)])
    changed = edited(text, iter([*_edits(runtime, found, to, installers)]))
    return changed, checked(changed, path, to, stack)


def _edits(
    runtime: yaml.Node | None, found: yaml.MappingNode, to: tuple[str, str], installers: Installers
) -> Iterator[Edit]:
    for key, value in zip(("product", "version"), to, strict=True):
        node = member(runtime, key)
        if node is not None:
            yield span(node, value)
    store = member(found, "store")
    archives = {"server": installers.server, "r": installers.r, "dotnet": installers.dotnet}
    parts = [
        f"{name}: {{ url: {_quoted(each.url)}, sha256: {each.sha256} }}"
        for name, each in archives.items()
        if each is not None
    ]
    packages = member(found, "packages")
    if packages is not None:
        said = {name: getattr(member(packages, name), "value", "") for name in ("url", "sha256")}
        parts.append(f"packages: {{ url: {_quoted(said['url'])}, sha256: {said['sha256']} }}")
    if store is not None:
        parts.append(f"store: {_quoted(store.value)}")
    yield span(found, f"{{ {', '.join(parts)} }}")
    directory = member(member(member(runtime, "server"), "authentication"), "ldap")
    pair = pair_of(directory, "bindFilter")
    if pair is not None and to[1] not in ("9.0.1", "9.0-preview"):
        yield from _without(directory, pair)


def _without(node: yaml.Node | None, pair: tuple[yaml.Node, yaml.Node]) -> Iterator[Edit]:
    """Yield the removal of one key of a mapping."""
    key, value = pair
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 - the pair is from it
    if not node.flow_style:
        yield key.start_mark.index - key.start_mark.column, end_of(value) + 1, ""
        return
    index = next(i for i, (name, _) in enumerate(node.value) if name is key)
    if index:
        yield end_of(node.value[index - 1][1]), end_of(value), ""
    else:
        following = node.value[1][0].start_mark.index if len(node.value) > 1 else end_of(value)
        yield key.start_mark.index, following, ""


def _quoted(text: str) -> str:
    """Return a text as YAML has it inside braces."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def checked(text: str, path: Path, to: tuple[str, str], stack: str) -> NodesEnvironment:
    """Return the settings of *text*, which must be good and of that version."""
    with tempfile.TemporaryDirectory() as folder:
        bases = path.parent / FOLDER.name
        if bases.is_dir():
            (Path(folder) / FOLDER.name).symlink_to(bases.resolve())
        candidate = Path(folder) / path.name
        candidate.write_text(text, encoding="utf-8")
        after = parse_file(candidate)
    if (
        not isinstance(after, NodesEnvironment)
        or (
            after.runtime.product,
            after.runtime.version,
        )
        != to
    ):
        rule = "is written in a way that this cannot change"
        raise SettingsError(stack, [Problem("runtime", "", rule, BY_HAND)])
    return after
