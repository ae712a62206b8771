import base64
import hashlib
import json

import pytest

from components.aws.artifacts import Artifacts
from components.parts import ArtifactsArgs, IdentityPart, NetworkPart
from components.runtimes.node import Role
from tests.support.aws import PREFIX, part, policies, text, world
from tests.support.cloud import World

OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
BUCKET = f"{PREFIX}-artifacts"
KEY = "arn:aws:kms:eu-central-1:111122223333:Key/test-foundation-key"


def only(kind: str) -> dict:
    return world("dev-aws").only(f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}")


def bundles(**content: bytes) -> World:
    def identity(role: Role) -> IdentityPart:
        made = IdentityPart("test:Identity", role)
        made.name = text(f"test-{role}-identity")
        return made

    roles: tuple[Role, ...] = ("web", "compute")
    return part(
        lambda site: Artifacts(
            "files",
            ArtifactsArgs(
                site=site,
                bundles={"": {role: content[role] for role in roles}},
                identities={role: identity(role) for role in roles},
                network=NetworkPart("test:Network", "network"),
            ),
        )
    )


def test_nobody_outside_sees_the_bucket() -> None:
    assert only("BucketPublicAccessBlock") == {
        "bucket": BUCKET,
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    assert only("BucketOwnershipControls")["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_the_bucket_answers_over_tls_only() -> None:
    (statement,) = json.loads(only("BucketPolicy")["policy"])["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_is_in_it_is_encrypted_with_our_key() -> None:
    (rule,) = only("BucketServerSideEncryptionConfiguration")["rules"]
    assert rule == {
        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY},
        "bucketKeyEnabled": True,
    }
    for made in world("dev-aws").of_type(OBJECT).values():
        assert (made["serverSideEncryption"], made["kmsKeyId"]) == ("aws:kms", KEY)


def test_old_versions_stay_for_a_month() -> None:
    assert only("BucketVersioning")["versioningConfiguration"] == {"status": "Enabled"}
    (rule,) = only("BucketLifecycleConfiguration")["rules"]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    assert rule["status"] == "Enabled"


def test_the_bucket_goes_with_what_is_in_it() -> None:
    bucket = only("Bucket")
    assert bucket["forceDestroy"] is True
    assert bucket["bucket"] == BUCKET


@pytest.mark.parametrize("role", ["web", "compute"])
def test_an_object_is_named_by_its_content(role: str) -> None:
    made = world("dev-aws").of_type(OBJECT)[f"test-artifacts-{role}-bundle"]
    digest = hashlib.sha256(base64.b64decode(made["contentBase64"])).hexdigest()
    assert made["key"] == f"{role}/{digest}.tar.gz"


def test_new_content_is_another_object_and_the_other_role_keeps_its_own() -> None:
    one = bundles(web=b"web", compute=b"compute").of_type(OBJECT)
    two = bundles(web=b"new", compute=b"compute").of_type(OBJECT)
    assert one["files-web-bundle"]["key"] != two["files-web-bundle"]["key"]
    assert one["files-compute-bundle"] == two["files-compute-bundle"]


def test_nothing_is_put_in_before_the_bucket_is_closed() -> None:
    options = world("dev-aws").options_of(OBJECT)["test-artifacts-web-bundle"]
    waits_for = {
        urn.partition("::")[2].removeprefix("test-artifacts-") for urn in options.depends_on
    }
    assert {"private", "versions", "ownership", "encryption", "policy"} <= waits_for


@pytest.mark.parametrize("role", ["web", "compute"])
def test_a_role_reads_its_own_files_and_nothing_else(role: str) -> None:
    reads, decrypts = policies(world("dev-aws"), role)["reads-bundle"]
    assert reads["Action"] == ["s3:GetObject"]
    assert reads["Resource"] == [f"arn:aws:s3:::{BUCKET}/{role}/*"]
    assert decrypts["Condition"]["StringEquals"] == {
        "kms:ViaService": "s3.eu-central-1.amazonaws.com"
    }
