"""What operations need to know of an environment with nodes."""

import base64
import gzip
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.parts import (
    IdentityPart,
    LoadBalancerPart,
    NetworkPart,
    SecretStorePart,
    Site,
)
from components.runtimes.node import Role
from components.settings import Settings
from components.settings.addresses import AddressPlan
from components.topologies import family
from components.topologies.credentials import Credentials
from components.topologies.node_set import NodeSet

Values = dict[str, pulumi.Input[object]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """All parts of an environment."""

    sets: tuple[NodeSet, ...]
    """The one that clients meet comes first."""

    settings: Settings
    plan: AddressPlan
    site: Site
    network: NetworkPart
    balancer: LoadBalancerPart
    identities: Mapping[Role, IdentityPart]
    credentials: Credentials
    secrets: SecretStorePart


def stack_outputs(made: Made) -> Values:
    """Return the stack's outputs."""
    met = made.sets[0]
    front = met.recipes[made.plan.front]
    scheme = f"{front.health.protocol.lower()}://"
    brought = made.settings.certificate
    return {
        **({"certificate": brought} if brought else {}),
        "endpoint": pulumi.Output.concat(scheme, made.balancer.host, f":{front.port}"),
        "loadBalancerAddress": made.balancer.addresses[0],
        "loadBalancerAddresses": list(made.balancer.addresses),
        "certificateAuthority": made.credentials.authority,
        "adminPassword": made.credentials.secrets["admin-password"].value,
        **family.described(met.environment),
        "location": met.environment.location,
        "resourceGroup": made.site.resource_group,
        "vault": {
            "name": made.secrets.name,
            "uri": made.secrets.uri,
            "secrets": list(made.secrets.secret_names),
        },
        "database": _database(met),
        "groups": {role: _group(made, met, role) for role in met.groups},
        **_sets(made),
        "subnets": {
            name: {
                "ids": list(made.network.subnet_ids[name]),
                "range": str(made.plan.of(name)),
            }
            for name in made.plan.purposes
        },
    }


def _sets(made: Made) -> Values:
    """Return both sets of nodes while there are two, in the order in which they were made."""
    if len(made.sets) == 1:
        return {}
    ordered = sorted(made.sets, key=lambda each: each.environment.runtime.generation)
    return {
        name: {
            "serving": each.serving,
            **family.described(each.environment),
            "database": _database(each),
            "groups": {role: _group(made, each, role) for role in each.groups},
        }
        for name, each in zip(("oldSet", "newSet"), ordered, strict=True)
    }


def _database(each: NodeSet) -> Values:
    engine, database = each.environment.database.engine, each.database
    if database is None:
        return {"engine": engine}
    return {
        "engine": engine,
        "server": database.server_name,
        "host": database.host,
        "port": database.port,
        "name": database.name,
    }


def _group(made: Made, each: NodeSet, role: Role) -> Values:
    group, settings = each.groups[role], each.environment.groups[role]
    return {
        "kind": group.kind,
        "ids": list(group.ids),
        "names": list(group.names),
        "addresses": list(group.addresses),
        "port": each.recipes[role].port,
        "size": settings.size,
        "minimum": settings.minimum,
        "maximum": settings.maximum,
        "identity": {
            "clientId": made.identities[role].client_id,
            "principalId": made.identities[role].principal_id,
        },
        **_content(each, role),
    }


def _content(each: NodeSet, role: Role) -> Values:
    """Return what the settings say now, and what machines were made from that keep their content.

    Where the two differ, the nodes are not what the stack file says: `scripts/upgrade` is what
    changes them. `nodeFile` is what it brings them, as base64 of gzip: a person reads the digests.
    """
    group = each.groups[role]
    if not group.made_from:
        return {}
    made = each.user_data[role]
    return {
        "content": {
            "rendered": made.apply(lambda found: found.digest),
            "machines": list(group.made_from),
            "nodeFile": made.apply(lambda found: _packed(found.node_file)),
        }
    }


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
