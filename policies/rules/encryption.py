"""What lies on a disk, in a database or in a store is encrypted."""

from collections.abc import Iterator
from typing import Any

from policies.ground import Ground
from policies.kinds import (
    AZURE_DISK,
    BUCKET,
    INSTANCE,
    KEY,
    LOG_GROUP,
    OLD_BUCKET,
    RDS,
    RDS_CLUSTER,
    SCALE_SET,
    SECRET,
    TEMPLATE,
    TOPIC,
    VM,
    VOLUME,
)
from policies.reading import UNKNOWN, Resource, World, at, is_true, items
from policies.rule import Check, Finding, Rule, Severity, Stance, given, must, true, undecided

BUCKET_ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
)
CLEAR = "it stores its data in the clear"


def _volumes(*paths: str, root: bool) -> Check:
    """Return the check of the volumes of a machine; with *root* of its first one too."""

    def check(resource: Resource, _: Ground) -> Iterator[Finding]:
        for path in paths:
            known, whole = items(resource(path))
            for each in known:
                volume = at(each, "ebs", each) if root else each
                if volume is UNKNOWN or at(volume, "encrypted") is UNKNOWN:
                    yield undecided(f"{path}.encrypted")
                elif at(each, "noDevice") is None and not is_true(at(volume, "encrypted")):
                    yield Finding(f"a volume of it is not encrypted ({path})")
            if not whole:
                yield undecided(path)
            elif path in ("blockDeviceMappings", "rootBlockDevice") and not known:
                yield Finding(f"nothing says that its first volume is encrypted ({path})")

    return check


def _transparent(resource: Resource, _: Ground) -> Iterator[Finding]:
    if resource("state") == "Disabled":
        yield Finding(CLEAR)


def _buckets(world: World, _: Ground) -> Iterator[Finding]:
    """A bucket belongs to who names it: by a reference, or by its name."""
    named: set[Any] = set()
    for each in world.of(*BUCKET_ENCRYPTION):
        named.update(each.refers.get("bucket", ()), [each("bucket")])
        rules, whole = items(each("rules"))
        ways = [at(rule, "applyServerSideEncryptionByDefault.sseAlgorithm") for rule in rules]
        if whole and not any(way is UNKNOWN or str(way).startswith("aws:kms") for way in ways):
            yield Finding("it encrypts with a key of S3's own, which anybody's account has", each)
    for bucket in world.of(BUCKET, OLD_BUCKET):
        if bucket.urn not in named and bucket("bucket", bucket.urn) not in named:
            yield Finding("nothing says which key it is encrypted with", bucket)


RULES = (
    Rule(
        id="encryption-disks",
        why="What is on a node's disk is of no use to who gets hold of the disk",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_97", "CKV_AWS_3", "CKV_AWS_8", "EC2.3"),
        fix="set securityProfile.encryptionAtHost on Azure, encrypted on every volume on AWS",
        checks={
            VM: must("securityProfile.encryptionAtHost", true, "it is not encrypted at its host"),
            SCALE_SET: must(
                "virtualMachineProfile.securityProfile.encryptionAtHost",
                true,
                "its nodes are not encrypted at their hosts",
            ),
            TEMPLATE: _volumes("blockDeviceMappings", root=True),
            INSTANCE: _volumes("rootBlockDevice", "ebsBlockDevices", root=False),
            VOLUME: must("encrypted", true, CLEAR),
        },
    ),
    Rule(
        id="disk-export",
        why="Nobody copies a disk over the internet",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        ids=("CKV_AZURE_251",),
        fix="set publicNetworkAccess: Disabled on the disk",
        checks={
            AZURE_DISK: must(
                "publicNetworkAccess",
                lambda value: value == "Disabled",
                "whoever has a link to it copies it over the internet",
            )
        },
    ),
    Rule(
        id="encryption-database",
        why="The database is encrypted at rest, and with it its backups and copies",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        ids=("CKV_AWS_16", "CKV_AWS_96", "RDS.3"),
        fix="set storageEncrypted, with the environment's key; Azure's servers always are",
        checks={
            RDS: must("storageEncrypted", true, CLEAR),
            RDS_CLUSTER: must("storageEncrypted", true, CLEAR),
            "azure-native:sql:TransparentDataEncryption": _transparent,
        },
    ),
    Rule(
        id="encryption-buckets",
        why="Files in S3 are encrypted with the environment's own key",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        ids=("CKV_AWS_19", "CKV_AWS_145"),
        fix="add a BucketServerSideEncryptionConfiguration with sseAlgorithm aws:kms",
        world=_buckets,
    ),
    Rule(
        id="encryption-own-key",
        why="Secrets, logs and messages are encrypted with the environment's own key",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        ids=("CKV_AWS_149", "CKV_AWS_158", "CKV_AWS_26"),
        fix="name the environment's key",
        checks={
            SECRET: given("kmsKeyId", "it is encrypted with AWS's own key"),
            LOG_GROUP: given("kmsKeyId", "it is encrypted with AWS's own key"),
            TOPIC: given("kmsMasterKeyId", "its messages are not encrypted"),
        },
    ),
    Rule(
        id="encryption-key-rotation",
        why="A key of the environment is renewed every year",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        ids=("CKV_AWS_7", "KMS.4"),
        fix="set enableKeyRotation",
        checks={KEY: must("enableKeyRotation", true, "it is never renewed")},
    ),
)
