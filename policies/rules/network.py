"""Who may talk to whom, where a resource alone says it: ranges, ports and protocols.

The environment's own table is components/runtimes/flows.py. These rules do not repeat it; they
refuse what no such table may hold.
"""

from collections.abc import Callable, Iterator

from policies.ground import Ground
from policies.openings import (
    DEFAULT_GROUP,
    EGRESS,
    GROUP,
    GROUP_RULE,
    INGRESS,
    NSG,
    NSG_RULE,
    Opening,
    is_anyone,
    is_within,
    openings,
    overlaps,
)
from policies.reading import UNKNOWN, Resource, at, items
from policies.rule import Check, Finding, Rule, Severity, Stance, undecided

MANAGEMENT = {22: "SSH", 3389: "RDP", 5985: "WinRM", 5986: "WinRM"}
INBOUND = (NSG, NSG_RULE, GROUP, DEFAULT_GROUP, INGRESS, GROUP_RULE)
OUTBOUND = (NSG, NSG_RULE, GROUP, DEFAULT_GROUP, EGRESS, GROUP_RULE)
AZURES_OWN = ("AzureFirewallManagementSubnet", "AzureFirewallSubnet", "GatewaySubnet")
"""Subnets of Azure's own machines, which take no security group (Azure Firewall FAQ, "About VPN
Gateway configuration settings")."""
ALL_OF_IT = (
    "protocol", "sourceAddressPrefix", "sourcePortRange", "destinationAddressPrefix",
    "destinationPortRange",
)  # fmt: skip
"""What a rule of Azure leaves open that is about every packet."""
INSIDE = ("virtualnetwork", "azureloadbalancer")
"""Service tags that are no outsiders."""

Judge = Callable[[Opening, Ground], Iterator[str]]


def _each(judge: Judge, *, outbound: bool = False) -> dict[str, Check]:
    """Return the checks that hold every opening to *judge*, which yields what is wrong."""

    def check(resource: Resource, ground: Ground) -> Iterator[Finding]:
        for opening in openings(resource, "out" if outbound else "in"):
            yield from (Finding(said) for said in judge(opening, ground))
            yield from (undecided(path) for path in opening.unknown)

    return dict.fromkeys(OUTBOUND if outbound else INBOUND, check)


def _internet(opening: Opening, ground: Ground) -> Iterator[str]:
    meant = ground.nodes is not None and ground.nodes.access.any_client
    if meant and opening.only(ground.web_ports):
        return
    for peer in opening.peers:
        if is_anyone(peer):
            yield f"{opening} lets in {peer}, which is anybody"


def _management(opening: Opening, ground: Ground) -> Iterator[str]:
    names = sorted({name for port, name in MANAGEMENT.items() if opening.covers(port)})
    own = (ground.space,) if ground.space else ()
    for peer in opening.peers if names else ():
        if not is_within(peer, own) and peer.lower() not in INSIDE:
            yield f"{opening} lets {peer} in to {' and '.join(names)}"


def _undeclared(opening: Opening, ground: Ground) -> Iterator[str]:
    if ground.space is None:
        return
    serves = opening.only(ground.web_ports)
    for peer in opening.peers:
        own = is_within(peer, (ground.space,)) or peer.lower() in INSIDE
        declared = serves and is_within(peer, ground.clients)
        if peer.startswith("pl-"):
            yield f"{opening} lets in the prefix list {peer}, whose ranges are read nowhere here"
        elif not (own or declared or is_anyone(peer)):
            yield f"{opening} lets in {peer}, which access.clients does not name for that port"


def _everything(opening: Opening, _: Ground) -> Iterator[str]:
    if opening.wide:
        yield f"{opening} lets in more than a service needs"


def _outwards(opening: Opening, ground: Ground) -> Iterator[str]:
    for peer in opening.peers:
        if not is_anyone(peer):
            continue
        if opening.wide:
            yield f"{opening} lets everything out to {peer}"
        elif ground.nodes is not None and ground.nodes.access.egress == "none":
            yield f"{opening} lets nodes out to {peer}, and access.egress is none"


def _compute(opening: Opening, ground: Ground) -> Iterator[str]:
    if ground.nodes is None:
        return
    reached = [port for port in sorted(ground.compute_ports) if opening.covers(port)]
    targets = ground.compute_ranges
    if not reached or (targets and not any(overlaps(each, targets) for each in opening.near)):
        return
    if not targets and opening.groups and not opening.peers:
        yield f"{opening} opens {reached[0]}, on which nobody calls a one-box"
    for peer in opening.peers:
        if not is_within(peer, ground.web_ranges if targets else ()):
            yield f"{opening} lets {peer} in to {reached[0]}, the port of compute nodes"


def _denies_the_rest(resource: Resource, _: Ground) -> Iterator[Finding]:
    known, whole = items(resource("securityRules"))
    denied = {
        at(rule, "direction")
        for rule in known
        if at(rule, "access") == "Deny" and all(at(rule, path) == "*" for path in ALL_OF_IT)
    }
    if not whole:
        yield undecided("securityRules")
    elif "Inbound" not in denied:
        yield Finding("it does not deny the rest, so that all of the network gets in")


def _filtered(resource: Resource, _: Ground) -> Iterator[Finding]:
    if resource("subnetName", resource.name) in AZURES_OWN:
        return
    if not resource("networkSecurityGroup"):
        yield Finding("it has no network security group")


def _no_rules(resource: Resource, _: Ground) -> Iterator[Finding]:
    for path in ("ingress", "egress"):
        value = resource(path)
        if value is UNKNOWN:
            yield undecided(path)
        elif value:
            yield Finding(f"it has rules ({path}), and whatever names no group is in it")


RULES = (
    Rule(
        id="network-compute-port-web-only",
        why="Only web nodes reach compute nodes, which trust whoever calls them",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        fix="take the rule away, or let it name the web nodes' subnet alone as its source",
        checks=_each(_compute),
    ),
    Rule(
        id="network-open-to-internet",
        why="Nothing is open to anybody, but for what access.anyClient declares",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_160", "CKV_AZURE_77", "CKV_AWS_260", "CKV_AWS_277", "EC2.18", "EC2.19"),
        fix="name the clients in access.clients, or set access.anyClient: true if it is meant",
        checks=_each(_internet),
    ),
    Rule(
        id="network-management-ports",
        why="Nobody opens a shell on a node from outside of the environment's network",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_9", "CKV_AZURE_10", "CKV_AWS_24", "CKV_AWS_25", "EC2.13", "EC2.14"),
        fix="use Bastion on Azure or Session Manager on AWS (access.sessionManager)",
        checks=_each(_management),
    ),
    Rule(
        id="network-undeclared-clients",
        why="Whoever may call from outside is named in access.clients, and calls the web port",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        fix="add the range to access.clients in the stack file, or take the rule away",
        checks=_each(_undeclared),
    ),
    Rule(
        id="network-all-ports",
        why="A rule opens the ports of one service, and not all of a machine",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV_AWS_277", "EC2.18"),
        fix="name the protocol and the port",
        checks=_each(_everything),
    ),
    Rule(
        id="network-egress",
        why="Nodes reach what they need: a stolen node must not send everything anywhere",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        ids=("CKV_AWS_382",),
        fix="name protocol and port; with access.egress: none leave the rule out",
        checks=_each(_outwards, outbound=True),
    ),
    Rule(
        id="network-denies-the-rest",
        why="What no rule allows is denied, also inside a subnet: Azure's own last rule allows it",
        severity=Severity.HIGH,
        stance=Stance.PROTECTS,
        fix="end the group with a rule that denies all inbound traffic, priority 4096",
        checks={NSG: _denies_the_rest},
    ),
    Rule(
        id="network-subnet-firewall",
        why="Every subnet has a packet filter of its own",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV2_AZURE_31",),
        fix="give the subnet a network security group",
        checks={"azure-native:network:Subnet": _filtered},
    ),
    Rule(
        id="network-default-group-empty",
        why="What names no security group can talk to nobody",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        ids=("CKV2_AWS_12", "EC2.2"),
        fix="leave the default security group without rules",
        checks={DEFAULT_GROUP: _no_rules},
    ),
)
