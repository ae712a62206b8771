"""Network security groups (Microsoft.Network/networkSecurityGroups), rules inline.

Sources: Azure documentation, "Network security groups" (priorities, ports, default rules),
"Azure service tags overview", "Azure subscription and service limits" (1,000 rules a group).
"""

import re
from collections.abc import Iterator
from ipaddress import ip_network

from sandbox.control.azure.arm import (
    named_once,
    not_emulated,
    one_of,
    provider,
    required,
    standard,
)
from sandbox.control.azure.locations import LOCATIONS
from sandbox.control.azure.virtual_networks import network_name
from sandbox.control.kinds import Context, Kind, Outputs, Problem, Values
from sandbox.control.reading import elements, mapping, number, present, text, texts

SECURITY_GROUP = "Microsoft.Network/networkSecurityGroups"

SERVICE_TAGS = frozenset(
    [
        "VirtualNetwork",
        "AzureLoadBalancer",
        "Internet",
        "ActionGroup",
        "ApiManagement",
        "AppConfiguration",
        "AppService",
        "AppServiceManagement",
        "AzureActiveDirectory",
        "AzureActiveDirectoryDomainServices",
        "AzureAdvancedThreatProtection",
        "AzureArcInfrastructure",
        "AzureAttestation",
        "AzureBackup",
        "AzureBotService",
        "AzureCloud",
        "AzureCognitiveSearch",
        "AzureConnectors",
        "AzureContainerRegistry",
        "AzureCosmosDB",
        "AzureDatabricks",
        "AzureDataLake",
        "AzureDevOps",
        "AzureDigitalTwins",
        "AzureEventGrid",
        "AzureFrontDoor.Backend",
        "AzureFrontDoor.FirstParty",
        "AzureFrontDoor.Frontend",
        "AzureInformationProtection",
        "AzureIoTHub",
        "AzureKeyVault",
        "AzureMachineLearning",
        "AzureMonitor",
        "AzurePlatformDNS",
        "AzurePlatformIMDS",
        "AzurePlatformLKM",
        "AzureResourceManager",
        "AzureSignalR",
        "AzureSiteRecovery",
        "AzureSphere",
        "AzureStack",
        "AzureTrafficManager",
        "AzureUpdateDelivery",
        "AzureWebPubSub",
        "BatchNodeManagement",
        "ChaosStudio",
        "CognitiveServicesManagement",
        "DataFactory",
        "DataFactoryManagement",
        "Dynamics365ForMarketingEmail",
        "EventHub",
        "GatewayManager",
        "GuestAndHybridManagement",
        "HDInsight",
        "LogicApps",
        "LogicAppsManagement",
        "MicrosoftCloudAppSecurity",
        "MicrosoftContainerRegistry",
        "MicrosoftDefenderForEndpoint",
        "PowerBI",
        "PowerPlatformInfra",
        "PowerQueryOnline",
        "ServiceBus",
        "ServiceFabric",
        "Sql",
        "SqlManagement",
        "Storage",
        "StorageSyncService",
        "WindowsAdminCenter",
        "WindowsVirtualDesktop",
    ]
)
_REGIONLESS = frozenset({"VirtualNetwork", "AzureLoadBalancer", "Internet"})
_TAGS = {tag.casefold(): tag for tag in SERVICE_TAGS}

PROTOCOLS = ("Tcp", "Udp", "Icmp", "Esp", "Ah", "*")

_ENDS = ("source", "destination")


def is_service_tag(written: str) -> bool:
    """Whether *written* is a service tag, with a region's suffix where the tag can have one."""
    if written.casefold() in _TAGS:
        return True
    tag, _, region = written.rpartition(".")
    known = _TAGS.get(tag.casefold())
    return known is not None and known not in _REGIONLESS and region.casefold() in LOCATIONS


def is_port_range(written: str) -> bool:
    """`*`, a port or two ports with a hyphen, the lower one first."""
    if written == "*":
        return True
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", written)
    if match is None:
        return False
    first = int(match[1])
    return first <= int(match[2] or first) <= 65535


def _is_address(written: str) -> bool:
    if written == "*" or is_service_tag(written):
        return True
    try:
        ip_network(written, strict=False)
    except ValueError:
        return False
    return True


def _rule_rules(path: str, rule: Values) -> Iterator[Problem]:
    """One rule: priority, protocol, ports and addresses at both ends."""
    priority = number(rule, "priority")
    if priority is not None and not 100 <= priority <= 4096:
        yield Problem(
            f"{path}.priority",
            f"Security rule has invalid Priority. Value provided: {priority}. Priority should be "
            "between 100 and 4096.",
            "SecurityRuleInvalidPriority",
        )
    for problem in (
        *one_of(rule, "protocol", PROTOCOLS, "SecurityRuleInvalidProtocol"),
        *one_of(rule, "access", ("Allow", "Deny"), "SecurityRuleInvalidAccess"),
        *one_of(rule, "direction", ("Inbound", "Outbound"), "SecurityRuleInvalidDirection"),
    ):
        yield problem._replace(path=f"{path}.{problem.path}")
    for end in _ENDS:
        yield from _addresses(path, rule, end)
        yield from _ports(path, rule, end)
    if len(text(rule, "description") or "") > 140:
        yield Problem(f"{path}.description", "has more than 140 characters", "InvalidParameter")
    for problem in not_emulated(
        rule,
        {
            f"{end}ApplicationSecurityGroups": f"give {end}AddressPrefix or {end}AddressPrefixes"
            for end in _ENDS
        },
    ):
        yield problem._replace(path=f"{path}.{problem.path}")


def _exactly_one(path: str, rule: Values, one: str, many: str) -> Iterator[Problem]:
    both = present(rule, one) and present(rule, many)
    if both:
        yield Problem(
            f"{path}.{many}",
            f"Security rule cannot specify both {one} and {many}.",
            "SecurityRuleParameterConflict",
        )


def _addresses(path: str, rule: Values, end: str) -> Iterator[Problem]:
    one, many = f"{end}AddressPrefix", f"{end}AddressPrefixes"
    yield from _exactly_one(path, rule, one, many)
    for where, written in (*texts(rule, one), *texts(rule, f"{many}[*]")):
        if not _is_address(written):
            yield Problem(
                f"{path}.{where}",
                f"Security rule has invalid Address prefix. Value provided: {written}. Give a CIDR "
                "range, an address, * or a service tag.",
                "SecurityRuleInvalidAddressPrefix",
            )
        elif written == "*" and where != one:
            yield Problem(
                f"{path}.{where}",
                f"* belongs in {one}, not into a list",
                "SecurityRuleInvalidAddressPrefix",
            )


def _ports(path: str, rule: Values, end: str) -> Iterator[Problem]:
    one, many = f"{end}PortRange", f"{end}PortRanges"
    yield from _exactly_one(path, rule, one, many)
    given = (*texts(rule, one), *texts(rule, f"{many}[*]"))
    for where, written in given:
        if not is_port_range(written):
            yield Problem(
                f"{path}.{where}",
                f"Security rule has invalid Port range. Value provided: {written}. Value should be "
                "an integer OR integer range with '-' delimiter. Valid range 0-65535.",
                "SecurityRuleInvalidPortRange",
            )
    if (text(rule, "protocol") or "*").casefold() in ("icmp", "esp", "ah"):
        for where, written in given:
            if written != "*":
                yield Problem(
                    f"{path}.{where}",
                    f"Security rule with protocol {text(rule, 'protocol')} has no ports: use *",
                    "SecurityRuleInvalidPortRange",
                )


def _rules(values: Values) -> Iterator[Problem]:
    seen: dict[tuple[str, int], str] = {}
    rules = elements(values, "securityRules")
    for path, rule in rules:
        yield from _rule_rules(path, rule)
        name = text(rule, "name") or path
        direction, priority = (text(rule, "direction") or "").casefold(), number(rule, "priority")
        if priority is None or not direction:
            continue
        other = seen.setdefault((direction, priority), name)
        if other != name:
            yield Problem(
                f"{path}.priority",
                f"Security rule {name} conflicts with rule {other}. Rules cannot have the same "
                "Priority and Direction.",
                "SecurityRuleConflict",
            )
    yield from named_once(values, "securityRules")
    if len(rules) > 1000:
        yield Problem(
            "securityRules",
            f"has {len(rules)} rules; a network security group holds up to 1000",
            "TooManySecurityRules",
        )
    yield from not_emulated(values, {"defaultSecurityRules": "Azure provides them"})


def _verify(context: Context) -> Iterator[Problem]:
    for path, _ in elements(context.inputs, "securityRules"):
        for end in _ENDS:
            for one, many in (
                (f"{end}AddressPrefix", f"{end}AddressPrefixes"),
                (f"{end}PortRange", f"{end}PortRanges"),
            ):
                rule = mapping(context.inputs, path)
                if not present(rule, one) and not present(rule, many):
                    yield Problem(
                        f"{path}.{one}",
                        f"Security rule must specify {one} or {many}.",
                        "SecurityRuleParameterNotSpecified",
                    )
        yield from required(context.inputs, f"{path}.name")


_DEFAULTS = (
    ("AllowVnetInBound", 65000, "Inbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "AzureLoadBalancer", "*"),
    ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*"),
    ("AllowVnetOutBound", 65000, "Outbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet"),
    ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*"),
)


def _outputs(context: Context) -> Outputs:
    defaults = [
        {
            "id": f"{context.id}/defaultSecurityRules/{name}",
            "name": name,
            "type": f"{SECURITY_GROUP}/defaultSecurityRules",
            "priority": priority,
            "direction": direction,
            "access": access,
            "protocol": "*",
            "sourceAddressPrefix": source,
            "destinationAddressPrefix": destination,
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "provisioningState": "Succeeded",
        }
        for name, priority, direction, access, source, destination in _DEFAULTS
    ]
    return {
        "resourceGuid": context.identifier("resourceGuid"),
        "defaultSecurityRules": defaults,
    }


KINDS = (
    Kind(
        type="azure-native:network:NetworkSecurityGroup",
        id_template=provider(SECURITY_GROUP, "networkSecurityGroupName"),
        name=network_name(),
        parts=("securityRules",),
        rules=standard(SECURITY_GROUP, _rules),
        verify=_verify,
        outputs=_outputs,
        in_use=(
            "InUseNetworkSecurityGroupCannotBeDeleted",
            (
                "Network security group {id} cannot be deleted because it is in use by the "
                "following "
                "resources: {by}. In order to delete the Network security group, remove the "
                "association with the resource(s). To learn how to do this, see aka.ms/deletensg."
            ),
        ),
    ),
)
