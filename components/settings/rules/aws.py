"""Rules of what AWS builds otherwise: subnets of one zone, security groups of so many rules."""

from collections.abc import Iterator

from components.settings.catalogue.locations import LOCATIONS
from components.settings.environment import EnterpriseEnvironment, NodesEnvironment
from components.settings.problems import Problem, show

FEWEST_ZONES = 2
"""A database of RDS asks for subnets in two, also without a standby ("Working with a DB instance in
a VPC")."""

MOST_CLIENTS = 60
"""Each is a rule of the load balancer's group ("Amazon VPC quotas", inbound rules)."""


def zones_are_two(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """The network has subnets in two zones."""
    web = _zones(environment)
    if len(web) == 1:
        rule = "must name two zones or more on AWS, whose databases need subnets in two"
        second = 2 if web == [1] else 1
        fix = f"write {sorted([*web, second])}"
        yield Problem("web.zones", str(web), rule, fix)


def zones_are_shared(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """Both groups are in the same zones: each zone's subnets and routes serve all tiers."""
    web, compute = _zones(environment), environment.compute.zones
    if len(web) >= FEWEST_ZONES and set(web) != set(compute):
        rule = "must be those of web.zones on AWS, where a subnet lies in one zone"
        fix = f"write {web}, or change web.zones"
        yield Problem("compute.zones", str(list(compute)), rule, fix)


def _zones(environment: EnterpriseEnvironment) -> list[int]:
    """Return the web nodes' zones on AWS; none where they are refused anyway."""
    location = LOCATIONS["aws"].get(environment.location)
    zones = list(environment.web.zones)
    if (
        environment.cloud != "aws"
        or location is None
        or max(zones, default=0) > len(location.zones)
    ):
        return []
    return zones


def clients_are_few(environment: NodesEnvironment) -> Iterator[Problem]:
    """The load balancer's security group has room for all clients."""
    clients = environment.access.clients
    if environment.cloud == "aws" and len(set(clients)) > MOST_CLIENTS:
        rule = f"must have at most {MOST_CLIENTS} ranges on AWS, each a rule of a security group"
        yield Problem("access.clients", show(list(clients)), rule, "merge ranges into wider ones")


NODES = (clients_are_few,)
"""Of all topologies with nodes."""

RULES = (zones_are_two, zones_are_shared, clients_are_few)
