r"""What brings nodes to another version of their product in place: one archive a role.

It holds what a fresh node of the new version would get, all files of the recipe and its part of
the JSON file, and `move.json`, which says how the old version is removed. What is known of a node
only when it is deployed stays as it is in the file that the node has. For Windows, which unpacks
nothing else, it is a zip archive without folders, with the scripts that do it beside the node's.

    python -m components.bootstrap.upgrade stacks/Pulumi.NAME.yaml --to VERSION \
        --installer URL --sha256 SUM

prints them as JSON, with the stack file as it is to be afterwards.

    python -m components.bootstrap.upgrade stacks/Pulumi.NAME.yaml --configure <DEPLOYED

does the same for nodes that keep their version and get the settings that were deployed last:
DEPLOYED is JSON, by role what the stack's outputs have of it (`content`: `rendered`, `nodeFile`).
"""

import argparse
import base64
import gzip
import io
import json
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PureWindowsPath

from components.bootstrap import user_data, windows
from components.bootstrap.bundle import bundle, split
from components.bootstrap.user_data import recipe_json
from components.runtimes import recipe
from components.runtimes.node import NodeFile, NodeRecipe
from components.runtimes.rserver import VERSIONS
from components.runtimes.rserver import windows as product
from components.runtimes.rserver.moving import PATHS, Key, identity, removal
from components.settings import NodesEnvironment
from components.settings.beside import MOMENT, beside
from components.settings.catalogue.products import is_windows
from components.settings.newer import Archive, Installers, newer
from components.settings.problems import Problem, SettingsError
from components.settings.stack_file import parse_file

DATA_FOLDER = "files"
MOVE = "move.json"


def problems(environment: object, to: str = "") -> Iterator[Problem]:
    """Yield why the nodes cannot be changed in place: to version *to*, if one is given."""
    if not isinstance(environment, NodesEnvironment):
        rule = "has no nodes of its own: an endpoint's deployments bring their own images"
        yield Problem("topology", str(getattr(environment, "topology", "")), rule, "use traffic")
        return
    runtime = environment.runtime
    if runtime.product == "plumber":
        fix = "write the version into runtime.version, and deploy: new nodes take over"
        yield Problem("runtime.product", "plumber", "is upgraded by pulumi up alone", fix)
        return
    on_windows = is_windows(runtime.operating_system)
    if to and on_windows and environment.has_server and environment.cloud == "aws":
        rule = "cannot be copied by a node on RDS, and there would be no way back"
        fix = "build an environment of its own for the new version, and publish there again"
        yield Problem("database.engine", environment.database.engine, rule, fix)
    of = (runtime.product, runtime.version)
    if to and target(of, to) is None:
        ways = ", ".join(map(" ".join, PATHS.get(of, ()))) or "nothing: build a new environment"
        rule = f"is no version that {' '.join(of)} becomes in one step"
        yield Problem("--to", to, rule, f"from here one may go to: {ways}")
    for role, group in environment.groups.items():
        if not group.is_fixed and role != "one-box":
            rule = "has machines that come and go: a new one would have the old version"
            fix = "build an environment of the new version beside it: docs/r-server.md, Upgrade"
            if not to:
                rule, fix = "has machines that pulumi up replaces for other settings", "deploy it"
            yield Problem(f"{role}.nodes", "scaleSet", rule, fix)
    if to and runtime.server is not None and runtime.server.sql_server_services:
        rule = "has its version from SQL Server's own set-up"
        yield Problem("runtime.server.sqlServerServices", "true", rule, "upgrade SQL Server")


def target(of: Key, to: str) -> Key | None:
    """Return the product and version that *of* becomes; None when there is no such step."""
    return next((each for each in PATHS.get(of, ()) if to in (each[1], " ".join(each))), None)


def content(path: Path, to: str, installers: Installers) -> dict[str, object]:
    """Return what brings the stack of the file at *path* to version *to*.

    Raises:
        SettingsError: when that cannot be, with every reason.
    """
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    before = parse_file(path)
    if found := list(problems(before, to)):
        raise SettingsError(stack, found)
    assert isinstance(before, NodesEnvironment)  # noqa: S101 - the problems say so
    of: Key = (before.runtime.product, str(before.runtime.version))
    wanted = target(of, to)
    assert wanted is not None  # noqa: S101 - the problems say so
    text, after = newer(path, wanted, installers)
    return {
        "of": " ".join(of),
        "to": " ".join(wanted),
        "system": system_of(before),
        "server": before.has_server,
        "archives": {
            role: base64.b64encode(archive(before, after, of, wanted, role)).decode()
            for role in before.groups
        },
        "stackFile": text,
    }


def configuration(path: Path, deployed: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
    """Return what has nodes do what the stack of the file at *path* says, as it was *deployed*.

    Raises:
        SettingsError: when that cannot be, with every reason.
    """
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    environment = parse_file(path)
    found = list(problems(environment))
    if found:
        raise SettingsError(stack, found)
    assert isinstance(environment, NodesEnvironment)  # noqa: S101 - the problems say so
    of: Key = (environment.runtime.product, str(environment.runtime.version))
    archives = {}
    for role in environment.groups.keys() & deployed.keys():
        node_file = gzip.decompress(base64.b64decode(deployed[role]["nodeFile"])).decode()
        made = recipe.for_role(environment, role)
        document = json.loads(node_file)
        said = json.loads(json.dumps(recipe_json(made, environment.cloud)))
        digest = user_data.made(made, environment.cloud, node_file).digest
        if {**document, **said} != document or digest != deployed[role]["rendered"]:
            rule = "is not what was deployed last, or another release deployed it"
            found.append(Problem(f"group {role}", "", rule, "deploy it, and then do this"))
            continue
        content = archive(environment, environment, of, of, role, document)
        archives[role] = base64.b64encode(content).decode()
    if found:
        raise SettingsError(stack, found)
    return {
        "of": " ".join(of),
        "to": " ".join(of),
        "system": system_of(environment),
        "server": environment.has_server,
        "archives": archives,
        "stackFile": path.read_text(encoding="utf-8"),
    }


def system_of(environment: NodesEnvironment) -> str:
    """Return what the nodes run, as those who reach them must know it: `linux` or `windows`."""
    return "windows" if is_windows(environment.runtime.operating_system) else "linux"


def stages(path: Path, to: str, installers: Installers) -> dict[str, object]:
    """Return the stack file at each stage of the way to *to* beside the old nodes.

    Raises:
        SettingsError: when that cannot be, with every reason.
    """
    before = parse_file(path)
    found: Key = ("an environment", "without nodes")
    if isinstance(before, NodesEnvironment):
        found = (before.runtime.product, before.runtime.version)
    wanted = target(found, to)
    if wanted is None:
        stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        ways = ", ".join(map(" ".join, PATHS.get(found, ()))) or "nothing"
        rule = f"is no version that {' '.join(found)} becomes in one step"
        raise SettingsError(stack, [Problem("--to", to, rule, f"one may go to: {ways}")])
    texts = beside(path, wanted, installers)
    return {"of": " ".join(found), "to": " ".join(wanted), "moment": MOMENT, "stages": texts}


def archive(
    before: NodesEnvironment,
    after: NodesEnvironment,
    of: Key,
    to: Key,
    role: recipe.Role,
    node_file: Mapping[str, object] | None = None,
) -> bytes:
    """Return what nodes of *role* receive; the same bytes for the same settings.

    *node_file*: what their JSON file says, where that is known as a whole.
    """
    made = recipe.for_role(after, role)
    fetched = bundle(made, after.cloud)
    document = dict(node_file or recipe_json(made, after.cloud))
    if fetched and not node_file:
        document["bundle"] = {"sha256": fetched.sha256}
    section = made.data
    on_windows = made.family == "windows"
    versions = VERSIONS[of], VERSIONS[to]
    left, right = (
        (identity(each, "windows") for each in versions)
        if on_windows
        else (removal(each) for each in versions)
    )
    move: dict[str, object] = {
        "role": role,
        "parts": section["parts"],
        "of": left,
        "to": right,
        "database": "server" if before.has_server else "file",
        "login": section["database"],
        "bundle": fetched.sha256 if fetched else "",
        "document": document,
    }
    return (zipped if on_windows else packed)(files(made, after), move)


def files(made: NodeRecipe, environment: NodesEnvironment) -> tuple[NodeFile, ...]:
    """Return all files of a node."""
    carried, fetched = split(made, environment.cloud)
    return (*carried, *fetched)


def packed(found: Sequence[NodeFile], move: Mapping[str, object]) -> bytes:
    """Return files and *move* as a gzipped tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for file in sorted(found, key=lambda file: file.path):
            _add(tar, f"{DATA_FOLDER}{file.path}", file.content, int(file.mode, 8))
        _add(tar, MOVE, json.dumps(move, indent=1, sort_keys=True) + "\n", 0o600)
    return gzip.compress(buffer.getvalue(), compresslevel=9, mtime=0)


def zipped(found: Sequence[NodeFile], move: Mapping[str, object]) -> bytes:
    """Return files, *move* and what does it as a zip archive, for a node with Windows.

    `move` has the names of the node's own files besides: the others are the upgrade's alone.
    """
    names = sorted(PureWindowsPath(file.path).name for file in found)
    text = json.dumps({**move, "files": names}, indent=1, sort_keys=True) + "\n"
    said = NodeFile(path=f"{windows.PROGRAMS}\\{MOVE}", content=text)
    return windows.pack((*found, *product.upgrade_files(), said))


def _add(tar: tarfile.TarFile, name: str, text: str, mode: int) -> None:
    data = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    entry.uname = entry.gname = "root"
    tar.addfile(entry, io.BytesIO(data))


def _installers(options: argparse.Namespace) -> Installers:
    def pair(url: str | None, digest: str | None) -> Archive | None:
        return Archive(url=url, sha256=digest or "") if url else None

    server = pair(options.installer, options.sha256)
    if server is None:
        fix = "give it with --installer URL --sha256 SUM"
        raise SettingsError(
            "", [Problem("--installer", "", "must say where the installer is", fix)]
        )
    return Installers(
        server=server,
        r=pair(options.r, options.r_sha256),
        dotnet=pair(options.dotnet, options.dotnet_sha256),
    )


def main(arguments: Sequence[str]) -> int:
    """Print what an upgrade is made of; 1 and the reasons when there is none."""
    parser = argparse.ArgumentParser(prog="upgrade")
    parser.add_argument("path", type=Path)
    parser.add_argument("--to", default="")
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--configure", action="store_true")
    for option in ("--installer", "--sha256", "--r", "--r-sha256", "--dotnet", "--dotnet-sha256"):
        parser.add_argument(option)
    options = parser.parse_args(arguments)
    try:
        if options.configure:
            found = configuration(options.path, json.load(sys.stdin))
        else:
            make = stages if options.beside else content
            found = make(options.path, options.to, _installers(options))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
