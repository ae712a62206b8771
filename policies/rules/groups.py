"""Security groups of AWS that name each other: only the whole stack says who they are."""

from collections.abc import Collection, Iterator

from policies.ground import Ground
from policies.kinds import BALANCER, INSTANCE, TEMPLATE
from policies.openings import GROUP, GROUP_RULE, INGRESS, openings
from policies.reading import Resource, World
from policies.rule import Finding, Rule, Severity, Stance

OWNER = "securityGroupId"
DATABASE_PORTS = (1433, 5432)
PEERS = ("referencedSecurityGroupId", "sourceSecurityGroupId")


def _web(world: World, ground: Ground) -> set[str]:
    """Return the groups of web nodes: the balancer's group calls them on the web port."""
    balancers = {
        urn for each in world.of(BALANCER) for urn in each.refers.get("securityGroups", ())
    }
    return {
        urn
        for rule in world.of(INGRESS, GROUP_RULE)
        for opening in openings(rule)
        if any(opening.covers(port) for port in ground.web_ports)
        and any(balancers.intersection(rule.refers.get(path, ())) for path in PEERS)
        for urn in rule.refers.get(OWNER, ())
    }


def _compute(world: World, ground: Ground) -> Iterator[Finding]:
    if ground.nodes is None:
        return
    web = _web(world, ground) if ground.compute_ranges else set()
    for rule in world.of(INGRESS, GROUP_RULE):
        yield from _callers(rule, ground.compute_ports, web)
    for group in world.of(GROUP):
        for opening in openings(group):
            if opening.groups and any(opening.covers(port) for port in ground.compute_ports):
                yield Finding(f"{opening} lets in security groups that it lists itself", group)


def _callers(rule: Resource, ports: Collection[int], allowed: set[str]) -> Iterator[Finding]:
    for opening in openings(rule):
        reached = [port for port in sorted(ports) if opening.covers(port)]
        if not reached or not opening.groups:
            continue
        callers = {urn for path in PEERS for urn in rule.refers.get(path, ())}
        if not callers or not callers <= allowed:
            names = ", ".join(sorted(urn.rpartition("::")[2] for urn in callers - allowed))
            said = f"{opening} lets {names or 'a group of another environment'} in to {reached[0]}"
            yield Finding(said, rule)


def _database(world: World, ground: Ground) -> Iterator[Finding]:
    """The database's group lets in groups that some machine is in, and no other."""
    if ground.nodes is None:
        return
    nodes = {
        urn
        for each in world.of(TEMPLATE, INSTANCE)
        for path in ("networkInterfaces", "vpcSecurityGroupIds", "securityGroups")
        for urn in each.refers.get(path, ())
    }
    for rule in world.of(INGRESS, GROUP_RULE):
        yield from _callers(rule, DATABASE_PORTS, nodes)


def _used(world: World, _: Ground) -> Iterator[Finding]:
    """A group that nothing has lets somebody in tomorrow."""
    used = {
        urn
        for each in world.resources
        if each.type
        not in (INGRESS, GROUP_RULE, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
        for path, urns in each.refers.items()
        for urn in urns
        if path != OWNER
    }
    for group in world.of(GROUP):
        if group.urn not in used:
            yield Finding("nothing is in it", group)


RULES = (
    Rule(
        id="network-compute-port-web-group",
        why="Of the security groups, only that of web nodes reaches compute nodes",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        fix="let the rule name the security group of web nodes, and no other",
        world=_compute,
    ),
    Rule(
        id="database-port-nodes-group",
        why="Of the security groups, only those of nodes reach the database",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        fix="let the rule name the security group of nodes that use the database",
        world=_database,
    ),
    Rule(
        id="network-groups-used",
        why="A security group that nothing has is one that nobody looks at",
        severity=Severity.LOW,
        stance=Stance.ADVISES,
        ids=("CKV2_AWS_5",),
        fix="remove it",
        world=_used,
    ),
)
