"""All rules, in the order in which people read of them."""

from policies.rule import Rule
from policies.rules import (
    balancer,
    database,
    encryption,
    groups,
    machines,
    network,
    observation,
    stores,
    tags,
    transport,
    user_data,
    vault,
)

RULES: tuple[Rule, ...] = (
    *network.RULES,
    *groups.RULES,
    *machines.RULES,
    *user_data.RULES,
    *encryption.RULES,
    *transport.RULES,
    *database.RULES,
    *vault.RULES,
    *stores.RULES,
    *balancer.RULES,
    *observation.RULES,
    *tags.RULES,
)
