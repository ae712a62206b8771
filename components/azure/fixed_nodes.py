"""A node group as machines with static addresses, for products and licences that need them.

Node by node: each machine waits for the one before it to serve, so that a change of content takes
one node out at a time. A machine is deleted before its successor is made, because the successor
takes over its interface and address.
"""

from typing import Final

import pulumi
from pulumi_azure_native import compute, network

from components.azure import addresses, guest, machine
from components.parts import NodeGroupArgs
from components.parts.content import remember

CONTENT: Final = (
    "hardwareProfile",
    "identity",
    "osProfile",
    "securityProfile",
    "storageProfile",
)
"""Properties that describe what the machine is; a machine is never changed, only replaced."""


KEPT: Final = ("osProfile",)
"""Of machines that keep what they were made from (`components.parts.content`)."""


class FixedNodes:
    """Makes the machines as children of the node group."""

    def __init__(self, name: str, args: NodeGroupArgs, parent: pulumi.Resource) -> None:
        self._name = name
        self._args = args
        self._parent = parent
        self._login = guest.login(name, args, parent)
        self.addresses = addresses.fixed(
            args.plan,
            args.recipe.role,
            len(args.zones),
            args.settings.maximum,
            args.runtime.seat,
        )
        machines: list[compute.VirtualMachine] = []
        last: pulumi.Resource | None = None
        for index in range(args.settings.maximum):
            made = self._machine(index, last)
            last = self._extensions(index, made)
            machines.append(made)
        self.ids = tuple(made.id for made in machines)
        self.names = tuple(made.name for made in machines)
        self.made_from = tuple(
            remember(f"{name}-{number}", made.id, args.digest, parent)
            for number, made in enumerate(machines, start=1)
            if args.digest
        )

    def _interface(self, index: int) -> network.NetworkInterface:
        site, balancer = self._args.site, self._args.load_balancer
        pool = network.BackendAddressPoolArgs(id=balancer.pool_id) if balancer else None
        return network.NetworkInterface(
            f"{self._name}-{index + 1}-interface",
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            enable_accelerated_networking=machine.accelerated(self._args.settings.size),
            enable_ip_forwarding=False,
            ip_configurations=[
                network.NetworkInterfaceIPConfigurationArgs(
                    name="main",
                    primary=True,
                    subnet=network.SubnetArgs(
                        id=self._args.network.subnet_ids[self._args.recipe.role][0]
                    ),
                    private_ip_address=self.addresses[index],
                    private_ip_allocation_method="Static",
                    load_balancer_backend_address_pools=[pool] if pool else None,
                )
            ],
            opts=pulumi.ResourceOptions(parent=self._parent),
        )

    def _machine(self, index: int, after: pulumi.Resource | None) -> compute.VirtualMachine:
        site, args = self._args.site, self._args
        zones = args.zones
        return compute.VirtualMachine(
            f"{self._name}-{index + 1}",
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            zones=[zones[index % len(zones)]] if zones else None,
            hardware_profile=compute.HardwareProfileArgs(vm_size=args.settings.size),
            identity=compute.VirtualMachineIdentityArgs(
                type=compute.ResourceIdentityType.USER_ASSIGNED,
                user_assigned_identities=[args.identity.id],
            ),
            os_profile=compute.OSProfileArgs(
                computer_name=guest.windows_name(
                    f"{args.recipe.role}-{index + 1}", guest.LONGEST_NAME
                ),
                admin_username=machine.LOGIN,
                admin_password=self._login.password,
                custom_data=args.user_data,
                linux_configuration=self._login.linux,
                windows_configuration=self._login.windows,
            ),
            storage_profile=self._storage(),
            network_profile=compute.NetworkProfileArgs(
                network_interfaces=[
                    compute.NetworkInterfaceReferenceArgs(
                        id=self._interface(index).id, primary=True
                    )
                ]
            ),
            security_profile=machine.security(args),
            scheduled_events_profile=machine.notice(),
            diagnostics_profile=compute.DiagnosticsProfileArgs(
                boot_diagnostics=compute.BootDiagnosticsArgs(enabled=True)
            ),
            opts=pulumi.ResourceOptions(
                parent=self._parent,
                depends_on=[after] if after else None,
                replace_on_changes=list(CONTENT),
                delete_before_replace=True,
                protect=args.keeps_data or None,
                ignore_changes=list(KEPT) if args.digest else None,
            ),
        )

    def _storage(self) -> compute.StorageProfileArgs:
        disk = self._args.settings.disk
        return compute.StorageProfileArgs(
            image_reference=machine.image(self._args),
            os_disk=compute.OSDiskArgs(
                create_option="FromImage",
                delete_option="Delete",
                caching=compute.CachingTypes.READ_WRITE,
                disk_size_gb=disk.size,
                managed_disk=compute.ManagedDiskParametersArgs(
                    storage_account_type=machine.DISKS[disk.performance]
                ),
            ),
        )

    def _extensions(self, index: int, made: compute.VirtualMachine) -> pulumi.Resource:
        """Make the machine's extensions; return the one that ends when the node serves."""
        health, ready = guest.extensions(self._args)
        asked = self._extension(index, made, health)
        return self._extension(index, made, ready, after=asked)

    def _extension(
        self,
        index: int,
        made: compute.VirtualMachine,
        extension: guest.Extension,
        after: pulumi.Resource | None = None,
    ) -> pulumi.Resource:
        return compute.VirtualMachineExtension(
            f"{self._name}-{index + 1}-{extension.name}",
            resource_group_name=self._args.site.resource_group,
            location=self._args.site.location,
            tags=self._args.site.tags,
            vm_name=made.name,
            publisher=extension.publisher,
            type=extension.type,
            type_handler_version=extension.version,
            auto_upgrade_minor_version=True,
            settings=extension.settings,
            opts=pulumi.ResourceOptions(
                parent=self._parent,
                depends_on=[after] if after else None,
                deleted_with=made,
                custom_timeouts=guest.provisioning(self._args),
                # The machine goes first, and an extension's name is the machine's and its own.
                delete_before_replace=True,
            ),
        )
