"""Rules of node groups: how many, what size, in which zones."""

from collections.abc import Callable, Iterator

from components.settings.catalogue.locations import LOCATIONS
from components.settings.catalogue.machines import MACHINES, is_arm
from components.settings.environment import EnterpriseEnvironment, Environment, Role
from components.settings.nodes import LARGEST_FIXED_GROUP, NodeGroupSettings
from components.settings.problems import Problem, closest, show

ROLES: tuple[Role, ...] = ("web", "compute")

GroupRule = Callable[[EnterpriseEnvironment, Role, NodeGroupSettings], Iterator[Problem]]


def group(environment: EnterpriseEnvironment, role: Role) -> NodeGroupSettings:
    """Return one group without asking for the other, which may be absent."""
    return environment.web if role == "web" else environment.compute


def of_group(rule: GroupRule, role: Role) -> Callable[[EnterpriseEnvironment], Iterator[Problem]]:
    """Return *rule* for the group of *role*."""

    def applied(environment: EnterpriseEnvironment) -> Iterator[Problem]:
        yield from rule(environment, role, group(environment, role))

    applied.__name__ = rule.__name__
    return applied


def has_one_number(
    _environment: EnterpriseEnvironment, role: Role, nodes: NodeGroupSettings
) -> Iterator[Problem]:
    """Either count or autoscale, and a fixed group only count."""
    fixed = nodes.is_fixed
    counted, scaled = nodes.count is not None, nodes.autoscale is not None
    if fixed and scaled:
        rule = "cannot be with nodes: fixed, whose machines are each declared"
        yield Problem(f"{role}.autoscale", "", rule, "write count, or nodes: scaleSet")
    elif counted and scaled:
        rule = "must have either count or autoscale, not both"
        yield Problem(role, "", rule, "keep the one that you mean")
    elif not counted and not scaled:
        rule = "must have either count or autoscale"
        yield Problem(role, "", rule, f"add {role}.count: 2")


def fixed_group_is_small(
    _environment: EnterpriseEnvironment, role: Role, nodes: NodeGroupSettings
) -> Iterator[Problem]:
    """A fixed group has few enough nodes to declare each."""
    if nodes.is_fixed and nodes.count is not None and nodes.count > LARGEST_FIXED_GROUP:
        rule = f"must be at most {LARGEST_FIXED_GROUP} with nodes: fixed"
        yield Problem(f"{role}.count", show(nodes.count), rule, "lower it, or nodes: scaleSet")


def size_is_known(
    environment: EnterpriseEnvironment, role: Role, nodes: NodeGroupSettings
) -> Iterator[Problem]:
    """The size is an x64 one that we know the vCPUs and memory of."""
    yield from unknown_size(environment, f"{role}.size", nodes.size)


def unknown_size(environment: Environment, key: str, size: str) -> Iterator[Problem]:
    """Yield what is wrong with a machine's *size* at *key*."""
    cloud = environment.cloud
    known = MACHINES[cloud]
    if size in known:
        return
    if is_arm(cloud, size):
        rule = "must have x64 processors: the products have no ARM build"
        fix = f"choose an x64 size such as {_nearest_x64(cloud)}"
    else:
        rule = f"must be a machine size of {cloud} that this project knows"
        other = "aws" if cloud == "azure" else "azure"
        near = closest(size, known)
        if size in MACHINES[other]:
            fix = f"it is a size of {other}: choose one of {cloud}, such as {_nearest_x64(cloud)}"
        else:
            hint = f"did you mean {near}? " if near else ""
            fix = f"{hint}Or add the size to components/settings/catalogue/machines.py"
    yield Problem(key, show(size), rule, fix)


def zones_exist(
    environment: EnterpriseEnvironment, role: Role, nodes: NodeGroupSettings
) -> Iterator[Problem]:
    """The zones are some of the location's, each once."""
    location = LOCATIONS[environment.cloud].get(environment.location)
    if location is None:
        return
    key, zones, have = f"{role}.zones", nodes.zones, len(location.zones)
    if len(set(zones)) < len(zones):
        yield Problem(key, show(list(zones)), "must name each zone once", f"write {_unique(zones)}")
    if not have and zones:
        rule = f"must be left out, as {location.name} has no zones"
        yield Problem(key, show(list(zones)), rule, "remove the line, or choose another location")
    elif have and not zones:
        yield Problem(key, "[]", "must name at least one zone", "remove the line for all zones")
    elif too_high := [zone for zone in zones if zone > have]:
        rule = f"must be 1 to {have}, the zones that {location.name} has"
        yield Problem(key, show(too_high[0]), rule, "remove the zone, or choose another location")


def _nearest_x64(cloud: str) -> str:
    return "Standard_D4s_v5" if cloud == "azure" else "m6i.xlarge"


def _unique(zones: tuple[int, ...]) -> str:
    return str(sorted(set(zones)))


RULES = tuple(
    of_group(rule, role)
    for role in ROLES
    for rule in (has_one_number, fixed_group_is_small, size_is_known, zones_exist)
)
