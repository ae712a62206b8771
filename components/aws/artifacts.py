"""Where nodes on AWS fetch their files: user data holds 16 KiB, and a node's files are more.

A private bucket with one object a role, named by the digest of its content: nodes that run go on
with the one that they began with, and new content is another object. Nothing in it is secret.
"""

import base64
import hashlib
from typing import Final

import pulumi
from pulumi_aws import s3

from components.aws import permissions, site
from components.aws.naming import artifacts_bucket
from components.parts import ArtifactsArgs, ArtifactsPart
from components.runtimes.node import Role

KEPT_DAYS: Final = 30
"""How long what was overwritten or deleted can be brought back."""


class Artifacts(ArtifactsPart):
    """Owns the bucket, what is in it, and who may read what."""

    def __init__(
        self, name: str, args: ArtifactsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:Artifacts", name, None, opts)
        self._name = name
        self._args = args
        self._place = site.of(args.site)
        self._child = pulumi.ResourceOptions(parent=self)
        self._bucket = s3.Bucket(
            f"{name}-bucket",
            bucket=artifacts_bucket(self._place),
            # This program has put in whatever is inside, and can do so again.
            force_destroy=True,
            opts=self._child,
        )
        closed = self._close()
        uris: dict[str, dict[Role, pulumi.Output[str]]] = {}
        grants: dict[Role, tuple[pulumi.Resource, ...]] = {}
        for suffix, bundles in args.bundles.items():
            uris[suffix] = {}
            for role, content in bundles.items():
                made = self._object(suffix, role, content, closed)
                uris[suffix][role] = pulumi.Output.concat("s3://", made.bucket, "/", made.key)
                grants[role] = (*(grants.get(role) or (self._grant(role),)), made)
        self.uris, self.grants = uris, grants
        self.register_outputs({"bucket": self._bucket.bucket})

    def _close(self) -> list[pulumi.Resource]:
        """Make the bucket private, encrypted, versioned and reachable by TLS only."""
        bucket, name = self._bucket.bucket, self._name
        private = s3.BucketPublicAccessBlock(
            f"{name}-private",
            bucket=bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child,
        )
        versions = s3.BucketVersioning(
            f"{name}-versions",
            bucket=bucket,
            versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(
                status="Enabled"
            ),
            opts=self._child,
        )
        return [
            private,
            versions,
            s3.BucketOwnershipControls(
                f"{name}-ownership",
                bucket=bucket,
                rule=s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
                opts=self._child,
            ),
            self._encryption(),
            self._lifecycle(versions),
            s3.BucketPolicy(
                f"{name}-policy",
                bucket=bucket,
                policy=self._bucket.arn.apply(
                    lambda arn: permissions.document(permissions.refuses_plain_text(arn))
                ),
                # S3 takes one change of a bucket's access at a time.
                opts=pulumi.ResourceOptions(parent=self, depends_on=[private]),
            ),
        ]

    def _encryption(self) -> s3.BucketServerSideEncryptionConfiguration:
        return s3.BucketServerSideEncryptionConfiguration(
            f"{self._name}-encryption",
            bucket=self._bucket.bucket,
            rules=[
                s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="aws:kms", kms_master_key_id=self._place.key_arn
                        )
                    ),
                    bucket_key_enabled=True,
                )
            ],
            opts=self._child,
        )

    def _lifecycle(self, versions: s3.BucketVersioning) -> s3.BucketLifecycleConfiguration:
        return s3.BucketLifecycleConfiguration(
            f"{self._name}-lifecycle",
            bucket=self._bucket.bucket,
            rules=[
                s3.BucketLifecycleConfigurationRuleArgs(
                    id="forget-old-bundles",
                    status="Enabled",
                    filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    noncurrent_version_expiration=(
                        s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                            noncurrent_days=KEPT_DAYS
                        )
                    ),
                    abort_incomplete_multipart_upload=(
                        s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=1
                        )
                    ),
                )
            ],
            # Versions that do not exist yet cannot expire.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versions]),
        )

    def _object(
        self, suffix: str, role: Role, content: bytes, closed: list[pulumi.Resource]
    ) -> s3.BucketObjectv2:
        return s3.BucketObjectv2(
            f"{self._name}{suffix}-{role}-bundle",
            bucket=self._bucket.bucket,
            key=object_key(role, content, suffix.removeprefix("-")),
            content_base64=base64.b64encode(content).decode("ascii"),
            content_type=f"application/{'zip' if _is_zip(content) else 'gzip'}",
            server_side_encryption="aws:kms",
            kms_key_id=self._place.key_arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=closed),
        )

    def _grant(self, role: Role) -> pulumi.Resource:
        region = self._args.site.location
        return permissions.grant(
            f"{self._name}-{role}-reads",
            "reads-bundle",
            self._args.identities[role].name,
            pulumi.Output.all(self._bucket.arn, self._place.key_arn).apply(
                lambda found: permissions.reads_objects(found[0], folder(role), found[1], region)
            ),
            self,
        )


def folder(role: Role) -> str:
    """Return where in the bucket the bundles of a role are."""
    return f"{role}/"


def object_key(role: Role, content: bytes, group: str = "") -> str:
    """Return the name of a bundle in the bucket; a node checks the digest once more.

    What one *group* of nodes fetches goes with it, and may be the same as another one's.
    """
    ending = "zip" if _is_zip(content) else "tar.gz"
    place = f"{folder(role)}{group}/" if group else folder(role)
    return f"{place}{hashlib.sha256(content).hexdigest()}.{ending}"


def _is_zip(content: bytes) -> bool:
    """Whether a bundle is for Windows nodes, which have no tar."""
    return content.startswith(b"PK")
