"""The stacks of `stacks/` keep every rule, as deployed in the golden states, or say why not."""

from datetime import date

import pytest

from policies.exemptions import Exemptions
from policies.rules import RULES
from tests.support import policies, stacks

TODAY = date(2026, 11, 30)


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_a_stack_keeps_the_rules_or_says_why_not(stack: str) -> None:
    held_to = policies.ground(stack)
    assert held_to.environment is not None
    exemptions = Exemptions(held_to.environment.exemptions, TODAY, [each.id for each in RULES])

    found = policies.findings(RULES, policies.world(stack), held_to)
    left = [each for each in found if not exemptions.cover(*each)]

    assert [f"{rule.id}: {resource}: {said.what}" for rule, resource, said in left] == []
    assert list(exemptions.stale()) == []
