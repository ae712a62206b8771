"""Security groups of AWS that name each other: only the whole stack says who they are."""

from collections.abc import Iterator

from policies.ground import Ground
from policies.kinds import BALANCER
from policies.openings import GROUP, GROUP_RULE, INGRESS, openings
from policies.reading import Resource, World
from policies.rule import Finding, Rule, Severity, Stance

OWNER = "securityGroupId"
PEERS = ("referencedSecurityGroupId", "sourceSecurityGroupId")


def _web(world: World, ground: Ground) -> set[str]:
    """Return the groups of web nodes: they take calls on the web port, and are no balancer's."""
    balancers = {
        urn for each in world.of(BALANCER) for urn in each.refers.get("securityGroups", ())
    }
    return {
        urn
        for rule in world.of(INGRESS, GROUP_RULE)
        for opening in openings(rule)
        if any(opening.covers(port) for port in ground.web_ports)
        for urn in rule.refers.get(OWNER, ())
        if urn not in balancers
    }


def _compute(world: World, ground: Ground) -> Iterator[Finding]:
    if ground.nodes is None:
        return
    web = _web(world, ground) if ground.compute_ranges else set()
    for rule in world.of(INGRESS, GROUP_RULE):
        yield from _callers(rule, web, ground)
    for group in world.of(GROUP):
        for opening in openings(group):
            if opening.groups and any(opening.covers(port) for port in ground.compute_ports):
                yield Finding(f"{opening} lets in security groups that it lists itself", group)


def _callers(rule: Resource, web: set[str], ground: Ground) -> Iterator[Finding]:
    for opening in openings(rule):
        reached = [port for port in sorted(ground.compute_ports) if opening.covers(port)]
        if not reached or not opening.groups:
            continue
        callers = {urn for path in PEERS for urn in rule.refers.get(path, ())}
        if not callers or not callers <= web:
            names = ", ".join(sorted(urn.rpartition("::")[2] for urn in callers - web))
            said = f"{opening} lets {names or 'a group of another environment'} in to {reached[0]}"
            yield Finding(said, rule)


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
        id="network-groups-used",
        why="A security group that nothing has is one that nobody looks at",
        severity=Severity.LOW,
        stance=Stance.ADVISES,
        ids=("CKV2_AWS_5",),
        fix="remove it",
        world=_used,
    ),
)
