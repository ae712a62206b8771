"""S3 buckets. Their names are taken in all of AWS; what is configured of one goes with it.

Sources: Amazon S3 User Guide, "General purpose bucket naming rules", "Deleting a general purpose
bucket" (it must be empty), "Amazon S3 error responses" (codes and words).
"""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address

from sandbox.control.aws.rules import not_emulated
from sandbox.control.kinds import (
    ApiError,
    Context,
    Identity,
    Kind,
    Name,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
    World,
)
from sandbox.control.reading import flag, text

BUCKET = "aws:s3/bucket:Bucket"
BUCKETS = (BUCKET, "aws:s3/bucketV2:BucketV2")
OBJECTS = ("aws:s3/bucketObjectv2:BucketObjectv2", "aws:s3/bucketObject:BucketObject")

NO_BUCKET = ("NoSuchBucket", "The specified bucket does not exist")

_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")

HOSTED_ZONES = {
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "eu-west-1": "Z1BKCTXD74EZPE",
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-2": "Z3BJ6K6RIION7M",
}
"""Hosted zones of S3's website endpoints, where the sandbox knows them."""


def bucket_of(world: World, name: str) -> Record | None:
    """The bucket with this name, whichever region it is in."""
    plain = name.removeprefix("arn:aws:s3:::")
    return next((r for kind in BUCKETS for r in world.of(kind) if r.short == plain), None)


def is_versioned(world: World, bucket: str) -> bool:
    """Whether each write of an object makes a new version."""
    for kind in ("bucketVersioning:BucketVersioning", "bucketVersioningV2:BucketVersioningV2"):
        for record in world.of(f"aws:s3/{kind}"):
            if text(record.inputs, "bucket") == bucket:
                return text(record.inputs, "versioningConfiguration.status") == "Enabled"
    return False


def objects_of(world: World, bucket: str) -> list[Record]:
    """The objects in a bucket, by key."""
    found = [r for kind in OBJECTS for r in world.of(kind) if text(r.inputs, "bucket") == bucket]
    return sorted(found, key=lambda record: text(record.outputs, "key") or "")


def _rules(values: Values) -> Iterator[Problem]:
    name = text(values, "bucket")
    if name is not None and not _is_name(name):
        yield Problem("bucket", "The specified bucket is not valid.", "InvalidBucketName")
    yield from not_emulated(
        values,
        {
            "accelerationStatus": "leave it out",
            "acl": "leave it out: access control lists are off",
            "bucketNamespace": "leave it out",
            "corsRules": "leave it out",
            "grants": "leave it out: access control lists are off",
            "lifecycleRules": "use aws.s3.BucketLifecycleConfiguration",
            "logging": "leave it out",
            "objectLockConfiguration": "leave it out",
            "objectLockEnabled": "leave it out",
            "policy": "use aws.s3.BucketPolicy",
            "replicationConfiguration": "leave it out",
            "requestPayer": "leave it out",
            "serverSideEncryptionConfiguration": "use "
            "aws.s3.BucketServerSideEncryptionConfiguration",
            "versioning": "use aws.s3.BucketVersioning",
            "website": "leave it out",
        },
    )


def _is_name(name: str) -> bool:
    if ".." in name or name.startswith(_PREFIXES) or name.endswith(_SUFFIXES):
        return False
    try:
        IPv4Address(name)
    except AddressValueError:
        return re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name) is not None
    return False


def _verify(context: Context) -> Iterator[Problem]:
    for kind in BUCKETS:
        for other in context.world.of(kind):
            if other.short == context.name and other.incarnation != context.incarnation:
                yield Problem(
                    "bucket",
                    "Your previous request to create the named bucket succeeded and you already "
                    "own it.",
                    "BucketAlreadyOwnedByYou",
                )


def _outputs(context: Context) -> Outputs:
    name, region = context.name, context.region
    return {
        "arn": context.id,
        "bucket": name,
        "bucketRegion": region,
        "region": region,
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        "hostedZoneId": HOSTED_ZONES.get(region, "Z" + context.hexadecimal("zone", 13).upper()),
        "forceDestroy": bool(flag(context.inputs, "forceDestroy")),
        "objectLockEnabled": False,
        "requestPayer": "BucketOwner",
    }


def _deleting(record: Record, transaction: Transaction) -> None:
    left = objects_of(transaction, record.short)
    if left and not flag(record.inputs, "forceDestroy"):
        versions = " You must delete all versions in the bucket."
        raise ApiError(
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty."
            + (versions if is_versioned(transaction, record.short) else ""),
        )
    for each in left:
        transaction.remove(each.id)


def _kind(token: str) -> Kind:
    return Kind(
        type=token,
        identity=Identity(arn="arn:{partition}:s3:::{name}", id="{name}"),
        name_property="bucket",
        prefix_property="bucketPrefix",
        name=Name(
            pattern=r".*",
            minimum=3,
            maximum=63,
            words="lower case letters, digits, hyphens and periods",
        ),
        not_found=NO_BUCKET,
        exists=(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
        ),
        in_use=("BucketNotEmpty", "The bucket you tried to delete is not empty."),
        replace_on=("objectLockEnabled",),
        rules=_rules,
        verify=_verify,
        outputs=_outputs,
        deleting=_deleting,
    )


KINDS = tuple(map(_kind, BUCKETS))
