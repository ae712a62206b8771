"""A node group as an Azure scale set: one resource for any number of nodes.

Uniform, because that is what takes automatic repairs together with zones and Trusted launch. A
scale set never brings new content to the machines it has (they would not run cloud-init again),
so each change of content makes a new scale set before the old one goes (design.md section 3).
"""

from collections.abc import Mapping
from typing import Final

import pulumi
from pulumi_azure_native import compute

from components.azure import guest, machine
from components.parts import NodeGroupArgs
from components.runtimes.node import Family

GRACE: Final[Mapping[Family, str]] = {"linux": "PT10M", "windows": "PT90M"}
"""After a node's start, before repairs look at it; the shortest and the longest that Azure allows.
A Windows node installs its product first, and restarts services while it does."""

CONTENT: Final = ("virtualMachineProfile", "sku.name", "sku.tier", "identity")
"""Properties that describe machines. Azure would take most of these changes in place and leave the
machines as they are, so any of them replaces the group. The count is not among them."""


def make(name: str, args: NodeGroupArgs, parent: pulumi.Resource) -> compute.VirtualMachineScaleSet:
    """Make the scale set under *parent*. Its name is left to Pulumi: two exist for a while."""
    site, settings = args.site, args.settings
    zones = list(args.zones)
    return compute.VirtualMachineScaleSet(
        name,
        resource_group_name=site.resource_group,
        location=site.location,
        tags=site.tags,
        orchestration_mode="Uniform",
        overprovision=False,
        single_placement_group=False,
        platform_fault_domain_count=1 if zones else 5,
        zones=zones or None,
        zone_balance=True if len(zones) > 1 else None,
        sku=compute.SkuArgs(name=settings.size, tier="Standard", capacity=float(settings.minimum)),
        identity=compute.VirtualMachineScaleSetIdentityArgs(
            type=compute.ResourceIdentityType.USER_ASSIGNED,
            user_assigned_identities=[args.identity.id],
        ),
        upgrade_policy=compute.UpgradePolicyArgs(mode=compute.UpgradeMode.MANUAL),
        automatic_repairs_policy=compute.AutomaticRepairsPolicyArgs(
            enabled=True, grace_period=GRACE[args.recipe.family], repair_action="Replace"
        ),
        virtual_machine_profile=_profile(name, args, parent),
        opts=pulumi.ResourceOptions(
            parent=parent,
            replace_on_changes=list(CONTENT),
            # The autoscaler owns the count; a new group begins with what the old one had.
            ignore_changes=["sku.capacity"] if settings.autoscale else None,
        ),
    )


def _profile(
    name: str, args: NodeGroupArgs, parent: pulumi.Resource
) -> compute.VirtualMachineScaleSetVMProfileArgs:
    disk = args.settings.disk
    login = guest.login(name, args, parent)
    return compute.VirtualMachineScaleSetVMProfileArgs(
        os_profile=compute.VirtualMachineScaleSetOSProfileArgs(
            computer_name_prefix=guest.windows_name(args.recipe.role, guest.LONGEST_PREFIX),
            admin_username=machine.LOGIN,
            admin_password=login.password,
            custom_data=args.user_data,
            linux_configuration=login.linux,
            windows_configuration=login.windows,
        ),
        storage_profile=compute.VirtualMachineScaleSetStorageProfileArgs(
            image_reference=machine.image(args),
            os_disk=compute.VirtualMachineScaleSetOSDiskArgs(
                create_option="FromImage",
                caching=compute.CachingTypes.READ_WRITE,
                disk_size_gb=disk.size,
                managed_disk=compute.VirtualMachineScaleSetManagedDiskParametersArgs(
                    storage_account_type=machine.DISKS[disk.performance]
                ),
            ),
        ),
        network_profile=compute.VirtualMachineScaleSetNetworkProfileArgs(
            network_interface_configurations=[_interface(args)]
        ),
        security_profile=machine.security(args),
        scheduled_events_profile=machine.notice(),
        diagnostics_profile=compute.DiagnosticsProfileArgs(
            boot_diagnostics=compute.BootDiagnosticsArgs(enabled=True)
        ),
        extension_profile=compute.VirtualMachineScaleSetExtensionProfileArgs(
            extensions=_extensions(args)
        ),
    )


def _interface(args: NodeGroupArgs) -> compute.VirtualMachineScaleSetNetworkConfigurationArgs:
    balancer = args.load_balancer
    return compute.VirtualMachineScaleSetNetworkConfigurationArgs(
        name="main",
        primary=True,
        enable_accelerated_networking=machine.accelerated(args.settings.size),
        enable_ip_forwarding=False,
        ip_configurations=[
            compute.VirtualMachineScaleSetIPConfigurationArgs(
                name="main",
                primary=True,
                subnet=compute.ApiEntityReferenceArgs(
                    id=args.network.subnet_ids[args.recipe.role][0]
                ),
                load_balancer_backend_address_pools=(
                    [compute.SubResourceArgs(id=balancer.pool_id)] if balancer else None
                ),
            )
        ],
    )


def _extensions(args: NodeGroupArgs) -> list[compute.VirtualMachineScaleSetExtensionArgs]:
    health, ready = guest.extensions(args)
    return [_extension(health), _extension(ready, after=[health.name])]


def _extension(
    extension: guest.Extension, after: list[str] | None = None
) -> compute.VirtualMachineScaleSetExtensionArgs:
    return compute.VirtualMachineScaleSetExtensionArgs(
        name=extension.name,
        publisher=extension.publisher,
        type=extension.type,
        type_handler_version=extension.version,
        auto_upgrade_minor_version=True,
        provision_after_extensions=after,
        settings=extension.settings,
    )
