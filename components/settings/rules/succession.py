"""Rules of a second set of nodes beside the old one: the upgrade that replaces no node.

The two sets share network, balancer, vault and the addresses of their groups; each has a database.
"""

from collections.abc import Iterator

from components.settings.addresses import TooSmallError, divide, plan, seats
from components.settings.catalogue.products import FAMILY, UPGRADES, is_windows
from components.settings.environment import EnterpriseEnvironment
from components.settings.problems import Problem, show
from components.settings.rules import authentication, installers, runtime, server

_OLD = "predecessor"
_BY_SCRIPT = "remove the key: scripts/upgrade --beside writes it"


def generations_belong_to_fixed_nodes_of_the_family(
    environment: EnterpriseEnvironment,
) -> Iterator[Problem]:
    """Only sets that can stand beside each other are counted."""
    generation = environment.runtime.generation
    if not generation:
        return
    if environment.runtime.product not in FAMILY:
        rule = "must be 0 with product: plumber, whose groups pulumi up replaces by itself"
        yield Problem("runtime.generation", show(generation), rule, "remove the line")
    for role, group in environment.groups.items():
        if not group.is_fixed:
            rule = "must be 0 with nodes: scaleSet: sets beside each other are of fixed nodes"
            fix = f"remove the line, or write {role}.nodes: fixed"
            yield Problem("runtime.generation", show(generation), rule, fix)
            return


def a_predecessor_is_of_the_family(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """What is not built is refused by name."""
    old = environment.predecessor
    if old is None:
        return
    for key, software in (("runtime", environment.runtime), (_OLD, old)):
        if software.product not in FAMILY:
            rule = "must be rserver or mlserver beside another set of nodes"
            fix = f"remove {_OLD}: pulumi up replaces the groups of plumber by itself"
            yield Problem(f"{key}.product", show(software.product), rule, fix)
        elif is_windows(software.operating_system):
            rule = (
                "must be a Linux beside another set of nodes: no backup of SQL Server is restored"
            )
            fix = "build an environment of its own for the new version, and publish there again"
            yield Problem(f"{key}.operatingSystem", show(software.operating_system), rule, fix)
    if environment.database.engine != "postgresql":
        rule = f"must be postgresql with {_OLD}: no other server's backup is restored"
        yield Problem("database.engine", show(environment.database.engine), rule, _BY_SCRIPT)
    for role, group in environment.groups.items():
        if not group.is_fixed:
            rule = f"must be fixed with {_OLD}: sets beside each other have addresses that stay"
            yield Problem(f"{role}.nodes", show(group.nodes), rule, _BY_SCRIPT)


def the_new_version_follows_the_old_one(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """The new version reads the old one's database (facts.md 15), and is counted."""
    old, now = environment.predecessor, environment.runtime
    if old is None or old.product not in FAMILY or now.product not in FAMILY:
        return
    ways = UPGRADES.get((old.product, old.version), ())
    if (now.product, now.version) not in ways:
        rule = f"is no version that {old.product} {old.version} becomes in one step"
        fix = f"from there one may go to: {', '.join(map(' '.join, ways)) or 'nothing'}"
        yield Problem("runtime.version", show(now.version), rule, fix)
    if not now.generation:
        rule = f"must be 1 or more with {_OLD}"
        fix = "write one more than the old set's, which is 0 where nothing is written"
        yield Problem("runtime.generation", show(now.generation), rule, fix)


def both_sets_are_called_alike(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """One balancer and one network are in front of both: ports and encryption are the same."""
    old, now = environment.predecessor, environment.runtime.server
    if old is None or old.server is None or now is None:
        return
    pairs = (
        ("ports.web", old.server.ports.web, now.ports.web),
        ("ports.compute", old.server.ports.compute, now.ports.compute),
        ("https.web", old.server.https.web, now.https.web),
        ("https.compute", old.server.https.compute, now.https.compute),
    )
    for key, before, after in pairs:
        if before != after:
            rule = f"must be {show(before)}, as in {_OLD}: one balancer is in front of both sets"
            fix = "write that, and change it when the old set is gone"
            yield Problem(f"runtime.server.{key}", show(after), rule, fix)


def the_new_set_forgets_the_old_ones_compute_nodes(
    environment: EnterpriseEnvironment,
) -> Iterator[Problem]:
    """ML Server has their addresses in its database, a copy of which the new set begins with."""
    old = environment.predecessor
    if old is None or old.product != "mlserver" or old.server is None:
        return
    method = old.server.authentication.method
    if method != "local":
        rule = (
            "must be local with mlserver beside another set of nodes: the database has the old "
            "compute nodes' addresses, which nodes replace in a local administrator's name alone"
        )
        fix = "upgrade in place: scripts/upgrade without --beside"
        yield Problem(f"{_OLD}.server.authentication.method", show(method), rule, fix)


def two_sets_have_room(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """A set beside another one, or one that came so, has half of each subnet."""
    if not environment.runtime.generation and environment.predecessor is None:
        return
    try:
        found = plan(environment)
    except TooSmallError:
        return
    zones = len(environment.network_zones) if environment.cloud == "aws" else 1
    for role, group in environment.groups.items():
        part = divide(found.of(role), zones)[0] if environment.cloud == "aws" else found.of(role)
        room = max(0, seats(part)) * max(zones, 1)
        if group.is_fixed and group.maximum > room:
            rule = f"must be at most {room}: two sets share the subnet {found.of(role)}"
            fix = "lower it, or give a larger network.addressSpace"
            yield Problem(f"{role}.count", show(group.maximum), rule, fix)


def the_old_set_is_still_valid(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """What holds for a runtime holds for the one before it."""
    before = environment.before
    if before is None:
        return
    rules = (*runtime.RULES, *server.RULES, *installers.RULES, *authentication.RULES)
    for rule in rules:
        for problem in rule(before):
            if problem.key.startswith("runtime."):
                key = f"{_OLD}.{problem.key.removeprefix('runtime.')}"
                yield problem._replace(key=key)


RULES = (
    generations_belong_to_fixed_nodes_of_the_family,
    a_predecessor_is_of_the_family,
    the_new_version_follows_the_old_one,
    both_sets_are_called_alike,
    the_new_set_forgets_the_old_ones_compute_nodes,
    two_sets_have_room,
    the_old_set_is_still_valid,
)
