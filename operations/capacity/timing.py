"""What an answer's own header says of where its time went.

`Server-Timing` (W3C, "Server Timing") names parts and their milliseconds. These are ours, beside
what the product calls them in its report (facts.md 14.3). An environment whose software does not
send it is measured from outside and by its nodes' logs.
"""

import math
import re

PARTS = {
    "forward": "Web Node to Compute Node",
    "shell": "Create Shell",
    "load": "Initialize Shell",
    "compute": "Compute Node Request",
    "database": "Database",
}
"""Waiting for and reaching a compute node; waiting for an R process there; loading the model into
it; running it; asking the database."""

API = "API Service"
"""What the service on web nodes takes for an answer of its own, and waits for the database."""

WHOLE = "Web Node Request"
"""The whole way to R and back."""

LONGEST = 3600.0
MOST = 32
ENTRY = re.compile(r"([a-z][a-z0-9-]{0,31})\s*;\s*dur=(\d{1,9}(?:\.\d{1,9})?)\s*(?:;[^,]*)?")


def read(header: str) -> dict[str, float]:
    """Return the seconds of each part that *header* names by the product's words.

    What is not understood is left out: a header is nobody's promise.
    """
    found: dict[str, float] = {}
    for entry in header.split(",")[:MOST]:
        matched = ENTRY.fullmatch(entry.strip())
        if not matched or matched[1] not in PARTS:
            continue
        seconds = float(matched[2]) / 1000
        if math.isfinite(seconds) and seconds <= LONGEST:
            name = PARTS[matched[1]]
            found[name] = found.get(name, 0.0) + seconds
    return found
