"""How azure-native's flat inputs become the REST API's nested properties, type by type.

azure-native's inputs are those of the REST API but for three things: the names in the resource's
URL are inputs of their own, a level called `properties` is left out wherever the specification asks
clients to flatten it (x-ms-client-flatten), and few names differ. Which those are stands in the
specifications only (github.com/Azure/azure-rest-api-specs), so it is written down here for each
type that this project deploys; a type that is not here is refused by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

TOP = frozenset({"location", "tags", "sku", "kind", "identity", "zones", "plan", "properties"})
"""What stands beside `properties` in the body of most resources."""

NESTED_TOP = frozenset({"id", "name", "zones"})
"""What stands beside `properties` in a nested resource, such as a load balancer's rule."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmType:
    """What the template needs to know of one type."""

    parameters: tuple[str, ...]
    """Inputs that are parts of the URL."""
    top: frozenset[str] = TOP
    nested: tuple[str, ...] = ()
    """Paths, from the inputs, of what has `properties` of its own; `[]` goes through a list."""
    renamed: Mapping[str, str] | None = None
    """Inputs and paths below them whose last key has another name in the REST API."""
    scope: str = ""
    """Input that is the scope of an extension resource."""
    ordered: bool = False
    """Whether it waits for others that it names in no input."""


def _network(name: str, *nested: str) -> ArmType:
    return ArmType(parameters=("resourceGroupName", name), nested=nested)


_IN_SERVER = ("resourceGroupName", "serverName")
_NIC = "virtualMachineProfile.networkProfile.networkInterfaceConfigurations[]"
_SUBNET = ("resourceGroupName", "virtualNetworkName", "subnetName")
_PLAIN = TOP - {"sku"}

_IN_WORKSPACE = ("resourceGroupName", "workspaceName")
_IN_REGISTRY = ("resourceGroupName", "registryName")
_IN_ACCOUNT = ("resourceGroupName", "accountName")

TYPES: Mapping[str, ArmType] = {
    "applicationinsights:Component": ArmType(
        parameters=("resourceGroupName", "resourceName"),
        renamed={
            "applicationType": "Application_Type",
            "flowType": "Flow_Type",
            "ingestionMode": "IngestionMode",
            "requestSource": "Request_Source",
            "workspaceResourceId": "WorkspaceResourceId",
        },
    ),
    "authorization:RoleAssignment": ArmType(
        parameters=("roleAssignmentName",), scope="scope", top=frozenset()
    ),
    "compute:VirtualMachine": ArmType(
        parameters=("resourceGroupName", "vmName"), nested=("networkProfile.networkInterfaces[]",)
    ),
    "compute:VirtualMachineExtension": ArmType(
        parameters=("resourceGroupName", "vmName", "vmExtensionName")
    ),
    "compute:VirtualMachineScaleSet": ArmType(
        parameters=("resourceGroupName", "vmScaleSetName"),
        nested=(
            _NIC,
            f"{_NIC}.ipConfigurations[]",
            "virtualMachineProfile.extensionProfile.extensions[]",
        ),
    ),
    "containerregistry:AgentPool": ArmType(parameters=(*_IN_REGISTRY, "agentPoolName")),
    "containerregistry:Registry": ArmType(parameters=_IN_REGISTRY),
    "containerregistry:TaskRun": ArmType(parameters=(*_IN_REGISTRY, "taskRunName")),
    "dbforpostgresql:Administrator": ArmType(parameters=(*_IN_SERVER, "objectId")),
    "dbforpostgresql:Configuration": ArmType(parameters=(*_IN_SERVER, "configurationName")),
    "dbforpostgresql:Database": ArmType(parameters=(*_IN_SERVER, "databaseName")),
    "dbforpostgresql:Server": ArmType(parameters=_IN_SERVER),
    "keyvault:Secret": ArmType(
        parameters=("resourceGroupName", "vaultName", "secretName"),
        renamed={
            "properties.attributes.expires": "exp",
            "properties.attributes.notBefore": "nbf",
        },
    ),
    "keyvault:Vault": ArmType(parameters=("resourceGroupName", "vaultName")),
    "machinelearningservices:EnvironmentVersion": ArmType(
        parameters=(*_IN_WORKSPACE, "name", "version")
    ),
    "machinelearningservices:ModelVersion": ArmType(parameters=(*_IN_WORKSPACE, "name", "version")),
    "machinelearningservices:OnlineDeployment": ArmType(
        parameters=(*_IN_WORKSPACE, "endpointName", "deploymentName")
    ),
    "machinelearningservices:OnlineEndpoint": ArmType(parameters=(*_IN_WORKSPACE, "endpointName")),
    "machinelearningservices:Workspace": ArmType(parameters=_IN_WORKSPACE),
    "managedidentity:UserAssignedIdentity": ArmType(
        parameters=("resourceGroupName", "resourceName")
    ),
    "monitor:ActionGroup": ArmType(parameters=("resourceGroupName", "actionGroupName")),
    "monitor:AutoscaleSetting": ArmType(parameters=("resourceGroupName", "autoscaleSettingName")),
    "monitor:DiagnosticSetting": ArmType(parameters=("name",), scope="resourceUri"),
    "monitor:MetricAlert": ArmType(
        parameters=("resourceGroupName", "ruleName"),
        renamed={"criteria.odataType": "odata.type"},
    ),
    "network:LoadBalancer": _network(
        "loadBalancerName",
        "frontendIPConfigurations[]",
        "frontendIPConfigurations[].subnet",
        "backendAddressPools[]",
        "loadBalancingRules[]",
        "probes[]",
        "outboundRules[]",
    ),
    "network:NatGateway": _network("natGatewayName"),
    "network:NetworkInterface": _network(
        "networkInterfaceName", "ipConfigurations[]", "ipConfigurations[].subnet"
    ),
    "network:NetworkSecurityGroup": _network("networkSecurityGroupName", "securityRules[]"),
    "network:PrivateDnsZoneGroup": ArmType(
        parameters=("resourceGroupName", "privateEndpointName", "privateDnsZoneGroupName"),
        nested=("privateDnsZoneConfigs[]",),
    ),
    "network:PrivateEndpoint": _network(
        "privateEndpointName", "privateLinkServiceConnections[]", "subnet"
    ),
    "network:PublicIPAddress": _network("publicIpAddressName"),
    "network:Subnet": ArmType(parameters=_SUBNET),
    "network:VirtualNetwork": _network("virtualNetworkName"),
    "operationalinsights:Workspace": ArmType(
        parameters=("resourceGroupName", "workspaceName"), top=_PLAIN
    ),
    "portal:Dashboard": ArmType(parameters=("resourceGroupName", "dashboardName")),
    "privatedns:PrivateZone": ArmType(parameters=("resourceGroupName", "privateZoneName")),
    "privatedns:VirtualNetworkLink": ArmType(
        parameters=("resourceGroupName", "privateZoneName", "virtualNetworkLinkName")
    ),
    "resources:Deployment": ArmType(
        parameters=("resourceGroupName", "deploymentName"), ordered=True
    ),
    "sql:BackupShortTermRetentionPolicy": ArmType(
        parameters=(*_IN_SERVER, "databaseName", "policyName")
    ),
    "sql:Database": ArmType(parameters=(*_IN_SERVER, "databaseName")),
    "sql:ExtendedServerBlobAuditingPolicy": ArmType(
        parameters=(*_IN_SERVER, "blobAuditingPolicyName")
    ),
    "sql:Server": ArmType(parameters=_IN_SERVER),
    "storage:BlobContainer": ArmType(parameters=(*_IN_ACCOUNT, "containerName")),
    "storage:BlobServiceProperties": ArmType(parameters=(*_IN_ACCOUNT, "blobServicesName")),
    "storage:StorageAccount": ArmType(
        parameters=_IN_ACCOUNT,
        renamed={
            "enableHttpsTrafficOnly": "supportsHttpsTrafficOnly",
            "networkRuleSet": "networkAcls",
        },
    ),
}
"""By token, without the package."""
