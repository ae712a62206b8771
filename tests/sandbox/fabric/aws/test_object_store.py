"""The object store as nodes call it: one object of one bucket, byte for byte."""

import base64
from xml.etree import ElementTree as Tree

import pytest

from sandbox.fabric.aws.calls import Door
from sandbox.fabric.aws.object_store import ObjectStore
from tests.sandbox.fabric.aws.conftest import EVERYTHING, REGION, arn, policy

BUCKET, KEY = "dev-artifacts", "web/0a1b.tar.gz"
OBJECT = f"arn:aws:s3:::{BUCKET}/{KEY}"
CONTENT = b"\x1f\x8b\x00\xff binary"
HOST = f"{BUCKET}.s3.{REGION}.amazonaws.com"
DOOR = Door(service="s3", region=REGION)
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECT}


@pytest.fixture
def bucket(account):
    account.put("aws:s3/bucket:Bucket", f"arn:aws:s3:::{BUCKET}", BUCKET, bucket=BUCKET)
    account.put(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        OBJECT,
        f"{BUCKET}/{KEY}",
        bucket=BUCKET,
        key=KEY,
        contentBase64=base64.b64encode(CONTENT).decode(),
        outputs={"etag": "abc", "contentType": "application/gzip"},
    )
    return account


def ask(account, session, key=KEY, host=HOST, method="GET", door=DOOR):
    request = account.signed(session, "s3", method=method, host=host, path=f"/{key}")
    return ObjectStore(door, account.sessions).answer(request, account.world)


def code(answer):
    return Tree.fromstring(answer.body).findtext("Code")


def test_a_role_reads_its_object_byte_for_byte(bucket):
    web = bucket.role("web", READ)
    answer = ask(bucket, web)

    assert (answer.status, answer.body, answer.kind) == (200, CONTENT, "application/gzip")
    assert answer.headers["ETag"] == '"abc"'
    assert ask(bucket, web, method="HEAD").status == 200
    by_path = ask(bucket, web, f"{BUCKET}/{KEY}", f"s3.{REGION}.amazonaws.com")
    assert by_path.body == CONTENT


def test_a_role_reads_no_other_object_and_learns_nothing_of_it(bucket):
    web = bucket.role("web", READ)
    for key in ("compute/other.tar.gz", "none"):
        answer = ask(bucket, web, key)
        assert (answer.status, code(answer)) == (403, "AccessDenied")
    everyone = bucket.role("all", EVERYTHING)
    answer = ask(bucket, everyone, "none")
    assert (answer.status, code(answer)) == (404, "NoSuchKey")


def test_a_buckets_policy_may_deny_and_may_allow(bucket):
    web = bucket.role("web", READ)
    target = f"arn:aws:s3:::{BUCKET}"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"{target}/*"}
    insecure = {**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    for statement, opens in ((insecure, True), (deny, False)):
        bucket.put(
            "aws:s3/bucketPolicy:BucketPolicy",
            f"{target}/policy",
            BUCKET,
            bucket=BUCKET,
            policy=policy(statement),
        )
        answer = ask(bucket, web)
        assert (answer.status == 200) is opens
    allow = {**READ, "Principal": {"AWS": arn("iam", "role/none", "")}}
    nobody = bucket.role("none")
    assert ask(bucket, nobody).status == 403
    bucket.put(
        "aws:s3/bucketPolicy:BucketPolicy",
        f"{target}/policy",
        BUCKET,
        bucket=BUCKET,
        policy=policy(allow),
    )
    assert ask(bucket, nobody).status == 200


@pytest.mark.parametrize("may", [True, False])
def test_the_key_of_an_object_must_be_allowed_too(bucket, may):
    key = bucket.key("1234")
    bucket.put(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        OBJECT,
        f"{BUCKET}/{KEY}",
        bucket=BUCKET,
        key=KEY,
        contentBase64=base64.b64encode(CONTENT).decode(),
        outputs={"kmsKeyId": key, "serverSideEncryption": "aws:kms"},
    )
    condition = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    decrypt = {
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": key,
        "Condition": condition,
    }
    web = bucket.role("web", READ, *([decrypt] if may else []))
    answer = ask(bucket, web)

    assert (answer.status == 200) is may
    if not may:
        assert b"kms:Decrypt" in answer.body


def test_a_bucket_that_is_not_there_is_said_so(account):
    web = account.role("web", EVERYTHING)
    answer = ask(account, web)

    assert (answer.status, code(answer)) == (404, "NoSuchBucket")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_nothing_can_be_written(bucket, method):
    web = bucket.role("web", EVERYTHING)
    answer = ask(bucket, web, method=method)

    assert (answer.status, code(answer)) == (501, "NotImplemented")


def test_a_gateway_endpoints_policy_limits_what_goes_through_it(bucket):
    endpoint = arn("ec2", "vpc-endpoint/vpce-1")
    statement = {**READ, "Principal": "*", "Resource": f"arn:aws:s3:::{BUCKET}/web/*"}
    bucket.put("aws:ec2/vpcEndpoint:VpcEndpoint", endpoint, "vpce-1", policy=policy(statement))
    door = Door(service="s3", region=REGION, endpoint=endpoint, vpc="vpc-1")
    web = bucket.role("web", EVERYTHING)

    assert ask(bucket, web, door=door).status == 200
    assert ask(bucket, web, "compute/x", door=door).status == 403
