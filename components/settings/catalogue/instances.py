"""Instance types that a deployment of a managed online endpoint may have.

Source: "Managed online endpoints SKU list" (Azure Machine Learning), those without GPUs, which R
does not use. They are other sizes than those of nodes: Azure keeps a list of its own.
"""

from collections.abc import Iterator, Mapping

_FAMILIES: tuple[tuple[str, tuple[int, ...]], ...] = (
    # name with # for the vCPUs, vCPUs on offer
    ("Standard_D#a_v4", (2, 4, 8, 16, 32, 48, 64, 96)),
    ("Standard_D#as_v4", (2, 4, 8, 16, 32, 48, 64, 96)),
    ("Standard_E#s_v3", (2, 4, 8, 16, 32, 48, 64)),
    ("Standard_E#a_v4", (2, 4, 8, 16, 32, 48, 64)),
    ("Standard_E#as_v4", (2, 4, 8, 16, 32, 48, 64)),
    ("Standard_F#s_v2", (2, 4, 8, 16, 32, 48, 64, 72)),
)

_NUMBERED: Mapping[str, int] = {
    # The first generation counts sizes, not vCPUs.
    "Standard_DS1_v2": 1,
    "Standard_DS2_v2": 2,
    "Standard_DS3_v2": 4,
    "Standard_DS4_v2": 8,
    "Standard_DS5_v2": 16,
}

USUAL = "Standard_DS2_v2"
"""The one of the third seed."""


def _all() -> Iterator[tuple[str, int]]:
    yield from _NUMBERED.items()
    for pattern, counts in _FAMILIES:
        for vcpus in counts:
            yield pattern.replace("#", str(vcpus)), vcpus


INSTANCE_TYPES: Mapping[str, int] = dict(_all())
"""vCPUs of each known instance type, by name."""
