"""What travels is encrypted: TLS 1.2 or later, to the database and to every store."""

import json
from collections.abc import Iterator
from typing import Any

from policies.ground import Ground
from policies.kinds import (
    BUCKET,
    LISTENER,
    OLD_BUCKET,
    POSTGRES_PARAMETER,
    RDS,
    RDS_PARAMETERS,
    SQL_SERVER,
    STORAGE,
)
from policies.reading import UNKNOWN, Resource, World, at, items, text
from policies.rule import Check, Finding, Rule, Severity, Stance, given, must, true, undecided

FORCED = "rds.force_ssl"
OLDEST = "ssl_min_protocol_version"
OLD = ("tls1_0", "tls1_1", "tlsv1", "tlsv1.1", "1.0", "1.1", "none", "ssl")
OLD_LISTENERS = tuple(
    f"ELBSecurityPolicy-{name}"
    for name in (
        "2015", "2016", "TLS-1-0", "TLS-1-1", "FS-2018", "FS-1-1", "TLS13-1-0", "TLS13-1-1",
    )
)  # fmt: skip
"""Policies of AWS's balancers that speak TLS 1.0 or 1.1 ("Security policies for your Network Load
Balancer")."""
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"


def _recent(path: str, *, needed: bool) -> Check:
    """Return the check that the version at *path* is TLS 1.2 or later."""

    def check(resource: Resource, _: Ground) -> Iterator[Finding]:
        value = resource(path)
        if value is UNKNOWN:
            yield undecided(path)
        elif (value is None and needed) or str(value).lower() in OLD:
            yield Finding(f"it takes connections older than TLS 1.2 ({path}: {text(value)})")

    return check


def _parameters(resource: Resource) -> tuple[dict[str, Any], bool]:
    known, whole = items(resource("parameters"))
    return {str(at(each, "name")): at(each, "value") for each in known}, whole


def _forced_on_rds(resource: Resource, _: Ground) -> Iterator[Finding]:
    if not str(resource("family", "")).startswith(("postgres", "sqlserver", "aurora-postgres")):
        return
    found, whole = _parameters(resource)
    value = found.get(FORCED)
    if value is UNKNOWN or (value is None and not whole):
        yield undecided(f"parameters.{FORCED}")
    elif str(value) != "1":
        yield Finding(f"it lets clients in without TLS ({FORCED}: {text(value)})")


def _recent_on_rds(resource: Resource, _: Ground) -> Iterator[Finding]:
    found, _whole = _parameters(resource)
    value = found.get(OLDEST)
    if value not in (None, UNKNOWN) and str(value).lower() in OLD:
        yield Finding(f"it takes connections older than TLS 1.2 ({OLDEST}: {text(value)})")


def _parameter(name: str, wrong: tuple[str, ...], said: str) -> Check:
    """Return the check of one parameter of a PostgreSQL server on Azure."""

    def check(resource: Resource, _: Ground) -> Iterator[Finding]:
        if resource("configurationName") != name:
            return
        value = resource("value")
        if value is UNKNOWN:
            yield undecided("value")
        elif str(value).lower() in wrong:
            yield Finding(f"{said} ({name}: {text(value)})")

    return check


def _listener(resource: Resource, _: Ground) -> Iterator[Finding]:
    policy = str(resource("sslPolicy", ""))
    if resource("protocol") == "HTTP" and not _redirects(resource):
        yield Finding("it takes requests in the clear (HTTP)")
    elif resource("protocol") in ("HTTPS", "TLS") and not policy:
        yield Finding("it takes connections older than TLS 1.2 (sslPolicy: AWS's default)")
    elif policy.startswith(OLD_LISTENERS):
        yield Finding(f"it takes connections older than TLS 1.2 (sslPolicy: {policy})")


def _redirects(resource: Resource) -> bool:
    actions, _whole = items(resource("defaultActions"))
    return bool(actions) and all(at(each, "redirect.protocol") == "HTTPS" for each in actions)


def _buckets(world: World, _: Ground) -> Iterator[Finding]:
    held: set[Any] = set()
    for each in world.of(BUCKET_POLICY):
        policy = each("policy")
        if policy is UNKNOWN or _denies_clear(policy):
            held.update(each.refers.get("bucket", ()), [each("bucket")])
    for bucket in world.of(BUCKET, OLD_BUCKET):
        if bucket.urn not in held and bucket("bucket", bucket.urn) not in held:
            yield Finding("it answers requests without TLS", bucket)


def _denies_clear(policy: Any) -> bool:
    try:
        found = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError:
        return False
    return any(
        at(each, "Effect") == "Deny"
        and str(at(each, "Condition.Bool.aws:SecureTransport")).lower() == "false"
        for each in items(at(found, "Statement"))[0]
    )


RULES = (
    Rule(
        id="transport-database-forced",
        why="The database takes nobody in without TLS, whatever a client is willing to do",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV2_AWS_69", "RDS.38"),
        fix="set rds.force_ssl to 1 on AWS, require_secure_transport to on on Azure",
        checks={
            RDS_PARAMETERS: _forced_on_rds,
            RDS: given("parameterGroupName", "it has no parameters of ours that force TLS"),
            POSTGRES_PARAMETER: _parameter(
                "require_secure_transport", ("off",), "it lets clients in without TLS"
            ),
        },
    ),
    Rule(
        id="transport-version",
        why="Nothing older than TLS 1.2 is spoken",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_44", "CKV_AZURE_52", "CKV_AWS_103"),
        fix="ask for TLS 1.2 or later",
        checks={
            RDS_PARAMETERS: _recent_on_rds,
            POSTGRES_PARAMETER: _parameter(OLDEST, OLD, "it takes connections older than TLS 1.2"),
            SQL_SERVER: _recent("minimalTlsVersion", needed=True),
            STORAGE: _recent("minimumTlsVersion", needed=True),
            LISTENER: _listener,
        },
    ),
    Rule(
        id="transport-stores",
        why="Nothing is read from a store in the clear",
        severity=Severity.MEDIUM,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_3",),
        fix="set enableHttpsTrafficOnly",
        checks={STORAGE: must("enableHttpsTrafficOnly", true, "it answers requests without TLS")},
    ),
    Rule(
        id="transport-buckets",
        why="Nothing is read from a bucket in the clear",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        ids=("S3.5",),
        fix="add a BucketPolicy that denies what has aws:SecureTransport false",
        world=_buckets,
    ),
)
