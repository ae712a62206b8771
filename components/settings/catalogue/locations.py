"""Where an environment can be: the clouds' locations and the zones that each has.

Sources: "Azure regions list" (zones and paired regions) and "AWS Regions and Availability Zones".
"""

from collections.abc import Mapping
from dataclasses import dataclass

ZONES_BY_DEFAULT = 3
"""Zones of a group that names none: more add cost between zones and no further nine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """An Azure location or AWS region."""

    name: str
    zones: tuple[str, ...]
    """The cloud's names of its zones; a setting counts them from 1."""
    paired: bool
    """Whether Azure keeps copies of backups in a fixed second location."""


_AZURE_PAIRED = """
    australiaeast brazilsouth canadacentral centralindia centralus eastasia eastus eastus2
    francecentral germanywestcentral japaneast japanwest koreacentral northeurope norwayeast
    southafricanorth southcentralus southeastasia swedencentral switzerlandnorth uaenorth uksouth
    westeurope westus2 westus3
"""
_AZURE_UNPAIRED = """
    austriaeast belgiumcentral chilecentral indonesiacentral israelcentral italynorth malaysiawest
    mexicocentral newzealandnorth polandcentral qatarcentral spaincentral
"""
_AZURE_WITHOUT_ZONES = """
    australiacentral australiacentral2 australiasoutheast brazilsoutheast canadaeast francesouth
    germanynorth koreasouth northcentralus norwaywest southafricawest southindia swedensouth
    switzerlandwest uaecentral ukwest westcentralus westindia westus
"""

_AWS_ZONES: Mapping[str, str] = {
    "af-south-1": "abc",
    "ap-east-1": "abc",
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
    "ap-northeast-3": "abc",
    "ap-south-1": "abc",
    "ap-south-2": "abc",
    "ap-southeast-1": "abc",
    "ap-southeast-2": "abc",
    "ap-southeast-3": "abc",
    "ap-southeast-4": "abc",
    "ap-southeast-5": "abc",
    "ap-southeast-7": "abc",
    "ca-central-1": "abd",
    "ca-west-1": "abc",
    "eu-central-1": "abc",
    "eu-central-2": "abc",
    "eu-north-1": "abc",
    "eu-south-1": "abc",
    "eu-south-2": "abc",
    "eu-west-1": "abc",
    "eu-west-2": "abc",
    "eu-west-3": "abc",
    "il-central-1": "abc",
    "me-central-1": "abc",
    "me-south-1": "abc",
    "mx-central-1": "abc",
    "sa-east-1": "abc",
    # Zone e is left out: it has none of the machine families of catalogue.machines.
    "us-east-1": "abcdf",
    "us-east-2": "abc",
    # An account sees two of its three zones, and most accounts see these.
    "us-west-1": "ac",
    "us-west-2": "abcd",
}


def _azure() -> dict[str, Location]:
    zones = ("1", "2", "3")
    return {
        name: Location(name=name, zones=has, paired=paired)
        for names, has, paired in (
            (_AZURE_PAIRED, zones, True),
            (_AZURE_UNPAIRED, zones, False),
            (_AZURE_WITHOUT_ZONES, (), True),
        )
        for name in names.split()
    }


def _aws() -> dict[str, Location]:
    return {
        name: Location(name=name, zones=tuple(f"{name}{z}" for z in letters), paired=False)
        for name, letters in _AWS_ZONES.items()
    }


LOCATIONS: Mapping[str, Mapping[str, Location]] = {"azure": _azure(), "aws": _aws()}
"""Known locations by cloud and name."""


def default_zones(cloud: str, location: str) -> list[int]:
    """Return the zones, counted from 1, that a group uses when it names none."""
    known = LOCATIONS.get(cloud, {}).get(location)
    return list(range(1, min(len(known.zones), ZONES_BY_DEFAULT) + 1)) if known else []
