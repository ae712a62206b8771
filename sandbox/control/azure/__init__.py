"""What the sandbox knows of Azure: the kinds and functions of `azure-native`."""

from sandbox.control.azure import (
    application_insights,
    authorization,
    autoscale,
    counts,
    dashboards,
    functions,
    images,
    instances,
    key_vaults,
    load_balancers,
    managed_identities,
    ml_workspaces,
    monitor,
    nat_gateways,
    network_interfaces,
    online_deployments,
    online_endpoints,
    postgresql_parts,
    private_dns,
    private_endpoints,
    public_addresses,
    quotas,
    registries,
    resources,
    scale_sets,
    security_groups,
    sql,
    storage_accounts,
    template_deployments,
    virtual_machines,
    virtual_networks,
)
from sandbox.control.azure.configuration import configuration as configuration
from sandbox.control.azure.refusals import REFUSALS as REFUSALS
from sandbox.control.kinds import Function, Kind

_KINDS: tuple[Kind, ...] = (
    *resources.KINDS,
    *virtual_networks.KINDS,
    *security_groups.KINDS,
    *public_addresses.KINDS,
    *nat_gateways.KINDS,
    *load_balancers.KINDS,
    *network_interfaces.KINDS,
    *private_endpoints.KINDS,
    *private_dns.KINDS,
    *managed_identities.KINDS,
    *authorization.KINDS,
    *key_vaults.KINDS,
    *postgresql_parts.KINDS,
    *sql.KINDS,
    *images.KINDS,
    *scale_sets.KINDS,
    *virtual_machines.KINDS,
    *autoscale.KINDS,
    *monitor.KINDS,
    *dashboards.KINDS,
    *application_insights.KINDS,
    *storage_accounts.KINDS,
    *registries.KINDS,
    *ml_workspaces.KINDS,
    *online_endpoints.KINDS,
    *online_deployments.KINDS,
    *template_deployments.KINDS,
)
KINDS: tuple[Kind, ...] = tuple(map(counts.counted, _KINDS))
FUNCTIONS: tuple[Function, ...] = functions.functions(KINDS)
QUOTAS = quotas.usual()

settle = instances.settle_all


def builtin(target: str) -> bool:
    """Whether Azure itself provides this id: built-in roles, and the gallery's images."""
    return authorization.is_builtin_role(target) or images.of_gallery(target) is not None
