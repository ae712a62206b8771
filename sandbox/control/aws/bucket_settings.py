"""What is configured of a bucket: access, encryption, versions, policy, ownership, lifecycle.

Sources: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage" (all four settings
are on for a new bucket), "Setting default server-side encryption behavior for Amazon S3 buckets",
"Using versioning in S3 buckets", "Bucket policies for Amazon S3" (20 KB), "Controlling ownership of
objects", "Lifecycle configuration elements" (1,000 rules); API Reference: "Error responses".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from sandbox.control.aws import policies
from sandbox.control.aws.buckets import BUCKETS, bucket_of
from sandbox.control.aws.keys import KEY_OR_ALIAS
from sandbox.control.aws.principals import verify_principals
from sandbox.control.aws.rules import not_emulated, one_of, within
from sandbox.control.aws.statements import is_public, parse
from sandbox.control.kinds import Context, Identity, Kind, Outputs, Problem, Values
from sandbox.control.reading import elements, flag, mapping, number, present, text, texts

PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"

BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")

MAX_POLICY = 20_480
MAX_RULES = 1000

_XML = "The XML you provided was not well-formed or did not validate against our published schema"
_STORAGE = (
    "GLACIER",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
)


def _malformed(path: str) -> Problem:
    return Problem(path, _XML, "MalformedXML")


def _encryption_rules(values: Values) -> Iterator[Problem]:
    rules = elements(values, "rules")
    if "rules" in values and len(rules) != 1:
        yield _malformed("rules")
    for path, rule in rules:
        where = f"{path}.applyServerSideEncryptionByDefault"
        algorithm = text(rule, "applyServerSideEncryptionByDefault.sseAlgorithm")
        key = text(rule, "applyServerSideEncryptionByDefault.kmsMasterKeyId")
        if algorithm is not None and algorithm not in ("AES256", "aws:kms", "aws:kms:dsse"):
            yield _malformed(f"{where}.sseAlgorithm")
        if key and algorithm == "AES256":
            yield Problem(
                f"{where}.kmsMasterKeyId",
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or "
                "aws:kms:dsse",
                "InvalidArgument",
            )
    yield from one_of(values, "rules[*].blockedEncryptionTypes[*]", ("NONE", "SSE-C"))
    yield from _own_account(values)


def _own_account(values: Values) -> Iterator[Problem]:
    yield from not_emulated(values, {"expectedBucketOwner": "leave it out"})


def _versioning_rules(values: Values) -> Iterator[Problem]:
    status = text(values, "versioningConfiguration.status")
    if status is not None and status not in ("Enabled", "Suspended", "Disabled"):
        yield _malformed("versioningConfiguration.status")
    yield from not_emulated(
        values, {"mfa": "leave it out", "versioningConfiguration.mfaDelete": "leave it out"}
    )
    yield from _own_account(values)


def _verify_versioning(context: Context) -> Iterator[Problem]:
    before = text(
        context.previous.inputs if context.previous else {}, "versioningConfiguration.status"
    )
    now = text(context.inputs, "versioningConfiguration.status")
    if before in ("Enabled", "Suspended") and now == "Disabled":
        yield Problem(
            "versioningConfiguration.status",
            f"cannot be updated from '{before}' to 'Disabled': versions can be suspended only",
            "IllegalVersioningConfigurationException",
        )


def _policy_rules(values: Values) -> Iterator[Problem]:
    document = text(values, "policy")
    if document is None:
        return
    if len(document.encode()) > MAX_POLICY:
        yield Problem(
            "policy",
            f"Policy exceeds the maximum allowed document size of {MAX_POLICY} bytes.",
            "PolicyTooLarge",
        )
    yield from policies.problems("policy", document, policies.BUCKET)


def _verify_policy(context: Context) -> Iterator[Problem]:
    bucket = text(context.inputs, "bucket") or ""
    found = parse(text(context.inputs, "policy") or "")
    yield from verify_principals(context, "policy", policies.BUCKET)
    own = f"arn:aws:s3:::{bucket}"
    for statement in found:
        for resource in (*statement.resources, *statement.not_resources):
            if resource != own and not resource.startswith((f"{own}/", f"{own}*")):
                yield Problem("policy", "Policy has invalid resource", policies.BUCKET.code)
                return
    if is_public(found) and blocks(context, bucket, "blockPublicPolicy"):
        yield Problem(
            "policy",
            "User is not authorized to perform: s3:PutBucketPolicy on resource: "
            f'"{own}" because public policies are prevented by the BlockPublicPolicy setting in '
            "S3 Block Public Access.",
            "AccessDenied",
        )


def blocks(context: Context, bucket: str, setting: str) -> bool:
    """Whether a setting of Block Public Access is on; it is for a bucket that says nothing."""
    for record in context.world.of(PUBLIC_ACCESS):
        if text(record.inputs, "bucket") == bucket:
            return bool(flag(record.inputs, setting))
    return True


def _ownership_rules(values: Values) -> Iterator[Problem]:
    chosen = text(values, "rule.objectOwnership")
    if chosen is not None and chosen not in (
        "BucketOwnerPreferred",
        "ObjectWriter",
        "BucketOwnerEnforced",
    ):
        yield _malformed("rule.objectOwnership")


def _lifecycle_rules(values: Values) -> Iterator[Problem]:
    rules = elements(values, "rules")
    if "rules" in values and not 1 <= len(rules) <= MAX_RULES:
        yield _malformed("rules")
    names = [text(rule, "id") or "" for _, rule in rules]
    for path, rule in rules:
        name = text(rule, "id") or ""
        if len(name) > 255:
            yield Problem(
                f"{path}.id", "ID length should not exceed allowed limit of 255", "InvalidArgument"
            )
        if names.count(name) > 1:
            yield Problem(
                f"{path}.id",
                "Rule ID must be unique. Found same ID for more than one rule",
                "InvalidArgument",
            )
        if (text(rule, "status") or "Enabled") not in ("Enabled", "Disabled"):
            yield _malformed(f"{path}.status")
        yield from _lifecycle_actions(path, rule)
    yield from _own_account(values)


_ACTIONS = (
    "abortIncompleteMultipartUpload",
    "expiration",
    "noncurrentVersionExpiration",
    "noncurrentVersionTransitions",
    "transitions",
)


def _lifecycle_actions(path: str, rule: Values) -> Iterator[Problem]:
    if not any(name in rule for name in _ACTIONS):
        yield Problem(path, "At least one action needs to be specified in a rule", "InvalidRequest")
    for where in (
        "expiration.days",
        "noncurrentVersionExpiration.noncurrentDays",
        "abortIncompleteMultipartUpload.daysAfterInitiation",
    ):
        days = number(rule, where)
        if days is not None and days < 1 and not flag(rule, "expiration.expiredObjectDeleteMarker"):
            yield Problem(
                f"{path}.{where}",
                "'Days' for Expiration action must be a positive integer",
                "InvalidArgument",
            )
    chosen = [k for k in ("days", "date", "expiredObjectDeleteMarker") if _is_set(rule, k)]
    if len(chosen) > 1:
        yield _malformed(f"{path}.expiration")
    for where, storage in texts(rule, "transitions[*].storageClass"):
        if storage not in _STORAGE:
            yield _malformed(f"{path}.{where}")
    filters = mapping(rule, "filter")
    if len([name for name in filters if present(filters, name)]) > 1:
        yield _malformed(f"{path}.filter")
    yield from (
        problem._replace(path=f"{path}.{problem.path}")
        for problem in within(
            rule, "noncurrentVersionExpiration.newerNoncurrentVersions", 1, 100, "InvalidArgument"
        )
    )


def _is_set(rule: Values, name: str) -> bool:
    found = mapping(rule, "expiration").get(name)
    return found not in (None, False, 0, "")


def _verify_single(context: Context) -> Iterator[Problem]:
    """A bucket has one configuration of a kind: a second resource would overwrite the first."""
    if bucket_of(context.world, text(context.inputs, "bucket") or "") is None:
        yield Problem("bucket", "The specified bucket does not exist", "NoSuchBucket")


def _public_outputs(context: Context) -> Outputs:
    return {name: bool(flag(context.inputs, name)) for name in BLOCKS}


def _no_rules(_: Values) -> Iterable[Problem]:
    return ()


def _nothing(_: Context) -> Outputs:
    return {}


def _kind(
    token: str,
    segment: str,
    rules: Callable[[Values], Iterable[Problem]] = _no_rules,
    verify: Callable[[Context], Iterable[Problem]] | None = None,
    outputs: Callable[[Context], Outputs] = _nothing,
    references: Mapping[str, tuple[str, ...]] | None = None,
    owner: tuple[str, ...] = ("expectedBucketOwner",),
) -> Kind:
    """One configuration; it goes with its bucket."""

    def verified(context: Context) -> Iterator[Problem]:
        yield from _verify_single(context)
        if verify is not None:
            yield from verify(context)

    return Kind(
        type=f"aws:s3/{token}",
        identity=Identity(arn=f"arn:{{partition}}:s3:::{{bucket}}?{segment}", id="{bucket}"),
        parent="bucket",
        references={"bucket": BUCKETS, **(references or {})},
        weak=tuple(references or ()),
        replace_on=("bucket", *owner),
        exists=("OperationAborted", "{id} has this configuration already"),
        rules=rules,
        verify=verified,
        outputs=outputs,
    )


_KMS = {"rules[*].applyServerSideEncryptionByDefault.kmsMasterKeyId": KEY_OR_ALIAS}

KINDS = (
    _kind(
        "bucketPublicAccessBlock:BucketPublicAccessBlock",
        "publicAccessBlock",
        outputs=_public_outputs,
        owner=(),
    ),
    *(
        _kind(
            f"{token[0].lower()}{token[1:]}:{token}",
            "encryption",
            _encryption_rules,
            references=_KMS,
        )
        for token in (
            "BucketServerSideEncryptionConfiguration",
            "BucketServerSideEncryptionConfigurationV2",
        )
    ),
    *(
        _kind(
            f"{token[0].lower()}{token[1:]}:{token}",
            "versioning",
            _versioning_rules,
            _verify_versioning,
        )
        for token in ("BucketVersioning", "BucketVersioningV2")
    ),
    _kind("bucketPolicy:BucketPolicy", "policy", _policy_rules, _verify_policy, owner=()),
    _kind(
        "bucketOwnershipControls:BucketOwnershipControls",
        "ownershipControls",
        _ownership_rules,
        owner=(),
    ),
    *(
        _kind(
            f"{token[0].lower()}{token[1:]}:{token}",
            "lifecycle",
            _lifecycle_rules,
            outputs=lambda context: {
                "transitionDefaultMinimumObjectSize": text(
                    context.inputs, "transitionDefaultMinimumObjectSize"
                )
                or "all_storage_classes_128K"
            },
        )
        for token in ("BucketLifecycleConfiguration", "BucketLifecycleConfigurationV2")
    ),
)
