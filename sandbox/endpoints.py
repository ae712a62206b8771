"""The commands for callers of an online endpoint: what lets them in, and whom they may trust."""

import argparse
from collections.abc import Mapping

from sandbox.commands import Command, CommandError
from sandbox.control.azure import endpoint_credentials as credentials
from sandbox.control.azure.online_endpoints import ONLINE_ENDPOINT_KIND
from sandbox.control.world import StoreWorld
from sandbox.fabric.images import digests
from sandbox.home import Home
from sandbox.records import opened


def _token(home: Home, options: argparse.Namespace) -> int:
    """What to send after `Authorization: Bearer`: a token, or the key of one that has keys."""
    with opened(home) as store:
        world = StoreWorld(store.read())
        endpoint = world.find(options.id)
        if endpoint is None or endpoint.type != ONLINE_ENDPOINT_KIND:
            known = sorted(found.id for found in world.of(ONLINE_ENDPOINT_KIND))
            raise CommandError(
                f"there is no online endpoint {options.id}; there are: {', '.join(known) or 'none'}"
            )
        match credentials.mode_of(endpoint):
            case credentials.KEY:
                found = credentials.keys(world, endpoint).primary
            case credentials.ENTRA:
                found = credentials.entra_token(world, world.principal).access_token
            case _:
                found = credentials.token(world, endpoint).access_token
    print(found)  # noqa: T201
    return 0


def _certificate(home: Home, _: argparse.Namespace) -> int:
    """Who signs for the names of the clouds in the sandbox, and nowhere else."""
    file = digests.authority(home.images) / "certificate.pem"
    try:
        print(file.read_text(), end="")  # noqa: T201
    except OSError as error:
        raise CommandError(
            f"the sandbox's certificate cannot be read from {file}: {error.strerror}; "
            "scripts/setup makes it with the images of nodes"
        ) from error
    return 0


COMMANDS: Mapping[str, Command] = {"token": _token, "certificate": _certificate}
