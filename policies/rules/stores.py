"""What keeps data: that it is not lost by a slip, and that nobody else reads it."""

from collections.abc import Iterator
from typing import Any

from components.settings import EndpointEnvironment
from policies.ground import Ground
from policies.kinds import (
    BUCKET,
    KEY,
    ML_ENDPOINT,
    ML_WORKSPACE,
    OLD_BUCKET,
    POSTGRES,
    RDS,
    RDS_CLUSTER,
    REGISTRY,
    SECRET,
    SQL_DATABASE,
    SQL_SERVER,
    STORAGE,
    VAULT,
)
from policies.reading import UNKNOWN, Resource, World
from policies.rule import Check, Finding, Rule, Severity, Stance, all_of, must, not_true, undecided

BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
VERSIONS = (
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:s3/bucketVersioningV2:BucketVersioningV2",
)
BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
DATABASES = (POSTGRES, RDS, RDS_CLUSTER, SQL_SERVER, SQL_DATABASE)


def _protected(resource: Resource, ground: Ground) -> Iterator[Finding]:
    given_up = resource.type in DATABASES and ground.gives_up(resource.name)
    if not resource.protect and not given_up:
        yield Finding("Pulumi would delete or replace it when the program says so")


def _private(world: World, _: Ground) -> Iterator[Finding]:
    blocked: set[Any] = set()
    for each in world.of(BLOCK):
        blocked.update(each.refers.get("bucket", ()), [each("bucket")])
        open_ways = [way for way in BLOCKS if each(way) not in (True, UNKNOWN)]
        if open_ways:
            yield Finding(f"it lets its bucket be made public: {', '.join(open_ways)}", each)
    for bucket in world.of(BUCKET, OLD_BUCKET):
        if bucket.urn not in blocked and bucket("bucket", bucket.urn) not in blocked:
            yield Finding("nothing keeps it from being made public", bucket)


def _versioned(world: World, _: Ground) -> Iterator[Finding]:
    kept: set[Any] = set()
    for each in world.of(*VERSIONS):
        if each("versioningConfiguration.status") in ("Enabled", UNKNOWN):
            kept.update(each.refers.get("bucket", ()), [each("bucket")])
    for bucket in world.of(BUCKET, OLD_BUCKET):
        if bucket.urn not in kept and bucket("bucket", bucket.urn) not in kept:
            yield Finding("what is overwritten in it is gone", bucket)


def _hidden(path: str) -> Check:
    """Return the check that only the private network reaches it, where the endpoint is private."""

    def check(resource: Resource, ground: Ground) -> Iterator[Finding]:
        found = ground.environment
        if isinstance(found, EndpointEnvironment) and found.endpoint.exposure == "public":
            return
        value = resource(path)
        if value is UNKNOWN:
            yield undecided(path)
        elif str(value).lower() != "disabled":
            yield Finding("it can be reached from the internet")

    return check


PROTECTED = (
    POSTGRES, RDS, RDS_CLUSTER, SQL_SERVER, SQL_DATABASE, VAULT, SECRET, KEY, STORAGE, REGISTRY,
    ML_WORKSPACE,
)  # fmt: skip

RULES = (
    Rule(
        id="data-protected",
        why="What holds data of an environment that others depend on is not deleted by a slip",
        severity=Severity.CRITICAL,
        stance=Stance.KEEPS,
        fix="give it protect; a database is given up with database.discard, in two updates",
        checks=dict.fromkeys(PROTECTED, _protected),
    ),
    Rule(
        id="storage-private",
        why="Nobody reads a store without being somebody",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_34", "CKV_AZURE_59", "CKV_AZURE_137", "CKV_AZURE_138", "CKV2_AZURE_40"),
        fix="switch public access, shared keys, admin users and anonymous pulls off",
        checks={
            STORAGE: all_of(
                must(
                    "allowBlobPublicAccess",
                    lambda value: value is False,
                    "its containers may be made public",
                ),
                must(
                    "allowSharedKeyAccess",
                    lambda value: value is False,
                    "whoever has its key is everybody",
                ),
            ),
            "azure-native:storage:BlobContainer": must(
                "publicAccess", lambda value: value in (None, "None"), "anybody reads it"
            ),
            REGISTRY: all_of(
                must("adminUserEnabled", not_true, "it has a user whose password many share"),
                must("anonymousPullEnabled", not_true, "anybody pulls images from it"),
            ),
        },
    ),
    Rule(
        id="storage-network",
        why="Stores and models are reached as the endpoint is: privately, where that is private",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_139", "CKV_AZURE_144", "CKV_AZURE_243", "CKV2_AZURE_33", "CKV2_AZURE_49"),
        fix="set publicNetworkAccess: Disabled, or endpoint.exposure: public if it is meant",
        checks={
            STORAGE: _hidden("publicNetworkAccess"),
            REGISTRY: _hidden("publicNetworkAccess"),
            ML_WORKSPACE: _hidden("publicNetworkAccess"),
            ML_ENDPOINT: _hidden("properties.publicNetworkAccess"),
        },
    ),
    Rule(
        id="bucket-private",
        why="No bucket can be made public, by whatever policy somebody adds to it",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        ids=("CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56", "CKV2_AWS_6", "S3.1", "S3.8"),
        fix="add a BucketPublicAccessBlock with all four switches on",
        world=_private,
    ),
    Rule(
        id="bucket-versions",
        why="What is overwritten in a bucket comes back",
        severity=Severity.LOW,
        stance=Stance.PROTECTS,
        ids=("CKV_AWS_21",),
        fix="add a BucketVersioning with status Enabled",
        world=_versioned,
    ),
    Rule(
        id="endpoint-authentication",
        why="Who calls a model is somebody: a key that all share is nobody, and never ends",
        severity=Severity.HIGH,
        stance=Stance.PROTECTS,
        fix="set endpoint.authentication: entra, or amlToken",
        checks={
            ML_ENDPOINT: must(
                "properties.authMode",
                lambda value: value in ("AADToken", "AMLToken"),
                "it asks for a key that all callers share",
            )
        },
    ),
)
