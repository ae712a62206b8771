"""Roles: what is declared, and what a user becomes (facts.md 12.6)."""

from collections.abc import Collection
from dataclasses import dataclass

from server.api.tokens import Role
from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.versions import Version

ORDER: tuple[Role, ...] = ("Owner", "Contributor", "Reader")
"""Highest first: who is in several groups has the highest."""


@dataclass(frozen=True)
class Roles:
    """Groups by role."""

    groups: dict[Role, tuple[str, ...]]

    def of(self, groups: Collection[str]) -> Role | None:
        """Return the role of a user in *groups*, or None when there is none for them."""
        for role in ORDER:
            if set(self.groups.get(role, ())) & set(groups):
                return role
        if "Reader" in self.groups:
            return None
        return "Reader" if "Contributor" in self.groups else "Contributor"


def declared(version: Version, root: Section) -> Roles:
    """Return the roles of the web node's file.

    Raises:
        ConfigurationError: one is not known in this version, or a group is named with `CN=`.
    """
    section = root.section("Authorization")
    for key in section.values:
        if key not in (*version.roles, "CacheLifeTimeInMinutes"):
            raise ConfigurationError(f"Authorization.{key} is not known in {version.version}")
    groups = {role: tuple(section.texts(role)) for role in ORDER if section.values.get(role)}
    for names in groups.values():
        if any("=" in name for name in names):
            raise ConfigurationError("Authorization: groups are named plainly, without CN=")
    return Roles(groups)
