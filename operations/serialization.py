"""R's serialization for releases that are older than the one that wrote it.

Since R 3.5, `saveRDS` writes version 3, which older releases refuse: R Server has R 3.3 and ML
Server 9.2 and 9.3 have 3.4 (facts.md 1). Version 3 is version 2 with the writer's encoding in its
head, and with vectors in compact forms of their own ("R Internals", 1.8 "Serialization Formats").
Without those forms another head makes it version 2.
"""

import struct

SINCE = "3.5.0"
"""The first release that reads version 3."""

BINARY = b"X\n"
_HEAD = struct.Struct(">iii")
_LENGTH = struct.Struct(">i")
_READS_2 = 0x00020300
"""R 2.3.0, which is what a head of version 2 names as the first to read it."""

_COMPACT = 238
"""ALTREP_SXP, the type of an item in a compact form."""


class NewerFormError(ValueError):
    """What was serialized has parts that older releases cannot read."""


def older(data: bytes) -> bytes:
    """Return *data*, in R's binary form, as version 2.

    Raises:
        NewerFormError: when it cannot be.
    """
    if not data.startswith(BINARY):
        raise NewerFormError("it is not in R's binary form")
    at = len(BINARY)
    version, writer, _ = _HEAD.unpack_from(data, at)
    if version == 2:
        return data
    at += _HEAD.size
    (length,) = _LENGTH.unpack_from(data, at)
    body = data[at + _LENGTH.size + length :]
    if _may_be_compact(body):
        raise NewerFormError("it has vectors in a compact form of R 3.5")
    return BINARY + _HEAD.pack(2, writer, _READS_2) + body


def _may_be_compact(body: bytes) -> bool:
    """Return whether an item in *body* may have the compact type; numbers may look like one.

    An item begins with four bytes: levels, three flags, and its type as the last of them. Compact
    ones have no levels.
    """
    return any(bytes((0, 0, flags, _COMPACT)) in body for flags in range(8))
