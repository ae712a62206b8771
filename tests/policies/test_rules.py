"""Each rule, where it holds and where it does not: the cases are in cases*.yaml.

A case begins with a resource that keeps the rule: one of a golden state (`stack`, `of`), or one of
its own (`type`, `name`, `inputs`). `change` breaks it, `says` is all that the rule then says. A
rule about the whole stack is asked in the golden state's world, in which `remove` takes a resource
away and `add` brings one. `settings` are those of the environment that differ from the stack's.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.ground import Ground
from policies.reading import Resource, World
from policies.rule import Finding, Rule
from policies.rules import RULES
from tests.support import policies, stacks
from tests.support.environments import changed

CASES: list[dict[str, Any]] = [
    case
    for file in sorted(Path(__file__).parent.glob("cases*.yaml"))
    for case in yaml.safe_load(file.read_text())
]
BY_ID = {rule.id: rule for rule in RULES}


def name_of(case: Mapping[str, Any]) -> str:
    return f"{case['rule']}: {'; '.join(case['says']) or 'nothing'}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_rule(case: dict[str, Any]) -> None:
    rule, held_to = BY_ID[case["rule"]], ground(case)
    before = world(case)
    after = broken(case, before)

    assert said(rule, before, held_to) == []
    found = said(rule, after, held_to)
    assert sorted(each.what for each in found) == sorted(case["says"])
    assert {each.decided for each in found} <= {not case.get("undecided", False)}


def test_every_rule_has_a_case_that_breaks_it() -> None:
    broken = {case["rule"] for case in CASES if case["says"] and not case.get("undecided")}

    assert broken == {rule.id for rule in RULES}


def test_ids_are_words_that_stay_apart() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.id == rule.id.lower() and "_" not in rule.id for rule in RULES)
    assert all(bool(rule.checks) != bool(rule.world) for rule in RULES)


def ground(case: Mapping[str, Any]) -> Ground:
    stack = case.get("stack", "azure-production")
    if "settings" not in case:
        return policies.ground(stack)
    environment = stacks.config(stack)[stacks.ENVIRONMENT]
    return policies.ground_of(changed(environment, case["settings"]), stack)


def world(case: Mapping[str, Any]) -> World:
    if "type" in case:
        protect = case.get("protect", False)
        return World((policies.resource(case["type"], case["name"], case["inputs"], protect),))
    found = policies.world(case["stack"])
    if BY_ID[case["rule"]].world is None:
        return World((policies.named(case["stack"], case["of"]),))
    return found


def broken(case: Mapping[str, Any], before: World) -> World:
    kept = [each for each in before.resources if each.name not in case.get("remove", ())]
    for extra in case.get("add", ()):
        made = policies.resource(extra["type"], extra["name"], extra["inputs"])
        urns = {each.name: each.urn for each in before.resources}
        refers = {path: (urns[name],) for path, name in extra.get("refers", {}).items()}
        kept.append(replace(made, refers=refers))
    if "change" not in case:
        return World(tuple(kept))
    target = the_one(case, before)
    others = [each for each in kept if each.urn != target.urn]
    return World((*others, policies.changed(target, case["change"])))


def the_one(case: Mapping[str, Any], before: World) -> Resource:
    if "of" in case:
        return policies.named(case["stack"], case["of"])
    return before.resources[0]


def said(rule: Rule, found: World, held_to: Ground) -> list[Finding]:
    return [finding for _, _, finding in policies.findings([rule], found, held_to)]
