"""The commands behind scripts/publish, score and up, which check the options."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_folders import files, reading
from model_folders.files import MEGABYTE, FileProblem
from model_folders.problems import FolderError
from operations.errors import OperationError
from operations.stack import PROJECT, Backend, Cloud, Reading, Sandbox

if TYPE_CHECKING:
    from operations.client import Client

LARGEST_REQUEST = 64 * MEGABYTE


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 when it worked, 1 when it did not, with the error on standard error."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except (FolderError, OperationError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has gone; nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="operations")
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--cloud", action="store_true")
    parser.add_argument("--sandbox-home", type=Path, default=PROJECT / ".cache" / "sandbox")
    commands = parser.add_subparsers(required=True)
    publish = commands.add_parser("publish")
    publish.add_argument("folder", type=Path)
    publish.add_argument("--update", action="store_true")
    publish.set_defaults(run=_publish)
    prove = commands.add_parser("prove")
    prove.add_argument("folder", type=Path)
    prove.set_defaults(run=_prove)
    score = commands.add_parser("score")
    score.add_argument("name")
    score.add_argument("file", type=Path)
    score.add_argument("--version")
    score.add_argument("--timeout", type=float, default=300.0)
    score.set_defaults(run=_score)
    return parser


def _publish(options: argparse.Namespace) -> None:
    folder = reading.read(options.folder)
    with _client(options) as client:
        from operations.publish import publish  # noqa: PLC0415

        outcome = publish(client, folder, update=options.update)
        service = folder.service
        sys.stderr.write(f"{service.name} {service.version} {outcome} at {client.endpoint}\n")


def _prove(options: argparse.Namespace) -> None:
    folder = reading.read(options.folder)
    with _client(options) as client:
        from operations.prove import prove  # noqa: PLC0415

        sys.stderr.write(f"{prove(client, folder)}\n")


def _score(options: argparse.Namespace) -> None:
    inputs = _request(options.file)
    with _client(options) as client:
        from operations.score import score  # noqa: PLC0415

        answer = score(client, options.name, options.version, inputs, options.timeout)
    if answer.console:
        sys.stderr.write(f"{answer.console}\n")
    print(json.dumps(answer.outputs, ensure_ascii=False, indent=2))  # noqa: T201
    sys.stdout.flush()


def _client(options: argparse.Namespace) -> "Client":
    backend: Backend = Cloud() if options.cloud else Sandbox(options.sandbox_home)
    reading = Reading(options.stack, backend)
    # httpx takes as long to import as Pulumi to answer: both at once.
    from operations.client import Client  # noqa: PLC0415

    return Client(reading.environment())


def _request(path: Path) -> dict[str, Any]:
    try:
        return files.parse_object(files.read(path, LARGEST_REQUEST))
    except FileProblem as problem:
        raise OperationError(
            "the request cannot be sent", str(path), problem.reason, problem.fix
        ) from None
