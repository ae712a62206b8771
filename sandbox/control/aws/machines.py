"""What launch templates and instances have in common: image, type, user data, metadata, volumes.

Sources: Amazon EC2 User Guide, "Run commands when you launch an EC2 instance with user data input"
(16 KB before it is encoded), "Configure the Instance Metadata Service options" (hop limit of 1 to
64), "View tags for your EC2 instances using instance metadata" (keys without blanks and slashes),
"Amazon EBS volume types"; Amazon EC2 API Reference, "Error codes for the Amazon EC2 API".
"""

import base64
import binascii
import gzip
import re
from collections.abc import Iterator, Mapping

from sandbox.control.aws import images
from sandbox.control.aws.instance_types import type_of
from sandbox.control.aws.rules import one_of, within
from sandbox.control.kinds import Context, Problem, Values
from sandbox.control.paths import find
from sandbox.control.reading import elements, flag, mapping, number, text

MAX_USER_DATA = 16_384

INVALID = "InvalidParameterValue"
_TAG_KEY = re.compile(r"[0-9a-zA-Z\-_+=,.@:]{1,255}")
_RESERVED_KEYS = frozenset({".", "..", "_index"})


def type_rules(values: Values, path: str) -> Iterator[Problem]:
    """The instance type must be one that the sandbox knows."""
    name = text(values, path)
    if name is not None and type_of(name) is None:
        yield Problem(
            path,
            f"Invalid instance type: {name} (or the sandbox doesn't know it: see "
            "sandbox/control/aws/instance_types.py)",
            INVALID,
        )
    credits_ = "creditSpecification.cpuCredits"
    yield from one_of(values, credits_, ("standard", "unlimited"))
    found = type_of(name or "")
    if found is not None and not found.burstable and text(values, credits_):
        yield Problem(credits_, f"{name} has no CPU credits", "UnsupportedOperation")


def encoded_rules(values: Values, path: str) -> Iterator[Problem]:
    """User data that is given in base64."""
    written = text(values, path)
    if written is None:
        return
    try:
        decoded = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        yield Problem(path, "Invalid BASE64 encoding of user data.", "InvalidUserData.Malformed")
        return
    yield from _size(path, decoded)


def plain_rules(values: Values, path: str) -> Iterator[Problem]:
    """User data that is given as it is."""
    written = text(values, path)
    if written is not None:
        yield from _size(path, written.encode())


def _size(path: str, decoded: bytes) -> Iterator[Problem]:
    if len(decoded) > MAX_USER_DATA:
        yield Problem(
            path,
            f"User data is limited to {MAX_USER_DATA} bytes; it has {len(decoded)}",
            INVALID,
        )
    if decoded[:2] == b"\x1f\x8b":
        try:
            gzip.decompress(decoded)
        except (OSError, EOFError) as error:
            yield Problem(path, f"is no whole gzip file: {error}")


def metadata_rules(values: Values) -> Iterator[Problem]:
    """Options of the metadata service."""
    switch = ("enabled", "disabled")
    yield from one_of(values, "metadataOptions.httpEndpoint", switch)
    yield from one_of(values, "metadataOptions.httpTokens", ("optional", "required"))
    yield from one_of(values, "metadataOptions.instanceMetadataTags", switch)
    yield from one_of(values, "metadataOptions.httpProtocolIpv6", ("disabled",))
    yield from within(values, "metadataOptions.httpPutResponseHopLimit", 1, 64)


def shows_tags(values: Values) -> bool:
    """Whether the metadata service gives the instance's tags."""
    return text(values, "metadataOptions.instanceMetadataTags") == "enabled"


def tag_key_problems(path: str, tags: Mapping[str, object]) -> Iterator[Problem]:
    """Keys that the metadata service can't show."""
    for name in tags:
        if not _TAG_KEY.fullmatch(name) or name in _RESERVED_KEYS:
            yield Problem(
                path,
                f"'{name}' is not a valid tag key. Tag keys must match pattern "
                "([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', "
                "'_index')",
                INVALID,
            )


_VOLUMES: dict[str, tuple[int, int]] = {
    "gp2": (1, 16_384),
    "gp3": (1, 65_536),
    "io1": (4, 16_384),
    "io2": (4, 65_536),
    "st1": (125, 16_384),
    "sc1": (125, 16_384),
    "standard": (1, 1024),
}
"""Type -> GiB, at least and at most."""


def volume_rules(values: Values, path: str) -> Iterator[Problem]:
    """One EBS volume: type, size, IOPS, throughput."""
    volume = mapping(values, path)
    kind = text(volume, "volumeType") or "gp2"
    if kind not in _VOLUMES:
        yield Problem(
            f"{path}.volumeType",
            f"Value ({kind}) for parameter volumeType is invalid. Volume type must be one of "
            f"{', '.join(_VOLUMES)}",
            "UnknownVolumeType",
        )
        return
    least, most = _VOLUMES[kind]
    size, iops = number(volume, "volumeSize"), number(volume, "iops")
    throughput = number(volume, "throughput")
    if size is not None and not least <= size <= most:
        yield Problem(
            f"{path}.volumeSize",
            f"Volume of {size}GiB is invalid: a {kind} volume has {least} to {most}",
            INVALID,
        )
    if iops is not None and kind not in ("gp3", "io1", "io2"):
        yield Problem(
            f"{path}.iops",
            f"The parameter iops is not supported for {kind} volumes.",
            "InvalidParameterCombination",
        )
    if kind == "gp3" and iops is not None and not 3000 <= iops <= 80_000:
        yield Problem(f"{path}.iops", f"must be 3000 to 80000 for gp3, got {iops}", INVALID)
    if throughput is not None and kind != "gp3":
        yield Problem(
            f"{path}.throughput",
            f"The parameter throughput is not supported for {kind} volumes.",
            "InvalidParameterCombination",
        )
    if throughput is not None and not 125 <= throughput <= 2000:
        yield Problem(f"{path}.throughput", f"must be 125 to 2000, got {throughput}", INVALID)
    if text(volume, "kmsKeyId") and flag_of(volume, "encrypted") is False:
        yield Problem(
            f"{path}.encrypted",
            "The parameter KmsKeyId requires the parameter Encrypted to be set.",
            "InvalidParameterDependency",
        )


def flag_of(values: Values, path: str) -> bool | None:
    """A truth value that the SDK writes as text (`"true"`)."""
    written = text(values, path)
    return written == "true" if written in ("true", "false") else flag(values, path)


def verify_launch(
    context: Context, data: Values, image: str, instance_type: str, where: str
) -> Iterator[Problem]:
    """An instance could be launched from this: the image exists, and fits its type.

    *where*: path for the problems of a template that another resource refers to, or "".
    """
    ami, name = text(data, image), text(data, instance_type)
    found = images.find(ami, context.region) if ami else None
    if not ami:
        yield Problem(where or image, "The request must contain the parameter ImageId", _MISSING)
    elif found is None:
        yield Problem(
            where or image, f"The image id '[{ami}]' does not exist", "InvalidAMIID.NotFound"
        )
    if not name:
        yield Problem(
            where or instance_type, "The request must contain the parameter InstanceType", _MISSING
        )
    known = type_of(name or "")
    if found is not None and known is not None and found.architecture != known.architecture:
        yield Problem(
            where or instance_type,
            f"The architecture '{known.architecture}' of the specified instance type does not "
            f"match the architecture '{found.architecture}' of the specified AMI. Specify an "
            "instance type and an AMI that have matching architectures, and try again.",
            INVALID,
        )


_MISSING = "MissingParameter"


def verify_size(path: str, size: int | None, ami: str | None) -> Iterator[Problem]:
    """A root volume is at least as big as the image."""
    image = images.find(ami) if ami else None
    if size is not None and image is not None and size < image.gibibytes:
        yield Problem(
            path,
            f"Volume of size {size}GB is smaller than snapshot of {ami}, expect size >= "
            f"{image.gibibytes}GB",
            "InvalidBlockDeviceMapping",
        )


def not_public(values: Values, *patterns: str) -> Iterator[Problem]:
    """The sandbox gives no machine a public address."""
    for pattern in patterns:
        for path, found in find(values, pattern):
            if str(found).lower() == "true":
                yield Problem(
                    path, "the sandbox does not emulate this: machines have private addresses only"
                )


def tags_for(values: Values, resource: str) -> dict[str, str]:
    """The tags that a template gives to what is launched (`instance`, `volume`)."""
    return {
        str(name): str(value)
        for _, each in elements(values, "tagSpecifications")
        if text(each, "resourceType") == resource
        for name, value in mapping(each, "tags").items()
    }
