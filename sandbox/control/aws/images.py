"""Amazon machine images, as EC2's DescribeImages finds them: Debian's, and the account's own.

Its own are one of each operating system that nobody publishes any more (`sandbox.control.systems`),
called as the system is.

Sources: Debian wiki, "Cloud/AmazonEC2Image/Bookworm" (owner 136693071363, names); AWS General
Reference, DescribeImages. Real ids differ by region and are not known here: each comes from the
region and the name, so that a program which looks images up gets one that stays.
"""

import fnmatch
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sandbox.control.aws.account import ACCOUNT
from sandbox.control.aws.regions import REGIONS
from sandbox.control.kinds import ApiError, Call, Outputs
from sandbox.control.reading import elements, flag, text, texts
from sandbox.control.systems import ALL, System

DEBIAN = "136693071363"


class Image(NamedTuple):
    """One published image, in every region."""

    name: str
    owner: str
    alias: str
    """What `owners` may also say (`amazon`), or ""."""
    architecture: str
    created: str
    description: str
    offer: str
    """What the fabric boots for it."""
    root: str = "/dev/xvda"
    gibibytes: int = 8
    windows: bool = False


def _debian(architecture: str, build: str, created: str) -> Image:
    shown = "x86_64" if architecture == "amd64" else architecture
    name = f"debian-12-{architecture}-{build}"
    return Image(name, DEBIAN, "", shown, created, f"Debian 12 ({build})", "debian-12")


def _own(system: System) -> Image:
    return Image(
        name=system.name,
        owner=ACCOUNT,
        alias="self",
        architecture="x86_64",
        created="2024-01-15T12:00:00.000Z",
        description=f"{system.words}, for machines of this account",
        offer=system.name,
        root="/dev/sda1",
        gibibytes=system.gibibytes,
        windows=system.windows,
    )


IMAGES = (
    *map(_own, ALL),
    _debian("amd64", "20250210-2019", "2025-02-10T20:58:17.000Z"),
    _debian("arm64", "20250210-2019", "2025-02-10T20:58:49.000Z"),
    _debian("amd64", "20250316-2053", "2025-03-16T20:59:04.000Z"),
    _debian("arm64", "20250316-2053", "2025-03-16T20:59:34.000Z"),
    _debian("amd64", "20260601-2496", "2026-06-01T20:57:12.000Z"),
    _debian("arm64", "20260601-2496", "2026-06-01T20:57:41.000Z"),
)


def ami(image: Image, region: str) -> str:
    """The id of an image in a region."""
    return "ami-" + hashlib.sha256(f"{region}/{image.name}".encode()).hexdigest()[:17]


def find(target: str, region: str = "") -> Image | None:
    """The published image with this id; of a region or of any."""
    regions = [region] if region else list(REGIONS)
    return next((x for x in IMAGES if any(ami(x, name) == target for name in regions)), None)


def _values(image: Image, region: str) -> dict[str, str]:
    """What a filter can look at."""
    return {
        "architecture": image.architecture,
        "creation-date": image.created,
        "description": image.description,
        "ena-support": "true",
        "hypervisor": "xen",
        "image-id": ami(image, region),
        "image-type": "machine",
        "is-public": "false" if image.alias == "self" else "true",
        "name": image.name,
        **({"platform": "windows"} if image.windows else {}),
        "owner-id": image.owner,
        "root-device-name": image.root,
        "root-device-type": "ebs",
        "state": "available",
        "virtualization-type": "hvm",
    }


def look_up(call: Call) -> Outputs:
    """aws:ec2/getAmi:getAmi. Raises ApiError unless exactly one image is meant."""
    region = text(call.arguments, "region") or call.location
    found = sorted(_matching(call.arguments, region), key=lambda image: image.created)
    if not found:
        raise ApiError(
            "InvalidAMIID.NotFound",
            "Your query returned no results. Please change your search criteria and try again. "
            f"(The sandbox knows {', '.join(image.name for image in IMAGES)}.)",
        )
    if len(found) > 1 and not flag(call.arguments, "mostRecent"):
        raise ApiError(
            "InvalidParameterCombination",
            "Your query returned more than one result. Please try a more specific search "
            "criteria, or set `mostRecent` attribute to true.",
        )
    return _described(found[-1], region, call.arguments)


def _matching(arguments: Mapping[str, object], region: str) -> Iterator[Image]:
    owners = {owner for _, owner in texts(arguments, "owners[*]")}
    expression = text(arguments, "nameRegex")
    for image in IMAGES:
        values = _values(image, region)
        if owners and not owners & {image.owner, image.alias}:
            continue
        if expression and not re.search(expression, image.name):
            continue
        if all(_passes(each, values) for _, each in elements(arguments, "filters")):
            yield image


def _passes(given: Mapping[str, object], values: Mapping[str, str]) -> bool:
    name = text(given, "name") or ""
    if name not in values and name != "platform":
        raise ApiError("InvalidParameterValue", f"The filter '{name}' is invalid")
    patterns = [pattern for _, pattern in texts(given, "values[*]")]
    return any(fnmatch.fnmatchcase(values.get(name, ""), pattern) for pattern in patterns)


def _described(image: Image, region: str, arguments: Mapping[str, object]) -> Outputs:
    target = ami(image, region)
    echoed = ("owners", "filters", "nameRegex", "mostRecent", "executableUsers")
    return {
        **{name: arguments[name] for name in echoed if name in arguments},
        "id": target,
        "imageId": target,
        "arn": f"arn:aws:ec2:{region}::image/{target}",
        "architecture": image.architecture,
        "blockDeviceMappings": [
            {
                "deviceName": image.root,
                "ebs": {"volume_size": str(image.gibibytes), "volume_type": "gp3"},
                "noDevice": "",
                "virtualName": "",
            }
        ],
        "bootMode": "uefi-preferred" if image.owner == DEBIAN else "",
        "creationDate": image.created,
        "deprecationTime": "",
        "description": image.description,
        "enaSupport": True,
        "hypervisor": "xen",
        "imageLocation": f"{image.owner}/{image.name}",
        "imageOwnerAlias": image.alias,
        "imageType": "machine",
        "imdsSupport": "v2.0",
        "kernelId": "",
        "lastLaunchedTime": "",
        "name": image.name,
        "ownerId": image.owner,
        "platform": "windows" if image.windows else "",
        "platformDetails": "Windows" if image.windows else "Linux/UNIX",
        "productCodes": [],
        "public": image.alias != "self",
        "ramdiskId": "",
        "region": region,
        "rootDeviceName": image.root,
        "rootDeviceType": "ebs",
        "rootSnapshotId": f"snap-{hashlib.sha256(target.encode()).hexdigest()[:17]}",
        "sriovNetSupport": "simple",
        "state": "available",
        "stateReason": {"code": "UNSET", "message": "UNSET"},
        "tags": {},
        "tpmSupport": "",
        "usageOperation": "RunInstances:0002" if image.windows else "RunInstances",
        "virtualizationType": "hvm",
    }
