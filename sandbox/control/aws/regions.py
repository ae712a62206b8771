"""AWS regions and their availability zones.

Source: AWS documentation, "AWS Regions and Availability Zones" (reference of regions, of zones and
of zone ids). Which zones an account sees in us-west-1 and ap-northeast-1, and which zone id is
behind a zone's letter, differs from account to account: here the letters are in the ids' order.
"""

from typing import NamedTuple


class Region(NamedTuple):
    """One region."""

    display: str
    short: str
    """What zone ids begin with (`euc1`)."""
    letters: str = "abc"

    def zones(self, name: str) -> dict[str, str]:
        """The ids of the region's zones, by name."""
        return {f"{name}{x}": f"{self.short}-az{n}" for n, x in enumerate(self.letters, 1)}


REGIONS: dict[str, Region] = {
    "af-south-1": Region("Africa (Cape Town)", "afs1"),
    "ap-east-1": Region("Asia Pacific (Hong Kong)", "ape1"),
    "ap-east-2": Region("Asia Pacific (Taipei)", "ape2"),
    "ap-northeast-1": Region("Asia Pacific (Tokyo)", "apne1", "acd"),
    "ap-northeast-2": Region("Asia Pacific (Seoul)", "apne2", "abcd"),
    "ap-northeast-3": Region("Asia Pacific (Osaka)", "apne3"),
    "ap-south-1": Region("Asia Pacific (Mumbai)", "aps1"),
    "ap-south-2": Region("Asia Pacific (Hyderabad)", "aps2"),
    "ap-southeast-1": Region("Asia Pacific (Singapore)", "apse1"),
    "ap-southeast-2": Region("Asia Pacific (Sydney)", "apse2"),
    "ap-southeast-3": Region("Asia Pacific (Jakarta)", "apse3"),
    "ap-southeast-4": Region("Asia Pacific (Melbourne)", "apse4"),
    "ap-southeast-5": Region("Asia Pacific (Malaysia)", "apse5"),
    "ap-southeast-7": Region("Asia Pacific (Thailand)", "apse7"),
    "ca-central-1": Region("Canada (Central)", "cac1", "abd"),
    "ca-west-1": Region("Canada West (Calgary)", "caw1"),
    "eu-central-1": Region("Europe (Frankfurt)", "euc1"),
    "eu-central-2": Region("Europe (Zurich)", "euc2"),
    "eu-north-1": Region("Europe (Stockholm)", "eun1"),
    "eu-south-1": Region("Europe (Milan)", "eus1"),
    "eu-south-2": Region("Europe (Spain)", "eus2"),
    "eu-west-1": Region("Europe (Ireland)", "euw1"),
    "eu-west-2": Region("Europe (London)", "euw2"),
    "eu-west-3": Region("Europe (Paris)", "euw3"),
    "il-central-1": Region("Israel (Tel Aviv)", "ilc1"),
    "me-central-1": Region("Middle East (UAE)", "mec1"),
    "me-south-1": Region("Middle East (Bahrain)", "mes1"),
    "mx-central-1": Region("Mexico (Central)", "mxc1"),
    "sa-east-1": Region("South America (Sao Paulo)", "sae1"),
    "us-east-1": Region("US East (N. Virginia)", "use1", "abcdef"),
    "us-east-2": Region("US East (Ohio)", "use2"),
    "us-west-1": Region("US West (N. California)", "usw1", "ac"),
    "us-west-2": Region("US West (Oregon)", "usw2", "abcd"),
}


def zones(region: str) -> dict[str, str]:
    """The ids of a region's zones by name; nothing for an unknown region."""
    found = REGIONS.get(region)
    return found.zones(region) if found else {}
