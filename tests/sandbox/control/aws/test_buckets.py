import base64
import hashlib
import json

import pytest

from sandbox.control import wire
from sandbox.control.aws.bucket_objects import content_of, find
from sandbox.control.kinds import ApiError
from tests.support.account import ACCOUNT
from tests.support.world import RefusedError

ASSET = next(key for key, name in wire.ASSETS.items() if name == "asset")


def bucket(aws, name="models-site", **inputs):
    return aws.create("s3:Bucket", bucket=name, **inputs)


def put(aws, key="web/a.tar.gz", **inputs):
    return aws.create("s3:BucketObjectv2", bucket="models-site", key=key, **inputs)


def versions(aws):
    return aws.create(
        "s3:BucketVersioning",
        bucket="models-site",
        versioningConfiguration={"status": "Enabled"},
    )


def letting(principal, **changed):
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::models-site/*",
        **changed,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_bucket_has_its_names(aws):
    made = bucket(aws)

    assert (made.id, made.short) == ("arn:aws:s3:::models-site", "models-site")
    assert made.outputs["bucketDomainName"] == "models-site.s3.amazonaws.com"
    assert made.outputs["bucketRegionalDomainName"] == "models-site.s3.eu-central-1.amazonaws.com"
    changed = aws.update(made, tags={"a": "b"})
    assert changed.outputs["bucketRegionalDomainName"] == made.outputs["bucketRegionalDomainName"]


@pytest.mark.parametrize(
    "name",
    ["Models", "mo", "models..site", "models-", "10.0.0.1", "xn--models", "models-s3alias", "a_b"],
)
def test_a_name_that_s3_refuses(aws, name):
    found = aws.problems("s3:Bucket", bucket=name)

    assert any("bucket" in line for line in found)
    assert aws.problems("s3:Bucket", bucket="models.site-1") == []


def test_names_are_taken_in_all_of_aws(aws):
    bucket(aws)

    with pytest.raises(RefusedError) as refused:
        bucket(aws.elsewhere("us-east-1"))
    assert str(refused.value) == (
        "bucket: Your previous request to create the named bucket succeeded and you already own "
        "it. (BucketAlreadyOwnedByYou)"
    )


def test_what_has_a_resource_of_its_own_is_not_said_in_the_bucket(aws):
    assert aws.problems("s3:Bucket", bucket="models-site", versioning={"enabled": True}) == [
        "versioning: the sandbox does not emulate this: use aws.s3.BucketVersioning"
    ]


def test_a_bucket_with_objects_stays(aws):
    made = bucket(aws)
    kept = put(aws, content="x")

    with pytest.raises(ApiError, match="BucketNotEmpty: The bucket you tried to delete"):
        aws.delete(made)
    aws.delete(kept)
    aws.delete(made)
    assert aws.world.find(made.id) is None


def test_force_takes_objects_along(aws):
    made = bucket(aws, forceDestroy=True)
    kept = put(aws, content="x")
    aws.delete(made)

    assert aws.world.find(kept.id) is None


def test_settings_go_with_their_bucket(aws):
    made = bucket(aws)
    closed = aws.create("s3:BucketPublicAccessBlock", bucket="models-site", blockPublicPolicy=True)
    kept = versions(aws)
    aws.delete(made)

    assert aws.world.find(closed.id) is None
    assert aws.world.find(kept.id) is None


def test_a_setting_needs_its_bucket(aws):
    with pytest.raises(RefusedError) as refused:
        versions(aws)

    assert str(refused.value).startswith("bucket: The specified bucket does not exist (NoSuchBuck")


@pytest.mark.parametrize(
    "inputs",
    [
        {"content": "models"},
        {"contentBase64": base64.b64encode(b"models").decode()},
        {"source": {wire.SIGNATURE: ASSET, "text": "models"}},
    ],
    ids=["text", "base64", "asset"],
)
def test_an_object_keeps_its_bytes(aws, inputs):
    bucket(aws)
    made = put(aws, **inputs)
    found = find(aws.world, "models-site", "web/a.tar.gz")

    assert found is not None
    assert content_of(aws.world, found) == b"models"
    assert made.id == "arn:aws:s3:::models-site/web/a.tar.gz"
    assert made.outputs["etag"] == hashlib.md5(b"models").hexdigest()
    assert made.outputs["versionId"] == ""


def test_a_files_bytes_are_kept_when_the_file_is_gone(aws, tmp_path):
    bucket(aws)
    file = tmp_path / "bundle"
    file.write_bytes(b"\0\xff")
    digest = hashlib.sha256(b"\0\xff").hexdigest()
    asset = {wire.SIGNATURE: ASSET, "path": str(file), "hash": digest}
    made = put(aws, source=asset)
    file.unlink()

    assert content_of(aws.world, made) == b"\0\xff"


@pytest.mark.parametrize(
    ("asset", "reason"),
    [
        ({"path": "bundle.tgz"}, "is the relative path 'bundle.tgz', which the sandbox can't"),
        ({"path": "/no/such/file"}, "can't be read: "),
        ({}, "is no text and no file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(aws, asset, reason):
    bucket(aws)

    with pytest.raises(RefusedError) as refused:
        put(aws, source={wire.SIGNATURE: ASSET, **asset})
    assert str(refused.value).startswith(f"source: {reason}")


def test_an_object_under_a_key_has_another_etag_and_a_version(aws):
    key = aws.create("kms:Key")
    bucket(aws)
    versions(aws)
    made = put(aws, content="models", serverSideEncryption="aws:kms", kmsKeyId=key.id)

    assert made.outputs["etag"] != hashlib.md5(b"models").hexdigest()
    assert len(str(made.outputs["versionId"])) == 32
    other = aws.update(made, content="others")
    assert other.outputs["versionId"] != made.outputs["versionId"]
    assert content_of(aws.world, other) == b"others"


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"key": "\u00e4" * 513}, "key: Your key is too long (KeyTooLongError)"),
        (
            {"content": "a", "contentBase64": "YQ=="},
            "contentBase64: conflicts with content (InvalidArgument)",
        ),
        ({"contentBase64": "a"}, "contentBase64: is not base64"),
        (
            {"storageClass": "FAST"},
            "storageClass: must be one of STANDARD, STANDARD_IA",
        ),
    ],
)
def test_an_object_that_s3_refuses(aws, inputs, expected):
    given = {"bucket": "models-site", "key": "k", **inputs}

    assert any(line.startswith(expected) for line in aws.problems("s3:BucketObjectv2", **given))


def test_a_digest_that_is_not_the_contents_is_refused(aws):
    bucket(aws)

    with pytest.raises(RefusedError, match=r"etag: is not the MD5 of the content.*\(BadDigest\)"):
        put(aws, content="a", etag=hashlib.md5(b"b").hexdigest())


def test_a_bucket_is_closed_to_everyone_until_it_says_otherwise(aws):
    bucket(aws)

    with pytest.raises(RefusedError, match="prevented by the BlockPublicPolicy setting"):
        aws.create("s3:BucketPolicy", bucket="models-site", policy=letting("*"))
    aws.create("s3:BucketPublicAccessBlock", bucket="models-site", blockPublicPolicy=False)
    aws.create("s3:BucketPolicy", bucket="models-site", policy=letting("*"))


def test_a_policy_for_the_account_is_not_public(aws):
    bucket(aws)
    own = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    made = aws.create("s3:BucketPolicy", bucket="models-site", policy=letting(own))

    assert made.short == "models-site"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Resource": "arn:aws:s3:::others/*"}, "Policy has invalid resource"),
        (
            {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/nobody"}},
            f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:role/nobody"',
        ),
    ],
)
def test_a_bucket_policy_that_s3_refuses(aws, changed, reason):
    bucket(aws)
    own = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}

    with pytest.raises(RefusedError) as refused:
        aws.create("s3:BucketPolicy", bucket="models-site", policy=letting(own, **changed))
    assert str(refused.value) == f"policy: {reason} (MalformedPolicy)"


@pytest.mark.parametrize(
    ("kind", "inputs", "expected"),
    [
        (
            "BucketServerSideEncryptionConfiguration",
            {
                "rules": [
                    {
                        "applyServerSideEncryptionByDefault": {
                            "sseAlgorithm": "AES256",
                            "kmsMasterKeyId": "x",
                        }
                    }
                ]
            },
            (
                "rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyId: a KMSMasterKeyID is "
                "not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse "
                "(InvalidArgument)"
            ),
        ),
        (
            "BucketVersioning",
            {"versioningConfiguration": {"status": "On"}},
            (
                "versioningConfiguration.status: The XML you provided was not well-formed or did "
                "not validate against our published schema (MalformedXML)"
            ),
        ),
        (
            "BucketOwnershipControls",
            {"rule": {"objectOwnership": "Owner"}},
            (
                "rule.objectOwnership: The XML you provided was not well-formed or did not "
                "validate against our published schema (MalformedXML)"
            ),
        ),
        (
            "BucketLifecycleConfiguration",
            {"rules": [{"id": "a", "status": "Enabled"}]},
            "rules[0]: At least one action needs to be specified in a rule (InvalidRequest)",
        ),
        (
            "BucketLifecycleConfiguration",
            {"rules": [{"id": "a", "status": "Enabled", "expiration": {"days": 0}}]},
            (
                "rules[0].expiration.days: 'Days' for Expiration action must be a positive integer "
                "(InvalidArgument)"
            ),
        ),
        (
            "BucketLifecycleConfiguration",
            {"rules": [{"id": "a", "status": "Enabled", "expiration": {"days": 3}}] * 2},
            (
                "rules[0].id: Rule ID must be unique. Found same ID for more than one rule "
                "(InvalidArgument)"
            ),
        ),
    ],
)
def test_a_setting_that_s3_refuses(aws, kind, inputs, expected):
    assert expected in aws.problems(f"s3:{kind}", bucket="models-site", **inputs)


def test_versions_can_be_suspended_and_not_undone(aws):
    bucket(aws)
    made = versions(aws)
    suspended = aws.update(made, versioningConfiguration={"status": "Suspended"})

    with pytest.raises(RefusedError, match="cannot be updated from 'Suspended' to 'Disabled'"):
        aws.update(suspended, versioningConfiguration={"status": "Disabled"})


def test_a_lifecycle_rule_as_s3_takes_it(aws):
    rule = {
        "id": "old",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "noncurrentVersionExpiration": {"noncurrentDays": 30},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
    }

    assert aws.problems("s3:BucketLifecycleConfiguration", bucket="models-site", rules=[rule]) == []
