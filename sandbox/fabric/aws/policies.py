"""Whether policies allow a call.

Everything is denied that no statement allows, and a statement that denies wins. What is not
understood here grants nothing: a condition operator that the sandbox does not know makes an Allow
count for nothing, and a Deny count as if it held; both are said in the log.

Sources: AWS Identity and Access Management User Guide, "Policy evaluation logic", "IAM JSON policy
elements" (Action, NotAction, Resource, NotResource: wildcards, actions without regard to case;
Condition: all operators and all keys must hold, one of several values is enough; `...IfExists`;
a key that is absent fails a positive operator and holds for a negated one; ForAnyValue,
ForAllValues), "IAM policy variables".
"""

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

_LOG = logging.getLogger(__name__)

Context = Mapping[str, str | Sequence[str]]
"""Condition keys of the call, as `aws:SourceVpc`."""


class Decision(StrEnum):
    """What policies say together."""

    ALLOWED = "allowed"
    DENIED = "denied"
    """A statement denies it."""
    IMPLICIT = "implicit"
    """Nothing allows it."""


def decide(
    documents: Iterable[str], action: str, resource: str, context: Context, principal: str = ""
) -> Decision:
    """Judge one call.

    Args:
        documents: JSON texts of the policies; one that can't be read grants nothing.
        action: `secretsmanager:GetSecretValue`.
        resource: its ARN.
        context: condition keys.
        principal: ARN of the caller, for policies of resources (their Principal must name it).
    """
    found = Decision.IMPLICIT
    for document in documents:
        for statement in _statements(document):
            denies = statement.get("Effect") == "Deny"
            if not _covers(statement, action, resource, principal):
                continue
            if not _holds(statement.get("Condition"), context, unknown=denies):
                continue
            if denies:
                return Decision.DENIED
            if statement.get("Effect") == "Allow":
                found = Decision.ALLOWED
    return found


def _statements(document: str) -> list[Mapping[str, Any]]:
    try:
        read = json.loads(document)
        written = read.get("Statement", []) if isinstance(read, dict) else []
    except (ValueError, RecursionError):
        return []
    several = written if isinstance(written, list) else [written]
    return [each for each in several if isinstance(each, dict)]


def _texts(value: object) -> list[str]:
    several = value if isinstance(value, list) else [value]
    return [
        str(each).lower() if isinstance(each, bool) else str(each)
        for each in several
        if isinstance(each, str | int | float | bool)
    ]


def _covers(statement: Mapping[str, Any], action: str, resource: str, principal: str) -> bool:
    if principal and not _is_for(statement, principal):
        return False
    actions, others = statement.get("Action"), statement.get("NotAction")
    if actions is not None:
        if not any(_like(pattern.lower(), action.lower()) for pattern in _texts(actions)):
            return False
    elif others is None or any(_like(p.lower(), action.lower()) for p in _texts(others)):
        return False
    resources, excluded = statement.get("Resource"), statement.get("NotResource")
    if resources is not None:
        return any(_like(pattern, resource) for pattern in _texts(resources))
    if excluded is not None:
        return not any(_like(pattern, resource) for pattern in _texts(excluded))
    # A trust policy has no resource, and neither has a key's statement without one.
    return bool(principal)


def _is_for(statement: Mapping[str, Any], principal: str) -> bool:
    written = statement.get("Principal")
    if written == "*":
        return True
    named = _texts(written.get("AWS", [])) if isinstance(written, dict) else []
    account = principal.split(":")[4] if principal.count(":") >= 5 else ""
    role = re.sub(r":sts:(.*):assumed-role/([^/]+)/.*", r":iam:\1:role/\2", principal)
    root = re.sub(r":(sts|iam)::.*", f":iam::{account}:root", principal)
    return any(each in ("*", principal, role, root, account) for each in named)


def _holds(conditions: object, context: Context, *, unknown: bool) -> bool:
    if conditions is None:
        return True
    if not isinstance(conditions, dict):
        return unknown
    return all(_operator(name, keys, context, unknown=unknown) for name, keys in conditions.items())


def _operator(written: str, keys: object, context: Context, *, unknown: bool) -> bool:
    quantifier, _, rest = written.rpartition(":")
    name = rest.removesuffix("IfExists")
    optional = rest != name
    test = _TESTS.get(name)
    if test is None or not isinstance(keys, dict) or quantifier not in _QUANTIFIERS:
        _LOG.warning(
            "the sandbox does not know the condition operator %s: what it would allow is denied",
            written[:60],
        )
        return unknown
    given = {key.lower(): value for key, value in context.items()}
    return all(
        _key(test, quantifier, name, given.get(key.lower()), _texts(wanted), optional=optional)
        for key, wanted in keys.items()
    )


_QUANTIFIERS = ("", "ForAnyValue", "ForAllValues")


def _key(
    test: Callable[[str, str], bool],
    quantifier: str,
    name: str,
    found: str | Sequence[str] | None,
    wanted: list[str],
    *,
    optional: bool,
) -> bool:
    if name == "Null":
        return any((found is None) == (value == "true") for value in wanted)
    negated = "Not" in name
    if found is None:
        return optional or negated or quantifier == "ForAllValues"
    several = [found] if isinstance(found, str) else list(found)

    def one(value: str) -> bool:
        # A negated operator holds when the value is none of those that are written.
        judged = (test(value, each) for each in wanted)
        return all(judged) if negated else any(judged)

    return all(map(one, several)) if quantifier == "ForAllValues" else any(map(one, several))


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def test(found: str, wanted: str) -> bool:
        try:
            return compare(float(found), float(wanted))
        except ValueError:
            return False

    return test


def _in_network(found: str, wanted: str) -> bool:
    try:
        return ip_address(found) in ip_network(wanted, strict=False)
    except ValueError:
        return False


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda found, wanted: found == wanted,
    "StringNotEquals": lambda found, wanted: found != wanted,
    "StringEqualsIgnoreCase": lambda found, wanted: found.lower() == wanted.lower(),
    "StringNotEqualsIgnoreCase": lambda found, wanted: found.lower() != wanted.lower(),
    "StringLike": lambda found, wanted: _like(wanted, found),
    "StringNotLike": lambda found, wanted: not _like(wanted, found),
    "ArnEquals": lambda found, wanted: _like(wanted, found),
    "ArnLike": lambda found, wanted: _like(wanted, found),
    "ArnNotEquals": lambda found, wanted: not _like(wanted, found),
    "ArnNotLike": lambda found, wanted: not _like(wanted, found),
    "Bool": lambda found, wanted: found.lower() == wanted.lower(),
    "Null": lambda found, wanted: found == wanted,
    "NumericEquals": _number(lambda found, wanted: found == wanted),
    "NumericNotEquals": _number(lambda found, wanted: found != wanted),
    "NumericLessThan": _number(lambda found, wanted: found < wanted),
    "NumericLessThanEquals": _number(lambda found, wanted: found <= wanted),
    "NumericGreaterThan": _number(lambda found, wanted: found > wanted),
    "NumericGreaterThanEquals": _number(lambda found, wanted: found >= wanted),
    "IpAddress": _in_network,
    "NotIpAddress": lambda found, wanted: not _in_network(found, wanted),
}


def _like(pattern: str, found: str) -> bool:
    """Whether a text is as a pattern with `*` and `?`; with case."""
    return _compiled(pattern).fullmatch(found) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    # Several stars in a row would cost time without end, and mean one.
    plain = re.sub(r"\*+", "*", pattern)
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(c, re.escape(c)) for c in plain), re.DOTALL)
