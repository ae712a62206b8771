"""What scale sets and single virtual machines have in common.

Sources: Azure documentation, "Azure virtual machine sizes naming conventions", "Custom data and
cloud-init on Azure Virtual Machines" (65,535 bytes decoded), "Linux VM FAQ" (user names, passwords,
SSH keys), "Trusted Launch for Azure virtual machines", "Azure subscription and service limits".
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

from sandbox.control.azure import windows
from sandbox.control.azure.images import (
    disk_problems,
    generation,
    of_gallery,
    platform,
    reference_rules,
)
from sandbox.control.azure.managed_identities import IDENTITY
from sandbox.control.azure.passwords import weakness
from sandbox.control.azure.sizes import size_of
from sandbox.control.kinds import (
    Context,
    Outputs,
    Problem,
    Values,
    World,
)
from sandbox.control.paths import get
from sandbox.control.reading import elements, flag, mapping, present, text

CUSTOM_DATA_BYTES = 65_535

DISK_TYPES = (
    "Standard_LRS",
    "StandardSSD_LRS",
    "StandardSSD_ZRS",
    "Premium_LRS",
    "Premium_ZRS",
)

_FORBIDDEN_USERS = frozenset(
    [
        "administrator",
        "admin",
        "user",
        "user1",
        "test",
        "user2",
        "test1",
        "user3",
        "admin1",
        "1",
        "123",
        "a",
        "actuser",
        "adm",
        "admin2",
        "aspnet",
        "backup",
        "console",
        "david",
        "guest",
        "john",
        "owner",
        "root",
        "server",
        "sql",
        "support",
        "support_388945a0",
        "sys",
        "test2",
        "test3",
        "user4",
        "user5",
    ]
)

IDENTITY_REFERENCES: Mapping[str, tuple[str, ...]] = {
    "identity.userAssignedIdentities[*]": (IDENTITY,)
}


def size_problems(values: Values, path: str) -> Iterator[Problem]:
    """The size must be one that the table knows."""
    name = text(values, path)
    if name is not None and size_of(name) is None:
        yield Problem(
            path,
            f"The value {name} provided for the VM size is not valid: the sandbox does not know "
            f"it. "
            "Sizes are written like Standard_D2s_v5.",
            "InvalidParameter",
        )


def os_problems(values: Values, path: str) -> Iterator[Problem]:
    """User, password or keys, and custom data of an OS profile."""
    profile = mapping(values, path)
    if not profile:
        return
    yield from _custom_data(profile, path)
    if present(profile, "secrets"):
        yield Problem(f"{path}.secrets", "the sandbox does not emulate this: leave it out")
    if windows.is_meant(profile):
        yield from windows.problems(profile, path, _FORBIDDEN_USERS)
        return
    user = text(profile, "adminUsername")
    if user is not None and (
        user.casefold() in _FORBIDDEN_USERS or not re.fullmatch(r"[a-z_][a-z0-9_-]{0,63}", user)
    ):
        yield Problem(
            f"{path}.adminUsername",
            "The Admin Username specified is not allowed.",
            "InvalidParameter",
        )
    password = text(profile, "adminPassword")
    why = weakness(password, user or "", 12, 72) if password is not None else None
    if why:
        yield Problem(f"{path}.adminPassword", f"The supplied password {why}.", "InvalidParameter")
    yield from _linux(profile, path, user)


def _custom_data(profile: Values, path: str) -> Iterator[Problem]:
    data = text(profile, "customData")
    if data is None:
        return
    try:
        size = len(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        size = CUSTOM_DATA_BYTES + 1
    if size > CUSTOM_DATA_BYTES:
        yield Problem(
            f"{path}.customData",
            "Custom data in OSProfile must be in Base64 encoding and with a maximum length of "
            "87380 "
            "characters.",
            "InvalidParameter",
        )


def _linux(profile: Values, path: str, user: str | None) -> Iterator[Problem]:
    linux = mapping(profile, "linuxConfiguration")
    keys = elements(linux, "ssh.publicKeys")
    if flag(linux, "disablePasswordAuthentication") and present(profile, "adminPassword"):
        yield Problem(
            f"{path}.adminPassword",
            "is given, but linuxConfiguration.disablePasswordAuthentication is true",
            "InvalidParameter",
        )
    for where, key in keys:
        data, target = text(key, "keyData"), text(key, "path")
        if data is not None and not re.fullmatch(
            r"(ssh-rsa|ssh-ed25519) [A-Za-z0-9+/]{60,}={0,2}( [^\n]*)?\n?", data
        ):
            yield Problem(
                f"{path}.linuxConfiguration.{where}.keyData",
                "The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid: it "
                "is "
                "one line, ssh-rsa or ssh-ed25519.",
                "InvalidParameter",
            )
        expected = f"/home/{user}/.ssh/authorized_keys"
        if user and target is not None and target != expected:
            yield Problem(
                f"{path}.linuxConfiguration.{where}.path",
                "Destination path for SSH public keys is currently limited to its default value "
                f"{expected} due to a known issue in Linux provisioning agent.",
                "InvalidParameter",
            )


def storage_problems(values: Values, path: str, size_path: str) -> Iterator[Problem]:
    """Image and operating system disk."""
    image, disk = f"{path}.imageReference", f"{path}.osDisk"
    yield from reference_rules(values, image)
    yield from disk_problems(values, disk, image)
    create = text(values, f"{disk}.createOption")
    if create is not None and create != "FromImage":
        yield Problem(f"{disk}.createOption", "the sandbox makes disks FromImage only")
    kind = text(values, f"{disk}.managedDisk.storageAccountType")
    if kind is not None and kind not in DISK_TYPES:
        yield Problem(
            f"{disk}.managedDisk.storageAccountType",
            f"must be one of {', '.join(DISK_TYPES)}, got {kind!r}",
            "InvalidParameter",
        )
    name = text(values, size_path)
    size = size_of(name) if name else None
    if kind and kind.startswith("Premium") and size and not size.premium:
        yield Problem(
            f"{disk}.managedDisk.storageAccountType",
            f"Requested operation cannot be performed because the VM size {name} does not support "
            f"the storage account type {kind} of disk. Consider updating the VM to a size that "
            "supports Premium storage.",
            "InvalidParameter",
        )
    for key in ("dataDisks", "osDisk.diffDiskSettings", "osDisk.image", "osDisk.vhdContainers"):
        if present(values, f"{path}.{key}"):
            yield Problem(f"{path}.{key}", "the sandbox does not emulate this: leave it out")


def security_problems(values: Values, profile: str, storage: str) -> Iterator[Problem]:
    """Trusted launch needs a generation 2 image; UEFI settings need Trusted launch."""
    security = text(values, f"{profile}.securityType")
    if security not in (None, "TrustedLaunch", "Standard"):
        yield Problem(
            f"{profile}.securityType", "the sandbox knows TrustedLaunch and Standard only"
        )
    image = platform(values, f"{storage}.imageReference")
    if security == "TrustedLaunch" and image is not None and image.generation != 2:
        yield Problem(f"{profile}.securityType", _NOT_GENERATION_2, "BadRequest")


_NOT_GENERATION_2 = (
    "Use of TrustedLaunch setting is not supported for the provided image. Please select Trusted "
    "Launch Supported Gen2 OS Image."
)


def verify_login(context: Context, path: str, storage: str) -> Iterator[Problem]:
    """There must be a way in, to the system that the image has: a key, or a password."""
    yield from windows.verify(context, path, storage)
    profile = mapping(context.inputs, path)
    if windows.is_meant(profile):
        if not text(profile, "adminPassword"):
            yield Problem(
                f"{path}.adminPassword",
                "Required parameter 'adminPassword' is missing (null).",
                "InvalidParameter",
            )
        return
    keys = elements(profile, "linuxConfiguration.ssh.publicKeys")
    if profile and not keys and not text(profile, "adminPassword"):
        yield Problem(
            f"{path}.linuxConfiguration",
            "Authentication using either SSH or by user name and password must be enabled in Linux "
            "profile.",
            "InvalidParameter",
        )


def verify_security(context: Context, profile: str, storage: str) -> Iterator[Problem]:
    """What only the world knows: a custom image's generation, the subscription's features."""
    image = f"{storage}.imageReference"
    trusted = text(context.inputs, f"{profile}.securityType") == "TrustedLaunch"
    if not trusted and present(context.inputs, f"{profile}.uefiSettings"):
        yield Problem(
            f"{profile}.uefiSettings",
            "The property 'securityProfile.uefiSettings' needs securityType TrustedLaunch.",
            "InvalidParameter",
        )
    if trusted and text(context.inputs, f"{image}.id") and not _can_be_trusted(context, image):
        yield Problem(f"{profile}.securityType", _NOT_GENERATION_2, "BadRequest")
    if flag(context.inputs, f"{profile}.encryptionAtHost") and not feature_registered(
        context.world, "Microsoft.Compute", "EncryptionAtHost"
    ):
        yield Problem(
            f"{profile}.encryptionAtHost",
            "The property 'securityProfile.encryptionAtHost' is not valid because the "
            "'Microsoft.Compute/EncryptionAtHost' feature is not enabled for this subscription.",
            "InvalidParameter",
        )


def _can_be_trusted(context: Context, image: str) -> bool:
    """Whether Trusted launch works with an image that is referred to by its id."""
    if (system := of_gallery(text(context.inputs, f"{image}.id") or "")) is not None:
        return system.trusted
    return generation(context.world, context.inputs, image) != 1


def feature_note(namespace: str, feature: str) -> str:
    """Where the state of a subscription's feature is kept when it is not the default."""
    return f"feature/{namespace.casefold()}/{feature.casefold()}"


def feature_registered(world: World, namespace: str, feature: str) -> bool:
    """Whether a preview feature is on; the sandbox's subscription has them on until told not."""
    return (world.note(feature_note(namespace, feature)) or "Registered") == "Registered"


def identity_problems(values: Values) -> Iterator[Problem]:
    """The type of an identity says which kinds it has."""
    given, kind = present(values, "identity.userAssignedIdentities"), text(values, "identity.type")
    if kind is None:
        return
    if (
        "UserAssigned" in kind.replace(" ", "")
        and "userAssignedIdentities" in mapping(values, "identity")
        and get(values, "identity.userAssignedIdentities") == []
    ):
        yield Problem(
            "identity.userAssignedIdentities",
            "The identity ids must not be null or empty for 'UserAssigned' identity type.",
            "InvalidIdentityIds",
        )
    if given and "UserAssigned" not in kind:
        yield Problem(
            "identity.type",
            f"is {kind}, but userAssignedIdentities are given",
            "InvalidIdentityType",
        )


def identity_outputs(context: Context) -> Outputs:
    """An identity as Azure gives it back: a map from each identity's id to its principal."""
    given = mapping(context.inputs, "identity")
    if not given:
        return {}
    result: dict[str, object] = {"type": given.get("type")}
    if "SystemAssigned" in str(given.get("type")):
        result["principalId"] = context.identifier("systemAssignedIdentity")
        result["tenantId"] = context.world.tenant
    found: dict[str, object] = {}
    names = given.get("userAssignedIdentities")
    # Some types take a list of ids, others a map by id.
    for name in names if isinstance(names, list | Mapping) else []:
        record = context.world.find(str(name))
        if record is not None:
            found[str(name)] = {
                "principalId": text(record.outputs, "principalId"),
                "clientId": text(record.outputs, "clientId"),
            }
    if found:
        result["userAssignedIdentities"] = found
    return {"identity": result}


def accelerated_problems(values: Values, path: str, size_path: str) -> Iterator[Problem]:
    """Accelerated networking needs a size that has it."""
    name = text(values, size_path)
    size = size_of(name) if name else None
    if size is not None and not size.accelerated and flag(values, path):
        yield Problem(
            path,
            f"The VM size {name} does not support accelerated networking.",
            "VMSizeIsNotPermittedToEnableAcceleratedNetworking",
        )


def generation_problems(values: Values, size_path: str, storage: str) -> Iterator[Problem]:
    """A size without generation 2 can't boot an image of generation 2."""
    name = text(values, size_path)
    size = size_of(name) if name else None
    image = platform(values, f"{storage}.imageReference")
    if size is not None and image is not None and image.generation == 2 and not size.generation2:
        yield Problem(
            size_path,
            f"The selected VM size '{name}' cannot boot Hypervisor Generation '2'. If this was a "
            "Create operation please check that the Hypervisor Generation of the Image matches the "
            "Hypervisor Generation of the selected VM Size.",
            "BadRequest",
        )
