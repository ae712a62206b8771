"""The commands behind scripts/traffic: show, prepare, keep, undo."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from operations import split as splits
from operations import stack_file, traffic
from operations.endpoint import Endpoint
from operations.errors import OperationError
from operations.samples import MODELS, folder_of
from operations.split import Split
from operations.stack import Backend, Reading, exported_state

SECONDS = 60.0


def add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    run_it: Callable[[argparse.Namespace], None],
) -> None:
    """Add `traffic` to the command line."""
    parser = commands.add_parser("traffic")
    parser.add_argument("step", choices=("show", "prepare", "keep", "undo"))
    parser.add_argument("--share", action="append", default=[])
    parser.add_argument("--mirror", action="append")
    parser.add_argument("--rollback", action="store_true")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--memory", type=Path, required=True)
    parser.set_defaults(run=run_it)


def run(options: argparse.Namespace, backend: Backend) -> None:
    """Do one step; `prepare` prints the URN that Pulumi is to change, or nothing."""
    memory = traffic.Memory(options.memory, options.stack)
    if options.step == "undo":
        sys.stderr.write(f"{traffic.undo(memory)} is as it was before\n")
        return
    now = traffic.deployed(options.stack, exported_state(options.stack, backend))
    if options.step == "keep":
        traffic.keep(now, memory)
        sys.stderr.write(f"the traffic is now: {now.split}\n")
        return
    file = stack_file.read(options.file)
    if options.step == "show":
        print(traffic.shown(now, file, memory))  # noqa: T201
        return
    _prepare(options, backend, now, file, memory)


def _prepare(
    options: argparse.Namespace,
    backend: Backend,
    now: traffic.Deployed,
    file: stack_file.StackFile,
    memory: traffic.Memory,
) -> None:
    if options.rollback:
        split, why = traffic.back(now, file, memory)
        sys.stderr.write(f"back to {why}\n")
    else:
        split = wanted(options, now)
        traffic.moved(now, split)
        for name in _gaining(now.split, split):
            _prove(options, backend, name)
    sys.stderr.write(f"  from: {now.split}\n  to:   {split}\n")
    if split == now.split and file.split in (None, split):
        sys.stderr.write("that is how it is: nothing to do\n")
        return
    if not options.yes and not _confirmed(options.stack):
        sys.stderr.write("nothing was changed\n")
        return
    if split == now.split:
        # Pulumi has nothing to set, and could not: what else the file has may not be there yet.
        traffic.write(file, split)
        sys.stderr.write(f"{file.path} says so again; the traffic is that already\n")
        return
    traffic.prepare(now, file, split, memory, rollback=options.rollback)
    print(now.urn)  # noqa: T201
    sys.stdout.flush()


def wanted(options: argparse.Namespace, now: traffic.Deployed) -> Split:
    """Return the split that was asked for: without shares, those of now; the same for copies."""
    shares = splits.parse(options.share, "traffic")
    mirror = splits.parse(filter(None, options.mirror or ()), "mirrored traffic")
    live = shares if options.share else dict(now.split.traffic)
    copies = mirror if options.mirror is not None else dict(now.split.mirror)
    if options.mirror is None:
        # Who gets live traffic now is no longer tried with copies.
        copies = {name: percent for name, percent in copies.items() if name not in live}
    return Split(traffic=live, mirror=copies)


def _gaining(now: Split, wanted: Split) -> Iterator[str]:
    """Yield who is to get more than it has."""
    for name, percent in wanted.traffic.items():
        if percent > now.traffic.get(name, 0):
            yield name


def _prove(options: argparse.Namespace, backend: Backend, name: str) -> None:
    """Ask a deployment its model's own request before it gets others'. Raises OperationError."""
    endpoint = Reading(options.stack, backend).deployed()
    if not isinstance(endpoint, Endpoint):
        return
    known = next((each for each in endpoint.deployments if each.name == name), None)
    folder = folder_of(known) if known else None
    if known is None or folder is None:
        sys.stderr.write(f"no folder of {MODELS} is deployment {name}'s model: it is not tried\n")
        return
    from operations.endpoint_client import EndpointClient  # noqa: PLC0415
    from operations.prove import expect  # noqa: PLC0415

    with EndpointClient(endpoint, backend.access) as client:
        answered = client.ask(known, folder.request, SECONDS)
        expect(answered, folder, f"deployment {name}", client)
    sys.stderr.write(f"deployment {name} answers {folder.path.name}'s own request as it should\n")


def _confirmed(stack: str) -> bool:
    if not sys.stdin.isatty():
        raise OperationError(
            "nobody is there to say yes",
            f"stack '{stack}'",
            "the standard input is no terminal",
            "say it with --yes",
        )
    sys.stderr.write("Set it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")
