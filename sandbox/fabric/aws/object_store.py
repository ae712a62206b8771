"""The object store (S3), read only: a node reads the objects that its role and the bucket allow.

Sources: Amazon S3 API Reference, "GetObject", "HeadObject" (answers, NoSuchKey only for who may
list the bucket), "List of error codes"; User Guide, "Virtual hosting of buckets", "How Amazon S3
authorizes a request" (a bucket's policy may allow and deny; within an account either the role's or
the bucket's policy allows), "Specifying server-side encryption with AWS KMS" (kms:Decrypt).
"""

import hashlib
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import unquote

from sandbox.control.aws import bucket_objects
from sandbox.control.aws.buckets import bucket_of
from sandbox.control.kinds import Record
from sandbox.control.reading import text
from sandbox.fabric.aws import forms
from sandbox.fabric.aws.calls import Call, Service
from sandbox.fabric.aws.policies import Decision, decide
from sandbox.fabric.aws.refusals import RefusedError
from sandbox.fabric.serving.exchange import Answer, Request

POLICY = "aws:s3/bucketPolicy:BucketPolicy"
READ = "s3:GetObject"
LIST = "s3:ListBucket"


class ObjectStore(Service):
    """The service of one region, behind one door."""

    def serve(self, call: Call) -> Answer:
        """Answer somebody who is known. Raises RefusedError."""
        bucket, key = _meant(call.request, self.door.region)
        if call.request.method not in ("GET", "HEAD") or not key:
            raise RefusedError(
                "NotImplemented",
                "the sandbox's object store gives objects (GetObject, HeadObject), and no more",
                501,
            )
        return _given(call, _object(call, bucket, key))

    def refuse(self, request: Request, request_id: str, error: RefusedError) -> Answer:
        """The error as the service writes it."""
        return forms.store_error(request_id, error, request.path[:1024])


def _meant(request: Request, region: str) -> tuple[str, str]:
    """Bucket and key, from the host's name or from the path."""
    host = request.headers.get("host", "").partition(":")[0].casefold()
    bucket, dot, _ = host.partition(f".s3.{region}.")
    path = unquote(request.path.removeprefix("/"))
    if dot:
        return bucket, path
    bucket, _, key = path.partition("/")
    return bucket, key


def _object(call: Call, bucket: str, key: str) -> Record:
    place = f"arn:{call.session.partition}:s3:::{bucket}"
    if bucket_of(call.world, bucket) is None:
        raise RefusedError("NoSuchBucket", "The specified bucket does not exist", 404)
    _allow(call, bucket, READ, f"{place}/{key}")
    found = bucket_objects.find(call.world, bucket, key)
    if found is None:
        _allow(call, bucket, LIST, place)
        raise RefusedError("NoSuchKey", "The specified key does not exist.", 404)
    context = {"aws:s3:arn": f"{place}/{key}"}
    master = text(found.outputs, "kmsKeyId") or ""
    if master and not call.may_decrypt(master, context):
        raise RefusedError(
            "AccessDenied",
            f"User: {call.session.arn} is not authorized to perform: kms:Decrypt on the resource "
            "associated with this ciphertext because no identity-based policy allows the "
            "kms:Decrypt action",
            403,
        )
    return found


def _allow(call: Call, bucket: str, action: str, resource: str) -> None:
    """Raise RefusedError unless the role's policies or the bucket's allow it, and none denies."""
    context = {"aws:SecureTransport": "true"}
    documents = [
        written
        for each in call.world.of(POLICY)
        if text(each.inputs, "bucket") == bucket and (written := text(each.inputs, "policy"))
    ]
    by_bucket = decide(documents, action, resource, context, call.session.arn)
    refused = call.judge(action, resource, {})
    if by_bucket is Decision.DENIED:
        raise RefusedError(
            "AccessDenied",
            f"User: {call.session.arn} is not authorized to perform: {action} on resource: "
            f'"{resource}" with an explicit deny in a resource-based policy',
            403,
        )
    if refused is not None and by_bucket is not Decision.ALLOWED:
        raise refused


def _given(call: Call, found: Record) -> Answer:
    content = bucket_objects.content_of(call.world, found)
    etag = text(found.outputs, "etag") or hashlib.sha256(content).hexdigest()[:32]
    headers = {
        "ETag": f'"{etag}"',
        "Last-Modified": format_datetime(datetime.fromisoformat(found.created), usegmt=True),
        "Accept-Ranges": "bytes",
        "x-amz-request-id": call.id,
        "x-amz-server-side-encryption": text(found.outputs, "serverSideEncryption") or "AES256",
    }
    if version := text(found.outputs, "versionId"):
        headers["x-amz-version-id"] = version
    kind = text(found.outputs, "contentType") or "binary/octet-stream"
    return Answer(status=200, body=content, kind=kind, headers=headers)
