"""Runs the loader of a compute node, whose database is a server."""

import os
import socket

from server.common.database import connection_string
from server.common.node import Database, credential, read_node
from server.loader.run import run
from server.loader.synchronize import ThisNode, opened

ROLE = "operationalization_loader"


def own_address(database: Database) -> str:
    """Return the address that this node speaks to the database from, without sending a packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((database.host, database.port))
        return str(probe.getsockname()[0])


def main() -> None:
    """Load services until systemd ends this."""
    settings = read_node()
    conninfo = connection_string(
        settings.database, user=ROLE, password=credential("database-loader")
    )
    workers = int(os.environ["WORKERS"])
    run(
        # The address is asked for anew each time: it needs a name that resolves.
        lambda: opened(conninfo, ThisNode(own_address(settings.database), settings.port, workers))
    )


if __name__ == "__main__":
    main()
