"""What operations need to know of an environment with nodes."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.bootstrap.user_data import UserData
from components.parts import (
    DatabasePart,
    IdentityPart,
    LoadBalancerPart,
    NetworkPart,
    NodeGroupPart,
    SecretStorePart,
    Site,
)
from components.runtimes.node import NodeRecipe, Role
from components.settings import NodesEnvironment, Settings
from components.settings.addresses import AddressPlan
from components.topologies import family
from components.topologies.credentials import Credentials

Values = dict[str, pulumi.Input[object]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """All parts of an environment."""

    environment: NodesEnvironment
    settings: Settings
    plan: AddressPlan
    recipes: Mapping[Role, NodeRecipe]
    site: Site
    network: NetworkPart
    balancer: LoadBalancerPart
    identities: Mapping[Role, IdentityPart]
    credentials: Credentials
    secrets: SecretStorePart
    database: DatabasePart | None
    groups: Mapping[Role, NodeGroupPart]
    user_data: Mapping[Role, pulumi.Output[UserData]]


def stack_outputs(made: Made) -> Values:
    """Return the stack's outputs."""
    front = made.recipes[made.plan.front]
    scheme = f"{front.health.protocol.lower()}://"
    brought = made.settings.certificate
    return {
        **({"certificate": brought} if brought else {}),
        "endpoint": pulumi.Output.concat(scheme, made.balancer.host, f":{front.port}"),
        "loadBalancerAddress": made.balancer.addresses[0],
        "loadBalancerAddresses": list(made.balancer.addresses),
        "certificateAuthority": made.credentials.authority,
        "adminPassword": made.credentials.secrets["admin-password"].value,
        **family.described(made.environment),
        "location": made.environment.location,
        "resourceGroup": made.site.resource_group,
        "vault": {
            "name": made.secrets.name,
            "uri": made.secrets.uri,
            "secrets": list(made.secrets.secret_names),
        },
        "database": _database(made),
        "groups": {role: _group(made, role) for role in made.groups},
        "subnets": {
            name: {
                "ids": list(made.network.subnet_ids[name]),
                "range": str(made.plan.of(name)),
            }
            for name in made.plan.purposes
        },
    }


def _database(made: Made) -> Values:
    engine, database = made.environment.database.engine, made.database
    if database is None:
        return {"engine": engine}
    return {
        "engine": engine,
        "server": database.server_name,
        "host": database.host,
        "port": database.port,
        "name": database.name,
    }


def _group(made: Made, role: Role) -> Values:
    group, settings = made.groups[role], made.environment.groups[role]
    return {
        "kind": group.kind,
        "ids": list(group.ids),
        "names": list(group.names),
        "addresses": list(group.addresses),
        "port": made.recipes[role].port,
        "size": settings.size,
        "minimum": settings.minimum,
        "maximum": settings.maximum,
        "identity": {
            "clientId": made.identities[role].client_id,
            "principalId": made.identities[role].principal_id,
        },
        **_content(made, role),
    }


def _content(made: Made, role: Role) -> Values:
    """Return what the settings say now, and what machines were made from that keep their content.

    Where the two differ, the nodes are not what the stack file says: `scripts/upgrade` is what
    changes them.
    """
    group = made.groups[role]
    if not group.made_from:
        return {}
    return {
        "content": {
            "rendered": made.user_data[role].apply(lambda found: found.digest),
            "machines": list(group.made_from),
        }
    }
