"""What a deployment on Azure uses all the time, by meter.

Left out is what is charged by use: traffic, requests, logs, images, and backups beyond what is
included.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from operations.cost.counting import on_azure
from operations.cost.meters import Amount, Meter, Use
from operations.export.state import Deployment, Resource
from operations.links import Links, UnclearError
from operations.reach.places import BUILDERS, nodes_name
from operations.values import at, known, maps, number, text

DISKS: Mapping[str, tuple[str, tuple[tuple[int, int], ...]]] = {
    "Premium": (
        "P",
        ((4, 1), (8, 2), (16, 3), (32, 4), (64, 6), (128, 10), (256, 15), (512, 20), (1024, 30),
         (2048, 40), (4096, 50), (8192, 60), (16384, 70), (32767, 80)),
    ),
    "StandardSSD": (
        "E",
        ((4, 1), (8, 2), (16, 3), (32, 4), (64, 6), (128, 10), (256, 15), (512, 20), (1024, 30),
         (2048, 40), (4096, 50), (8192, 60), (16384, 70), (32767, 80)),
    ),
    "Standard": (
        "S",
        ((32, 4), (64, 6), (128, 10), (256, 15), (512, 20), (1024, 30), (2048, 40), (4096, 50),
         (8192, 60), (16384, 70), (32767, 80)),
    ),
}  # fmt: skip
"""By kind of disk: the letter of its sizes, and the number of each by the GiB that it holds; a disk
costs what the next size does ("Azure managed disk types")."""

INCLUDED_RULES = 5
"""Rules of a load balancer that its price has in it ("Load Balancer pricing")."""

GIB = 2**30


def uses(deployment: Deployment, doubts: list[tuple[str, str]]) -> Iterator[Use]:
    """Yield what *deployment* uses; add to *doubts* what only a deployment tells."""
    links = Links(deployment)
    readers: Mapping[str, Callable[[Deployment, Links, Resource], Iterator[Use]]] = {
        "azure-native:compute:VirtualMachineScaleSet": _scale_set,
        "azure-native:compute:VirtualMachine": _machine,
        "azure-native:machinelearningservices:OnlineDeployment": _online,
        "azure-native:network:NatGateway": _by_hour("NAT gateway", "nat gateway"),
        "azure-native:network:LoadBalancer": _balancer,
        "azure-native:network:PublicIPAddress": _by_hour("public addresses", "public address"),
        "azure-native:network:PrivateEndpoint": _by_hour("private endpoints", "private endpoint"),
        "azure-native:dbforpostgresql:Server": _postgresql,
        "azure-native:sql:Database": _sql,
        "azure-native:containerregistry:Registry": _registry,
        "azure-native:containerregistry:AgentPool": _agents,
    }
    for each in deployment.resources:
        if reader := readers.get(each.type):
            try:
                yield from reader(deployment, links, each)
            except UnclearError as unclear:
                doubts.append((each.name, f"not counted: {unclear}"))


def _meter(resource: Resource, name: str, unit: str) -> Meter:
    region = known(resource.inputs.get("location"), f"where '{resource.name}' is")
    if not isinstance(region, str) or not region:
        raise UnclearError(f"'{resource.name}' does not say where it is")
    return Meter("azure", region.replace(" ", "").lower(), name, unit)


def _by_hour(part: str, meter: str) -> Callable[[Deployment, Links, Resource], Iterator[Use]]:
    def read(_deployment: Deployment, _links: Links, resource: Resource) -> Iterator[Use]:
        yield Use(part, _meter(resource, meter, "hour"), Amount.of(1))

    return read


def _scale_set(deployment: Deployment, links: Links, group: Resource) -> Iterator[Use]:
    part = nodes_name(links, group)
    count = on_azure(deployment, links, group)
    size = text(at(group.inputs, "sku", "name"), f"the size of '{group.name}'")
    profile = at(group.inputs, "virtualMachineProfile")
    yield _instance(group, part, size, profile, count)
    yield from _disks(group, part, profile, count)


def _machine(_deployment: Deployment, links: Links, machine: Resource) -> Iterator[Use]:
    part = nodes_name(links, machine)
    size = text(at(machine.inputs, "hardwareProfile", "vmSize"), f"the size of '{machine.name}'")
    yield _instance(machine, part, size, machine.inputs, Amount.of(1))
    yield from _disks(machine, part, machine.inputs, Amount.of(1))


def _instance(resource: Resource, part: str, size: str, profile: Any, count: Amount) -> Use:
    system = "linux"
    if at(profile, "osProfile", "windowsConfiguration") is not None:
        # With a licence of one's own the machine costs what one with Linux does.
        owned = at(profile, "licenseType") in ("Windows_Server", "Windows_Client")
        system = "linux" if owned else "windows"
    kind = "spot machine" if at(profile, "priority") == "Spot" else "machine"
    return Use(part, _meter(resource, f"{kind} {size} {system}", "hour"), count)


def _disks(resource: Resource, part: str, profile: Any, count: Amount) -> Iterator[Use]:
    storage = at(profile, "storageProfile")
    for disk in [*maps([at(storage, "osDisk")]), *maps(at(storage, "dataDisks"))]:
        what = f"a disk of '{resource.name}'"
        if at(disk, "diffDiskSettings"):
            continue  # on the machine's own disk, which costs nothing more
        kind = text(at(disk, "managedDisk", "storageAccountType"), f"the kind of {what}")
        size = _disk_size(kind, number(disk.get("diskSizeGB"), f"the size of {what}"), what)
        yield Use(part, _meter(resource, f"disk {size}", "month"), count)


def _disk_size(kind: str, gib: int, what: str) -> str:
    family, _, copies = kind.partition("_")
    letter, sizes = DISKS.get(family, ("", ()))
    found = next((number for holds, number in sizes if gib <= holds), None)
    if found is None:
        raise UnclearError(f"{what}: no size of {kind} holds {gib} GiB")
    return f"{letter}{found} {copies}"


def _online(deployment: Deployment, links: Links, resource: Resource) -> Iterator[Use]:
    size = text(at(resource.inputs, "properties", "instanceType"), f"the size of '{resource.name}'")
    name = resource.inputs.get("deploymentName")
    count = on_azure(deployment, links, resource)
    yield Use(f"deployment {name}", _meter(resource, f"machine {size} linux", "hour"), count)


def _balancer(_deployment: Deployment, _links: Links, resource: Resource) -> Iterator[Use]:
    if at(resource.inputs, "sku", "name") != "Standard":
        return
    rules = len(maps(resource.inputs.get("loadBalancingRules")))
    rules += len(maps(resource.inputs.get("outboundRules")))
    if rules:
        yield Use("load balancer", _meter(resource, "load balancer", "hour"), Amount.of(1))
    if rules > INCLUDED_RULES:
        more = Amount.of(rules - INCLUDED_RULES)
        yield Use("load balancer", _meter(resource, "load balancer rule", "hour"), more)


def _postgresql(_deployment: Deployment, _links: Links, resource: Resource) -> Iterator[Use]:
    part, what = "database", f"of '{resource.name}'"
    size = text(at(resource.inputs, "sku", "name"), f"the size {what}")
    mode = known(at(resource.inputs, "highAvailability", "mode"), f"the standby {what}")
    servers = Amount.of(1 if mode in (None, "", "Disabled") else 2)
    storage = number(at(resource.inputs, "storage", "storageSizeGB"), f"the storage {what}")
    yield Use(part, _meter(resource, f"postgresql {size}", "hour"), servers)
    yield Use(
        part, _meter(resource, "postgresql storage", "GB-month"), servers * Amount.of(storage).low
    )


def _sql(_deployment: Deployment, _links: Links, resource: Resource) -> Iterator[Use]:
    part, what = "database", f"of '{resource.name}'"
    size = text(at(resource.inputs, "sku", "name"), f"the size {what}")
    redundant = resource.inputs.get("zoneRedundant") is True
    storage = number(resource.inputs.get("maxSizeBytes"), f"the storage {what}") / GIB
    yield Use(part, _meter(resource, f"sql {size}", "hour"), Amount.of(1))
    if redundant:
        yield Use(part, _meter(resource, f"sql zones {size}", "hour"), Amount.of(1))
    yield Use(part, _meter(resource, "sql storage", "GB-month"), Amount.of(storage))


def _registry(_deployment: Deployment, _links: Links, resource: Resource) -> Iterator[Use]:
    tier = text(at(resource.inputs, "sku", "name"), f"the tier of '{resource.name}'")
    yield Use("container registry", _meter(resource, f"registry {tier}", "day"), Amount.of(1))


def _agents(_deployment: Deployment, _links: Links, resource: Resource) -> Iterator[Use]:
    tier = text(resource.inputs.get("tier"), f"the tier of '{resource.name}'")
    count = Amount.of(number(resource.inputs.get("count", 1), f"the count of '{resource.name}'"))
    yield Use(BUILDERS, _meter(resource, f"registry agent {tier}", "hour"), count)
