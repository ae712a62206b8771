"""Names that all of Azure shares: an environment's own, and a suffix that lets it come back.

Azure keeps the names of deleted vaults and workspaces for days or weeks (soft delete). The suffix
is made once for each environment, and goes with it.
"""

import re
from dataclasses import dataclass

import pulumi
import pulumi_random as random

from components.parts import Site, naming

SUFFIX = 6

LONGEST_PLAIN = 24
"""Characters of a storage account's name, letters and digits only; registries may have more."""

LONGEST_VAULT = 24
LONGEST_ENDPOINT = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The names of one environment."""

    stem: str
    suffix: pulumi.Output[str]

    @property
    def plain(self) -> pulumi.Output[str]:
        """Letters and digits only: storage account and registry."""
        letters = re.sub(r"[^a-z0-9]", "", naming.shorten(self.stem, LONGEST_PLAIN - SUFFIX))
        return pulumi.Output.concat(letters, self.suffix)

    @property
    def vault(self) -> pulumi.Output[str]:
        """Of the vault."""
        return self._joined(LONGEST_VAULT)

    @property
    def endpoint(self) -> pulumi.Output[str]:
        """Of endpoint and workspace: the host name of one, unique in its location."""
        return self._joined(LONGEST_ENDPOINT)

    def _joined(self, longest: int) -> pulumi.Output[str]:
        stem = naming.shorten(self.stem, longest - SUFFIX - 1)
        return pulumi.Output.concat(stem, "-", self.suffix)


def make(name: str, site: Site, parent: pulumi.Resource) -> Names:
    """Return the names of *site*, with a suffix that is a resource of its own."""
    suffix = random.RandomString(
        f"{name}-suffix",
        length=SUFFIX,
        special=False,
        upper=False,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return Names(stem=naming.environment_name(site.stack), suffix=suffix.result)
