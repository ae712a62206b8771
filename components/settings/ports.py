r"""A stack file with other ports of the nodes.

    python -m components.settings.ports stacks/Pulumi.NAME.yaml [--web PORT] [--compute PORT]

prints as JSON what the ports are, what they become, which groups have nodes that keep what they
were made from, and the stack file before and after. Everything but the ports stays as it is
written, comments too, and what comes out is checked like any stack file before anybody sees it.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from components.settings.environment import NodesEnvironment, OneBoxEnvironment
from components.settings.newer import checked
from components.settings.problems import Problem, SettingsError, show
from components.settings.server import PortsSettings
from components.settings.stack_file import NAMESPACE, parse_file
from components.settings.upward import Edit, edited, member, span


def change(path: Path, web: int | None, compute: int | None) -> dict[str, object]:
    """Return what it takes to give the stack of the file at *path* other ports; None: as it has.

    Raises:
        SettingsError: when its ports cannot be changed, or not to these.
    """
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    environment = parse_file(path)
    if found := list(_obstacles(environment)):
        raise SettingsError(stack, found)
    assert isinstance(environment, NodesEnvironment)  # noqa: S101 - the obstacles say so
    before = environment.ports
    after = PortsSettings.model_construct(
        web=before.web if web is None else web,
        compute=before.compute if compute is None else compute,
    )
    text = path.read_text(encoding="utf-8")
    new = text if after == before else _written(text, path, environment, after, stack)
    return {
        "of": before.model_dump(),
        "to": after.model_dump(),
        "keeping": _keeping(environment),
        "roles": list(environment.groups),
        "before": text,
        "after": new,
    }


def _obstacles(environment: object) -> Iterator[Problem]:
    """Yield why the environment's ports cannot be changed."""
    if not isinstance(environment, NodesEnvironment):
        rule = "has no ports of its own: Azure ML answers on 443"
        topology = str(getattr(environment, "topology", ""))
        yield Problem("topology", topology, rule, "name the stack of nodes")
        return
    runtime = environment.runtime
    if runtime.server is None:
        if not environment.has_server:
            rule = "is on the machine, which another port replaces: what is published would be lost"
            fix = "become an enterprise first, which keeps it: scripts/to-enterprise"
            yield Problem("database.engine", show(environment.database.engine), rule, fix)
        return
    if getattr(environment, "predecessor", None) is not None:
        rule = "has two sets of nodes behind one balancer, which have the same ports"
        fix = "bring the upgrade to its end: scripts/upgrade --beside --finish, or --take-back"
        yield Problem("predecessor", "", rule, fix)
    if _keeping(environment) and runtime.operating_system.startswith("windows-"):
        rule = "has nodes that keep what they were made from, and no script that changes them"
        fix = "build an environment with the other ports beside it"
        yield Problem("runtime.operatingSystem", show(runtime.operating_system), rule, fix)


def _keeping(environment: NodesEnvironment) -> list[str]:
    """Return the groups that `pulumi up` leaves as they are; it replaces every node of plumber."""
    if environment.runtime.server is None:
        return []
    return [role for role, group in environment.groups.items() if group.is_fixed]


def _key(environment: NodesEnvironment) -> tuple[str, ...]:
    """Return where the product's ports are, below the environment."""
    server = () if environment.runtime.server is None else ("server",)
    return ("runtime", *server, "ports")


def _written(
    text: str, path: Path, environment: NodesEnvironment, ports: PortsSettings, stack: str
) -> str:
    """Return the file's text with other ports, once it is known to be good and nothing else."""
    runtime, key = environment.runtime, _key(environment)
    # Between the roles of plumber's one-box there is no port, and a setting of one is refused.
    alone = (
        isinstance(environment, OneBoxEnvironment) and ports.compute == environment.ports.compute
    )
    value = (
        f"web: {ports.web}"
        if alone and runtime.server is None
        else (f"web: {ports.web}, compute: {ports.compute}")
    )
    new = edited(text, iter([_edit(text, key, f"{{ {value} }}", stack)]))
    after = checked(new, path, (runtime.product, str(runtime.version)), stack)
    if after.ports != ports or _but_ports(after) != _but_ports(environment):
        raise _by_hand(stack, key)
    return new


def _edit(text: str, key: tuple[str, ...], value: str, stack: str) -> Edit:
    """Return the one change that the file needs; where its base has what is above, it goes on top.

    A base's server is several stacks' and has a licence that is accepted: it is not written here.
    """
    node = member(yaml.compose(text, Loader=yaml.SafeLoader), "config")
    missing = [f"{NAMESPACE}:environment", *key]
    while missing and (below := member(node, missing[0])) is not None:
        node = below
        missing.pop(0)
    if not missing:
        return span(node, value) if node is not None else _refuse(stack, key)
    if not isinstance(node, yaml.MappingNode) or not node.value or len(missing) > 2:
        return _refuse(stack, key)
    start, column = node.value[0][0].start_mark.index, node.value[0][0].start_mark.column
    if node.flow_style:
        for name in reversed(missing[1:]):
            value = f"{{ {name}: {value} }}"
        return start, start, f"{missing[0]}: {value}, "
    lines = [f"{' ' * 2 * depth}{name}:" for depth, name in enumerate(missing)]
    added = f"\n{' ' * column}".join([*lines[:-1], f"{lines[-1]} {value}", ""])
    return start, start, added


def _refuse(stack: str, key: tuple[str, ...]) -> Edit:
    raise _by_hand(stack, key)


def _by_hand(stack: str, key: tuple[str, ...]) -> SettingsError:
    name = ".".join(key)
    rule = "is written in a way that this cannot change"
    fix = f"write {name}.web and {name}.compute into the stack's own file, and deploy it"
    return SettingsError(stack, [Problem(name, "", rule, fix)])


def _but_ports(environment: NodesEnvironment) -> dict[str, object]:
    return environment.model_dump(exclude={"runtime": {"ports": True, "server": {"ports"}}})


def main(arguments: Sequence[str]) -> int:
    """Print the change; 1 and the reasons when there is none."""
    parser = argparse.ArgumentParser(prog="ports")
    parser.add_argument("path", type=Path)
    parser.add_argument("--web", type=int)
    parser.add_argument("--compute", type=int)
    options = parser.parse_args(arguments)
    try:
        found = change(options.path, options.web, options.compute)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
