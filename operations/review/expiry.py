"""When a deployed stack has expired, by the tags of what it deployed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from operations.errors import OperationError
from operations.export.state import Deployment, Resource

TAG = "environment-expires"
"""Not `expires`: certificates in AWS's vault have that tag, and an environment outlives them."""

FORM = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What is to be known of a stack before it goes."""

    stack: str
    resources: int
    protected: tuple[str, ...] = ()
    """Names of what Pulumi refuses to delete."""
    expires: datetime | None = None
    problem: str = ""
    """Why nobody can tell when it expires, though it says that it does."""

    def expired(self, now: datetime) -> bool:
        """Whether its time is over: never where nobody has given it one."""
        return self.expires is not None and not self.problem and self.expires <= now

    def verdict(self, now: datetime) -> str:
        """Return what becomes of it, in a word that scripts/expire reads."""
        if self.problem:
            return "unreadable"
        if self.expires is None:
            return "kept"
        if not self.expired(now):
            return "waiting"
        return "protected" if self.protected else "expired"

    def line(self, now: datetime) -> str:
        """Return what a person reads."""
        what = f"{self.resources} resources"
        if self.protected:
            what += f", {len(self.protected)} of them protected: {', '.join(self.protected[:3])}"
        if self.problem:
            return f"{self.stack}: {self.problem}; left alone"
        if self.expires is None:
            return f"{self.stack}: has no expiry; left alone ({what})"
        moment = self.expires.strftime(FORM)
        word = "expired" if self.expired(now) else "lives until"
        return f"{self.stack}: {word} {moment} ({what})"


def moment(text: str) -> datetime:
    """Return the time that *text* says; ValueError when it is none."""
    return datetime.strptime(text, FORM).replace(tzinfo=UTC)


def standing(deployment: Deployment) -> Standing:
    """Return how the stack stands; of several times, as a failed update leaves them, the latest."""
    found = set[str]()
    for each in deployment.resources:
        tags = _tags(each)
        if TAG in tags:
            value = tags[TAG]
            found.add(value if isinstance(value, str) else "")
    problem = ""
    moments = []
    for value in sorted(found):
        try:
            moments.append(moment(value))
        except ValueError:
            problem = f"its tag {TAG} is no time such as 2026-12-31T18:00:00Z"
    return Standing(
        stack=deployment.stack,
        resources=sum(each.custom for each in deployment.resources),
        protected=tuple(sorted(each.name for each in deployment.resources if each.protect)),
        expires=max(moments, default=None),
        problem=problem,
    )


def _tags(resource: Resource) -> Mapping[str, Any]:
    """Return its own tags, and of AWS's provider those that it gives to everything."""
    tags = resource.inputs.get("tags")
    if resource.type == "pulumi:providers:aws":
        try:
            tags = json.loads(str(resource.inputs.get("defaultTags"))).get("tags")
        except (ValueError, AttributeError):
            return {}
    return tags if isinstance(tags, Mapping) else {}


def at(text: str | None) -> datetime:
    """Return the time that a person gave, or now.

    Raises:
        OperationError: it is no time.
    """
    if text is None:
        return datetime.now(UTC)
    try:
        return moment(text)
    except ValueError:
        raise OperationError(
            "not a time", text, "it is written otherwise", "write it as 2026-12-31T18:00:00Z"
        ) from None
