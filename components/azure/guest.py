"""What depends on a machine's operating system: how one logs in, and its extensions.

A login is what Azure insists on, and nobody uses it: no rule lets SSH or remote desktop in. Who has
to see into a node uses the serial console or Bastion, with credentials of their own.
"""

from typing import Final, NamedTuple

import pulumi
import pulumi_random as random
from pulumi_azure_native import compute

from components.azure import machine
from components.parts import NodeGroupArgs

LONGEST_NAME: Final = 15
"""Of a Windows machine (NetBIOS); "Naming rules and restrictions for Azure resources"."""

LONGEST_PREFIX: Final = 9
"""Of a Windows scale set's machines: Azure adds six characters."""

PASSWORD_LENGTH: Final = 32

START: Final = (
    r'cmd.exe /d /s /c "copy /y C:\AzureData\CustomData.bin C:\AzureData\start.ps1 && '
    r"powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass"
    r" -File C:\AzureData\start.ps1 && "
    r"powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass"
    r' -File "C:\Program Files\Operationalization\wait-until-ready.ps1""'
)
"""Azure stores custom data on Windows and never runs it ("Custom data and cloud-init on Azure
Virtual Machines"). This runs it, and then waits as the other systems' command does. With `/s` the
first and the last quotation mark go, and the others stay ("cmd", remarks)."""


class Login(NamedTuple):
    """What the operating system's profile of a machine says of logging in."""

    linux: compute.LinuxConfigurationArgs | None = None
    windows: compute.WindowsConfigurationArgs | None = None
    password: pulumi.Output[str] | None = None


def login(name: str, args: NodeGroupArgs, parent: pulumi.Resource) -> Login:
    """Make what a group's machines are logged in to with."""
    if args.recipe.family == "linux":
        return Login(linux=machine.linux(machine.login_key(name, parent)))
    # Neither the product's password nor the database's (facts.md 18.4, W5), and in no vault.
    password = random.RandomPassword(
        f"{name}-login",
        length=PASSWORD_LENGTH,
        min_upper=1,
        min_lower=1,
        min_numeric=1,
        min_special=1,
        override_special="-_+.",
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return Login(
        windows=compute.WindowsConfigurationArgs(
            provision_vm_agent=True,
            # A node is replaced, never changed: an update would restart it when it likes.
            enable_automatic_updates=False,
            patch_settings=compute.PatchSettingsArgs(patch_mode="Manual"),
        ),
        password=password.result,
    )


def windows_name(name: str, longest: int) -> str:
    """Return *name*, if Windows takes it.

    Raises:
        ValueError: it is too long.
    """
    if len(name) > longest:
        raise ValueError(f"{name}: a Windows machine's name has at most {longest} characters here")
    return name


class Extension(NamedTuple):
    """One extension of a machine."""

    name: str
    publisher: str
    type: str
    version: str
    settings: dict[str, object]


def extensions(args: NodeGroupArgs) -> tuple[Extension, Extension]:
    """Return what asks a machine how it is, and what ends when it serves."""
    asked = machine.health_settings(args.recipe.health)
    if args.recipe.family == "windows":
        return (
            Extension(
                machine.HEALTH,
                "Microsoft.ManagedServices",
                "ApplicationHealthWindows",
                "1.0",
                asked,
            ),
            Extension(
                machine.READY,
                "Microsoft.Compute",
                "CustomScriptExtension",
                "1.10",
                {"commandToExecute": START},
            ),
        )
    return (
        Extension(
            machine.HEALTH, "Microsoft.ManagedServices", "ApplicationHealthLinux", "1.0", asked
        ),
        Extension(
            machine.READY,
            "Microsoft.Azure.Extensions",
            "CustomScript",
            "2.1",
            machine.wait_settings(),
        ),
    )


def provisioning(args: NodeGroupArgs) -> pulumi.CustomTimeouts | None:
    """Return how long a machine may take to serve: Windows with an installer, longer than usual."""
    return pulumi.CustomTimeouts(create="100m") if args.recipe.family == "windows" else None
