"""All rules, in the order in which people read of them."""

from policies.rule import Rule
from policies.rules import network

RULES: tuple[Rule, ...] = (*network.RULES,)
