"""What a stack is exempted from: a rule of the policy pack, one resource or some, and why.

The rules are those of `policies/`, which nothing here knows; the pack says so when an id is none.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from components.settings.model import Model, refuse

FEWEST_WORDS = 4
SHORTEST_REASON = 20
"""Characters; below both it is a word that says nothing to who reads it in a year."""


def _reason(value: object) -> object:
    if isinstance(value, str):
        words = value.split()
        if len(words) < FEWEST_WORDS or len(value.strip()) < SHORTEST_REASON:
            rule = "must say why, in a sentence that somebody else understands in a year"
            raise refuse(rule, f"write {FEWEST_WORDS} words or more")
        if len({word.lower() for word in words}) < FEWEST_WORDS:
            raise refuse("must say why, and not the same word over and over", "write a sentence")
    return value


def _glob(value: object) -> object:
    if isinstance(value, str) and not any(char.isalnum() for char in value):
        rule = "must name a resource: a pattern of wildcards alone exempts whatever comes"
        raise refuse(rule, 'write a part of the names, such as "*-database-*"')
    return value


class ExemptionSettings(Model):
    """One rule of the policy pack that a resource need not keep."""

    policy: str = Field(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        max_length=80,
        examples=["database-standby"],
        json_schema_extra={
            "patternErrorMessage": "must be the id of a rule, such as database-standby: "
            "docs/policies.md lists them"
        },
    )
    """Id of the rule; docs/policies.md lists them."""

    resource: Annotated[str, BeforeValidator(_glob)] = Field(
        min_length=1, max_length=200, examples=["azure-staging-database-server"]
    )
    """Name of the resource as previews show it; `*` and `?` stand for any characters."""

    reason: Annotated[str, BeforeValidator(_reason)] = Field(
        max_length=500, examples=["Staging holds copies that a night restores."]
    )
    """Why it need not; every preview shows it."""

    until: str | None = Field(
        default=None,
        pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]$",
        examples=["2027-01-31"],
        json_schema_extra={"patternErrorMessage": 'must be a day such as "2027-01-31"'},
    )
    """Last day, in UTC; from the next day on it is a violation again."""
