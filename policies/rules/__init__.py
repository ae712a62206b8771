"""All rules, in the order in which people read of them."""

from policies.rule import Rule
from policies.rules import (
    balancer,
    database,
    encryption,
    groups,
    identity,
    machines,
    network,
    observation,
    stores,
    tags,
    transport,
    user_data,
    vault,
)

TOPICS = (
    network,
    groups,
    machines,
    identity,
    user_data,
    encryption,
    transport,
    database,
    vault,
    stores,
    balancer,
    observation,
    tags,
)
"""The modules, one a topic."""

RULES: tuple[Rule, ...] = tuple(rule for topic in TOPICS for rule in topic.RULES)
