"""Virtual machine sizes: vCPUs, memory, and what a size can do.

Source: Azure documentation, "Sizes for virtual machines in Azure" (one page a family), "Trusted
Launch for Azure virtual machines" (sizes), "Accelerated Networking overview", "Azure encryption at
host" (sizes).
"""

from functools import lru_cache
from typing import NamedTuple


class Size(NamedTuple):
    """One size."""

    vcpus: int
    memory: float
    """GiB."""
    premium: bool
    """Whether Premium SSDs attach."""
    accelerated: bool
    """Whether accelerated networking works."""
    generation2: bool
    """Whether generation 2 images and Trusted launch work."""


_SMALL: dict[str, tuple[int, float]] = {
    "Standard_B1ls": (1, 0.5),
    "Standard_B1s": (1, 1),
    "Standard_B1ms": (1, 2),
    "Standard_B2s": (2, 4),
    "Standard_B2ms": (2, 8),
    "Standard_B4ms": (4, 16),
    "Standard_B8ms": (8, 32),
}
_BURSTABLE_V2: dict[str, tuple[int, float]] = {
    "Standard_B2ts_v2": (2, 1),
    "Standard_B2ats_v2": (2, 1),
    "Standard_B12ms": (12, 48),
    "Standard_B16ms": (16, 64),
    "Standard_B20ms": (20, 80),
    **{f"Standard_B{n}{v}_v2": (n, n * 2.0) for n in (2, 4, 8, 16) for v in ("ls", "als")},
    **{f"Standard_B{n}{v}_v2": (n, n * 4.0) for n in (2, 4, 8, 16, 32) for v in ("s", "as")},
}
_DS_V2: dict[str, tuple[int, float]] = {
    f"Standard_DS{n}_v2": (cores, cores * 3.5) for n, cores in enumerate((1, 2, 4, 8, 16), start=1)
}
_D_V2: dict[str, tuple[int, float]] = {
    f"Standard_D{n}_v2": (cores, cores * 3.5) for n, cores in enumerate((1, 2, 4, 8, 16), start=1)
}

_TO_64 = (2, 4, 8, 16, 32, 48, 64)
_TO_96 = (*_TO_64, 96)
_TO_128 = (*_TO_96, 128)

_PREMIUM_FAMILIES: tuple[tuple[str, tuple[int, ...], float], ...] = (
    ("Standard_D{n}s_v3", _TO_64, 4),
    ("Standard_D{n}s_v4", _TO_64, 4),
    ("Standard_D{n}ds_v4", _TO_64, 4),
    ("Standard_D{n}as_v4", _TO_96, 4),
    ("Standard_D{n}s_v5", _TO_96, 4),
    ("Standard_D{n}ds_v5", _TO_96, 4),
    ("Standard_D{n}as_v5", _TO_96, 4),
    ("Standard_D{n}ads_v5", _TO_96, 4),
    ("Standard_D{n}ls_v5", _TO_96, 2),
    ("Standard_D{n}lds_v5", _TO_96, 2),
    ("Standard_D{n}s_v6", _TO_128, 4),
    ("Standard_D{n}ds_v6", _TO_128, 4),
    ("Standard_D{n}as_v6", _TO_96, 4),
    ("Standard_D{n}ads_v6", _TO_96, 4),
    ("Standard_E{n}s_v3", (*_TO_64, 20), 8),
    ("Standard_E{n}s_v4", (*_TO_64, 20), 8),
    ("Standard_E{n}ds_v4", (*_TO_64, 20), 8),
    ("Standard_E{n}as_v4", (*_TO_96, 20), 8),
    ("Standard_E{n}s_v5", (*_TO_96, 20), 8),
    ("Standard_E{n}ds_v5", (*_TO_96, 20), 8),
    ("Standard_E{n}as_v5", (*_TO_96, 20), 8),
    ("Standard_E{n}ads_v5", (*_TO_96, 20), 8),
    ("Standard_E{n}s_v6", (*_TO_128, 20), 8),
    ("Standard_E{n}as_v6", (*_TO_96, 20), 8),
    ("Standard_F{n}s_v2", (*_TO_64, 72), 2),
)
_PLAIN_FAMILIES: tuple[tuple[str, tuple[int, ...], float], ...] = (
    ("Standard_D{n}_v3", _TO_64, 4),
    ("Standard_D{n}_v4", _TO_64, 4),
    ("Standard_D{n}_v5", _TO_96, 4),
    ("Standard_E{n}_v5", (*_TO_96, 20), 8),
)

SIZES: dict[str, Size] = {
    **{name: Size(*shape, True, False, True) for name, shape in _SMALL.items()},
    **{name: Size(*shape, True, True, True) for name, shape in _BURSTABLE_V2.items()},
    **{name: Size(*shape, True, True, True) for name, shape in _DS_V2.items()},
    **{name: Size(*shape, False, True, False) for name, shape in _D_V2.items()},
    **{
        template.format(n=n): Size(n, n * memory, True, True, True)
        for template, counts, memory in _PREMIUM_FAMILIES
        for n in counts
    },
    **{
        template.format(n=n): Size(n, n * memory, False, True, True)
        for template, counts, memory in _PLAIN_FAMILIES
        for n in counts
    },
}


@lru_cache(maxsize=1024)
def size_of(name: str) -> Size | None:
    """The size, found without case as in Azure."""
    wanted = name.casefold()
    return next((size for known, size in SIZES.items() if known.casefold() == wanted), None)
