"""Rules of the one machine of a one-box: its size and its zone."""

from collections.abc import Iterator

from components.settings.catalogue.locations import LOCATIONS
from components.settings.environment import OneBoxEnvironment
from components.settings.problems import Problem, show
from components.settings.rules.groups import unknown_size


def machine_size_is_known(environment: OneBoxEnvironment) -> Iterator[Problem]:
    """The size is an x64 one that we know the vCPUs and memory of."""
    yield from unknown_size(environment, "machine.size", environment.machine.size)


def machine_zone_exists(environment: OneBoxEnvironment) -> Iterator[Problem]:
    """The zone is one of the location's."""
    location = LOCATIONS[environment.cloud].get(environment.location)
    zone = environment.machine.zone
    if location is None or zone is None:
        return
    have = len(location.zones)
    if not have:
        rule = f"must be left out, as {location.name} has no zones"
        fix = "remove the line, or choose another location"
        yield Problem("machine.zone", show(zone), rule, fix)
    elif zone > have:
        rule = f"must be 1 to {have}, the zones that {location.name} has"
        yield Problem("machine.zone", show(zone), rule, f"write {have}")


RULES = (machine_size_is_known, machine_zone_exists)
