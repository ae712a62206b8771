"""What happened can be read up: flow logs, diagnostics, and how long they are kept."""

from collections.abc import Iterator, Mapping
from typing import Any

from policies.ground import Ground
from policies.kinds import (
    AZURE_BALANCER,
    DIAGNOSTICS,
    FLOW_LOG,
    LOG_GROUP,
    ML_WORKSPACE,
    POSTGRES,
    REGISTRY,
    VAULT,
    VPC,
    WORKSPACE,
)
from policies.openings import NSG
from policies.reading import UNKNOWN, Resource, World, at, items, text
from policies.rule import Check, Finding, Rule, Severity, Stance, undecided

WATCHED: Mapping[str, str] = {
    VAULT: "who reads secrets",
    NSG: "which rules apply",
    AZURE_BALANCER: "whether nodes are reached",
    POSTGRES: "who logs in",
    REGISTRY: "who pulls images",
    ML_WORKSPACE: "what is deployed",
}
"""What must send its logs somewhere, and what they tell; SQL Server has a rule of its own."""


def _flows(world: World, _: Ground) -> Iterator[Finding]:
    logged: set[Any] = set()
    for each in world.of(FLOW_LOG):
        logged.update(each.refers.get("vpcId", ()))
        if each("trafficType", "ALL") not in ("ALL", UNKNOWN):
            said = f"it leaves out a part of the traffic (trafficType: {each('trafficType')})"
            yield Finding(said, each)
    for vpc in world.of(VPC):
        if vpc.urn not in logged:
            yield Finding("nothing records who talks to whom in it", vpc)


def _diagnosed(world: World, ground: Ground) -> Iterator[Finding]:
    watched: set[str] = set()
    for each in world.of(DIAGNOSTICS):
        logs, whole = items(each("logs"))
        if not whole or any(at(log, "enabled") in (True, UNKNOWN) for log in logs):
            watched.update(each.refers.get("resourceUri", ()))
    for kind, tells in WATCHED.items():
        for resource in world.of(kind):
            # Of two databases, that of the nodes which serve is watched.
            spare = ground.succession and kind == POSTGRES
            if resource.urn not in watched and not spare:
                yield Finding(f"its logs go nowhere: they tell {tells}", resource)


def _kept(path: str) -> Check:
    def check(resource: Resource, ground: Ground) -> Iterator[Finding]:
        value = resource(path)
        wanted = ground.environment.monitoring.retention_days if ground.environment else 0
        if value is UNKNOWN:
            yield undecided(path)
        elif not value:
            yield Finding("nothing says how long its logs are kept")
        elif int(value) < wanted:
            said = f"its logs are kept for {text(value)} days, less than the stack's {wanted}"
            yield Finding(f"{said} (monitoring.retentionDays)")

    return check


RULES = (
    Rule(
        id="logs-flows",
        why="Who talked to whom in the network can be read up",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        ids=("CKV2_AWS_11", "EC2.6"),
        fix="add a FlowLog of all traffic for the VPC",
        world=_flows,
    ),
    Rule(
        id="logs-diagnostics",
        why="What Azure knows of vault, database, firewalls and balancer is kept",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        fix="add a DiagnosticSetting that sends the logs to the environment's workspace",
        world=_diagnosed,
    ),
    Rule(
        id="logs-retention",
        why="Logs are kept as long as the stack file says, and not for ever",
        severity=Severity.LOW,
        stance=Stance.PROTECTS,
        ids=("CKV_AWS_66",),
        fix="keep them for monitoring.retentionDays",
        checks={LOG_GROUP: _kept("retentionInDays"), WORKSPACE: _kept("retentionInDays")},
    ),
)
