"""Machine sizes that nodes may have: x64, encryption at host or encrypted volumes, current.

On Azure every size here boots generation 2 images, so it can have Trusted launch, and supports
encryption at host and premium disks. Sources: "Sizes for virtual machines in Azure" and "Amazon
EC2 instance types", one line a family.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineSize:
    """What a node of this size has."""

    name: str
    vcpus: int
    memory: float
    """GiB."""
    burstable: bool
    """Whether it runs at full speed only while it has credits."""


_AZURE_FAMILIES: tuple[tuple[str, tuple[int, ...], float, bool], ...] = (
    # name with # for the vCPUs, vCPUs on offer, GiB a vCPU, burstable
    ("Standard_D#s_v5", (2, 4, 8, 16, 32, 48, 64, 96), 4, False),
    ("Standard_D#ds_v5", (2, 4, 8, 16, 32, 48, 64, 96), 4, False),
    ("Standard_D#as_v5", (2, 4, 8, 16, 32, 48, 64, 96), 4, False),
    ("Standard_D#ads_v5", (2, 4, 8, 16, 32, 48, 64, 96), 4, False),
    ("Standard_D#s_v6", (2, 4, 8, 16, 32, 48, 64, 96, 128), 4, False),
    ("Standard_D#ds_v6", (2, 4, 8, 16, 32, 48, 64, 96, 128), 4, False),
    ("Standard_D#as_v6", (2, 4, 8, 16, 32, 48, 64, 96), 4, False),
    ("Standard_D#ls_v5", (2, 4, 8, 16, 32, 48, 64, 96), 2, False),
    ("Standard_E#s_v5", (2, 4, 8, 16, 20, 32, 48, 64), 8, False),
    ("Standard_E#ds_v5", (2, 4, 8, 16, 20, 32, 48, 64), 8, False),
    ("Standard_E#as_v5", (2, 4, 8, 16, 20, 32, 48, 64), 8, False),
    ("Standard_E#s_v6", (2, 4, 8, 16, 20, 32, 48, 64), 8, False),
    ("Standard_F#s_v2", (2, 4, 8, 16, 32, 48, 64, 72), 2, False),
    ("Standard_B#s_v2", (2, 4, 8, 16, 32), 4, True),
    ("Standard_B#as_v2", (2, 4, 8, 16, 32), 4, True),
    ("Standard_B#ms", (2, 4, 8, 12, 16, 20), 4, True),
    ("Standard_B#s", (2,), 2, True),
)

AWS_VCPUS: Mapping[str, int] = {
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
    "12xlarge": 48,
    "16xlarge": 64,
    "24xlarge": 96,
}
"""vCPUs by the size in a name (`m6i.large`, `db.m6i.large`), which is the same in all families."""

_AWS_FAMILIES: Mapping[str, float] = {
    # family: GiB a vCPU
    "c5": 2,
    "c6a": 2,
    "c6i": 2,
    "c7a": 2,
    "c7i": 2,
    "m5": 4,
    "m6a": 4,
    "m6i": 4,
    "m7a": 4,
    "m7i": 4,
    "r5": 8,
    "r6a": 8,
    "r6i": 8,
    "r7a": 8,
    "r7i": 8,
}

_ODD: Mapping[str, tuple[str, ...]] = {
    # c5 has 9xlarge and 18xlarge in place of these.
    "c5": ("8xlarge", "16xlarge"),
}

_AWS_BURSTABLE: Mapping[str, tuple[int, float]] = {
    # size of t3 and t3a: vCPUs, GiB
    "small": (2, 2),
    "medium": (2, 4),
    "large": (2, 8),
    "xlarge": (4, 16),
    "2xlarge": (8, 32),
}

_ARM: Mapping[str, re.Pattern[str]] = {
    "azure": re.compile(r"Standard_[A-Z]+[0-9]+(-[0-9]+)?[a-z]*p[a-z]*_v[0-9]+"),
    "aws": re.compile(r"(a1|[a-z]+[0-9]+g[a-z]*)\.[a-z0-9-]+"),
}


def _azure() -> Iterator[MachineSize]:
    for pattern, counts, memory, burstable in _AZURE_FAMILIES:
        for vcpus in counts:
            yield MachineSize(
                name=pattern.replace("#", str(vcpus)),
                vcpus=vcpus,
                memory=vcpus * memory,
                burstable=burstable,
            )


def _aws() -> Iterator[MachineSize]:
    for family, memory in _AWS_FAMILIES.items():
        for size, vcpus in AWS_VCPUS.items():
            if size not in _ODD.get(family, ()):
                name = f"{family}.{size}"
                yield MachineSize(name=name, vcpus=vcpus, memory=vcpus * memory, burstable=False)
    for family in ("t3", "t3a"):
        for size, (vcpus, memory) in _AWS_BURSTABLE.items():
            name = f"{family}.{size}"
            yield MachineSize(name=name, vcpus=vcpus, memory=memory, burstable=True)


MACHINES: Mapping[str, Mapping[str, MachineSize]] = {
    "azure": {size.name: size for size in _azure()},
    "aws": {size.name: size for size in _aws()},
}
"""Known machine sizes by cloud and name."""


def is_arm(cloud: str, name: str) -> bool:
    """Return whether *name* is, by the cloud's naming rules, a size with ARM processors."""
    return _ARM[cloud].fullmatch(name) is not None
