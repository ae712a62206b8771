"""What the R Server family asks of a topology beyond what every product does.

The family is `rserver` and `mlserver`: environments with settings of `runtime.server`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.parts.addresses import NodeAddresses
from components.runtimes.node import Role
from components.runtimes.rserver.versions import VERSIONS
from components.settings import NodesEnvironment
from components.settings.addresses import AddressPlan
from components.topologies.compute_uris import (
    ComputeUris,
    Scheme,
    compute_uris,
    fixed_addresses,
)

S3 = "s3://"


def verified_addresses(
    environment: NodesEnvironment, addresses: NodeAddresses, plan: AddressPlan
) -> tuple[str, ...]:
    """Return the addresses that the compute nodes' certificate must name.

    Web nodes call compute nodes by address (facts.md section 11), so that is what they verify.
    """
    server = environment.runtime.server
    if server is None or not server.https.compute:
        return ()
    return fixed_addresses(environment, addresses, plan)


def uris(
    environment: NodesEnvironment, addresses: NodeAddresses, plan: AddressPlan, port: int
) -> ComputeUris:
    """Return what web nodes are told of compute nodes, which listen on *port*."""
    server = environment.runtime.server
    if server is None:
        return ComputeUris()
    scheme: Scheme = "https" if server.https.compute else "http"
    return compute_uris(environment, addresses, plan, port, scheme)


def private_files(environment: NodesEnvironment) -> tuple[str, ...]:
    """Return the addresses of installers that AWS gives to whom it knows only."""
    server = environment.runtime.server
    if server is None:
        return ()
    files = server.installers
    archives = (files.server, files.r, files.dotnet, files.packages)
    return tuple(each.url for each in archives if each and each.url.startswith(S3))


def keeps_content(environment: NodesEnvironment, role: Role) -> bool:
    """Return whether machines of *role* stay as they were made when the settings change.

    On fixed nodes a version of the product changes by `scripts/upgrade` alone, node by node and in
    its order, and keeps what the old one had (design.md section 3, "Change order").
    """
    return environment.runtime.server is not None and environment.groups[role].is_fixed


def held_version(environment: NodesEnvironment, role: Role) -> str | None:
    """Return the product and version that a group of *role* must not leave by being replaced.

    Fixed nodes have `scripts/upgrade`, and keep what they have until then.
    """
    runtime = environment.runtime
    if runtime.server is None or environment.groups[role].is_fixed:
        return None
    return f"{runtime.product} {runtime.version}"


def described(environment: NodesEnvironment) -> Mapping[str, pulumi.Input[object]]:
    """Return the outputs that say whose API it is, for environments of the family."""
    runtime = environment.runtime
    if runtime.server is None:
        return {}
    version = VERSIONS[runtime.product, runtime.version]
    return {
        "runtime": {
            "product": version.product,
            "version": version.version,
            "rVersion": version.r_version,
            "account": version.account,
            "statusWords": list(version.status_words),
            "computeNodesApi": version.compute_nodes_api,
            "authentication": runtime.server.authentication.method,
        }
    }


def warn_of_old_content(
    names: Sequence[pulumi.Output[str]],
    made_from: Sequence[pulumi.Output[str]],
    rendered: pulumi.Output[str],
) -> None:
    """Say which machines were made from something else than the settings say now."""

    def warn(found: Mapping[str, Any]) -> None:
        pairs = zip(found["names"], found["made_from"], strict=True)
        old = [name for name, digest in pairs if digest != found["rendered"]]
        if old:
            pulumi.log.warn(
                f"{', '.join(old)}: made from other settings than these, and left as they are. "
                "scripts/upgrade --configure brings them there one by one; what only a new machine "
                "can be comes with pulumi up --replace URN"
            )

    pulumi.Output.all(names=names, made_from=made_from, rendered=rendered).apply(warn)
