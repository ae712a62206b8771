"""The network, its rules, load balancers and private endpoints."""

from collections.abc import Mapping
from typing import Any

from operations.export.azurerm.common import common
from operations.export.parts import Part, Source, Translation
from operations.export.reading import Reader

ZONE_GROUP = "azure-native:network:PrivateDnsZoneGroup"
SUBNET_DEFAULTS = (
    "subnet.privateEndpointNetworkPolicies",
    "subnet.privateLinkServiceNetworkPolicies",
)
"""What Pulumi's SDK fills in for a subnet of its own, where one is only named."""


def resource_group(r: Reader, source: Source) -> list[Part]:
    """Return the group; it is of no other group."""
    values = {key: item for key, item in common(r, source).items() if key != "resource_group_name"}
    return [Part("azurerm_resource_group", values, source.resource.id)]


def virtual_network(r: Reader, source: Source) -> list[Part]:
    """Return the network; it protects against nothing that it would have to pay for."""
    r.skip("enableDdosProtection", "enableVmProtection")
    values = {**common(r, source), "address_space": r("addressSpace.addressPrefixes")}
    return [Part("azurerm_virtual_network", values, source.resource.id)]


def subnet(r: Reader, source: Source) -> list[Part]:
    """Return the subnet, and its ties to a security group and a NAT gateway."""
    target = source.resource.id
    values = {
        **{k: v for k, v in common(r, source).items() if k not in ("location", "tags")},
        "virtual_network_name": r("virtualNetworkName"),
        "address_prefixes": [r("addressPrefix")],
        "default_outbound_access_enabled": r("defaultOutboundAccess"),
        "private_endpoint_network_policies": r("privateEndpointNetworkPolicies"),
        "private_link_service_network_policies_enabled": r("privateLinkServiceNetworkPolicies")
        == "Enabled",
    }
    parts = [Part("azurerm_subnet", values, target)]
    for key, kind in (
        ("networkSecurityGroup", "network_security_group"),
        ("natGateway", "nat_gateway"),
    ):
        if tied := r(f"{key}.id"):
            tie = {"subnet_id": target, f"{kind}_id": tied}
            parts.append(Part(f"azurerm_subnet_{kind}_association", tie, "", kind))
    return parts


def security_group(r: Reader, source: Source) -> list[Part]:
    """Return the group with its rules inside."""
    values = {
        **common(r, source),
        "security_rule": [_rule(rule) for rule in r.each("securityRules")],
    }
    return [Part("azurerm_network_security_group", values, source.resource.id)]


def _rule(r: Reader) -> dict[str, Any]:
    plain = ("name", "priority", "direction", "access", "protocol", "description")
    made = {key: r(key) for key in plain}
    for side in ("source", "destination"):
        for key, name in (
            ("PortRange", "port_range"),
            ("PortRanges", "port_ranges"),
            ("AddressPrefix", "address_prefix"),
            ("AddressPrefixes", "address_prefixes"),
        ):
            made[f"{side}_{name}"] = r(f"{side}{key}")
    return {key: value for key, value in made.items() if value is not None}


def public_address(r: Reader, source: Source) -> list[Part]:
    """Return the address."""
    values = {
        **common(r, source),
        "allocation_method": r("publicIPAllocationMethod"),
        "ip_version": r("publicIPAddressVersion"),
        "sku": r("sku.name"),
        "sku_tier": r("sku.tier"),
        "zones": r("zones"),
        "domain_name_label": r("dnsSettings.domainNameLabel"),
        "idle_timeout_in_minutes": r("idleTimeoutInMinutes"),
    }
    return [Part("azurerm_public_ip", values, source.resource.id)]


def nat_gateway(r: Reader, source: Source) -> list[Part]:
    """Return the gateway and its ties to its addresses."""
    target = source.resource.id
    values = {
        **common(r, source),
        "sku_name": r("sku.name"),
        "idle_timeout_in_minutes": r("idleTimeoutInMinutes"),
        "zones": r("zones"),
    }
    ties = [
        Part(
            "azurerm_nat_gateway_public_ip_association",
            {"nat_gateway_id": target, "public_ip_address_id": address("id")},
            "",
            f"address-{index}",
        )
        for index, address in enumerate(r.each("publicIpAddresses"))
    ]
    return [Part("azurerm_nat_gateway", values, target), *ties]


def load_balancer(r: Reader, source: Source) -> list[Part]:
    """Return the balancer, and as resources of their own its pools, probes and rules."""
    target = source.resource.id
    values = {
        **common(r, source),
        "sku": r("sku.name"),
        "sku_tier": r("sku.tier"),
        "frontend_ip_configuration": [
            _frontend(each) for each in r.each("frontendIPConfigurations")
        ],
    }
    parts = [Part("azurerm_lb", values, target)]
    for pool in r.each("backendAddressPools"):
        name = pool("name")
        made = {"name": name, "loadbalancer_id": target}
        parts.append(
            Part(
                "azurerm_lb_backend_address_pool",
                made,
                f"{target}/backendAddressPools/{name}",
                name,
            )
        )
    for probe in r.each("probes"):
        made = {
            "name": probe("name"),
            "loadbalancer_id": target,
            "protocol": probe("protocol"),
            "port": probe("port"),
            "request_path": probe("requestPath"),
            "interval_in_seconds": probe("intervalInSeconds"),
            "number_of_probes": probe("numberOfProbes"),
            "probe_threshold": probe("probeThreshold"),
        }
        parts.append(
            Part("azurerm_lb_probe", made, f"{target}/probes/{made['name']}", made["name"])
        )
    for rule in r.each("loadBalancingRules"):
        made = _balancing(rule, target)
        parts.append(Part("azurerm_lb_rule", made, "", made["name"]))
    return parts


def _frontend(r: Reader) -> dict[str, Any]:
    r.skip(*SUBNET_DEFAULTS)
    made = {
        "name": r("name"),
        "zones": r("zones"),
        "subnet_id": r("subnet.id"),
        "private_ip_address": r("privateIPAddress"),
        "private_ip_address_allocation": r("privateIPAllocationMethod"),
        "private_ip_address_version": r("privateIPAddressVersion"),
        "public_ip_address_id": r("publicIPAddress.id"),
    }
    return {key: value for key, value in made.items() if value is not None}


def _balancing(r: Reader, target: str) -> dict[str, Any]:
    return {
        "name": r("name"),
        "loadbalancer_id": target,
        "protocol": r("protocol"),
        "frontend_port": r("frontendPort"),
        "backend_port": r("backendPort"),
        "frontend_ip_configuration_name": r("frontendIPConfiguration.id", "").rpartition("/")[2],
        "backend_address_pool_ids": [r("backendAddressPool.id")],
        "probe_id": r("probe.id"),
        "disable_outbound_snat": r("disableOutboundSnat"),
        "floating_ip_enabled": r("enableFloatingIP"),
        "tcp_reset_enabled": r("enableTcpReset"),
        "idle_timeout_in_minutes": r("idleTimeoutInMinutes"),
        "load_distribution": r("loadDistribution"),
    }


def network_interface(r: Reader, source: Source) -> list[Part]:
    """Return the interface, and its ties to pools of load balancers."""
    target = source.resource.id
    parts = []
    configurations = []
    for each in r.each("ipConfigurations"):
        name = each("name")
        each.skip(*SUBNET_DEFAULTS)
        configurations.append(
            {
                "name": name,
                "primary": each("primary"),
                "subnet_id": each("subnet.id"),
                "private_ip_address": each("privateIPAddress"),
                "private_ip_address_allocation": each("privateIPAllocationMethod"),
                "public_ip_address_id": each("publicIPAddress.id"),
            }
        )
        for index, pool in enumerate(each.each("loadBalancerBackendAddressPools")):
            tie = {
                "network_interface_id": target,
                "ip_configuration_name": name,
                "backend_address_pool_id": pool("id"),
            }
            kind = "azurerm_network_interface_backend_address_pool_association"
            parts.append(Part(kind, tie, "", f"pool-{index}"))
    values = {
        **common(r, source),
        "ip_forwarding_enabled": r("enableIPForwarding"),
        "accelerated_networking_enabled": r("enableAcceleratedNetworking"),
        "ip_configuration": configurations,
    }
    return [Part("azurerm_network_interface", values, target), *parts]


def private_endpoint(r: Reader, source: Source) -> list[Part]:
    """Return the endpoint, with the zone group that is a resource of its own in Azure."""
    r.skip(*SUBNET_DEFAULTS)
    groups = source.children(ZONE_GROUP)
    values = {
        **common(r, source),
        "subnet_id": r("subnet.id"),
        "private_service_connection": [
            {
                "name": each("name"),
                "is_manual_connection": False,
                "private_connection_resource_id": each("privateLinkServiceId"),
                "subresource_names": each("groupIds"),
            }
            for each in r.each("privateLinkServiceConnections")
        ],
        "private_dns_zone_group": [
            {
                "name": group.inputs.get("privateDnsZoneGroupName"),
                "private_dns_zone_ids": [
                    zone.get("privateDnsZoneId")
                    for zone in group.inputs.get("privateDnsZoneConfigs", [])
                ],
            }
            for group in groups
        ],
    }
    return [Part("azurerm_private_endpoint", values, source.resource.id)]


def in_its_parent(r: Reader, source: Source) -> list[Part]:
    """Return nothing: azurerm has this as a block of the resource that it belongs to."""
    r.skip(*source.resource.inputs)
    return []


def private_zone(r: Reader, source: Source) -> list[Part]:
    """Return the zone, which is nowhere in particular."""
    values = {key: item for key, item in common(r, source).items() if key != "location"}
    return [Part("azurerm_private_dns_zone", values, source.resource.id)]


def zone_link(r: Reader, source: Source) -> list[Part]:
    """Return the tie of a zone to a network."""
    values = {
        **{key: item for key, item in common(r, source).items() if key != "location"},
        "private_dns_zone_name": r("privateZoneName"),
        "virtual_network_id": r("virtualNetwork.id"),
        "registration_enabled": r("registrationEnabled"),
    }
    return [Part("azurerm_private_dns_zone_virtual_network_link", values, source.resource.id)]


TYPES: Mapping[str, Translation] = {
    "network:LoadBalancer": load_balancer,
    "network:NatGateway": nat_gateway,
    "network:NetworkInterface": network_interface,
    "network:NetworkSecurityGroup": security_group,
    "network:PrivateDnsZoneGroup": in_its_parent,
    "network:PrivateEndpoint": private_endpoint,
    "network:PublicIPAddress": public_address,
    "network:Subnet": subnet,
    "network:VirtualNetwork": virtual_network,
    "privatedns:PrivateZone": private_zone,
    "privatedns:VirtualNetworkLink": zone_link,
    "resources:ResourceGroup": resource_group,
}
