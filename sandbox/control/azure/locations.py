"""Azure regions and their availability zones.

Source: Azure documentation, "List of Azure regions" and "Azure regions with availability zones".
"""

from typing import NamedTuple


class Location(NamedTuple):
    """One region."""

    display: str
    zones: tuple[str, ...]


_ZONAL = {
    "australiaeast": "Australia East",
    "austriaeast": "Austria East",
    "brazilsouth": "Brazil South",
    "canadacentral": "Canada Central",
    "centralindia": "Central India",
    "centralus": "Central US",
    "chilecentral": "Chile Central",
    "eastasia": "East Asia",
    "eastus": "East US",
    "eastus2": "East US 2",
    "francecentral": "France Central",
    "germanywestcentral": "Germany West Central",
    "indonesiacentral": "Indonesia Central",
    "israelcentral": "Israel Central",
    "italynorth": "Italy North",
    "japaneast": "Japan East",
    "japanwest": "Japan West",
    "koreacentral": "Korea Central",
    "malaysiawest": "Malaysia West",
    "mexicocentral": "Mexico Central",
    "newzealandnorth": "New Zealand North",
    "northeurope": "North Europe",
    "norwayeast": "Norway East",
    "polandcentral": "Poland Central",
    "qatarcentral": "Qatar Central",
    "southafricanorth": "South Africa North",
    "southcentralus": "South Central US",
    "southeastasia": "Southeast Asia",
    "spaincentral": "Spain Central",
    "swedencentral": "Sweden Central",
    "switzerlandnorth": "Switzerland North",
    "uaenorth": "UAE North",
    "uksouth": "UK South",
    "westeurope": "West Europe",
    "westus2": "West US 2",
    "westus3": "West US 3",
}
_REGIONAL = {
    "australiacentral": "Australia Central",
    "australiasoutheast": "Australia Southeast",
    "canadaeast": "Canada East",
    "northcentralus": "North Central US",
    "southindia": "South India",
    "ukwest": "UK West",
    "westcentralus": "West Central US",
    "westindia": "West India",
    "westus": "West US",
}

LOCATIONS: dict[str, Location] = {
    **{name: Location(display, ("1", "2", "3")) for name, display in _ZONAL.items()},
    **{name: Location(display, ()) for name, display in _REGIONAL.items()},
}


def normal(location: str) -> str:
    """A location as ARM compares it: `West Europe` is `westeurope`."""
    return location.replace(" ", "").casefold()
