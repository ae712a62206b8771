"""What is known of a node only when its environment is deployed."""

from dataclasses import dataclass
from typing import Literal

from components.runtimes.flows import Flow

Cloud = Literal["azure", "aws"]
Egress = Literal["packages", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeFacts:
    """Where a node stands: names and addresses, never a secret.

    Instances go through `Output.apply` in the clouds' parts, so all fields are plain values.
    """

    cloud: Cloud
    environment: str
    """Name of the stack; part of the issuer of tokens."""

    location: str
    """Azure location or AWS region."""

    vault_uri: str
    """Azure: `https://NAME.vault.azure.net`, with or without a slash at the end. AWS: what the
    names of the environment's secrets begin with."""

    identity_client_id: str
    """Azure: client id of the node's own managed identity. AWS: its instance profile."""

    database_host: str = ""
    """Empty for a database that is a file on the machine itself, as are the fields below."""

    database_name: str = ""
    database_principal: str = ""
    """Database user of the web identity, which runs migrations; empty on compute nodes."""

    database_bootstrap_secret: str = ""
    """AWS: where a web node finds the server's first login, until that user exists."""

    database_port: int = 5432
    clients: tuple[str, ...]
    """CIDRs that may call the web nodes."""

    probe_sources: tuple[str, ...]
    """CIDRs that the load balancer's probes come from."""

    web_subnet: str = ""
    compute_subnet: str = ""
    one_box_subnet: str = ""
    endpoints_subnet: str
    """CIDRs; `endpoints` holds the private endpoints of database and vault. Empty for roles that an
    environment has no nodes of."""

    compute_values: tuple[str, ...] = ()
    """R Server family: a URI for each compute node, where these have addresses that stay."""

    compute_ranges: tuple[str, ...] = ()
    """R Server family: URIs with a range in the last octet, `http://10.0.1.4-254:12805`, that cover
    the addresses that compute nodes of a scale set can have (facts.md section 11)."""

    egress: Egress = "packages"
    """none: the image is complete, so the node installs nothing."""

    bundle_uri: str = ""
    """Where the files of the recipe are, when they are not in the user data."""

    flows: tuple[Flow, ...]
    """Who may talk to whom: what `components.runtimes.flows.allowed` says of the environment."""
