"""Policy documents: their grammar, and what the services refuse in them.

Sources: AWS Identity and Access Management User Guide, "Grammar of the IAM JSON policy language",
"IAM JSON policy elements: Condition operators", "IAM and AWS STS quotas" (2,048 characters of a
trust policy, 10,240 of all inline policies of a role; white space does not count), "AWS JSON policy
elements: Principal". The words of refusals are those that IAM, S3 and KMS are known to answer with.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sandbox.control.aws.statements import listed, values_of
from sandbox.control.kinds import Problem

VERSIONS = ("2012-10-17", "2008-10-17")

_DOCUMENT = frozenset({"Version", "Id", "Statement"})
_STATEMENT = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_PRINCIPALS = ("Principal", "NotPrincipal")
_PRINCIPAL_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})

_VENDOR = re.compile(r"[A-Za-z0-9-]+")
_ARN = re.compile(r"arn:(?P<partition>[^:]*):(?P<service>[^:]*):[^:]*:[^:]*:.+", re.DOTALL)
_PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "*")
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")

_OPERATORS = frozenset(
    {
        *(f"String{x}" for x in ("Equals", "NotEquals", "Like", "NotLike")),
        *(f"String{x}IgnoreCase" for x in ("Equals", "NotEquals")),
        *(f"Arn{x}" for x in ("Equals", "NotEquals", "Like", "NotLike")),
        *(
            f"{kind}{x}"
            for kind in ("Numeric", "Date")
            for x in (
                "Equals",
                "NotEquals",
                "LessThan",
                "LessThanEquals",
                "GreaterThan",
                "GreaterThanEquals",
            )
        ),
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "NotIpAddress",
        "Null",
    }
)
_SETS = ("ForAllValues:", "ForAnyValue:")


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """What one service makes of the language."""

    code: str
    """Its error code for a bad document."""
    syntax: str = "Syntax errors in policy."
    principals: bool = False
    """Whether statements name principals (resource policies, trust policies), or must not."""
    resources: bool = True
    """Whether statements name resources; a trust policy must not."""
    vendors: tuple[str, ...] = ()
    """Prefixes that actions may have; none: any."""
    old: bool = True
    """Whether the version of 2008 (the default) will do."""


IDENTITY = Dialect(code="MalformedPolicyDocument", old=False)
TRUST = Dialect(
    code="MalformedPolicyDocument",
    syntax="This policy contains invalid Json",
    principals=True,
    resources=False,
    vendors=("sts",),
)
BUCKET = Dialect(
    code="MalformedPolicy",
    syntax="Policies must be valid JSON and the first byte must be '{'",
    principals=True,
    vendors=("s3",),
)
KEY = Dialect(code="MalformedPolicyDocumentException", principals=True, vendors=("kms",))
SECRET = Dialect(
    code="MalformedPolicyDocumentException", principals=True, vendors=("secretsmanager",)
)
TOPIC = Dialect(
    code="InvalidParameter",
    syntax="Invalid parameter: Policy Error: null",
    principals=True,
    vendors=("sns",),
)
ENDPOINT = Dialect(code="InvalidPolicyDocument", principals=True)


class _BadError(Exception):
    """The document is not in the language; the text is the service's."""


class _Document(NamedTuple):
    version: str
    statements: list[Mapping[str, object]]


def length(written: str) -> int:
    """Characters that count for a quota: white space does not."""
    return len(re.sub(r"\s", "", written))


def problems(path: str, written: str, dialect: Dialect) -> Iterator[Problem]:
    """Yield what the service refuses in a document: the first fault, as the service does."""
    try:
        document = _document(written, dialect)
        _check(document, dialect)
    except _BadError as error:
        yield Problem(path, str(error), dialect.code)


def _document(written: str, dialect: Dialect) -> _Document:
    try:
        found = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise _BadError(dialect.syntax) from error
    if not isinstance(found, dict):
        raise _BadError(dialect.syntax)
    _known(found, _DOCUMENT, dialect)
    statements = found.get("Statement")
    found_all = [statements] if isinstance(statements, dict) else statements
    if not isinstance(found_all, list) or not found_all:
        raise _BadError(dialect.syntax)
    if not all(isinstance(each, dict) for each in found_all):
        raise _BadError(dialect.syntax)
    version = found.get("Version", VERSIONS[1])
    if version not in VERSIONS:
        raise _BadError(dialect.syntax)
    if not isinstance(found.get("Id", ""), str):
        raise _BadError(dialect.syntax)
    return _Document(str(version), found_all)


def _known(found: Mapping[str, object], allowed: frozenset[str], dialect: Dialect) -> None:
    for name in found:
        if name not in allowed:
            unknown = f"Unknown field {name}" if dialect.principals else "Syntax errors in policy."
            raise _BadError(unknown)


def _check(document: _Document, dialect: Dialect) -> None:
    if not dialect.old and document.version != VERSIONS[0]:
        raise _BadError("Policy document must be version 2012-10-17 or greater.")
    sids = [str(each["Sid"]) for each in document.statements if each.get("Sid")]
    if len(set(sids)) < len(sids):
        raise _BadError("Statement IDs (SID) in a single policy must be unique.")
    for statement in document.statements:
        _check_elements(statement, dialect)
        _check_actions(statement, dialect)
        _check_resources(statement, dialect)
        _check_principals(statement, dialect)
        _check_conditions(statement.get("Condition"), dialect)


def _check_elements(statement: Mapping[str, object], dialect: Dialect) -> None:
    for name in _PRINCIPALS:
        if name in statement and not dialect.principals:
            raise _BadError("Policy document should not specify a principal.")
    if not dialect.resources and ("Resource" in statement or "NotResource" in statement):
        raise _BadError("Has prohibited field Resource")
    _known(statement, _STATEMENT | frozenset(_PRINCIPALS), dialect)
    for one, other in (
        ("Action", "NotAction"),
        ("Resource", "NotResource"),
        ("Principal", "NotPrincipal"),
    ):
        if one in statement and other in statement:
            raise _BadError(dialect.syntax)
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _BadError(dialect.syntax)
    sid = statement.get("Sid", "")
    if not isinstance(sid, str):
        raise _BadError(dialect.syntax)
    if not dialect.principals and not re.fullmatch(r"[0-9A-Za-z]*", sid):
        raise _BadError(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
            "regular expression [0-9A-Za-z]*"
        )


def _check_actions(statement: Mapping[str, object], dialect: Dialect) -> None:
    actions = _strings(statement, "Action", dialect) + _strings(statement, "NotAction", dialect)
    if not actions:
        raise _BadError("Policy statement must contain actions.")
    for action in actions:
        if action == "*" and not dialect.resources:
            raise _BadError("AssumeRole policy may only specify STS AssumeRole actions.")
        if action == "*":
            continue
        vendor, colon, rest = action.partition(":")
        if not colon:
            raise _BadError(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
            )
        if ":" in rest:
            raise _BadError("Actions/Condition can contain only one colon.")
        if not _VENDOR.fullmatch(vendor):
            raise _BadError(f"Vendor {vendor} is not valid")
        if not dialect.resources and not rest.startswith(("AssumeRole", "TagSession", "Set")):
            raise _BadError("AssumeRole policy may only specify STS AssumeRole actions.")
        if dialect.vendors and vendor.casefold() not in dialect.vendors:
            wrong = "Policy has invalid action" if dialect is BUCKET else "Invalid action"
            raise _BadError(
                "AssumeRole policy may only specify STS AssumeRole actions."
                if not dialect.resources
                else f"{wrong}: {action}"
            )


def _check_resources(statement: Mapping[str, object], dialect: Dialect) -> None:
    resources = _strings(statement, "Resource", dialect) + _strings(
        statement, "NotResource", dialect
    )
    if not dialect.resources:
        return
    if not resources:
        raise _BadError("Policy statement must contain resources.")
    for resource in resources:
        if resource == "*":
            if dialect is BUCKET:
                raise _BadError("Policy has invalid resource")
            continue
        match = _ARN.fullmatch(resource)
        if match is None:
            if dialect is BUCKET:
                raise _BadError("Policy has invalid resource")
            raise _BadError(f'Resource {resource} must be in ARN format or "*".')
        if match["partition"] not in _PARTITIONS:
            raise _BadError(
                f'Partition "{match["partition"]}" is not valid for resource "{resource}".'
            )


def _check_principals(statement: Mapping[str, object], dialect: Dialect) -> None:
    if not dialect.principals:
        return
    named = [statement[name] for name in _PRINCIPALS if name in statement]
    if not named:
        missing = "Missing required field Principal"
        raise _BadError(missing)
    if named[0] == "*":
        return
    if not isinstance(named[0], Mapping) or not named[0]:
        raise _BadError("Invalid principal in policy")
    for kind, members in named[0].items():
        found = listed(members)
        if kind not in _PRINCIPAL_KINDS or not found:
            raise _BadError("Invalid principal in policy")
        for each in found:
            if not _is_principal(str(kind), each):
                shown = "SERVICE" if kind == "Service" else str(kind)
                raise _BadError(f'Invalid principal in policy: "{shown}":"{each}"')


def _is_principal(kind: str, written: str) -> bool:
    if kind == "Service":
        return _SERVICE.fullmatch(written) is not None
    if kind == "AWS":
        return (
            written == "*"
            or re.fullmatch(r"\d{12}", written) is not None
            or re.fullmatch(r"AROA[A-Z0-9]{17}|AIDA[A-Z0-9]{17}", written) is not None
            or re.fullmatch(
                r"arn:aws[\w-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role)/.+)", written
            )
            is not None
        )
    return True


def _check_conditions(conditions: object, dialect: Dialect) -> None:
    if conditions is None:
        return
    if not isinstance(conditions, Mapping):
        raise _BadError(dialect.syntax)
    for operator, tests in conditions.items():
        plain = str(operator)
        for prefix in _SETS:
            plain = plain.removeprefix(prefix)
        known = plain.removesuffix("IfExists") in _OPERATORS
        if not known or plain == "NullIfExists":
            raise _BadError(f"Invalid Condition type : {operator}")
        if not isinstance(tests, Mapping):
            raise _BadError(dialect.syntax)
        for key, values in tests.items():
            if ":" not in str(key):
                raise _BadError(f"Condition key {key} does not exist")
            if not values_of(values):
                raise _BadError(dialect.syntax)


def _strings(statement: Mapping[str, object], name: str, dialect: Dialect) -> list[str]:
    if name not in statement:
        return []
    found = statement[name]
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise _BadError(dialect.syntax)
    return texts
