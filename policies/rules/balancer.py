"""The load balancer: whom it shows itself to, and that any web node may answer."""

from collections.abc import Iterator
from typing import Any

from policies.ground import Ground
from policies.kinds import AZURE_BALANCER, BALANCER, TARGET_GROUP
from policies.reading import UNKNOWN, Resource, at, is_true, items, text
from policies.rule import Finding, Rule, Severity, Stance, must, true, undecided


def _sticks_on_azure(resource: Resource, _: Ground) -> Iterator[Finding]:
    known, whole = items(resource("loadBalancingRules"))
    for each in known:
        way = at(each, "loadDistribution", "Default")
        if way not in ("Default", UNKNOWN):
            yield Finding(f"it sends a client to the same node each time (loadDistribution: {way})")
    if not whole:
        yield undecided("loadBalancingRules")


def _sticks_on_aws(resource: Resource, _: Ground) -> Iterator[Finding]:
    way = resource("stickiness.enabled")
    if way is UNKNOWN:
        yield undecided("stickiness.enabled")
    elif is_true(way):
        kind = text(resource("stickiness.type"))
        yield Finding(f"it sends a client to the same node each time (stickiness: {kind})")


def _internal(ground: Ground) -> bool:
    return ground.nodes is not None and ground.nodes.load_balancer.exposure == "internal"


def _shown_on_azure(resource: Resource, ground: Ground) -> Iterator[Finding]:
    for each in items(resource("frontendIPConfigurations"))[0]:
        if _internal(ground) and at(each, "publicIPAddress") is not None:
            yield Finding("it has a public address, and loadBalancer.exposure is internal")


def _shown_on_aws(resource: Resource, ground: Ground) -> Iterator[Finding]:
    value = resource("internal")
    if value is UNKNOWN:
        yield undecided("internal")
    elif _internal(ground) and not is_true(value):
        yield Finding("it has a public address, and loadBalancer.exposure is internal")


def _leads_on_azure(resource: Resource, ground: Ground) -> Iterator[Finding]:
    if ground.nodes is None:
        return
    for each in items(resource("loadBalancingRules"))[0]:
        yield from _leads(at(each, "backendPort"), "loadBalancingRules.backendPort", ground)
    for path in ("inboundNatRules", "inboundNatPools"):
        if items(resource(path))[0]:
            yield Finding(f"it leads to single nodes ({path})")


def _leads_on_aws(resource: Resource, ground: Ground) -> Iterator[Finding]:
    if ground.nodes is not None:
        yield from _leads(resource("port"), "port", ground)


def _leads(port: Any, path: str, ground: Ground) -> Iterator[Finding]:
    if port is UNKNOWN:
        yield undecided(path)
    elif port is not None and int(port) not in ground.web_ports:
        yield Finding(f"it leads to port {text(port)} of nodes, on which no client calls")


def _asks_on_azure(resource: Resource, _: Ground) -> Iterator[Finding]:
    probes, whole = items(resource("probes"))
    for each in probes:
        if at(each, "protocol") == "Tcp":
            yield Finding("it asks whether a port is open, not whether the node is ready")
    if whole and not probes:
        yield Finding("it asks no node whether it is ready")


def _asks_on_aws(resource: Resource, _: Ground) -> Iterator[Finding]:
    value = resource("healthCheck.protocol")
    if value is not UNKNOWN and str(value) not in ("HTTP", "HTTPS"):
        yield Finding("it asks whether a port is open, not whether the node is ready")


RULES = (
    Rule(
        id="balancer-no-stickiness",
        why="Web nodes keep nothing of a client: any of them answers, and one may go at any time",
        severity=Severity.MEDIUM,
        stance=Stance.REFUSES,
        fix="set loadDistribution: Default on Azure, stickiness off on AWS",
        checks={AZURE_BALANCER: _sticks_on_azure, TARGET_GROUP: _sticks_on_aws},
    ),
    Rule(
        id="balancer-exposure",
        why="An environment is on the internet only where its stack file says so",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        fix="set loadBalancer.exposure: public if it is meant",
        checks={AZURE_BALANCER: _shown_on_azure, BALANCER: _shown_on_aws},
    ),
    Rule(
        id="balancer-ports",
        why="The way in is the web nodes' port, and no other of any node",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        fix="let it lead to the web nodes' port; shells are Bastion's and Session Manager's",
        checks={AZURE_BALANCER: _leads_on_azure, TARGET_GROUP: _leads_on_aws},
    ),
    Rule(
        id="balancer-deletion",
        why="AWS itself refuses to delete what clients call",
        severity=Severity.MEDIUM,
        stance=Stance.KEEPS,
        ids=("CKV_AWS_150", "ELB.6"),
        fix="set enableDeletionProtection",
        checks={BALANCER: must("enableDeletionProtection", true, "AWS would delete it when asked")},
    ),
    Rule(
        id="balancer-health",
        why="Clients are sent to nodes that say they are ready, not to an open port",
        severity=Severity.LOW,
        stance=Stance.ADVISES,
        fix="probe /ping over HTTPS",
        checks={AZURE_BALANCER: _asks_on_azure, TARGET_GROUP: _asks_on_aws},
    ),
)
