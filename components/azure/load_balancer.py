"""The load balancer on Azure: Standard, one rule, no affinity.

TLS ends on the web nodes, so it passes packets and sees no content (design.md section 8). Web
nodes are stateless: `Default` spreads connections and sticks to nobody (facts.md R4).
"""

import pulumi
from pulumi_azure_native import network

from components.parts import LoadBalancerArgs, LoadBalancerPart

FRONTEND = "clients"
POOL = "web"
PROBE = "ready"
PROBE_SOURCE = "168.63.129.16/32"
"""Where probes come from ("What is IP address 168.63.129.16?")."""

RULE = "calls"


class LoadBalancer(LoadBalancerPart):
    """Owns the balancer and, when it is public, its address."""

    def __init__(
        self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:LoadBalancer", name, None, opts)
        # Azure does not turn an internal balancer into a public one: the exposure is in the name,
        # so that a change of it makes another one.
        self._name = f"{name}-{args.settings.exposure}"
        self._args = args
        frontend = self._frontend()
        balancer = network.LoadBalancer(
            self._name,
            # The balancer's parts refer to each other by id, so its name is known beforehand.
            load_balancer_name=self._name,
            resource_group_name=args.site.resource_group,
            location=args.site.location,
            tags=args.site.tags,
            sku=network.LoadBalancerSkuArgs(name="Standard", tier="Regional"),
            frontend_ip_configurations=[frontend],
            backend_address_pools=[network.BackendAddressPoolArgs(name=POOL)],
            probes=[self._probe()],
            load_balancing_rules=[self._rule()],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.id = balancer.id
        self.host_names = ()
        self.probe_sources = (PROBE_SOURCE,)
        self.pool_id = pulumi.Output.concat(balancer.id, f"/backendAddressPools/{POOL}")
        self.register_outputs(
            {"id": self.id, "addresses": list(self.addresses), "pool_id": self.pool_id}
        )

    def _frontend(self) -> network.FrontendIPConfigurationArgs:
        plan = self._args.plan
        zones = list(self._args.zones) or None
        if self._args.settings.exposure == "internal":
            # The last address of the subnet that Azure leaves to us: nodes take the first ones.
            address = str(plan.of(plan.front)[-2])
            self.addresses = (pulumi.Output.from_input(address),)
            return network.FrontendIPConfigurationArgs(
                name=FRONTEND,
                subnet=network.SubnetArgs(id=self._args.network.subnet_ids[plan.front][0]),
                private_ip_address=address,
                private_ip_allocation_method="Static",
                private_ip_address_version="IPv4",
                zones=zones,
            )
        public = network.PublicIPAddress(
            f"{self._name}-address",
            resource_group_name=self._args.site.resource_group,
            location=self._args.site.location,
            tags=self._args.site.tags,
            sku=network.PublicIPAddressSkuArgs(name="Standard", tier="Regional"),
            public_ip_allocation_method="Static",
            public_ip_address_version="IPv4",
            zones=zones,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.addresses = (public.ip_address.apply(lambda address: address or ""),)
        return network.FrontendIPConfigurationArgs(
            name=FRONTEND, public_ip_address=network.PublicIPAddressArgs(id=public.id)
        )

    def _probe(self) -> network.ProbeArgs:
        health = self._args.health
        return network.ProbeArgs(
            name=PROBE,
            protocol=health.protocol,
            port=health.port,
            request_path=health.ready_path,
            interval_in_seconds=health.interval_seconds,
            # Azure ignores numberOfProbes and counts by probeThreshold; it wants both.
            number_of_probes=health.failures,
            probe_threshold=health.failures,
        )

    def _rule(self) -> network.LoadBalancingRuleArgs:
        return network.LoadBalancingRuleArgs(
            name=RULE,
            protocol="Tcp",
            frontend_port=self._args.port,
            backend_port=self._args.port,
            frontend_ip_configuration=self._part("frontendIPConfigurations", FRONTEND),
            backend_address_pool=self._part("backendAddressPools", POOL),
            probe=self._part("probes", PROBE),
            load_distribution="Default",
            enable_tcp_reset=True,
            enable_floating_ip=False,
            idle_timeout_in_minutes=self._args.settings.idle_timeout_minutes,
            # Nodes leave through NAT, never through the address that clients call.
            disable_outbound_snat=True,
        )

    def _part(self, kind: str, part: str) -> network.SubResourceArgs:
        balancer = f"/providers/Microsoft.Network/loadBalancers/{self._name}/{kind}/{part}"
        return network.SubResourceArgs(
            id=pulumi.Output.concat(self._args.site.resource_group_id, balancer)
        )
