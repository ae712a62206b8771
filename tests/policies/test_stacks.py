"""The stacks of `stacks/` keep every rule, as deployed in the golden states."""

import pytest

from policies.rules import RULES
from tests.support import policies, stacks


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_a_stack_keeps_the_rules(stack: str) -> None:
    found = policies.findings(RULES, policies.world(stack), policies.ground(stack))

    assert [f"{rule.id}: {resource}: {said.what}" for rule, resource, said in found] == []
