"""The load balancer on AWS: a Network Load Balancer, one listener, no stickiness.

TLS ends on the web nodes, so it passes packets and sees no content (design.md section 8). Web
nodes are stateless: each connection goes to any of them, whatever its zone (facts.md R4).
"""

from typing import Final

import pulumi
from pulumi_aws import ec2, lb

from components.aws import site
from components.aws.naming import named
from components.parts import LoadBalancerArgs, LoadBalancerPart
from components.settings.addresses import divide

DRAIN_SECONDS: Final = 120
"""What a node's `drain.sh` gives to requests that run: so long the balancer lets the connections
of a node be that is about to go, and then ends them."""

TIMEOUT: Final = 4
"""Seconds that a node has to answer a probe; less than the interval ("CreateTargetGroup")."""


class LoadBalancer(LoadBalancerPart):
    """Owns the balancer, its addresses and the target group that web nodes join."""

    def __init__(
        self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:LoadBalancer", name, None, opts)
        # As on Azure: another exposure is another balancer, made before the old one goes.
        self._name = f"{name}-{args.settings.exposure}"
        self._args = args
        self._site = site.of(args.site)
        self._child = pulumi.ResourceOptions(parent=self)
        balancer = self._balancer()
        targets = self._targets()
        lb.Listener(
            f"{self._name}-listener",
            load_balancer_arn=balancer.arn,
            port=args.port,
            protocol="TCP",
            tcp_idle_timeout_seconds=args.settings.idle_timeout_minutes * 60,
            default_actions=[
                lb.ListenerDefaultActionArgs(type="forward", target_group_arn=targets.arn)
            ],
            opts=self._child,
        )
        self.id = balancer.arn
        self.host_names = (balancer.dns_name,)
        self.pool_id = targets.arn
        self.register_outputs(
            {"id": self.id, "addresses": list(self.addresses), "pool_id": self.pool_id}
        )

    def _balancer(self) -> lb.LoadBalancer:
        return lb.LoadBalancer(
            self._name,
            name=pulumi.Output.concat(self._site.prefix, "-", self._args.settings.exposure),
            load_balancer_type="network",
            internal=self._args.settings.exposure == "internal",
            ip_address_type="ipv4",
            # Without one from the beginning a balancer can never have any, and lets all in.
            security_groups=[self._args.network.firewall_ids["balancer"]],
            subnet_mappings=self._places(),
            enable_cross_zone_load_balancing=True,
            enable_deletion_protection=self._site.protection,
            tags=named(self._name),
            opts=pulumi.ResourceOptions(
                parent=self,
                # AWS refuses a public one in a network without a gateway to the internet.
                depends_on=[self._args.network],
                # Two balancers cannot have the same name and addresses, not even for a moment.
                delete_before_replace=True,
            ),
        )

    def _places(self) -> list[lb.LoadBalancerSubnetMappingArgs]:
        """Return where the balancer is in each zone, and remember its addresses."""
        plan, zones = self._args.plan, self._args.zones
        if self._args.settings.exposure == "internal":
            # The last address of each subnet that AWS leaves to us: nodes take the first ones.
            declared = [str(part[-2]) for part in divide(plan.of(plan.front), len(zones))]
            self.addresses = tuple(pulumi.Output.from_input(address) for address in declared)
            self.probe_sources = tuple(f"{address}/32" for address in declared)
            return [
                lb.LoadBalancerSubnetMappingArgs(subnet_id=subnet, private_ipv4_address=address)
                for subnet, address in zip(self._subnets(plan.front), declared, strict=True)
            ]
        made = [self._address(zone) for zone in zones]
        self.addresses = tuple(address.public_ip for address in made)
        self.probe_sources = tuple(str(part) for part in divide(plan.public, len(zones)))
        return [
            lb.LoadBalancerSubnetMappingArgs(subnet_id=subnet, allocation_id=address.allocation_id)
            for subnet, address in zip(self._subnets("public"), made, strict=True)
        ]

    def _subnets(self, tier: str) -> tuple[pulumi.Output[str], ...]:
        return self._args.network.subnet_ids[tier]

    def _address(self, zone: str) -> ec2.Eip:
        name = f"{self._name}-address-{zone.removeprefix(self._site.region)}"
        return ec2.Eip(name, domain="vpc", tags=named(name), opts=self._child)

    def _targets(self) -> lb.TargetGroup:
        health = self._args.health
        return lb.TargetGroup(
            f"{self._name}-web",
            # A group that replaces another needs another name; AWS takes six letters from us.
            name_prefix="web-",
            vpc_id=self._args.network.network_id,
            target_type="instance",
            protocol="TCP",
            port=self._args.port,
            preserve_client_ip="true",
            stickiness=lb.TargetGroupStickinessArgs(type="source_ip", enabled=False),
            deregistration_delay=DRAIN_SECONDS,
            connection_termination=True,
            # A node that drains fails its probe first and works on: its answers must get through.
            target_health_states=[
                lb.TargetGroupTargetHealthStateArgs(
                    enable_unhealthy_connection_termination=False,
                    unhealthy_draining_interval=DRAIN_SECONDS,
                )
            ],
            health_check=lb.TargetGroupHealthCheckArgs(
                protocol=health.protocol.upper(),
                port=str(health.port),
                path=health.ready_path,
                matcher="200",
                interval=health.interval_seconds,
                timeout=TIMEOUT,
                healthy_threshold=health.failures,
                unhealthy_threshold=health.failures,
            ),
            tags=named(f"{self._name}-web"),
            opts=self._child,
        )
