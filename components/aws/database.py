"""The managed database on AWS, of the engine that the settings choose."""

import pulumi

from components.aws import permissions, postgresql, rds, site, sql_server
from components.parts import DatabaseArgs, DatabasePart
from components.runtimes.flows import DATABASE_PORTS


class Database(DatabasePart):
    """Owns the server, and lets the web nodes' role log in to it.

    It is protected, unless the environment is a throw-away one or the settings give exactly this
    database up: `database.discard` takes effect in one update, what deletes it in the next. A
    protected environment's server leaves a last snapshot behind either way.
    """

    def __init__(
        self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:Database", name, None, opts)
        settings = args.settings
        engine = (postgresql if settings.engine == "postgresql" else sql_server).engine(settings)
        kept = args.site.protection and settings.discard != settings.name
        server = rds.Server(name, args, engine, kept, self)
        self.id = server.id
        self.host = server.host
        self.server_name = server.server_name
        self.bootstrap_secret = server.master_secret
        self.migrator = pulumi.Output.from_input(
            postgresql.MIGRATOR if engine.identities else rds.MASTER
        )
        self.name = settings.name
        self.port = DATABASE_PORTS[settings.engine]
        self._grant(name, args, server, engine)
        self.register_outputs({"host": self.host, "id": self.id, "name": self.name})

    def _grant(self, name: str, args: DatabaseArgs, server: rds.Server, engine: rds.Engine) -> None:
        """Let the web nodes read the first login, and log in as the user that they make with it."""
        place = site.of(args.site)
        permissions.grant(
            f"{name}-owner-begins",
            f"begins-database{args.suffix}",
            args.owner.name,
            pulumi.Output.all(server.master_secret, place.key_arn).apply(
                lambda found: permissions.reads_secrets([found[0]], found[1], place.region)
            ),
            self,
        )
        if engine.identities:
            permissions.grant(
                f"{name}-owner-logs-in",
                f"logs-in-to-database{args.suffix}",
                args.owner.name,
                pulumi.Output.all(place.account, server.resource_id).apply(
                    lambda found: permissions.logs_in(
                        permissions.Place(place.partition, place.region, found[0]),
                        found[1],
                        postgresql.MIGRATOR,
                    )
                ),
                self,
            )
