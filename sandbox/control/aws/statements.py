"""The statements of policy documents, as values that somebody can evaluate.

Source: AWS Identity and Access Management User Guide, "IAM JSON policy elements reference" (where
one text stands for a list of one).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement, its lists always lists."""

    sid: str
    allows: bool
    """Effect Allow; otherwise Deny."""
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: Mapping[str, tuple[str, ...]]
    """By kind (AWS, Service, ...); `{"*": ("*",)}` for everyone."""
    not_principals: Mapping[str, tuple[str, ...]]
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Operator -> condition key -> values."""


def parse(written: str) -> tuple[Statement, ...]:
    """The statements of a document that was checked; none when it is no document."""
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        return ()
    statements = found.get("Statement") if isinstance(found, dict) else None
    each = [statements] if isinstance(statements, dict) else statements
    if not isinstance(each, list):
        return ()
    return tuple(_read(one) for one in each if isinstance(one, dict))


def listed(value: object) -> list[str]:
    """One text, or a list of texts, as a list; nothing else is one."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    return []


def values_of(value: object) -> list[str]:
    """The values of a condition: texts, numbers or truth values, one or a list."""
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str | int | float) for each in found):
        return []
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in found]


def _read(found: Mapping[str, object]) -> Statement:
    conditions = found.get("Condition")
    return Statement(
        sid=str(found.get("Sid", "")),
        allows=found.get("Effect") == "Allow",
        actions=tuple(listed(found.get("Action"))),
        not_actions=tuple(listed(found.get("NotAction"))),
        resources=tuple(listed(found.get("Resource"))),
        not_resources=tuple(listed(found.get("NotResource"))),
        principals=_principals(found.get("Principal")),
        not_principals=_principals(found.get("NotPrincipal")),
        conditions={
            str(operator): {str(key): tuple(values_of(value)) for key, value in tests.items()}
            for operator, tests in (conditions.items() if isinstance(conditions, Mapping) else ())
            if isinstance(tests, Mapping)
        },
    )


def _principals(found: object) -> Mapping[str, tuple[str, ...]]:
    if found == "*":
        return {"*": ("*",)}
    if not isinstance(found, Mapping):
        return {}
    return {str(kind): tuple(listed(members)) for kind, members in found.items()}


def principals_named(statements: Sequence[Statement], kind: str) -> set[str]:
    """Every principal of one kind that any statement names."""
    both = chain.from_iterable((each.principals, each.not_principals) for each in statements)
    return {member for named in both for member in named.get(kind, ())}


def is_public(statements: Sequence[Statement]) -> bool:
    """Whether some statement allows everyone without a condition that narrows who that is.

    Source: Amazon Simple Storage Service User Guide, "The meaning of 'public'".
    """
    for each in statements:
        everyone = "*" in each.principals or "*" in each.principals.get("AWS", ())
        narrowing = {
            key.casefold()
            for operator, tests in each.conditions.items()
            if not operator.startswith(("Bool", "Null"))
            for key, values in tests.items()
            if not any("*" in value for value in values)
        }
        if each.allows and everyone and not narrowing & _NARROWING:
            return True
    return False


_NARROWING = frozenset(
    {
        "aws:sourcearn",
        "aws:sourceaccount",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:sourceip",
        "aws:principalorgid",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
    }
)
"""Condition keys with a fixed value that make a policy not public."""
