"""Machines, alone and in scale sets, and who they are."""

from collections.abc import Mapping
from typing import Any

from operations.export.azurerm.common import common, identity
from operations.export.parts import Part, Source, Translation, block
from operations.export.reading import Reader


def scale_set(r: Reader, source: Source) -> list[Part]:
    """Return the scale set. azurerm's of this name is always Uniform."""
    r.skip("orchestrationMode", "sku.tier")
    profile = "virtualMachineProfile"
    values = {
        **common(r, source),
        "sku": r("sku.name"),
        "instances": r("sku.capacity"),
        "zones": r("zones"),
        "zone_balance": r("zoneBalance"),
        "overprovision": r("overprovision"),
        "platform_fault_domain_count": r("platformFaultDomainCount"),
        "single_placement_group": r("singlePlacementGroup"),
        "upgrade_mode": r("upgradePolicy.mode"),
        "identity": identity(r),
        "automatic_instance_repair": block(
            enabled=r("automaticRepairsPolicy.enabled"),
            grace_period=r("automaticRepairsPolicy.gracePeriod"),
            action=r("automaticRepairsPolicy.repairAction"),
        ),
        "computer_name_prefix": r(f"{profile}.osProfile.computerNamePrefix"),
        **_machine(r, f"{profile}."),
        "network_interface": [
            _interface(each)
            for each in r.each(f"{profile}.networkProfile.networkInterfaceConfigurations")
        ],
        "extension": [
            _extension(each, automatic=True)
            for each in r.each(f"{profile}.extensionProfile.extensions")
        ],
    }
    return [Part("azurerm_linux_virtual_machine_scale_set", values, source.resource.id)]


def virtual_machine(r: Reader, source: Source) -> list[Part]:
    """Return one machine."""
    r.skip("storageProfile.osDisk.deleteOption")
    zones = r("zones", [])
    values = {
        **common(r, source),
        "size": r("hardwareProfile.vmSize"),
        "zone": zones[0] if zones else None,
        "identity": identity(r),
        "computer_name": r("osProfile.computerName"),
        **_machine(r, ""),
        "network_interface_ids": [each["id"] for each in r("networkProfile.networkInterfaces", [])],
    }
    return [Part("azurerm_linux_virtual_machine", values, source.resource.id)]


def _machine(r: Reader, at: str) -> dict[str, Any]:
    """Return what a machine is, alone or as one of many."""
    disk, notice = f"{at}storageProfile.osDisk", f"{at}scheduledEventsProfile"
    linux, security = f"{at}osProfile.linuxConfiguration", f"{at}securityProfile"
    # The only values that azurerm knows: it makes the disk from the image, says where keys go, and
    # keeps the boot log where the platform does.
    r.skip(f"{disk}.createOption", f"{security}.securityType")
    r.skip(f"{at}diagnosticsProfile.bootDiagnostics.enabled")
    login = r(f"{at}osProfile.adminUsername")
    notice = f"{notice}.terminateNotificationProfile"
    return {
        "admin_username": login,
        "admin_password": r(f"{at}osProfile.adminPassword"),
        "disable_password_authentication": r(f"{linux}.disablePasswordAuthentication"),
        "provision_vm_agent": r(f"{linux}.provisionVMAgent"),
        "admin_ssh_key": [
            {"username": login, "public_key": key["keyData"]}
            for key in r(f"{linux}.ssh.publicKeys", [])
        ],
        "custom_data": r(f"{at}osProfile.customData"),
        "encryption_at_host_enabled": r(f"{security}.encryptionAtHost"),
        "secure_boot_enabled": r(f"{security}.uefiSettings.secureBootEnabled"),
        "vtpm_enabled": r(f"{security}.uefiSettings.vTpmEnabled"),
        "termination_notification" if at else "termination_notice": block(
            enabled=r(f"{notice}.enable"), timeout=r(f"{notice}.notBeforeTimeout")
        ),
        "boot_diagnostics": [{}],
        "source_image_id": r(f"{at}storageProfile.imageReference.id"),
        "source_image_reference": block(
            **{
                key: r(f"{at}storageProfile.imageReference.{key}")
                for key in ("publisher", "offer", "sku", "version")
            }
        ),
        "os_disk": block(
            caching=r(f"{disk}.caching"),
            disk_size_gb=r(f"{disk}.diskSizeGB"),
            storage_account_type=r(f"{disk}.managedDisk.storageAccountType"),
        ),
    }


def _interface(r: Reader) -> dict[str, Any]:
    return {
        "name": r("name"),
        "primary": r("primary"),
        "enable_accelerated_networking": r("enableAcceleratedNetworking"),
        "enable_ip_forwarding": r("enableIPForwarding"),
        "network_security_group_id": r("networkSecurityGroup.id"),
        "ip_configuration": [
            {
                "name": each("name"),
                "primary": each("primary"),
                "subnet_id": each("subnet.id"),
                "load_balancer_backend_address_pool_ids": [
                    pool("id") for pool in each.each("loadBalancerBackendAddressPools")
                ],
            }
            for each in r.each("ipConfigurations")
        ],
    }


def _extension(r: Reader, *, automatic: bool) -> dict[str, Any]:
    made = {
        "name": r("name"),
        "publisher": r("publisher"),
        "type": r("type"),
        "type_handler_version": r("typeHandlerVersion"),
        "auto_upgrade_minor_version": r("autoUpgradeMinorVersion"),
        "settings": r("settings"),
        "provision_after_extensions": r("provisionAfterExtensions"),
    }
    return {k: v for k, v in made.items() if automatic or k != "provision_after_extensions"}


def extension(r: Reader, source: Source) -> list[Part]:
    """Return an extension of one machine."""
    r.skip("location", "resourceGroupName", "vmName", "vmExtensionName")
    values = {
        **_extension(r, automatic=False),
        "name": source.name,
        "virtual_machine_id": source.parent_id(),
        "tags": r("tags"),
    }
    return [Part("azurerm_virtual_machine_extension", values, source.resource.id)]


def user_assigned_identity(r: Reader, source: Source) -> list[Part]:
    """Return the identity."""
    return [Part("azurerm_user_assigned_identity", common(r, source), source.resource.id)]


def role_assignment(r: Reader, source: Source) -> list[Part]:
    """Return the assignment."""
    values = {
        "name": r("roleAssignmentName"),
        "scope": r("scope"),
        "principal_id": r("principalId"),
        "principal_type": r("principalType"),
        "role_definition_id": r("roleDefinitionId"),
        "description": r("description"),
    }
    return [Part("azurerm_role_assignment", values, source.resource.id)]


TYPES: Mapping[str, Translation] = {
    "authorization:RoleAssignment": role_assignment,
    "compute:VirtualMachine": virtual_machine,
    "compute:VirtualMachineExtension": extension,
    "compute:VirtualMachineScaleSet": scale_set,
    "managedidentity:UserAssignedIdentity": user_assigned_identity,
}
