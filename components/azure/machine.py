"""What a node's machine is on Azure, in a scale set or alone."""

from collections.abc import Mapping
from typing import Final

import pulumi
import pulumi_tls as tls
from pulumi_azure_native import compute

from components.parts import NodeGroupArgs
from components.runtimes.node import HealthProbe

LOGIN: Final = "operations"

WAIT: Final = "/opt/operationalization/bin/wait-until-ready.sh"
"""Script of `components.bootstrap` that ends when the node serves, or with the end of its log."""

HEALTH: Final = "health"
READY: Final = "ready"
NOTICE: Final = "PT5M"
"""How long before its end a node is told; Azure allows 5 to 15 minutes."""

IMAGES: Final[Mapping[str, compute.ImageReferenceArgs]] = {
    # Debian's cloud team numbers its images by the day and build of cloud.debian.org, here
    # 20250210-2019. A newer one is a change of content: it replaces the groups, so it is ours to
    # choose and never "latest".
    "debian-12": compute.ImageReferenceArgs(
        publisher="Debian", offer="debian-12", sku="12-gen2", version="0.20250210.2019"
    ),
}

DISKS: Final[Mapping[str, str]] = {"standard": "StandardSSD_LRS", "premium": "Premium_LRS"}


def image(args: NodeGroupArgs) -> compute.ImageReferenceArgs:
    """Return the image that the settings name, or the stock one of their operating system.

    Raises:
        NotImplementedError: for an operating system without a stock image on sale any more.
    """
    if args.runtime.image_id:
        return compute.ImageReferenceArgs(id=args.runtime.image_id)
    system = args.runtime.operating_system
    if system not in IMAGES:
        raise NotImplementedError(
            f"runtime.operatingSystem: {system} has no stock image; set runtime.imageId"
        )
    return IMAGES[system]


def accelerated(size: str) -> bool:
    """Return whether *size* has accelerated networking: all but the first B series do.

    Source: "Accelerated Networking overview", supported sizes.
    """
    return not size.startswith("Standard_B") or size.endswith("_v2")


WITHOUT_TRUSTED_LAUNCH: Final = frozenset(
    {"ubuntu-14.04", "ubuntu-16.04", "centos-7", "rhel-7", "windows-server-2012-r2"}
)
"""Systems that are too old for it ("Trusted Launch for Azure virtual machines", supported systems);
Azure refuses a machine of one of them that asks for it."""


def security(args: NodeGroupArgs) -> compute.SecurityProfileArgs:
    """Return encryption at host, and Trusted launch where the system can have it."""
    if args.runtime.operating_system in WITHOUT_TRUSTED_LAUNCH:
        return compute.SecurityProfileArgs(encryption_at_host=args.encryption_at_host)
    return compute.SecurityProfileArgs(
        security_type="TrustedLaunch",
        uefi_settings=compute.UefiSettingsArgs(secure_boot_enabled=True, v_tpm_enabled=True),
        encryption_at_host=args.encryption_at_host,
    )


def linux(key: tls.PrivateKey) -> compute.LinuxConfigurationArgs:
    """Return a login that nobody uses: by key only, and no rule lets SSH in."""
    public = key.public_key_openssh.apply(lambda text: text.strip())
    return compute.LinuxConfigurationArgs(
        disable_password_authentication=True,
        provision_vm_agent=True,
        ssh=compute.SshConfigurationArgs(
            public_keys=[
                compute.SshPublicKeyArgs(
                    path=f"/home/{LOGIN}/.ssh/authorized_keys", key_data=public
                )
            ]
        ),
    )


def login_key(name: str, parent: pulumi.Resource) -> tls.PrivateKey:
    """Make the key that Azure insists on.

    The private half is in no vault, only in Pulumi's state, encrypted: it opens nothing, because
    port 22 is closed in every security group. Who must see into a node uses the serial console or
    Bastion with a key of their own.
    """
    return tls.PrivateKey(
        f"{name}-login", algorithm="ED25519", opts=pulumi.ResourceOptions(parent=parent)
    )


def notice() -> compute.ScheduledEventsProfileArgs:
    """Return that a node is told before it goes, so that it can drain."""
    return compute.ScheduledEventsProfileArgs(
        terminate_notification_profile=compute.TerminateNotificationProfileArgs(
            enable=True, not_before_timeout=NOTICE
        )
    )


def health_settings(health: HealthProbe) -> dict[str, object]:
    """Return what the health extension asks: the node's own processes, never another's."""
    return {
        "protocol": health.protocol.lower(),
        "port": health.port,
        "requestPath": health.live_path,
    }


def wait_settings() -> dict[str, object]:
    """Return the script extension's settings: a machine is provisioned once it serves."""
    return {"commandToExecute": WAIT}
