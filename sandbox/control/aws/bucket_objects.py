"""Objects in S3 buckets, whose bytes are kept: nodes read them back as they are.

Sources: Amazon S3 User Guide, "Naming Amazon S3 objects" (1 to 1,024 bytes of UTF-8), "Checking
object integrity" (the ETag is the MD5 of the content, but not where a KMS key encrypts it), "Using
object tags" (10); Pulumi documentation, "Assets & Archives".
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from sandbox.control import wire
from sandbox.control.aws.buckets import BUCKETS, OBJECTS, bucket_of, is_versioned
from sandbox.control.aws.keys import KEY_OR_ALIAS, verify_usable
from sandbox.control.aws.rules import not_emulated, one_of
from sandbox.control.kinds import (
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
from sandbox.control.reading import elements, flag, text

MAX_BYTES = 12 * 1024 * 1024
"""Of one object in the sandbox: a call of the engine holds 16 MiB. S3 itself takes 5 GB."""

_SOURCES = ("content", "contentBase64", "source")
_ENCRYPTIONS = ("AES256", "aws:kms", "aws:kms:dsse")
_SETTINGS = "aws:s3/bucketServerSideEncryptionConfiguration"


class _UnreadableError(Exception):
    """An asset that the sandbox can't read; the text says why."""


def content_of(world: World, record: Record) -> bytes:
    """The bytes of an object."""
    if (note := world.note(_note(record.id))) is not None:
        return base64.b64decode(str(note))
    return _given(record.inputs)


def find(world: World, bucket: str, key: str) -> Record | None:
    """The object with this key."""
    return world.find(f"arn:aws:s3:::{bucket}/{key}")


def _note(target: str) -> str:
    return f"object/{target}"


def _given(values: Values) -> bytes:
    """What the inputs say is in it. Raises _UnreadableError."""
    if (written := text(values, "content")) is not None:
        return written.encode()
    if (encoded := text(values, "contentBase64")) is not None:
        return base64.b64decode(encoded)
    source = values.get("source")
    return _asset(source) if isinstance(source, Mapping) else b""


def _asset(source: Mapping[str, object]) -> bytes:
    """The bytes of an asset, as the engine describes it."""
    if wire.ASSETS.get(str(source.get(wire.SIGNATURE))) != "asset":
        raise _UnreadableError("is an archive: pack it, and give its bytes in contentBase64")
    if isinstance(inline := source.get("text"), str) and inline:
        return inline.encode()
    path = source.get("path")
    if not isinstance(path, str) or not path:
        raise _UnreadableError("is no text and no file: give its bytes in contentBase64")
    if not Path(path).is_absolute():
        raise _UnreadableError(
            f"is the relative path {path!r}, which the sandbox can't follow: it runs elsewhere; "
            "give an absolute one, or the bytes in contentBase64"
        )
    try:
        with Path(path).open("rb") as file:
            found = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _UnreadableError(f"can't be read: {error}") from error
    wanted = source.get("hash")
    if isinstance(wanted, str) and wanted and hashlib.sha256(found).hexdigest() != wanted:
        raise _UnreadableError(f"has changed since it was hashed: {path}")
    return found


def _rules(values: Values) -> Iterator[Problem]:
    key = text(values, "key")
    if key is not None and not 1 <= len(key.encode()) <= 1024:
        yield Problem("key", "Your key is too long", "KeyTooLongError")
    given = [name for name in _SOURCES if values.get(name) is not None]
    if len(given) > 1:
        yield Problem(given[1], f"conflicts with {given[0]}", "InvalidArgument")
    encoded = text(values, "contentBase64")
    if encoded is not None:
        try:
            base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            yield Problem("contentBase64", f"is not base64: {error}", "InvalidArgument")
    yield from one_of(values, "serverSideEncryption", _ENCRYPTIONS, "InvalidArgument")
    if text(values, "kmsKeyId") and text(values, "serverSideEncryption") == "AES256":
        yield Problem("kmsKeyId", "needs serverSideEncryption aws:kms", "InvalidArgument")
    if len(values["tags"] if isinstance(values.get("tags"), Mapping) else ()) > 10:  # type: ignore[arg-type]
        yield Problem("tags", "Object tags cannot be greater than 10", "BadRequest")
    yield from one_of(values, "storageClass", _CLASSES, "InvalidStorageClass")
    yield from not_emulated(
        values,
        {
            "acl": "leave it out: access control lists are off",
            "objectLockLegalHoldStatus": "leave it out",
            "objectLockMode": "leave it out",
            "objectLockRetainUntilDate": "leave it out",
            "websiteRedirect": "leave it out",
            "overrideProvider": "tag at most 10 things",
        },
    )


_CLASSES = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR")


def _verify(context: Context) -> Iterator[Problem]:
    if bucket_of(context.world, text(context.inputs, "bucket") or "") is None:
        yield Problem("bucket", "The specified bucket does not exist", "NoSuchBucket")
    yield from verify_usable(context, "kmsKeyId")
    try:
        content = _given(context.inputs)
    except _UnreadableError as error:
        yield Problem("source", str(error))
        return
    if len(content) > MAX_BYTES:
        yield Problem(
            "", f"has {len(content)} bytes; the sandbox keeps objects of up to {MAX_BYTES}"
        )
    wanted = text(context.inputs, "etag")
    if wanted is not None and not _key(context) and wanted != _md5(content):
        yield Problem(
            "etag", f"is not the MD5 of the content, which is {_md5(content)}", "BadDigest"
        )


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _encryption(context: Context) -> tuple[str, str]:
    """How it is encrypted, and with which key: as it says, or as its bucket does by default."""
    chosen = text(context.inputs, "serverSideEncryption")
    key = text(context.inputs, "kmsKeyId") or ""
    if chosen or key:
        return chosen or "aws:kms", key
    for version in ("", "V2"):
        for record in context.world.of(
            f"{_SETTINGS}{version}:BucketServerSideEncryptionConfiguration{version}"
        ):
            if text(record.inputs, "bucket") == text(context.inputs, "bucket"):
                for _, rule in elements(record.inputs, "rules"):
                    default = "applyServerSideEncryptionByDefault"
                    return (
                        text(rule, f"{default}.sseAlgorithm") or "AES256",
                        text(rule, f"{default}.kmsMasterKeyId") or "",
                    )
    return "AES256", ""


def _key(context: Context) -> bool:
    return _encryption(context)[0] != "AES256"


def _outputs(context: Context) -> Outputs:
    bucket = text(context.inputs, "bucket") or ""
    algorithm, key = _encryption(context)
    try:
        content = _given(context.inputs)
    except _UnreadableError:
        content = b""
    digest = hashlib.sha256(content).hexdigest()
    etag = _md5(content)
    if algorithm != "AES256":
        # A digest, and not of the content.
        etag = _md5(f"{context.incarnation}/{digest}".encode())
    found: Outputs = {
        "arn": context.id,
        "etag": text(context.inputs, "etag") or etag,
        "serverSideEncryption": algorithm,
        "kmsKeyId": key or None,
        "bucketKeyEnabled": bool(flag(context.inputs, "bucketKeyEnabled")),
        "contentType": text(context.inputs, "contentType") or "application/octet-stream",
        "storageClass": text(context.inputs, "storageClass") or "STANDARD",
        "versionId": context.hexadecimal(f"version/{digest}", 32)
        if is_versioned(context.world, bucket)
        else "",
        "forceDestroy": bool(flag(context.inputs, "forceDestroy")),
        "acl": "private",
    }
    if text(context.inputs, "checksumAlgorithm") == "SHA256":
        found["checksumSha256"] = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return found


def last_modified(record: Record) -> datetime:
    """When an object was written."""
    return datetime.fromisoformat(record.created)


def _keep(context: Context, transaction: Transaction) -> None:
    """A file may be gone when somebody asks for the object: its bytes are kept apart."""
    kept = None
    if context.inputs.get("source") is not None:
        kept = base64.b64encode(_given(context.inputs)).decode()
    transaction.remember(_note(context.id), kept)


def _forget(record: Record, transaction: Transaction) -> None:
    transaction.remember(_note(record.id), None)


def _kind(token: str) -> Kind:
    return Kind(
        type=token,
        identity=Identity(arn="arn:{partition}:s3:::{bucket}/{key}", id="{bucket}/{key}"),
        name_property="key",
        name=Name(pattern=r"[^\0]+", maximum=1024, words="up to 1024 bytes of UTF-8"),
        references={"bucket": BUCKETS, "kmsKeyId": KEY_OR_ALIAS},
        # The bucket's own deletion looks for objects.
        weak=("kmsKeyId", "bucket"),
        replace_on=("bucket",),
        rules=_rules,
        verify=_verify,
        outputs=_outputs,
        created=_keep,
        updated=_keep,
        deleting=_forget,
    )


KINDS = tuple(map(_kind, OBJECTS))
