"""What watches an environment on Azure.

One workspace for logs, a diagnostic setting a resource, metric alerts, and a dashboard.
"""

from collections.abc import Sequence

import pulumi

from components.azure import alerts, dashboard, watching
from components.azure.alerts import Alert
from components.parts import MonitoringArgs


class Monitoring(pulumi.ComponentResource):
    """Owns the workspace and what fills it; it comes last and nothing depends on it.

    Alerts exist without addresses too: the portal shows what fired.
    """

    workspace_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:Monitoring", name, None, opts)
        self._name = name
        self._args = args
        self.workspace_id = watching.log_workspace(name, args.site, args.settings, self).id
        self._collect()
        self._alert()
        dashboard.make(name, args, self.workspace_id, self)
        self.register_outputs({"workspace_id": self.workspace_id})

    def _collect(self) -> None:
        self._diagnose("vault", self._args.secrets.id, groups=["audit"])
        self._diagnose("load-balancer", self._args.load_balancer.id, groups=["allLogs"])
        for subnet, firewall in self._args.network.firewall_ids.items():
            self._diagnose(f"firewall-{subnet}", firewall, groups=["allLogs"], metrics=False)
        database = self._args.database
        if database is None:
            return
        if self._args.database_settings.engine == "postgresql":
            self._diagnose("database", database.id, groups=["allLogs"])
        else:
            # Azure SQL writes the server's audit log as one of its database `master`.
            master = pulumi.Output.concat(database.id, "/databases/master")
            self._diagnose("database", master, categories=["SQLSecurityAuditEvents"])

    def _diagnose(
        self,
        suffix: str,
        resource: pulumi.Input[str],
        *,
        groups: Sequence[str] = (),
        categories: Sequence[str] = (),
        metrics: bool = True,
    ) -> None:
        watching.diagnose(
            f"{self._name}-{suffix}",
            resource,
            self.workspace_id,
            self,
            groups=groups,
            categories=categories,
            metrics=metrics,
        )

    def _alert(self) -> None:
        told = watching.actions(self._name, self._args.site, self._args.settings, self)
        watched: list[tuple[Sequence[pulumi.Input[str]], Sequence[Alert]]] = [
            ([self._args.load_balancer.id], alerts.LOAD_BALANCER),
            ([self._args.secrets.id], alerts.VAULT),
        ]
        if self._args.database:
            measured = alerts.measured(self._args.database, self._args.database_settings.engine)
            watched.append(([measured], alerts.database(self._args)))
        for role, group in self._args.groups.items():
            size = self._args.sizes[role]
            watched.append((group.ids, tuple(alerts.nodes(role, group.kind, size))))
        for scopes, wanted in watched:
            for alert in wanted:
                watching.metric_alert(self._name, self._args.site, alert, scopes, told, self)
