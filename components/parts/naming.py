"""Names that every cloud accepts, and the tags that say whose a resource is."""

import hashlib
import re
from collections.abc import Mapping

PROJECT = "operationalization"
"""Value of the tag `project`, and the project's name in Pulumi.yaml."""

LONGEST_ENVIRONMENT = 24
"""Characters of a stack's name inside resource names: the longest suffix of ours and Pulumi's
eight random characters still fit into 64, a scale set's limit."""


def environment_name(stack: str) -> str:
    """Return *stack* as the beginning of resource names: lower-case letters, digits, hyphens."""
    plain = re.sub(r"[^a-z0-9]+", "-", stack.lower()).strip("-")
    if not plain[:1].isalpha():
        plain = f"env-{plain}".strip("-")
    # Names that only differ in what was left out or in case must stay different.
    return shorten(plain if plain == stack else f"{plain}-{_digest(stack)}", LONGEST_ENVIRONMENT)


def shorten(name: str, longest: int) -> str:
    """Return *name* in at most *longest* characters; what is cut is told apart by a hash."""
    if len(name) <= longest:
        return name
    return f"{name[: longest - 5].rstrip('-')}-{_digest(name)}"


def tags(stack: str, own: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of every resource: the user's *own* and ours, which settings reserve."""
    return {**own, "environment": stack, "project": PROJECT, "managed-by": "pulumi"}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:4]
