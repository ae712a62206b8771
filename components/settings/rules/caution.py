"""Cautions: settings that deploy, and that someone may regret. They are logged, never refused."""

from collections.abc import Iterator
from itertools import combinations

from components.settings.catalogue.databases import SIZES
from components.settings.catalogue.machines import MACHINES
from components.settings.catalogue.products import FAMILY, is_windows
from components.settings.endpoint import EndpointEnvironment
from components.settings.environment import (
    EnterpriseEnvironment,
    NodesEnvironment,
    OneBoxEnvironment,
)
from components.settings.nodes import ScaleOutSettings
from components.settings.problems import Problem, show
from components.settings.rules import server_caution

FEWEST_INSTANCES = 3
"""Instances that Azure advises for production ("Deploy and score a model by using an online
endpoint")."""

ADDRESSES_AT_FIRST = 5
"""Elastic IP addresses of a region ("Amazon VPC quotas"); the sandbox has them too."""


def one_node_is_no_spare(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """A protected environment has a second node of each role."""
    if not environment.protection:
        return
    for role, group in environment.groups.items():
        if group.minimum < 2:
            key = f"{role}.autoscale.minimum" if group.autoscale else f"{role}.count"
            rule = "leaves no node to answer while the only one is repaired"
            yield Problem(key, show(group.minimum), rule, "write 2 or more")


def one_zone_can_fail(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """A protected environment survives the loss of a zone where the location has more."""
    if not environment.protection:
        return
    for role, group in environment.groups.items():
        if len(group.zones) == 1:
            rule = "puts all nodes where one failure reaches them"
            yield Problem(f"{role}.zones", show(list(group.zones)), rule, "use two zones or more")


def database_has_a_standby(environment: NodesEnvironment) -> Iterator[Problem]:
    """A protected environment's database survives the loss of its machine."""
    database = environment.database
    if environment.protection and environment.has_server and not database.high_availability:
        rule = "means minutes without a database when its machine fails"
        yield Problem("database.highAvailability", "false", rule, "write true")


def burstable_runs_out_of_credits(environment: NodesEnvironment) -> Iterator[Problem]:
    """A protected environment does not slow down when credits are spent."""
    if not environment.protection:
        return
    rule = "slows down when its credits are spent"
    for role, group in environment.groups.items():
        if MACHINES[environment.cloud][group.size].burstable:
            key = "machine.size" if role == "one-box" else f"{role}.size"
            yield Problem(key, show(group.size), rule, "choose a size without credits")
    database = environment.database
    sizes = SIZES.get((environment.cloud, database.engine), {})
    if database.size in sizes and sizes[database.size].burstable:
        yield Problem("database.size", show(database.size), rule, "choose a size without credits")


def machines_on_aws_are_not_waited_for(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """AWS says of a machine of its own that it runs, and not when it serves."""
    for role, group in environment.groups.items():
        # Fixed nodes of the commercial products change by scripts/upgrade, one that waits.
        waits = environment.runtime.product in FAMILY
        if environment.cloud == "aws" and group.is_fixed and not waits:
            rule = "has its machines replaced without waiting until each serves, on AWS"
            fix = "change it when nobody calls, or write nodes: scaleSet"
            yield Problem(f"{role}.nodes", show(group.nodes), rule, fix)


def target_tracking_has_its_own_pace(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """On AWS as many nodes are added as the load asks for, as soon as it does."""
    for role, group in environment.groups.items():
        if environment.cloud != "aws" or group.autoscale is None:
            continue
        out, usual = group.autoscale.scale_out, ScaleOutSettings()
        rule = "says nothing on AWS, which adds as many nodes as hold the CPU at scaleOut.above"
        for key in ("minutes", "step"):
            if getattr(out, key) != getattr(usual, key):
                path = f"{role}.autoscale.scaleOut.{key}"
                yield Problem(path, show(getattr(out, key)), rule, "remove the line")


def addresses_are_granted(environment: NodesEnvironment) -> Iterator[Problem]:
    """An account on AWS has few public addresses until it asks for more."""
    if environment.cloud != "aws":
        return
    zones = len(environment.network_zones)
    public = zones if environment.load_balancer.exposure == "public" else 0
    nat = (zones if environment.protection else 1) if environment.access.egress != "none" else 0
    if public + nat > ADDRESSES_AT_FIRST:
        rule = (
            f"takes {public + nat} Elastic IP addresses, {public} of the load balancer and {nat} "
            f"of NAT, while an account has {ADDRESSES_AT_FIRST} a region at first"
        )
        fix = "ask AWS for more (Service Quotas, L-0263D0A3), use two zones, or write internal"
        yield Problem("loadBalancer.exposure", show("public"), rule, fix)


def sessions_need_an_agent(environment: NodesEnvironment) -> Iterator[Problem]:
    """Session Manager's agent is not in Debian's images."""
    if environment.access.session_manager and environment.runtime.image_id is None:
        rule = "opens no session on the stock image, which lacks Session Manager's agent"
        yield Problem("access.sessionManager", "true", rule, "set runtime.imageId to one with it")


def clients_are_named_once(environment: NodesEnvironment) -> Iterator[Problem]:
    """A range that another one contains changes nothing."""
    clients = list(enumerate(environment.access.clients))
    for (_, first), (index, second) in combinations(clients, 2):
        if first.overlaps(second):
            rule = f"overlaps with {first}, which is there already"
            yield Problem(f"access.clients[{index}]", show(str(second)), rule, "keep the wider one")


def any_client_is_used(environment: NodesEnvironment) -> Iterator[Problem]:
    """A permission that nothing uses is one that somebody forgot."""
    access = environment.access
    if access.any_client and all(client.prefixlen >= 8 for client in access.clients):
        rule = "allows ranges wider than a /8, and there is none"
        yield Problem("access.anyClient", "true", rule, "remove the line")


def discarded_database_is_unprotected(environment: NodesEnvironment) -> Iterator[Problem]:
    """Who gave a database up knows it until the line is gone."""
    if environment.database.discard is not None:
        rule = "leaves the database without protection"
        yield Problem("database.discard", "", rule, "remove the line after the next update")


def one_box_is_no_spare(environment: OneBoxEnvironment) -> Iterator[Problem]:
    """A protected environment has more than one machine."""
    if environment.protection:
        rule = "leaves no node to answer while the only one is repaired or replaced"
        yield Problem("topology", show("one-box"), rule, "see scripts/to-enterprise for the way up")


def embedded_database_is_the_machines(environment: OneBoxEnvironment) -> Iterator[Problem]:
    """A protected environment's services outlive a machine."""
    if environment.protection and not environment.has_server:
        rule = "lies on the machine's disk and is lost with it, with all published services"
        server = "sqlserver" if is_windows(environment.runtime.operating_system) else "postgresql"
        fix = f"write {server} before there is data, or keep what was published"
        yield Problem("database.engine", show("sqlite"), rule, fix)


def instances_are_spare(environment: EndpointEnvironment) -> Iterator[Problem]:
    """A protected endpoint survives the loss of an instance, also while another is updated."""
    for name, deployment in environment.endpoint.deployments.items():
        if environment.protection and deployment.minimum < FEWEST_INSTANCES:
            key = f"endpoint.deployments.{name}"
            key += ".autoscale.minimum" if deployment.autoscale else ".instances"
            rule = f"is fewer than the {FEWEST_INSTANCES} that Azure advises for availability"
            yield Problem(key, show(deployment.minimum), rule, f"write {FEWEST_INSTANCES} or more")


NODES = (
    addresses_are_granted,
    sessions_need_an_agent,
    database_has_a_standby,
    burstable_runs_out_of_credits,
    clients_are_named_once,
    any_client_is_used,
    discarded_database_is_unprotected,
)
"""Of all topologies with nodes."""

RULES = (
    machines_on_aws_are_not_waited_for,
    target_tracking_has_its_own_pace,
    *NODES[:2],
    one_node_is_no_spare,
    one_zone_can_fail,
    *NODES[2:],
    *server_caution.RULES,
)
"""Of the enterprise topology."""

ONE_BOX = (one_box_is_no_spare, embedded_database_is_the_machines, *NODES, *server_caution.NODES)
"""Of a one-box."""

ENDPOINT = (instances_are_spare,)
"""Of a managed endpoint."""
