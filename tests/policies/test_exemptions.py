"""What a stack file exempts, and what is said of it."""

from datetime import date

import pytest

from components.settings import ExemptionSettings
from policies.exemptions import Exemptions
from policies.rule import Finding, Rule, Severity, Stance
from tests.support import policies

TODAY = date(2026, 11, 30)
RULE = Rule(
    id="database-standby", why="why", severity=Severity.LOW, stance=Stance.REFUSES, fix="mend it"
)
SERVER = policies.resource("aws:rds/instance:Instance", "dev-database-server", {})
FOUND = Finding("it has no standby")


def exemptions(**changes: str) -> Exemptions:
    value = {
        "policy": "database-standby",
        "resource": "*-database-*",
        "reason": "It holds copies of what others keep.",
        **changes,
    }
    settings = ExemptionSettings.model_validate(value)
    return Exemptions([settings], TODAY, ["database-standby", "database-backups"])


@pytest.mark.parametrize("until", [None, "2026-11-30", "2027-01-01"])
def test_what_is_exempted_is_told_with_its_reason(until: str | None) -> None:
    found = exemptions(**({"until": until} if until else {}))

    assert found.cover(RULE, SERVER, FOUND)
    assert found.cover(RULE, SERVER, FOUND)  # the engine may ask twice
    (note,) = found.exempted()
    assert note.urn == SERVER.urn
    assert note.text.splitlines() == [
        "database-standby on dev-database-server (aws:rds/instance:Instance): it has no standby",
        "reason: It holds copies of what others keep." + (f" (until {until})" if until else ""),
    ]
    assert list(found.stale()) == []


def test_a_violation_is_back_when_the_last_day_has_passed() -> None:
    found = exemptions(until="2026-11-29")

    assert not found.cover(RULE, SERVER, FOUND)
    assert list(found.exempted()) == []
    assert [note.text for note in found.stale()] == [
        (
            "exemption of database-standby for *-database-*: it ended on 2026-11-29, so that the "
            "violation is back\nfix: mend the resource, or give the exemption another date"
        )
    ]


@pytest.mark.parametrize(
    "changes", [{"resource": "*-vault"}, {"policy": "database-backups"}, {"resource": "DEV-*"}]
)
def test_what_nothing_needs_is_told(changes: dict[str, str]) -> None:
    found = exemptions(**changes)

    assert not found.cover(RULE, SERVER, FOUND)
    (note,) = found.stale()
    assert note.text.splitlines()[0].endswith(": nothing needs it")


def test_a_rule_that_does_not_exist_is_told() -> None:
    (note,) = exemptions(policy="database-stand-by").stale()

    assert note.text == (
        "exemption of database-stand-by for *-database-*: there is no such rule\n"
        "fix: docs/policies.md lists the rules"
    )


def test_one_that_is_over_does_not_hide_one_that_is_not() -> None:
    over, lasting = exemptions(until="2026-01-01").settings[0], exemptions().settings[0]
    found = Exemptions([over, lasting], TODAY, ["database-standby"])

    assert found.cover(RULE, SERVER, FOUND)
