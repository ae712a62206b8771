"""docs/policies.md lists the rules as they are."""

from pathlib import Path

from policies import catalogue
from policies.rules import RULES

PAGE = Path(__file__).parents[2] / "docs" / "policies.md"


def test_the_page_is_what_would_be_written() -> None:
    text = PAGE.read_text()

    assert catalogue.page(text) == text, "run scripts/docs and commit docs/policies.md"


def test_every_message_leads_to_its_rule() -> None:
    text = PAGE.read_text()

    assert [rule.id for rule in RULES if f'<a id="{rule.id}"></a>' not in text] == []
