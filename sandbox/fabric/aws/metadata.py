"""The metadata service of a VPC: http://169.254.169.254/latest/, in its second version.

It tells an instance by the address that it asks from, which the router has checked; whoever is not
an instance of the VPC gets nothing.

Sources: Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata"
(PUT for a token, its life of 1 to 21,600 seconds, codes 400, 401, 403 and 404, no token for what
was forwarded, the hop limit of the PUT's answer), "Instance metadata categories", "Retrieve
security credentials from instance metadata", "Instance identity documents", "Access tags in
instance metadata"; Amazon EC2 Auto Scaling User Guide, "Retrieve the target lifecycle state through
instance metadata".
"""

import hashlib
import hmac
import json
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from http import HTTPStatus
from urllib.parse import unquote

from sandbox.control.kinds import World
from sandbox.fabric.aws.instance import Instance
from sandbox.fabric.aws.sessions import Sessions
from sandbox.fabric.serving.exchange import Answer, Request

TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"  # noqa: S105 (a header)
_LONGEST = 21_600
_VERSION = re.compile(r"latest|1\.0|20\d\d-\d\d-\d\d")
_RELEASES = ("1.0", "2021-03-23", "2022-09-24", "2023-11-06", "latest")

Find = Callable[[World, Request], Instance | None]

Tree = Mapping[str, object]


class Tokens:
    """The tokens of a sandbox's metadata services: each for one instance, until it expires."""

    def __init__(self) -> None:
        # With the daemon, its tokens end; clients of the service ask for another one at a 401.
        self._key = secrets.token_bytes(32)

    def give(self, instance: Instance, seconds: int) -> str:
        """A token that is good for *seconds*."""
        ends = int(time.time()) + seconds
        return f"{ends:x}.{self._mark(instance, ends)}"

    def left(self, instance: Instance, token: str) -> int:
        """Seconds that a token is still good for; 0: it is not."""
        written, _, mark = token.partition(".")
        try:
            ends = int(written[:12], 16)
        except ValueError:
            return 0
        good = hmac.compare_digest(mark.encode(), self._mark(instance, ends).encode())
        return max(0, ends - int(time.time())) if good else 0

    def _mark(self, instance: Instance, ends: int) -> str:
        digest = hmac.new(self._key, f"{instance.id} {ends}".encode(), hashlib.sha256).digest()
        return urlsafe_b64encode(digest).decode().rstrip("=")


class Metadata:
    """The metadata service of one VPC."""

    def __init__(self, find: Find, sessions: Sessions, tokens: Tokens) -> None:
        """*find*: the instance that asks."""
        self._find = find
        self._sessions = sessions
        self._tokens = tokens

    def answer(self, request: Request, world: World) -> Answer:
        """What the service says to *request*."""
        instance = self._find(world, request)
        if instance is None:
            return _error(404)
        if not instance.enabled:
            return _error(403)
        if request.method == "PUT":
            return self._token(request, instance)
        if request.method not in ("GET", "HEAD"):
            return _error(405)
        headers: dict[str, str] = {}
        token = request.headers.get(TOKEN.lower())
        if token is not None or instance.tokens_required:
            left = self._tokens.left(instance, token or "")
            if not left:
                return _error(401)
            headers[TTL] = str(left)
        return self._read(request, instance, headers)

    def _token(self, request: Request, instance: Instance) -> Answer:
        if "x-forwarded-for" in request.headers:
            return _error(403)
        if request.path != "/latest/api/token":
            return _error(404 if _VERSION.match(request.path.strip("/")) else 405)
        written = request.headers.get(TTL.lower(), "")
        if not (written.isascii() and written.isdecimal() and 1 <= int(written[:6]) <= _LONGEST):
            return _error(400)
        given = self._tokens.give(instance, int(written))
        return Answer(
            status=200,
            body=given.encode(),
            kind="text/plain",
            headers={TTL: written},
            hops=instance.hops,
            quiet=True,
        )

    def _read(self, request: Request, instance: Instance, headers: Mapping[str, str]) -> Answer:
        path = unquote(request.path)
        version, *steps = [*path.strip("/").split("/")]
        if not version:
            return _text("\n".join(_RELEASES), headers)
        if not _VERSION.fullmatch(version):
            return _error(404)
        if steps == ["user-data"]:
            if not instance.user_data:
                return _error(404)
            body = instance.user_data
            return Answer(status=200, body=body, kind="application/octet-stream", headers=headers)
        found = _descend(self._tree(instance), steps)
        if found is None:
            return _error(404)
        if isinstance(found, Mapping):
            return _text("\n".join(_listing(found)), headers)
        return _text(str(found() if callable(found) else found), headers)

    def _tree(self, instance: Instance) -> Tree:
        meta = dict(_meta(instance))
        if instance.profile is not None:
            role = instance.profile.role.role
            meta["iam"] = {
                "info": _pretty(
                    {
                        "Code": "Success",
                        "LastUpdated": _now(),
                        "InstanceProfileArn": instance.profile.arn,
                        "InstanceProfileId": instance.profile.id,
                    }
                ),
                "security-credentials": {role: lambda: self._credentials(instance)},
            }
        identity = {"document": _pretty(_document(instance))}
        return {"dynamic": {"instance-identity": identity}, "meta-data": meta}

    def _credentials(self, instance: Instance) -> str:
        if instance.profile is None:
            return ""
        found = self._sessions.give(instance.profile.role)
        return _pretty(
            {
                "Code": "Success",
                "LastUpdated": _moment(found.begins),
                "Type": "AWS-HMAC",
                "AccessKeyId": found.access_key,
                "SecretAccessKey": found.secret_key,
                "Token": found.token,
                "Expiration": _moment(found.expires),
            }
        )


def _meta(instance: Instance) -> Tree:
    interface = {
        "device-number": "0",
        "interface-id": instance.interface,
        "local-hostname": instance.hostname,
        "local-ipv4s": instance.address,
        "mac": instance.mac,
        "owner-id": instance.account,
        "security-group-ids": "\n".join(instance.security_groups),
        "security-groups": "\n".join(instance.security_groups.values()),
        "subnet-id": instance.subnet,
        "subnet-ipv4-cidr-block": instance.subnet_range,
        "vpc-id": instance.vpc,
        "vpc-ipv4-cidr-block": instance.vpc_range,
        "vpc-ipv4-cidr-blocks": instance.vpc_range,
    }
    found: dict[str, object] = {
        "ami-id": instance.image,
        "ami-launch-index": "0",
        "ami-manifest-path": "(unknown)",
        "hostname": instance.hostname,
        "instance-action": "none",
        "instance-id": instance.id,
        "instance-life-cycle": "on-demand",
        "instance-type": instance.type,
        "local-hostname": instance.hostname,
        "local-ipv4": instance.address,
        "mac": instance.mac,
        "network": {"interfaces": {"macs": {instance.mac: interface}}},
        "placement": {
            "availability-zone": instance.zone,
            "region": instance.region,
        },
        "profile": "default-hvm",
        "security-groups": "\n".join(instance.security_groups.values()),
        "services": {"domain": "amazonaws.com", "partition": "aws"},
    }
    if instance.lifecycle is not None:
        found["autoscaling"] = {"target-lifecycle-state": instance.lifecycle}
    if instance.tags is not None:
        found["tags"] = {"instance": dict(instance.tags)}
    return found


def _document(instance: Instance) -> Tree:
    return {
        "accountId": instance.account,
        "architecture": "x86_64",
        "availabilityZone": instance.zone,
        "imageId": instance.image,
        "instanceId": instance.id,
        "instanceType": instance.type,
        "pendingTime": instance.launched,
        "privateIp": str(instance.address),
        "region": instance.region,
        "version": "2017-09-30",
    }


def _descend(found: object, steps: Sequence[str]) -> object | None:
    for step in steps:
        if not step:
            continue
        if not isinstance(found, Mapping) or step not in found:
            return None
        found = found[step]
    return found


def _listing(tree: Tree) -> list[str]:
    return [
        f"{name}/" if isinstance(value, Mapping) else name for name, value in sorted(tree.items())
    ]


def _text(body: str, headers: Mapping[str, str]) -> Answer:
    return Answer(status=200, body=body.encode(), kind="text/plain", headers=headers, quiet=True)


def _pretty(value: Tree) -> str:
    return json.dumps(value, indent=2)


def _now() -> str:
    return _moment(int(time.time()))


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _error(status: int) -> Answer:
    words = escape(f"{status} - {HTTPStatus(status).phrase}")
    body = (
        '<?xml version="1.0" encoding="iso-8859-1"?>\n'
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"\n'
        '\t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n <head>\n'
        f"  <title>{words}</title>\n </head>\n <body>\n  <h1>{words}</h1>\n </body>\n</html>\n"
    )
    return Answer(status=status, body=body.encode(), kind="text/html")
