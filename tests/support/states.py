"""Small states of the engine, as `pulumi stack export` writes them, for tests of exports."""

import json
from typing import Any

from operations.export import state

GROUP = "/subscriptions/s-1/resourceGroups/rg"
SECRET = {
    state.SIGNATURE: state.SECRET_SIGNATURE,
    "ciphertext": "v1:aGVsbG8gd29ybGQ=",
}


def resource(kind: str, name: str, target: str, inputs: dict[str, Any], **outputs: Any) -> Any:
    """One resource of a provider."""
    return {
        "urn": f"urn:pulumi:dev::operationalization::{kind}::{name}",
        "type": kind,
        "id": target,
        "custom": True,
        "inputs": inputs,
        "outputs": outputs,
    }


def azure(kind: str, name: str, path: str, /, **inputs: Any) -> Any:
    """One resource of Azure in the group: `network:Subnet`, `x`, `Microsoft.Network/…`."""
    own = {"resourceGroupName": "rg", "azureApiVersion": "2024-01-01", **inputs}
    return resource(f"azure-native:{kind}", name, f"{GROUP}/providers/{path}", own)


def text(*resources: Any) -> str:
    """The state that has these."""
    return json.dumps({"version": 3, "deployment": {"resources": list(resources)}})


def deployment(*resources: Any) -> state.Deployment:
    """The deployment that has these."""
    return state.parse(text(*resources), "dev")


THE_GROUP = resource("azure-native:resources:ResourceGroup", "group", GROUP, {"location": "west"})
VNET = azure(
    "network:VirtualNetwork",
    "net",
    "Microsoft.Network/virtualNetworks/net",
    virtualNetworkName="net",
    location="west",
    addressSpace={"addressPrefixes": ["10.0.0.0/16"]},
)
OPEN_GROUP = azure(
    "network:NetworkSecurityGroup",
    "open",
    "Microsoft.Network/networkSecurityGroups/open",
    networkSecurityGroupName="open",
    location="west",
    securityRules=[
        {
            "name": "ssh",
            "priority": 100,
            "direction": "Inbound",
            "access": "Allow",
            "protocol": "Tcp",
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "22",
        }
    ],
)
"""Lets everybody in at port 22: what any judge must see."""
SUBNET = azure(
    "network:Subnet",
    "sub",
    "Microsoft.Network/virtualNetworks/net/subnets/sub",
    virtualNetworkName="net",
    subnetName="sub",
    addressPrefix="10.0.0.0/24",
    networkSecurityGroup={"id": OPEN_GROUP["id"]},
)
VAULT_SECRET = azure(
    "keyvault:Secret",
    "word",
    "Microsoft.KeyVault/vaults/v/secrets/word",
    vaultName="v",
    secretName="word",
    properties={"value": SECRET, "contentType": "text/plain", "attributes": {"expires": 9}},
)
