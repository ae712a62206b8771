import base64

import pytest

from sandbox.control.azure import builtin, fleet, images
from tests.support.world import RefusedError, problems


@pytest.fixture
def interface(site):
    return site.world.create(
        "network:NetworkInterface",
        networkInterfaceName="nic",
        enableAcceleratedNetworking=True,
        ipConfigurations=[{"name": "main", "subnet": {"id": site.subnet.id}}],
    )


def machine(site, interface, name="web-1", **changes):
    made = {
        "vmName": name,
        "zones": ["1"],
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "networkProfile": {"networkInterfaces": [{"id": interface.id, "primary": True}]},
        "osProfile": {
            "computerName": name,
            "adminUsername": "operations",
            "adminPassword": "Correct-horse-7",
            "customData": base64.b64encode(b"one").decode(),
        },
        "storageProfile": {
            "imageReference": {
                "publisher": "Debian",
                "offer": "debian-12",
                "sku": "12-gen2",
                "version": "latest",
            },
            "osDisk": {"createOption": "FromImage"},
        },
    }
    return site.world.create("compute:VirtualMachine", **{**made, **changes})


def test_a_machine_has_an_id_and_a_disk_of_its_own(site, interface):
    made = machine(site, interface)

    disk = made.outputs["storageProfile"]["osDisk"]
    assert disk["name"].startswith("web-1_OsDisk_1_")
    assert disk["osType"] == "Linux"
    assert len(made.outputs["vmId"]) == 36


def test_custom_data_of_a_machine_never_changes(site, interface):
    made = machine(site, interface)
    system = {**made.inputs["osProfile"], "customData": base64.b64encode(b"two").decode()}

    with pytest.raises(RefusedError) as refused:
        site.world.update(made, osProfile=system)

    assert str(refused.value) == (
        "osProfile.customData: Changing property 'customData' is not allowed. "
        "(PropertyChangeNotAllowed)"
    )


def test_the_name_of_a_disk_never_changes(site, interface):
    made = machine(site, interface)
    disk = {"createOption": "FromImage", "name": "another"}

    with pytest.raises(RefusedError, match=r"Changing property 'osDisk.name' is not allowed"):
        site.world.update(made, storageProfile={**made.inputs["storageProfile"], "osDisk": disk})


def test_an_interface_serves_one_machine(site, interface):
    first = machine(site, interface)

    with pytest.raises(RefusedError) as refused:
        machine(site, interface, name="web-2")

    assert str(refused.value) == (
        f"networkProfile.networkInterfaces[0].id: Network Interface {interface.id} is used by "
        f"existing resource {first.id}. (NicInUse)"
    )


def test_a_size_without_accelerated_networking(site, interface):
    with pytest.raises(RefusedError) as refused:
        machine(site, interface, hardwareProfile={"vmSize": "Standard_B2ms"})

    assert str(refused.value) == (
        "networkProfile.networkInterfaces[0].id: The VM size Standard_B2ms does not support "
        f"accelerated networking, which {interface.id} has enabled. "
        "(VMSizeIsNotPermittedToEnableAcceleratedNetworking)"
    )


def test_a_machine_lies_in_one_zone():
    assert problems("compute:VirtualMachine", location="westeurope", zones=["1", "2"]) == [
        "zones: a virtual machine lies in one zone (InvalidParameter)"
    ]


def test_an_extension_is_on_a_machine_once(site, interface):
    machine(site, interface)

    def extension(name):
        return site.world.create(
            "compute:VirtualMachineExtension",
            vmName="web-1",
            vmExtensionName=name,
            location="westeurope",
            publisher="Microsoft.Azure.Extensions",
            type="CustomScript",
            typeHandlerVersion="2.1",
            settings={"commandToExecute": "true"},
        )

    first = extension("one")
    with pytest.raises(RefusedError) as refused:
        extension("two")

    assert str(refused.value) == (
        f"type: Multiple VMExtensions per handler not supported for OS type 'Linux': {first.id} is "
        "there already. (BadRequest)"
    )


def test_an_image_of_generation_1_has_no_trusted_launch(site, interface):
    image = site.world.create("compute:Image", imageName="gold", hyperVGeneration="V1")

    with pytest.raises(RefusedError) as refused:
        machine(
            site,
            interface,
            securityProfile={"securityType": "TrustedLaunch"},
            storageProfile={
                "imageReference": {"id": image.id},
                "osDisk": {"createOption": "FromImage"},
            },
        )

    assert str(refused.value) == (
        "securityProfile.securityType: Use of TrustedLaunch setting is not supported for the "
        "provided image. Please select Trusted Launch Supported Gen2 OS Image. (BadRequest)"
    )


def old_system(site, interface, system, version="/versions/1.0.0", **changes):
    image = images.gallery_id(system).removesuffix("/versions/1.0.0")
    storage = {
        "imageReference": {"id": image + version},
        "osDisk": {"createOption": "FromImage"},
    }
    return machine(site, interface, storageProfile=storage, **changes)


def windows(**changes):
    return {
        "computerName": "web-1",
        "adminUsername": "Operator",
        "adminPassword": "Correct-horse-7",
        "windowsConfiguration": {"provisionVMAgent": True},
        **changes,
    }


@pytest.mark.parametrize("version", ["", "/versions/1.0.0", "/versions/latest"])
def test_systems_that_no_marketplace_has_are_images_of_the_subscriptions_gallery(
    site, interface, version
):
    old_system(site, interface, "ubuntu-16.04", version)

    assert fleet.machines_of(site.world)[0].image == "ubuntu-16.04"


def test_the_gallery_has_these_images_and_no_others():
    known = images.gallery_id("ubuntu-16.04")

    assert builtin(known.upper())
    assert not builtin(known.replace("1.0.0", "2.0.0"))
    assert not builtin(known.replace("16.04", "14.04"))


@pytest.mark.parametrize(
    ("system", "profile", "allowed"),
    [("centos-7", None, False), ("windows-server-2016", windows(), True)],
)
def test_an_old_system_has_no_trusted_launch(site, interface, system, profile, allowed):
    security = {"securityType": "TrustedLaunch"}
    changes = {"osProfile": profile} if profile else {}
    if allowed:
        old_system(site, interface, system, securityProfile=security, **changes)
        return
    with pytest.raises(RefusedError, match="Please select Trusted Launch Supported Gen2 OS Image"):
        old_system(site, interface, system, securityProfile=security, **changes)


def test_a_windows_machine_is_a_record_like_any_other(site, interface):
    made = old_system(site, interface, "windows-server-2016", osProfile=windows())
    site.world.create(
        "compute:VirtualMachineExtension",
        vmName="web-1",
        vmExtensionName="configure",
        publisher="Microsoft.Compute",
        type="CustomScriptExtension",
        typeHandlerVersion="1.10",
        protectedSettings={"commandToExecute": "powershell -File configure.ps1"},
    )

    assert made.outputs["storageProfile"]["osDisk"]["osType"] == "Windows"


@pytest.mark.parametrize(
    ("system", "profile", "words"),
    [
        ("windows-server-2016", None, "windowsConfiguration: is missing: the image is of Windows"),
        ("centos-7", windows(), "windowsConfiguration: is given, but the image is of Linux"),
        (
            "windows-server-2016",
            windows(computerName="a-name-of-16-chars"),
            "computerName: Windows computer name cannot be more than 15 characters long",
        ),
        (
            "windows-server-2016",
            windows(adminUsername="Administrator"),
            "adminUsername: The Admin Username specified is not allowed",
        ),
        (
            "windows-server-2016",
            windows(linuxConfiguration={"provisionVMAgent": True}),
            "linuxConfiguration: is given together with windowsConfiguration",
        ),
        (
            "windows-server-2016",
            {k: v for k, v in windows().items() if k != "adminPassword"},
            "adminPassword: Required parameter 'adminPassword' is missing",
        ),
    ],
)
def test_a_profile_must_suit_the_system(site, interface, system, profile, words):
    changes = {"osProfile": profile} if profile else {}
    with pytest.raises(RefusedError, match=words):
        old_system(site, interface, system, **changes)
