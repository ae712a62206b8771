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
from operations import traffic_command
from operations.capacity import options as capacity_options
from operations.diagnosis import options as diagnosis_options
from operations.endpoint import Endpoint
from operations.errors import OperationError
from operations.locks import options as lock_options
from operations.ports import options as ports_options
from operations.stack import PROJECT, Backend, Cloud, Environment, Reading, Sandbox
from operations.upgrade import options as upgrade_options

if TYPE_CHECKING:
    from operations.client import Client
    from operations.endpoint_client import EndpointClient

LARGEST_REQUEST = 64 * MEGABYTE


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 when it worked, 1 when it did not, with the error on standard error.

    2 is for `diagnose`: it worked, and something is not well.
    """
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int | None] = options.run
    try:
        return run(options) or 0
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
    score.add_argument("--deployment")
    score.add_argument("--timeout", type=float, default=300.0)
    score.set_defaults(run=_score)
    traffic_command.add(commands, _traffic)
    upgrade_options.add(commands, _upgrade)
    ports_options.add(commands, _ports)
    capacity_options.add(commands, _capacity)
    lock_options.add(commands, _unlock)
    diagnosis_options.add(commands, _diagnose)
    services = commands.add_parser("services")
    services.add_argument("step", choices=("list", "save", "restore"))
    services.add_argument("folder", type=Path, nargs="?")
    services.set_defaults(run=_services)
    return parser


def _publish(options: argparse.Namespace) -> None:
    folder = reading.read(options.folder)
    found = _deployed(options)
    if isinstance(found, Endpoint):
        raise OperationError(
            f"nothing can be published on stack '{options.stack}'",
            found.uri,
            "it is a managed endpoint: its models are in the images of its deployments",
            f"set model: {options.folder} of a deployment in stacks/Pulumi.{options.stack}.yaml "
            f"(or add a deployment, and move traffic to it with scripts/traffic), then "
            f"{_backend(options).deploy(options.stack)}",
        )
    with _client(found) as client:
        from operations.publish import publish  # noqa: PLC0415

        outcome = publish(client, folder, update=options.update)
        service = folder.service
        sys.stderr.write(f"{service.name} {service.version} {outcome} at {client.endpoint}\n")


def _prove(options: argparse.Namespace) -> None:
    folder = reading.read(options.folder)
    found = _deployed(options)
    if isinstance(found, Endpoint):
        from operations.prove import prove_endpoint  # noqa: PLC0415

        with _endpoint_client(options, found) as caller:
            sys.stderr.write(f"{prove_endpoint(caller, folder)}\n")
        return
    with _client(found) as client:
        from operations.prove import prove  # noqa: PLC0415

        sys.stderr.write(f"{prove(client, folder)}\n")


def _score(options: argparse.Namespace) -> None:
    inputs = _request(options.file)
    found = _deployed(options)
    if isinstance(found, Endpoint):
        outputs = _scored_by_endpoint(options, found, inputs)
    else:
        if options.deployment:
            raise OperationError(
                f"there is no deployment {options.deployment}",
                f"stack '{options.stack}'",
                "its services are on nodes, which share all of them",
                "leave --deployment out; --version chooses a version",
            )
        outputs = _scored_by_nodes(options, found, inputs)
    print(json.dumps(outputs, ensure_ascii=False, indent=2))  # noqa: T201
    sys.stdout.flush()


def _services(options: argparse.Namespace) -> None:
    found = _deployed(options)
    if isinstance(found, Endpoint):
        raise OperationError(
            f"stack '{options.stack}' has no published services",
            found.uri,
            "it is a managed endpoint: its models are in the images of its deployments",
            "name the stack of a one-box or an enterprise",
        )
    with _client(found) as client:
        from operations import moving  # noqa: PLC0415

        if options.step == "list":
            for each in moving.published(client):
                sys.stderr.write(f"  {each.name} {each.version}\n")
        elif options.step == "save":
            saved = moving.save(client, options.folder)
            sys.stderr.write(f"{len(saved)} published services are saved in {options.folder}\n")
        else:
            for line in moving.restore(client, options.folder):
                sys.stderr.write(f"{line}\n")


def _traffic(options: argparse.Namespace) -> None:
    traffic_command.run(options, _backend(options))


def _unlock(options: argparse.Namespace) -> None:
    from operations.locks import command as lock_command  # noqa: PLC0415

    lock_command.run(options, _backend(options))


def _ports(options: argparse.Namespace) -> None:
    from operations.ports import command as ports_command  # noqa: PLC0415

    ports_command.run(options, _backend(options))


def _diagnose(options: argparse.Namespace) -> int:
    from operations.diagnosis import command as diagnosis_command  # noqa: PLC0415

    return diagnosis_command.run(options, _backend(options))


def _capacity(options: argparse.Namespace) -> None:
    inputs = _request(options.file)
    from operations.capacity import command as capacity_command  # noqa: PLC0415

    capacity_command.run(options, _backend(options), inputs)


def _upgrade(options: argparse.Namespace) -> None:
    if options.beside:
        from operations.beside import command as beside_command  # noqa: PLC0415

        beside_command.run(options, _backend(options))
        return
    if options.finish:
        raise OperationError(
            "there is nothing to finish",
            f"stack '{options.stack}'",
            "an upgrade in place has no old set of nodes",
            "add --beside",
        )
    from operations.upgrade import command as upgrade_command  # noqa: PLC0415

    upgrade_command.run(options, _backend(options))


def _scored_by_nodes(
    options: argparse.Namespace, found: Environment, inputs: dict[str, Any]
) -> dict[str, Any]:
    with _client(found) as client:
        from operations.score import score  # noqa: PLC0415

        answer = score(client, options.name, options.version, inputs, options.timeout)
    if answer.console:
        sys.stderr.write(f"{answer.console}\n")
    return answer.outputs


def _scored_by_endpoint(
    options: argparse.Namespace, found: Endpoint, inputs: dict[str, Any]
) -> dict[str, Any]:
    with _endpoint_client(options, found) as client:
        if not options.deployment:
            return client.score(options.name, options.version, inputs, options.timeout)
        chosen = found.deployment(options.deployment)
        if chosen not in found.serving(options.name, options.version):
            raise OperationError(
                f"deployment {chosen.name} has another model",
                found.uri,
                f"it has {chosen.model} {chosen.version}",
                "give its name and version, or another deployment",
            )
        return client.ask(chosen, inputs, options.timeout)


def _backend(options: argparse.Namespace) -> Backend:
    return Cloud() if options.cloud else Sandbox(options.sandbox_home)


def _deployed(options: argparse.Namespace) -> Environment | Endpoint:
    reading = Reading(options.stack, _backend(options))
    # httpx takes as long to import as Pulumi to answer: both at once.

    return reading.deployed()


def _client(found: Environment) -> "Client":
    from operations.client import Client  # noqa: PLC0415

    return Client(found)


def _endpoint_client(options: argparse.Namespace, found: Endpoint) -> "EndpointClient":
    from operations.endpoint_client import EndpointClient  # noqa: PLC0415

    return EndpointClient(found, _backend(options).access)


def _request(path: Path) -> dict[str, Any]:
    try:
        return files.parse_object(files.read(path, LARGEST_REQUEST))
    except FileProblem as problem:
        raise OperationError(
            "the request cannot be sent", str(path), problem.reason, problem.fix
        ) from None
