"""User data: one cloud-config document a node, the same bytes for the same settings.

The document holds static files (on AWS those that fetch the rest: `components.bootstrap.bundle`)
and one JSON file, `/etc/operationalization/node.json`, which is all that differs between
environments. It is compressed once, as a whole: cloud-init unpacks
gzip itself on every cloud. No secret is inside: a node fetches those at boot, with its identity.
"""

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from typing import Final

from components.bootstrap import windows
from components.bootstrap.bundle import Bundle, bundle, split
from components.bootstrap.cloud_config import cloud_config
from components.bootstrap.facts import Cloud, NodeFacts
from components.bootstrap.host_firewall import host_firewall
from components.runtimes.node import JsonValue, NodeFile, NodeRecipe

__all__ = ["NodeFacts", "UserData", "UserDataTooLarge", "render"]

LIMITS: Final[dict[Cloud, int]] = {"azure": 48 * 1024, "aws": 16 * 1024}
"""Bytes before base64. Azure allows 64 KiB and we stop earlier (design.md section 8); AWS counts
the raw bytes: "Run commands when you launch an EC2 instance", 16 KB."""

NODE_FILE: Final = "/etc/operationalization/node.json"

CLOUD_PACKAGES: Final[dict[Cloud, tuple[str, ...]]] = {"azure": (), "aws": ("python3-botocore",)}
"""Debian packages that the cloud's own scripts need, beside those of the recipe."""


class UserDataTooLarge(ValueError):  # noqa: N818 - a size is wrong, not a program
    """User data that the cloud would refuse; says what is largest and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UserData:
    """A node's user data in the forms that are asked for."""

    text: str
    """The cloud-config document; on Windows the script."""

    compressed: bytes
    """What the node receives; on Windows the script as it is."""

    node_file: str
    """The JSON file in it: all that differs between environments, and no secret."""

    @property
    def base64(self) -> str:
        """What Azure's custom data and AWS's `user_data_base64` take."""
        return base64.b64encode(self.compressed).decode("ascii")

    @property
    def digest(self) -> str:
        """What tells it from any other: the beginning of its hash."""
        return hashlib.sha256(self.compressed).hexdigest()[:16]

    @property
    def size(self) -> int:
        """Bytes that count against the cloud's limit."""
        return len(self.compressed)


def render(recipe: NodeRecipe, facts: NodeFacts) -> UserData:
    """Return the user data of the nodes that *recipe* describes, standing where *facts* say.

    Raises:
        UserDataTooLarge: over the cloud's limit.
    """
    return made(recipe, facts.cloud, node_json(recipe, facts))


def made(recipe: NodeRecipe, cloud: Cloud, node_file: str) -> UserData:
    """Return the user data of the nodes that *recipe* describes, with that JSON file.

    Raises:
        UserDataTooLarge: over the cloud's limit.
    """
    carried, _ = split(recipe, cloud)
    if recipe.family == "windows":
        files = (*carried, NodeFile(path=windows.NODE_FILE, content=node_file))
        text = windows.document(files, cloud)
        compressed = text.encode("ascii")
    else:
        files = (*carried, NodeFile(path=NODE_FILE, content=node_file))
        text = cloud_config(files)
        # mtime and the absent file name keep the gzip header the same on every day and machine.
        compressed = gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0)
    check_size(compressed, files, cloud)
    return UserData(text=text, compressed=compressed, node_file=node_file)


def node_json(recipe: NodeRecipe, facts: NodeFacts) -> str:
    """Return the node's JSON file: all that its scripts and services know of the environment.

    Raises:
        ValueError: when there is a bundle and the facts don't say where.
    """
    bootstrap = facts.database_bootstrap_secret
    document: dict[str, object] = {
        **recipe_json(recipe, facts.cloud),
        "cloud": facts.cloud,
        "environment": facts.environment,
        "vault": {"uri": facts.vault_uri, "identity": facts.identity_client_id},
        "database": {
            "host": facts.database_host,
            "port": facts.database_port,
            "name": facts.database_name,
            "principal": facts.database_principal,
            **({"bootstrap": bootstrap} if bootstrap else {}),
        },
        "egress": facts.egress,
        "firewall": host_firewall(recipe, facts),
        "clients": () if recipe.role == "compute" else facts.clients,
        **_compute_nodes(facts),
        **_fetching(facts, bundle(recipe, facts.cloud)),
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def recipe_json(recipe: NodeRecipe, cloud: Cloud) -> dict[str, object]:
    """Return the part of the node's JSON file that its recipe alone decides.

    An upgrade in place puts the new version's into the file that a node has.
    """
    return {
        "role": recipe.role,
        "product": recipe.product,
        "version": recipe.version,
        "port": recipe.port,
        "health": {
            "live": recipe.health.live_path,
            "ready": recipe.health.ready_path,
            "window": recipe.health.window_seconds,
            **({"port": recipe.health.port} if recipe.family == "windows" else {}),
        },
        "packages": sorted((*recipe.packages, *_cloud_packages(recipe, cloud))),
        "secrets": [
            {"name": use.name, "path": use.path, "owner": use.owner, "mode": use.mode}
            for use in recipe.secrets
        ],
        "services": recipe.services,
        recipe.role: recipe.data,
    }


def _cloud_packages(recipe: NodeRecipe, cloud: Cloud) -> tuple[str, ...]:
    """Return Debian's packages, of which Windows has none."""
    own = recipe.brings_cloud_scripts or recipe.family == "windows"
    return () if own else CLOUD_PACKAGES[cloud]


def _compute_nodes(facts: NodeFacts) -> dict[str, JsonValue]:
    """Return where the compute nodes are, on a node that is told so."""
    if not facts.compute_values and not facts.compute_ranges:
        return {}
    return {"computeNodes": {"values": facts.compute_values, "ranges": facts.compute_ranges}}


def _fetching(facts: NodeFacts, found: Bundle | None) -> dict[str, JsonValue]:
    """Return what the node needs to know in order to fetch the rest of its files."""
    if found is None:
        return {}
    if not facts.bundle_uri:
        raise ValueError(f"nodes on {facts.cloud} fetch a bundle: bundle_uri must say from where")
    return {
        "region": facts.location,
        "bundle": {"uri": facts.bundle_uri, "sha256": found.sha256},
    }


def check_size(compressed: bytes, files: tuple[NodeFile, ...], cloud: Cloud) -> None:
    """Refuse user data that *cloud* would refuse.

    Raises:
        UserDataTooLarge: names the three files that weigh most, compressed alone.
    """
    limit = LIMITS[cloud]
    if len(compressed) <= limit:
        return
    weights = {file.path: len(gzip.compress(file.content.encode(), mtime=0)) for file in files}
    heaviest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:3]
    listed = ", ".join(f"{path} ({weight} bytes)" for path, weight in heaviest)
    raise UserDataTooLarge(
        f"user data is {len(compressed)} bytes compressed, over the limit of {limit} on {cloud}; "
        f"largest: {listed}. Shorten access.clients, or bake the files into an image "
        "(runtime.image: complete) and take them out of the recipe."
    )
