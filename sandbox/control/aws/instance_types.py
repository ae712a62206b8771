"""EC2 instance types that the sandbox knows: processors, memory, architecture.

Source: Amazon EC2 Instance Types guide, "Specifications for Amazon EC2 general purpose instances",
"... compute optimized ...", "... memory optimized ...". A type that is not here may exist in AWS;
the sandbox refuses it by name rather than guess what it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InstanceType:
    """One instance type."""

    name: str
    vcpus: int
    memory: float
    """GiB."""
    architecture: str
    """x86_64 or arm64."""
    burstable: bool = False
    """Earns CPU credits (`creditSpecification`)."""


_SIZES = {
    "medium": 1,
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
    "12xlarge": 48,
    "16xlarge": 64,
    "24xlarge": 96,
}
"""Size -> vCPUs, in families with as many of them in every size."""

_FAMILIES: dict[str, tuple[str, int, str]] = {
    # family: architecture, GiB a vCPU, sizes
    "m5": ("x86_64", 4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "m5a": ("x86_64", 4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "m6i": ("x86_64", 4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "m6a": ("x86_64", 4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "m7i": ("x86_64", 4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "m7a": ("x86_64", 4, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "m7i-flex": ("x86_64", 4, "large xlarge 2xlarge 4xlarge 8xlarge"),
    "m6g": ("arm64", 4, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "m7g": ("arm64", 4, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "m8g": ("arm64", 4, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "c6i": ("x86_64", 2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "c6a": ("x86_64", 2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "c7i": ("x86_64", 2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "c7a": ("x86_64", 2, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "c7i-flex": ("x86_64", 2, "large xlarge 2xlarge 4xlarge 8xlarge"),
    "c6g": ("arm64", 2, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "c7g": ("arm64", 2, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "r5": ("x86_64", 8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "r6i": ("x86_64", 8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "r6a": ("x86_64", 8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "r7i": ("x86_64", 8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "r7a": ("x86_64", 8, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "r6g": ("arm64", 8, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "r7g": ("arm64", 8, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
}

_BURSTABLE = {"t3": "x86_64", "t3a": "x86_64", "t4g": "arm64"}
_BURSTABLE_SIZES = {
    "nano": (2, 0.5),
    "micro": (2, 1),
    "small": (2, 2),
    "medium": (2, 4),
    "large": (2, 8),
    "xlarge": (4, 16),
    "2xlarge": (8, 32),
}

_C5 = {
    "large": (2, 4),
    "xlarge": (4, 8),
    "2xlarge": (8, 16),
    "4xlarge": (16, 32),
    "9xlarge": (36, 72),
    "12xlarge": (48, 96),
    "18xlarge": (72, 144),
    "24xlarge": (96, 192),
}


def _all() -> Iterator[InstanceType]:
    for family, (architecture, gib, sizes) in _FAMILIES.items():
        for size in sizes.split():
            vcpus = _SIZES[size]
            yield InstanceType(f"{family}.{size}", vcpus, vcpus * gib, architecture)
    for family, architecture in _BURSTABLE.items():
        for size, (vcpus, memory) in _BURSTABLE_SIZES.items():
            yield InstanceType(f"{family}.{size}", vcpus, memory, architecture, burstable=True)
    for size, (vcpus, memory) in _C5.items():
        yield InstanceType(f"c5.{size}", vcpus, memory, "x86_64")


TYPES = {found.name: found for found in _all()}


def type_of(name: str) -> InstanceType | None:
    """The instance type with this name, or None; names are compared as they are."""
    return TYPES.get(name)
