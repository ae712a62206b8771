import base64

import pytest

from sandbox.control.azure import quotas
from tests.support.world import GROUP, RefusedError, kind_of, lines

KEY = "ssh-ed25519 " + "A" * 68
PROFILE = "virtualMachineProfile"


def profile(subnet, **changes):
    made = {
        "osProfile": {
            "computerNamePrefix": "web",
            "adminUsername": "operations",
            "customData": base64.b64encode(b"#cloud-config\n").decode(),
            "linuxConfiguration": {
                "disablePasswordAuthentication": True,
                "ssh": {
                    "publicKeys": [
                        {"path": "/home/operations/.ssh/authorized_keys", "keyData": KEY}
                    ]
                },
            },
        },
        "storageProfile": {
            "imageReference": {
                "publisher": "Debian",
                "offer": "debian-12",
                "sku": "12-gen2",
                "version": "0.20250210.2019",
            },
            "osDisk": {
                "createOption": "FromImage",
                "diskSizeGB": 32,
                "managedDisk": {"storageAccountType": "Premium_LRS"},
            },
        },
        "networkProfile": {
            "networkInterfaceConfigurations": [
                {
                    "name": "main",
                    "primary": True,
                    "ipConfigurations": [{"name": "main", "subnet": {"id": subnet}}],
                }
            ]
        },
        "securityProfile": {"securityType": "TrustedLaunch", "encryptionAtHost": True},
        "extensionProfile": {
            "extensions": [
                {
                    "name": "health",
                    "publisher": "Microsoft.ManagedServices",
                    "type": "ApplicationHealthLinux",
                    "typeHandlerVersion": "1.0",
                    "settings": {"protocol": "https", "port": 12800, "requestPath": "/live"},
                }
            ]
        },
    }
    return {**made, **changes}


def inputs(subnet="/s", **changes):
    made = {
        "vmScaleSetName": "web",
        "location": "westeurope",
        "zones": ["1", "2", "3"],
        "sku": {"name": "Standard_D2s_v5", "capacity": 2},
        "singlePlacementGroup": False,
        "overprovision": False,
        "upgradePolicy": {"mode": "Manual"},
        "automaticRepairsPolicy": {"enabled": True, "gracePeriod": "PT10M"},
        PROFILE: profile(subnet),
    }
    return {**made, **changes}


def refusals(**changes):
    return lines(list(kind_of("compute:VirtualMachineScaleSet").rules(inputs(**changes))))


def make(site, **changes):
    return site.world.create("compute:VirtualMachineScaleSet", **inputs(site.subnet.id, **changes))


def test_a_scale_set_holds(site):
    made = make(site)

    assert made.id == f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/web"
    assert made.outputs["platformFaultDomainCount"] == 1
    assert len(made.outputs["uniqueId"]) == 36


def test_an_identity_is_given_back_with_its_principal(site):
    identity = site.world.create("managedidentity:UserAssignedIdentity", resourceName="web")
    made = make(site, identity={"type": "UserAssigned", "userAssignedIdentities": [identity.id]})

    assert made.outputs["identity"]["userAssignedIdentities"] == {
        identity.id: {
            "principalId": identity.outputs["principalId"],
            "clientId": identity.outputs["clientId"],
        }
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"sku": {"name": "Standard_D3s_v5", "capacity": 2}},
            (
                "sku.name: The value Standard_D3s_v5 provided for the VM size is not valid: the "
                "sandbox "
                "does not know it. Sizes are written like Standard_D2s_v5. (InvalidParameter)"
            ),
        ),
        (
            {"sku": {"name": "Standard_D2s_v5", "capacity": 1001}},
            "sku.capacity: must be 0 to 1000, got 1001 (InvalidParameter)",
        ),
        (
            {"sku": {"name": "Standard_D2s_v5", "capacity": 101}, "singlePlacementGroup": True},
            (
                "sku.capacity: a scale set of one placement group holds up to 100 machines, got "
                "101: "
                "set singlePlacementGroup to false (InvalidParameter)"
            ),
        ),
        (
            {"automaticRepairsPolicy": {"enabled": True, "gracePeriod": "PT5M"}},
            (
                "automaticRepairsPolicy.gracePeriod: must be PT10M to PT90M, got 'PT5M' "
                "(InvalidParameter)"
            ),
        ),
        (
            {"overprovision": True},
            (
                "overprovision: the sandbox does not emulate this: set it to false: the sandbox "
                "starts "
                "as many machines as are asked for"
            ),
        ),
        (
            {"upgradePolicy": {"mode": "Rolling"}},
            (
                "upgradePolicy.mode: the sandbox does not emulate Rolling: use Manual, and "
                "replace the "
                "group for new content"
            ),
        ),
        (
            {"orchestrationMode": "Flexible"},
            "orchestrationMode: must be one of Uniform, got 'Flexible' (InvalidParameter)",
        ),
        (
            {
                PROFILE: profile(
                    "/s",
                    scheduledEventsProfile={
                        "terminateNotificationProfile": {
                            "enable": True,
                            "notBeforeTimeout": "PT20M",
                        }
                    },
                )
            },
            (
                "virtualMachineProfile.scheduledEventsProfile.terminateNotificationProfile."
                "notBeforeTimeout: must be PT5M to PT15M, got 'PT20M' (InvalidParameter)"
            ),
        ),
    ],
)
def test_a_scale_set_that_azure_refuses(changes, expected):
    assert refusals(**changes) == [expected]


def with_storage(**changes):
    storage = profile("/s")["storageProfile"]
    return refusals(**{PROFILE: profile("/s", storageProfile={**storage, **changes})})


def with_os(**changes):
    system = profile("/s")["osProfile"]
    return refusals(**{PROFILE: profile("/s", osProfile={**system, **changes})})


def test_images_that_azure_does_not_have():
    image = {"publisher": "Debian", "offer": "debian-12", "sku": "12-gen3", "version": "latest"}
    old = {**image, "sku": "12"}

    assert with_storage(imageReference=image) == [
        (
            "virtualMachineProfile.storageProfile.imageReference: The platform image "
            "'Debian:debian-12:12-gen3:latest' is not available. Verify that all fields in the "
            "storage "
            "profile are correct. (The sandbox knows Debian:debian-12:12, "
            "Debian:debian-12:12-gen2, "
            "Debian:debian-12:12-backports, Debian:debian-12:12-backports-gen2.) "
            "(PlatformImageNotFound)"
        )
    ]
    assert with_storage(imageReference=old) == [
        (
            "virtualMachineProfile.securityProfile.securityType: Use of TrustedLaunch setting is "
            "not "
            "supported for the provided image. Please select Trusted Launch Supported Gen2 OS "
            "Image. "
            "(BadRequest)"
        )
    ]


def test_a_disk_smaller_than_its_image():
    assert with_storage(osDisk={"createOption": "FromImage", "diskSizeGB": 20}) == [
        (
            "virtualMachineProfile.storageProfile.osDisk.diskSizeGB: The specified disk size 20 "
            "GB is "
            "smaller than the size of the corresponding disk in the VM image: 30 GB. This is not "
            "allowed. Please choose equal or greater size or do not specify an explicit size. "
            "(ResizeDiskError)"
        )
    ]


@pytest.mark.parametrize(("size", "refused"), [(65535, False), (65536, True)])
def test_custom_data_has_65535_bytes(size, refused):
    found = with_os(customData=base64.b64encode(b"x" * size).decode())

    assert found == (
        [
            (
                "virtualMachineProfile.osProfile.customData: Custom data in OSProfile must be in "
                "Base64 "
                "encoding and with a maximum length of 87380 characters. (InvalidParameter)"
            )
        ]
        if refused
        else []
    )


def test_logins_that_azure_refuses():
    assert with_os(adminUsername="admin") == [
        (
            "virtualMachineProfile.osProfile.adminUsername: The Admin Username specified is not "
            "allowed. (InvalidParameter)"
        ),
        (
            "virtualMachineProfile.osProfile.linuxConfiguration.ssh.publicKeys[0].path: "
            "Destination "
            "path for SSH public keys is currently limited to its default value "
            "/home/admin/.ssh/authorized_keys due to a known issue in Linux provisioning agent. "
            "(InvalidParameter)"
        ),
    ]
    assert with_os(adminPassword="Secret123456!") == [
        (
            "virtualMachineProfile.osProfile.adminPassword: is given, but "
            "linuxConfiguration.disablePasswordAuthentication is true (InvalidParameter)"
        )
    ]


def with_extensions(*extensions):
    return refusals(
        **{
            "automaticRepairsPolicy": {"enabled": False},
            PROFILE: profile("/s", extensionProfile={"extensions": list(extensions)}),
        }
    )


def test_extensions_that_azure_refuses():
    script = {
        "name": "ready",
        "publisher": "Microsoft.Azure.Extensions",
        "type": "CustomScript",
        "typeHandlerVersion": "2.1",
        "settings": {"commandToExecute": "true"},
    }
    foreign = {**script, "type": "CustomScripts"}
    twice = {**script, "protectedSettings": {"script": "eA=="}}
    at = "virtualMachineProfile.extensionProfile.extensions[0]"

    assert with_extensions(foreign)[0].startswith(
        f"{at}.type: The handler for VM extension type 'Microsoft.Azure.Extensions.CustomScripts' "
        "was not found. (The sandbox knows Microsoft.ManagedServices/ApplicationHealthLinux, "
    )
    assert with_extensions(twice) == [
        (
            f"{at}.protectedSettings.script: {at}.settings.commandToExecute is there too: give one "
            "command (VMExtensionProvisioningError)"
        )
    ]


def extended(site, *extensions):
    return make(
        site,
        **{PROFILE: profile(site.subnet.id, extensionProfile={"extensions": list(extensions)})},
    )


def test_repairs_need_somebody_who_watches(site):
    with pytest.raises(RefusedError) as refused:
        extended(site)

    assert str(refused.value) == (
        "automaticRepairsPolicy: Automatic repairs not supported for the Virtual Machine Scale Set "
        "because a health probe or health extension was not provided. (InvalidParameter)"
    )


def test_an_extension_waits_for_one_that_is_there(site):
    (health,) = profile("/s")["extensionProfile"]["extensions"]
    with pytest.raises(RefusedError) as refused:
        extended(site, {**health, "provisionAfterExtensions": ["ready"]})

    assert str(refused.value) == (
        "virtualMachineProfile.extensionProfile.extensions[0].provisionAfterExtensions[0]: "
        "extension ready is not on this machine (InvalidParameter)"
    )


def test_a_health_extension_needs_to_know_what_to_ask(site):
    (health,) = profile("/s")["extensionProfile"]["extensions"]
    with pytest.raises(RefusedError) as refused:
        extended(site, {**health, "settings": {"protocol": "https"}})

    assert str(refused.value) == (
        "virtualMachineProfile.extensionProfile.extensions[0].settings.requestPath: is missing "
        "(InvalidParameter)"
    )


def test_there_is_a_way_in(site):
    system = {"computerNamePrefix": "web", "adminUsername": "operations"}
    with pytest.raises(RefusedError) as refused:
        make(site, **{PROFILE: profile(site.subnet.id, osProfile=system)})

    assert str(refused.value) == (
        "virtualMachineProfile.osProfile.linuxConfiguration: Authentication using either SSH or by "
        "user name and password must be enabled in Linux profile. (InvalidParameter)"
    )


def test_a_subnet_has_room_for_every_machine(site):
    make(site, sku={"name": "Standard_D2s_v5", "capacity": 8})

    with pytest.raises(RefusedError) as refused:
        make(site, vmScaleSetName="more", sku={"name": "Standard_D2s_v5", "capacity": 4})

    assert str(refused.value) == (
        "virtualMachineProfile.networkProfile.networkInterfaceConfigurations[0]"
        ".ipConfigurations[0].subnet.id: Subnet web with address prefix 10.20.0.0/28 does not have "
        "enough capacity for 4 IP addresses. (SubnetIsFull)"
    )


def test_the_quota_counts_what_exists(site, monkeypatch):
    monkeypatch.setattr(quotas, "REGIONAL_VCPUS", 10)
    made = make(site, sku={"name": "Standard_D2s_v5", "capacity": 4})

    with pytest.raises(RefusedError) as refused:
        make(site, vmScaleSetName="more")
    assert str(refused.value) == (
        "sku.capacity: Operation could not be completed as it results in exceeding approved Total "
        "Regional Cores quota. Additional details - Deployment Model: Resource Manager, Location: "
        "westeurope, Current Limit: 10, Current Usage: 8, Additional Required: 4, (Minimum) New "
        "Limit Required: 12. (QuotaExceeded)"
    )

    site.world.update(made, sku={"name": "Standard_D2s_v5", "capacity": 3})
    make(site, vmScaleSetName="more")
    site.world.delete(site.world.again(made))
    make(site, vmScaleSetName="yet-more", sku={"name": "Standard_D2s_v5", "capacity": 3})


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({"singlePlacementGroup": True}, "singlePlacementGroup"),
        ({"platformFaultDomainCount": 5}, "platformFaultDomainCount"),
        ({"zones": ["1"]}, "zones"),
    ],
)
def test_what_azure_does_not_change_in_place(site, changes, target):
    made = make(site)

    with pytest.raises(RefusedError) as refused:
        site.world.update(made, **changes)

    assert str(refused.value) == (
        f"{target}: Changing property '{target}' is not allowed. (PropertyChangeNotAllowed)"
    )


def test_a_count_and_custom_data_change_in_place(site):
    made = make(site)
    system = {**profile("/s")["osProfile"], "customData": base64.b64encode(b"other").decode()}
    changed = site.world.update(
        made,
        sku={"name": "Standard_D2s_v5", "capacity": 3},
        **{PROFILE: profile(site.subnet.id, osProfile=system)},
    )

    assert changed.outputs["uniqueId"] == made.outputs["uniqueId"]
