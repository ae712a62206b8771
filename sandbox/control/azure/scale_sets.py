"""Virtual machine scale sets (Microsoft.Compute/virtualMachineScaleSets), Uniform orchestration.

Sources: Azure documentation, "Modify a Virtual Machine Scale Set" (what can't change), "Automatic
instance repairs for Azure Virtual Machine Scale Sets" (10 to 90 minutes of grace), "Terminate
notification for Azure Virtual Machine Scale Set instances" (5 to 15 minutes), "Working with large
virtual machine scale sets", "Create a Virtual Machine Scale Set that uses Availability Zones".
"""

from collections.abc import Iterator

from sandbox.control.azure import extensions, instances, machines, quotas
from sandbox.control.azure.addresses import verify_room
from sandbox.control.azure.arm import (
    name_of,
    not_emulated,
    one_of,
    parent_of,
    provider,
    required,
    standard,
    unchangeable,
    verify_region,
    within,
)
from sandbox.control.azure.durations import between
from sandbox.control.azure.images import IMAGE_TYPES
from sandbox.control.azure.network_interfaces import POOL, verify_pool
from sandbox.control.azure.sizes import size_of
from sandbox.control.azure.virtual_networks import SUBNET
from sandbox.control.kinds import (
    Context,
    Kind,
    Name,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
)
from sandbox.control.reading import elements, flag, mapping, number, present, text, texts

SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"

PROFILE = "virtualMachineProfile"
_OS, _STORAGE, _SECURITY = (
    f"{PROFILE}.osProfile",
    f"{PROFILE}.storageProfile",
    (f"{PROFILE}.securityProfile"),
)
_INTERFACES = f"{PROFILE}.networkProfile.networkInterfaceConfigurations"
_EXTENSIONS = f"{PROFILE}.extensionProfile.extensions"
_NOTICE = f"{PROFILE}.scheduledEventsProfile.terminateNotificationProfile"

MACHINE_NAME = Name(
    pattern=r"[^\s~!@#$%^&*()=+_\[\]{}\\|;:.'\",<>/?-]([^\s~!@#$%^&*()=+\[\]{}\\|;:'\",<>/?]*"
    r"[^\s~!@#$%^&*()=+\[\]{}\\|;:.'\",<>/?-])?",
    maximum=64,
    words="letters, digits, hyphens, underscores and periods; no underscore first, no period or "
    "hyphen last",
)


def _capacity(values: Values) -> Iterator[Problem]:
    capacity = number(values, "sku.capacity")
    yield from within(values, "sku.capacity", 0, 1000)
    if capacity is not None and capacity > 100 and flag(values, "singlePlacementGroup"):
        yield Problem(
            "sku.capacity",
            f"a scale set of one placement group holds up to 100 machines, got {capacity}: set "
            "singlePlacementGroup to false",
            "InvalidParameter",
        )
    if not present(values, _STORAGE):
        return
    images = mapping(values, f"{_STORAGE}.imageReference")
    if text(images, "id") and capacity is not None and capacity > 600:
        yield Problem(
            "sku.capacity",
            f"a scale set of a custom image holds up to 600 machines, got {capacity}",
            "InvalidParameter",
        )


def _shape(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "orchestrationMode", ("Uniform",))
    mode = text(values, "upgradePolicy.mode")
    if mode not in (None, "Manual"):
        yield Problem(
            "upgradePolicy.mode",
            f"the sandbox does not emulate {mode}: use Manual, and replace the group for new "
            "content",
        )
    faults, zonal = number(values, "platformFaultDomainCount"), present(values, "zones")
    if zonal and faults not in (None, 1, 5):
        yield Problem(
            "platformFaultDomainCount",
            f"must be 1 (max spreading) or 5 in a scale set with zones, got {faults}",
            "InvalidParameter",
        )
    yield from within(values, "platformFaultDomainCount", 1, 5)
    if flag(values, "zoneBalance") and "zones" in values and len(texts(values, "zones[*]")) < 2:
        yield Problem("zoneBalance", "needs two zones or more", "InvalidParameter")


def _repairs(values: Values) -> Iterator[Problem]:
    yield from between(values, "automaticRepairsPolicy.gracePeriod", "PT10M", "PT90M")
    yield from one_of(
        values, "automaticRepairsPolicy.repairAction", ("Replace", "Restart", "Reimage")
    )
    yield from between(values, f"{_NOTICE}.notBeforeTimeout", "PT5M", "PT15M")


def _interfaces(values: Values) -> Iterator[Problem]:
    for path, _ in elements(values, _INTERFACES):
        yield from machines.accelerated_problems(
            values, f"{path}.enableAcceleratedNetworking", "sku.name"
        )
    yield from not_emulated(
        values,
        {
            f"{_INTERFACES}[*].ipConfigurations[*].publicIPAddressConfiguration": "machines have "
            "private addresses only",
            f"{_INTERFACES}[*].ipConfigurations[*].loadBalancerInboundNatPools": "leave it out",
            f"{_INTERFACES}[*].ipConfigurations[*].applicationSecurityGroups": "name address "
            "ranges in security rules",
            f"{_INTERFACES}[*].ipConfigurations[*].applicationGatewayBackendAddressPools": "use a "
            "load balancer",
        },
    )


def _extension_rules(values: Values) -> Iterator[Problem]:
    for path, extension in elements(values, _EXTENSIONS):
        yield from extensions.problems(path, extension)
    yield from between(
        values, f"{PROFILE}.extensionProfile.extensionsTimeBudget", "PT15M", "PT120M"
    )


def _rules(values: Values) -> Iterator[Problem]:
    yield from machines.size_problems(values, "sku.name")
    for rule in (_capacity, _shape, _repairs, _interfaces, _extension_rules):
        yield from rule(values)
    yield from machines.os_problems(values, _OS)
    yield from machines.storage_problems(values, _STORAGE, "sku.name")
    yield from machines.security_problems(values, _SECURITY, _STORAGE)
    yield from machines.generation_problems(values, "sku.name", _STORAGE)
    yield from machines.identity_problems(values)
    prefix = text(values, f"{_OS}.computerNamePrefix")
    if prefix is not None and not 1 <= len(prefix) <= 58:
        yield Problem(
            f"{_OS}.computerNamePrefix",
            f"has 1 to 58 characters on Linux, not {len(prefix)}",
            "InvalidParameter",
        )
    yield from not_emulated(values, _NOT_EMULATED)


_NOT_EMULATED = {
    "overprovision": "set it to false: the sandbox starts as many machines as are asked for",
    "hostGroup": "leave it out",
    "plan": "leave it out",
    "proximityPlacementGroup": "leave it out",
    "priorityMixPolicy": "leave it out",
    "skuProfile": "name one size in sku",
    "spotRestorePolicy": "leave it out",
    "resiliencyPolicy": "leave it out",
    "extendedLocation": "leave it out",
    "additionalCapabilities": "leave it out",
    "upgradePolicy.rollingUpgradePolicy": "replace the group for new content",
    "upgradePolicy.automaticOSUpgradePolicy.enableAutomaticOSUpgrade": "replace the group",
    f"{PROFILE}.applicationProfile": "leave it out",
    f"{PROFILE}.capacityReservation": "leave it out",
    f"{PROFILE}.evictionPolicy": "leave it out",
    f"{PROFILE}.billingProfile": "leave it out",
    f"{PROFILE}.securityPostureReference": "leave it out",
    f"{PROFILE}.serviceArtifactReference": "leave it out",
    f"{PROFILE}.hardwareProfile": "name a size in sku",
}


_FIXED = {
    "orchestrationMode": "orchestrationMode",
    "platformFaultDomainCount": "platformFaultDomainCount",
    f"{PROFILE}.priority": "priority",
    f"{_OS}.adminUsername": "adminUsername",
    f"{_STORAGE}.imageReference.publisher": "imageReference.publisher",
    f"{_STORAGE}.imageReference.offer": "imageReference.offer",
    f"{_STORAGE}.osDisk.createOption": "osDisk.createOption",
    f"{_STORAGE}.osDisk.managedDisk.storageAccountType": "osDisk.managedDisk.storageAccountType",
}


def _verify_change(context: Context) -> Iterator[Problem]:
    """What Azure refuses to change in place ("Properties with restrictions on modification")."""
    yield from unchangeable(context, _FIXED)
    if context.previous is None:
        return
    before = context.previous.inputs
    lost = {z for _, z in texts(before, "zones[*]")} - {
        z for _, z in texts(context.inputs, "zones[*]")
    }
    if lost:
        yield Problem(
            "zones", "Changing property 'zones' is not allowed.", "PropertyChangeNotAllowed"
        )
    if (
        flag(before, "singlePlacementGroup") is False
        and flag(context.inputs, "singlePlacementGroup") is not False
    ):
        yield Problem(
            "singlePlacementGroup",
            "Changing property 'singlePlacementGroup' is not allowed.",
            "PropertyChangeNotAllowed",
        )
    for path, subnet in texts(context.inputs, f"{_INTERFACES}[*].ipConfigurations[*].subnet.id"):
        old = text(before, path)
        if old and parent_of(old).casefold() != parent_of(subnet).casefold():
            yield Problem(
                path,
                f"Subnet {name_of(subnet)} is in another virtual network than the scale set's.",
                "SubnetsNotInSameVnet",
            )


def _verify_given(values: Values) -> Iterator[Problem]:
    """What must be there; at check it could still have been unknown."""
    yield from required(values, "sku.name", "sku.capacity", PROFILE, code="InvalidParameter")
    if not present(values, "upgradePolicy.mode"):
        yield Problem(
            "upgradePolicy",
            "Required parameter 'upgradePolicy' is missing (null).",
            "InvalidParameter",
        )
    capacity = number(values, "sku.capacity") or 0
    if capacity > 100 and "singlePlacementGroup" not in values:
        yield Problem("singlePlacementGroup", "must be false over 100 machines", "InvalidParameter")
    interfaces = elements(values, _INTERFACES)
    primary = [path for path, found in interfaces if flag(found, "primary")]
    if len(interfaces) != 1 or len(primary) != 1:
        yield Problem(
            _INTERFACES, "the sandbox gives each machine one interface, which must be primary"
        )
    for path, found in interfaces:
        if len(elements(found, "ipConfigurations")) != 1:
            yield Problem(
                f"{path}.ipConfigurations", "the sandbox gives each interface one IP configuration"
            )


def _verify_extensions(values: Values) -> Iterator[Problem]:
    found = elements(values, _EXTENSIONS)
    for path, extension in found:
        yield from extensions.missing(path, extension)
    if found:
        yield from extensions.order_problems(found)
    watched = any(
        extensions.identity(extension)[1].startswith("ApplicationHealth") for _, extension in found
    )
    probed = present(values, f"{PROFILE}.networkProfile.healthProbe")
    if flag(values, "automaticRepairsPolicy.enabled") and not watched and not probed:
        yield Problem(
            "automaticRepairsPolicy",
            "Automatic repairs not supported for the Virtual Machine Scale Set because a health "
            "probe or health extension was not provided.",
            "InvalidParameter",
        )


def _verify(context: Context) -> Iterator[Problem]:
    yield from _verify_given(context.inputs)
    yield from _verify_extensions(context.inputs)
    yield from verify_region(
        context,
        text(context.inputs, "location"),
        f"{_INTERFACES}[*].ipConfigurations[*].subnet.id",
    )
    yield from machines.verify_login(context, _OS, _STORAGE)
    yield from _verify_change(context)
    yield from machines.verify_security(context, _SECURITY, _STORAGE)
    size = size_of(text(context.inputs, "sku.name") or "")
    capacity = number(context.inputs, "sku.capacity") or 0
    if size is not None:
        yield from quotas.verify_quota(context, "sku.capacity", capacity * size.vcpus)
    for path, configuration in elements(context.inputs, f"{_INTERFACES}[0].ipConfigurations"):
        subnet = text(configuration, "subnet.id")
        if subnet is None:
            yield Problem(f"{path}.subnet.id", "is missing", "InvalidParameter")
            continue
        addresses = instances.needed(context.world, context.id, capacity)
        yield from verify_room(context, f"{path}.subnet.id", subnet, addresses)
        for where, pool in texts(configuration, "loadBalancerBackendAddressPools[*].id"):
            yield from verify_pool(context, f"{path}.{where}", pool, parent_of(subnet))


def _outputs(context: Context) -> Outputs:
    return {
        "uniqueId": context.identifier("uniqueId"),
        "timeCreated": context.created,
        "orchestrationMode": "Uniform",
        "singlePlacementGroup": flag(context.inputs, "singlePlacementGroup") is not False,
        "overprovision": False,
        "platformFaultDomainCount": number(context.inputs, "platformFaultDomainCount")
        or (1 if present(context.inputs, "zones") else 5),
        **machines.identity_outputs(context),
    }


def _changed(context: Context, transaction: Transaction) -> None:
    quotas.take_cores(context, transaction)
    instances.kept_up(context, transaction)


def _deleting(record: Record, transaction: Transaction) -> None:
    quotas.give_cores_back(record, transaction)
    instances.release(record, transaction)


KINDS = (
    Kind(
        type=quotas.SCALE_SET_KIND,
        id_template=provider(SCALE_SET, "vmScaleSetName"),
        name=MACHINE_NAME,
        references={
            f"{_INTERFACES}[*].ipConfigurations[*].subnet.id": (SUBNET,),
            f"{_INTERFACES}[*].ipConfigurations[*].loadBalancerBackendAddressPools[*].id": (POOL,),
            f"{_INTERFACES}[*].networkSecurityGroup.id": (
                "Microsoft.Network/networkSecurityGroups",
            ),
            f"{PROFILE}.networkProfile.healthProbe.id": ("Microsoft.Network/loadBalancers/probes",),
            f"{_STORAGE}.imageReference.id": IMAGE_TYPES,
            **machines.IDENTITY_REFERENCES,
        },
        # An identity can go while machines have it.
        weak=("identity.userAssignedIdentities[*]",),
        write_only=(
            f"{_OS}.adminPassword",
            f"{_OS}.customData",
            f"{_EXTENSIONS}[*].protectedSettings",
        ),
        owns_children=True,
        rules=standard(SCALE_SET, _rules),
        verify=_verify,
        outputs=_outputs,
        created=_changed,
        updated=_changed,
        deleting=_deleting,
    ),
)
