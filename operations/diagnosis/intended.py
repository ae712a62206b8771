"""What should be, as the stack's outputs and its state say.

A node's files are in the user data that it was made from, and on AWS in the bundle that it fetches
("cloud-init, module reference: write_files"; components/bootstrap). Machines that keep what they
were made from may have been brought further by scripts/upgrade since: of those the JSON file that
the outputs hold is known, and no file is compared. Windows nodes have no such document, and are
named as not looked into.
"""

import base64
import binascii
import gzip
import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from operations import reach
from operations.export.state import Deployment, Resource
from operations.preview.user_data import unpacked
from operations.reach.places import DATABASE, ROLES, VAULT, Kind

SHORT = 16
"""As operations/diagnosis/node/ground.py has it."""
NODE_FILE = "/etc/operationalization/node.json"
OWN = ("/opt/operationalization/", "/etc/operationalization/", "/etc/systemd/system/")
WINDOWS = ("<powershell>", "#ps1", "powershell")


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """What the nodes of one role should be."""

    role: str
    fewest: int
    port: int
    fixed: bool
    files: Mapping[str, str] = field(default_factory=dict)
    """Short digests by path; empty where nobody knows."""
    node: Mapping[str, Any] = field(default_factory=dict)
    """The node's JSON file; empty where nobody knows."""
    windows: bool = False
    behind: tuple[str, ...] = ()
    """Names of machines that were made from other settings than were deployed last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intended:
    """What should be, all of it."""

    stack: str
    groups: Mapping[str, Group]
    paths: frozenset[tuple[str, str, int]]
    """Role, role (or `database`, `vault`), port: who may open a connection to whom."""
    brought: bool
    """Whether the stack's owner brought the certificate of the endpoint."""
    addresses: tuple[str, ...]
    """Of the load balancer."""

    @property
    def ports(self) -> tuple[int, ...]:
        """Ports that nodes of any role listen on."""
        return tuple(sorted({group.port for group in self.groups.values() if group.port}))


def read(stack: str, outputs: Mapping[str, Any], deployment: Deployment) -> Intended:
    """Return what should be."""
    groups: Mapping[str, Mapping[str, Any]] = outputs.get("groups") or {}
    return Intended(
        stack=stack,
        groups={role: _group(role, group, deployment) for role, group in groups.items()},
        paths=frozenset(_paths(deployment, groups)),
        brought=bool(outputs.get("certificate")),
        addresses=tuple(str(each) for each in outputs.get("loadBalancerAddresses") or ()),
    )


def _group(role: str, group: Mapping[str, Any], deployment: Deployment) -> Group:
    fixed = group.get("kind") == "fixed"
    packed = next(_user_data(role, deployment), "")
    told = unpacked(packed)
    files = dict(_files(told))
    if files:
        files |= dict(_bundled(role, deployment))
    node = files.get(NODE_FILE)
    content = group.get("content")
    behind: list[str] = []
    if isinstance(content, Mapping):
        pairs = zip(group["names"], content["machines"], strict=True)
        behind = [str(name) for name, made in pairs if made != content["rendered"]]
        if behind or digest(packed) != content["rendered"]:
            # Made from something else: scripts/upgrade has changed them since, or will.
            files = {}
            text = content.get("nodeFile")
            node = gzip.decompress(base64.b64decode(text)) if text else None
    return Group(
        role=role,
        fewest=len(group["ids"]) if fixed else int(group.get("minimum") or 1),
        port=int(group.get("port") or 0),
        fixed=fixed,
        files={path: short(each) for path, each in files.items() if path.startswith(OWN)},
        node=json.loads(node) if node else {},
        windows=told.lstrip().casefold().startswith(WINDOWS),
        behind=tuple(behind),
    )


def digest(packed: str) -> str:
    """Return the digest of user data that the stack's outputs have (components/bootstrap)."""
    try:
        return short(base64.b64decode(packed, validate=True))
    except (binascii.Error, ValueError):
        return ""


def short(content: bytes) -> str:
    """Return the digest that nodes are asked to compare with."""
    return hashlib.sha256(content).hexdigest()[:SHORT]


def _user_data(role: str, deployment: Deployment) -> Iterator[str]:
    """Yield the user data of a role's machines, by the names that components give them."""
    for each in deployment.resources:
        if f"-{role}-nodes" not in each.name:
            continue
        profile = each.inputs.get("virtualMachineProfile") or each.inputs
        machine = profile.get("osProfile") or {} if isinstance(profile, Mapping) else {}
        for holder, key in (
            (machine, "customData"),
            (each.inputs, "userDataBase64"),
            (each.inputs, "userData"),
        ):
            value = holder.get(key) if isinstance(holder, Mapping) else None
            if isinstance(value, str) and value:
                yield value


def _files(user_data: str) -> Iterator[tuple[str, bytes]]:
    if not user_data.startswith("#cloud-config"):
        return
    for each in yaml.safe_load(user_data).get("write_files") or ():
        yield str(each["path"]), str(each["content"]).encode()


def _bundled(role: str, deployment: Deployment) -> Iterator[tuple[str, bytes]]:
    """Yield the files that nodes fetch: on AWS, an archive in the bucket of artifacts."""
    for each in deployment.resources:
        if each.type != "aws:s3/bucketObjectv2:BucketObjectv2" or not _is_of(each, role):
            continue
        try:
            archive = gzip.decompress(base64.b64decode(str(each.inputs["contentBase64"])))
        except (KeyError, binascii.Error, OSError, zlib.error, EOFError):
            continue
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            for entry in opened:
                stream = opened.extractfile(entry)
                if stream is not None:
                    yield f"/{entry.name}", stream.read()


def _is_of(each: Resource, role: str) -> bool:
    return str(each.inputs.get("key", "")).startswith(f"{role}/")


def _paths(
    deployment: Deployment, groups: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str, int]]:
    """Yield who may reach whom on the ports that somebody listens on, as operations/reach says."""
    names = {words: role for role, words in ROLES.items()}
    ports = {int(group.get("port") or 0) for group in groups.values()} - {0}
    for path in reach.paths(deployment):
        source = names.get(path.source.name)
        if source is None or path.protocol not in ("TCP", "any protocol"):
            continue
        if path.destination.kind is Kind.NODES and path.destination.name in names:
            for port in ports:
                if any(low <= port <= high for low, high in path.ports.spans):
                    yield source, names[path.destination.name], port
        elif path.destination.name in (DATABASE, VAULT):
            for low, high in path.ports.spans:
                if low == high:
                    yield source, path.destination.name, low
