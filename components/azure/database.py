"""The managed database on Azure, of the engine that the settings choose."""

from typing import TYPE_CHECKING

import pulumi

from components.azure.postgresql import PostgreSql
from components.azure.private_endpoint import PrivateEndpoint, PrivateEndpointArgs
from components.parts import DatabaseArgs, DatabasePart
from components.runtimes.flows import DATABASE_PORTS

if TYPE_CHECKING:
    from components.azure.sql_server import SqlServer


class Database(DatabasePart):
    """Owns the server, the database on it and its private endpoint.

    Both are protected, unless the environment is a throw-away one or the settings give exactly
    this database up: `database.discard` takes effect in one update, what deletes it in the next.
    """

    endpoint: PrivateEndpoint

    def __init__(
        self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:Database", name, None, opts)
        settings = args.settings
        kept = args.site.protection and settings.discard != settings.name
        server = _server(name, args, kept, self)
        origin = args.origin.part if args.origin else None
        self.endpoint = PrivateEndpoint(
            f"{name}-endpoint",
            PrivateEndpointArgs(
                site=args.site,
                service_id=server.id,
                group=server.ENDPOINT_GROUP,
                dns_zone=server.DNS_ZONE,
                network=args.network,
                shared=origin.endpoint if isinstance(origin, Database) else None,
                before=f"{args.predecessor}-endpoint" if args.predecessor else "",
            ),
            # A server takes one change at a time.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[server.last]),
        )
        self.id = server.id
        self.host = server.host
        self.server_name = server.server_name
        # An administrator of the server through Entra, whom Azure itself lets in.
        self.migrator = args.owner.name
        self.bootstrap_secret = pulumi.Output.from_input("")
        self.name = settings.name
        self.port = DATABASE_PORTS[settings.engine]
        self.register_outputs({"host": self.host, "id": self.id, "name": self.name})


def _server(
    name: str, args: DatabaseArgs, protect: bool, parent: pulumi.Resource
) -> "PostgreSql | SqlServer":
    if args.settings.engine == "postgresql":
        return PostgreSql(name, args, protect, parent)
    # Only who uses it pays for loading its classes: 0.1 s.
    from components.azure.sql_server import SqlServer  # noqa: PLC0415

    return SqlServer(name, args, protect, parent)
