"""Load balancers (Microsoft.Network/loadBalancers), Standard SKU, with all parts inline.

Sources: Azure documentation, "Azure Load Balancer components", "Azure Load Balancer health probes"
(HTTPS probes, probe threshold), "Load Balancer TCP Reset and Idle Timeout" (4 to 100 minutes),
"Azure Load Balancer SKUs" (Basic retired on 30 September 2025).
"""

from collections.abc import Callable, Iterator

from sandbox.control.azure.addresses import (
    BALANCER,
    allocated,
    keeping,
    verify_address,
    verify_room,
)
from sandbox.control.azure.arm import (
    named_once,
    not_emulated,
    one_of,
    provider,
    required,
    same,
    standard,
    verify_region,
    within,
)
from sandbox.control.azure.public_addresses import PUBLIC_ADDRESS, verify_free
from sandbox.control.azure.virtual_networks import SUBNET, network_name
from sandbox.control.kinds import Context, Kind, Outputs, Problem, Values
from sandbox.control.reading import elements, flag, number, present, text, texts

LOAD_BALANCER = "Microsoft.Network/loadBalancers"

FRONTENDS, POOLS, PROBES, RULES, OUTBOUND = (
    "frontendIPConfigurations",
    "backendAddressPools",
    "probes",
    "loadBalancingRules",
    "outboundRules",
)

_OWN_PARTS = {
    f"{RULES}[*].frontendIPConfiguration.id": FRONTENDS,
    f"{RULES}[*].backendAddressPool.id": POOLS,
    f"{RULES}[*].backendAddressPools[*].id": POOLS,
    f"{RULES}[*].probe.id": PROBES,
    f"{OUTBOUND}[*].backendAddressPool.id": POOLS,
    f"{OUTBOUND}[*].frontendIPConfigurations[*].id": FRONTENDS,
}


def _at(path: str, problems: Iterator[Problem]) -> Iterator[Problem]:
    for problem in problems:
        yield problem._replace(path=f"{path}.{problem.path}")


def _each(
    values: Values, part: str, rule: Callable[[Values], Iterator[Problem]]
) -> Iterator[Problem]:
    for path, element in elements(values, part):
        yield from _at(path, rule(element))


def _frontend(values: Values) -> Iterator[Problem]:
    public, internal = "publicIPAddress" in values, "subnet" in values
    if public and internal:
        yield Problem(
            "publicIPAddress",
            "a frontend has either publicIPAddress or subnet, not both",
            "LoadBalancerFrontendIpConfigurationInvalid",
        )
    if public and (present(values, "zones") or present(values, "privateIPAddress")):
        yield Problem(
            "zones" if present(values, "zones") else "privateIPAddress",
            "belongs to an internal frontend: a public one has the address and zones of its "
            "publicIPAddress",
            "LoadBalancerFrontendIpConfigurationInvalid",
        )
    yield from one_of(values, "privateIPAddressVersion", ("IPv4",))
    yield from not_emulated(
        values, {"publicIPPrefix": "use publicIPAddress", "gatewayLoadBalancer": "leave it out"}
    )


def _probe(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "protocol", ("Http", "Https", "Tcp"))
    yield from within(values, "port", 1, 65535)
    yield from within(values, "intervalInSeconds", 5, 2147483646)
    yield from within(values, "numberOfProbes", 1, 429496729)
    yield from within(values, "probeThreshold", 1, 100)
    protocol, path = (text(values, "protocol") or "").casefold(), text(values, "requestPath")
    if protocol in ("http", "https") and path is not None and not path.startswith("/"):
        yield Problem("requestPath", f"must start with /, got {path!r}", "ProbeRequestPathInvalid")
    if protocol == "tcp" and path:
        yield Problem("requestPath", "a TCP probe has no path", "ProbeRequestPathNotAllowed")
    yield from not_emulated(values, {"noHealthyBackendsBehavior": "leave it out"})


def _rule(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "protocol", ("Tcp", "Udp", "All"))
    yield from one_of(values, "loadDistribution", ("Default", "SourceIP", "SourceIPProtocol"))
    yield from within(values, "idleTimeoutInMinutes", 4, 100)
    everything = (text(values, "protocol") or "").casefold() == "all"
    low = 0 if everything else 1
    yield from within(values, "frontendPort", low, 65534)
    yield from within(values, "backendPort", low, 65535)
    if everything and number(values, "frontendPort") not in (None, 0):
        yield Problem(
            "frontendPort", "a rule for all protocols (HA ports) has port 0", "InvalidRequestFormat"
        )
    if flag(values, "enableTcpReset") and (text(values, "protocol") or "").casefold() == "udp":
        yield Problem("enableTcpReset", "a UDP rule has no TCP reset", "InvalidRequestFormat")


def _outbound(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "protocol", ("Tcp", "Udp", "All"))
    yield from within(values, "idleTimeoutInMinutes", 4, 100)
    yield from within(values, "allocatedOutboundPorts", 0, 64000)


def _ports(values: Values) -> Iterator[Problem]:
    """Two rules can't listen on one port and protocol of one frontend."""
    seen: dict[tuple[str, int, str], str] = {}
    for path, rule in elements(values, RULES):
        frontend = text(rule, "frontendIPConfiguration.id")
        port, name = number(rule, "frontendPort"), text(rule, "name") or path
        if frontend is None or port is None:
            continue
        key = (frontend.casefold(), port, (text(rule, "protocol") or "").casefold())
        other = seen.setdefault(key, name)
        if other != name:
            yield Problem(
                f"{path}.frontendPort",
                f"Load balancing rules {other} and {name} both use frontend port {port} and "
                "protocol of one frontend IP configuration.",
                "RulesUseSameFrontendPortProtocolAndIPConfig",
            )


_RETIRED = Problem(
    "sku.name",
    "Basic SKU load balancers are retired: set sku.name to Standard.",
    "BasicSkuLoadBalancerRetired",
)


def _sku(values: Values) -> Iterator[Problem]:
    name = text(values, "sku.name")
    if name is not None and name.casefold() == "basic":
        yield _RETIRED
    elif name is not None and name.casefold() != "standard":
        yield Problem("sku.name", f"the sandbox does not emulate {name!r}: use Standard")
    yield from one_of(values, "sku.tier", ("Regional",))


def _rules(values: Values) -> Iterator[Problem]:
    yield from _sku(values)
    for part in _DEFAULTS:
        yield from named_once(values, part)
    yield from _each(values, FRONTENDS, _frontend)
    yield from _each(values, PROBES, _probe)
    yield from _each(values, RULES, _rule)
    yield from _each(values, OUTBOUND, _outbound)
    yield from _ports(values)
    yield from not_emulated(
        values,
        {
            "inboundNatPools": "leave it out: nodes are not reached one by one",
            "inboundNatRules": "leave it out: nodes are not reached one by one",
            "extendedLocation": "leave it out",
            f"{POOLS}[*].loadBalancerBackendAddresses": "name the pool in the members' interfaces",
            f"{POOLS}[*].tunnelInterfaces": "leave it out",
        },
    )


def _verify_parts(context: Context) -> Iterator[Problem]:
    """Rules point at parts of this very load balancer, by the id that they will have."""
    for pattern, part in _OWN_PARTS.items():
        names = [text(element, "name") or "" for _, element in elements(context.inputs, part)]
        known = [f"{context.id}/{part}/{name}" for name in names]
        for path, wanted in texts(context.inputs, pattern):
            if not any(same(wanted, found) for found in known):
                yield Problem(
                    path,
                    f"Resource {wanted} referenced by resource {context.id} was not found. Please "
                    "make sure that the referenced resource exists, and that both resources are in "
                    "the same region.",
                    "InvalidResourceReference",
                )


def _verify_given(context: Context) -> Iterator[Problem]:
    """What must be there; at check it could still have been unknown."""
    if not text(context.inputs, "sku.name"):
        yield _RETIRED
    for part in _DEFAULTS:
        for path, _ in elements(context.inputs, part):
            yield from required(context.inputs, f"{path}.name")
    for path, frontend in elements(context.inputs, FRONTENDS):
        if "publicIPAddress" not in frontend and "subnet" not in frontend:
            yield Problem(
                path,
                "a frontend has either publicIPAddress or subnet; it has neither",
                "LoadBalancerFrontendIpConfigurationInvalid",
            )
    for path, probe in elements(context.inputs, PROBES):
        if (text(probe, "protocol") or "").casefold() != "tcp":
            yield from required(
                context.inputs, f"{path}.requestPath", code="ProbeRequestPathInvalid"
            )


def _verify(context: Context) -> Iterator[Problem]:
    yield from _verify_given(context)
    yield from _verify_parts(context)
    yield from verify_region(
        context,
        text(context.inputs, "location"),
        f"{FRONTENDS}[*].subnet.id",
        f"{FRONTENDS}[*].publicIPAddress.id",
    )
    for path, frontend in elements(context.inputs, FRONTENDS):
        if address := text(frontend, "publicIPAddress.id"):
            yield from verify_free(context, f"{path}.publicIPAddress.id", address)
        if subnet := text(frontend, "subnet.id"):
            if wanted := text(frontend, "privateIPAddress"):
                yield from verify_address(context, f"{path}.privateIPAddress", subnet, wanted)
            elif context.previous is None:
                yield from verify_room(context, f"{path}.subnet.id", subnet, 1)
    yield from _verify_zones(context)


def _verify_zones(context: Context) -> Iterator[Problem]:
    """The zones of a frontend stay what they were."""
    if context.previous is None:
        return
    before = {text(old, "name"): old for _, old in elements(context.previous.inputs, FRONTENDS)}
    for path, frontend in elements(context.inputs, FRONTENDS):
        old = before.get(text(frontend, "name"))
        if old is not None and old.get("zones") != frontend.get("zones"):
            yield Problem(
                f"{path}.zones",
                f"Zones of frontend IP configuration {text(frontend, 'name')} cannot be changed "
                "after it is created: give the frontend another name.",
                "FrontendIpConfigurationZonesCannotBeModified",
            )


_DEFAULTS: dict[str, dict[str, object]] = {
    FRONTENDS: {},
    POOLS: {},
    PROBES: {"intervalInSeconds": 15, "numberOfProbes": 1, "probeThreshold": 1},
    RULES: {
        "loadDistribution": "Default",
        "idleTimeoutInMinutes": 4,
        "enableFloatingIP": False,
        "enableTcpReset": False,
        "disableOutboundSnat": False,
    },
    OUTBOUND: {"idleTimeoutInMinutes": 4, "enableTcpReset": False},
}


def _outputs(context: Context) -> Outputs:
    result: Outputs = {"sku": {"name": "Standard", "tier": "Regional"}}
    for part, defaults in _DEFAULTS.items():
        if part == FRONTENDS:
            found = allocated(context, FRONTENDS)
            for frontend in found:
                frontend.setdefault("privateIPAllocationMethod", "Dynamic")
        else:
            found = [dict(element) for _, element in elements(context.inputs, part)]
        result[part] = [
            {
                **defaults,
                **element,
                "id": f"{context.id}/{part}/{element.get('name')}",
                "type": f"{LOAD_BALANCER}/{part}",
                "provisioningState": "Succeeded",
            }
            for element in found
        ]
    return result


_ADDRESSES = keeping(FRONTENDS)

KINDS = (
    Kind(
        type=BALANCER,
        id_template=provider(LOAD_BALANCER, "loadBalancerName"),
        name=network_name(),
        references={
            f"{FRONTENDS}[*].publicIPAddress.id": (PUBLIC_ADDRESS,),
            f"{FRONTENDS}[*].subnet.id": (SUBNET,),
            **{pattern: (f"{LOAD_BALANCER}/{part}",) for pattern, part in _OWN_PARTS.items()},
        },
        parts=(FRONTENDS, POOLS, PROBES, RULES, OUTBOUND),
        rules=standard(LOAD_BALANCER, _rules),
        verify=_verify,
        outputs=_outputs,
        created=_ADDRESSES.created,
        updated=_ADDRESSES.updated,
        deleting=_ADDRESSES.deleting,
        in_use=(
            "LoadBalancerInUse",
            "Cannot delete load balancer {id} since its child resources are in use by {by}.",
        ),
    ),
)
