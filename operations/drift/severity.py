"""What matters most of a drift: who may reach what, and what protects it."""

import re
from typing import Final, Literal

Severity = Literal["security", "gone", "changed"]

ORDER: Final[tuple[Severity, ...]] = ("security", "gone", "changed")

_TYPES: Final = re.compile(
    r"azure-native:(authorization|keyvault|managedidentity):.*"
    r"|azure-native:network:(NetworkSecurityGroup|SecurityRule|PublicIPAddress|PrivateEndpoint"
    r"|ApplicationSecurityGroup|FlowLog|Subnet|RouteTable)"
    r"|azure-native:(dbforpostgresql|sql):(Configuration|FirewallRule|Administrator"
    r"|ServerAzureADAdministrator|VirtualNetworkRule).*"
    r"|aws:(iam|kms|secretsmanager|cloudtrail)/.*"
    r"|aws:vpc/.*|aws:ec2/(securityGroup|networkAcl|defaultSecurityGroup|flowLog|eip|route\w*)[:/].*"
    r"|aws:s3/bucket(Policy|PublicAccessBlock|ServerSideEncryption\w*).*"
)
"""Types of which every property says who may do what, or keeps a record of it."""

_PROPERTIES: Final = re.compile(
    r"publicNetworkAccess|publicly|publicAccess|anonymous|allowBlob|internal\b|scheme"
    r"|encrypt|kms|customerManagedKey|tls|ssl|https|certificate|authentication|password|adminUser"
    r"|localAuth|identity|role|polic(y|ies)|permission|principal"
    r"|sourceAddress|destinationAddress|cidr|ipRules|virtualNetworkRules|networkAcls|defaultAction"
    r"|securityRules|securityGroup|ingress|egress|firewall|subnet"
    r"|metadataOptions|httpTokens|hopLimit|userData|customData"
    r"|deletionProtection|purgeProtection|softDelete|retention|backup|skipFinalSnapshot|protect"
    r"|log(ging|s)?\b|accessLogs|audit",
    re.IGNORECASE,
)
"""Names of properties that say the same of any other type."""


def of_property(token: str, path: str) -> Severity:
    """Return how much a change of the property *path* of a resource of type *token* matters."""
    if path.startswith("tags"):
        return "changed"
    return "security" if _TYPES.fullmatch(token) or _PROPERTIES.search(path) else "changed"


def of_deletion(token: str) -> Severity:
    """Return how much it matters that a resource of type *token* is gone."""
    return "security" if _TYPES.fullmatch(token) else "gone"
