"""What Azure asks of the OS profile of a Windows machine.

Such machines are records here: Windows can't boot in the sandbox (`sandbox.control.systems`).

Sources: Azure documentation, "Frequently asked questions about Windows Virtual Machines" (user
names, passwords of up to 123 characters), "Naming rules and restrictions for Azure resources"
(computer names of 15 characters), REST API "Virtual Machines - Create Or Update"
(`windowsConfiguration`).
"""

import re
from collections.abc import Iterator

from sandbox.control.azure.images import is_windows
from sandbox.control.azure.passwords import weakness
from sandbox.control.kinds import Context, Problem, Values
from sandbox.control.reading import mapping, present, text

_NAME = re.compile(r"[^\"/\\\[\]:|<>+=;,?*@&\s]{1,20}")
LONGEST_PASSWORD = 123


def is_meant(profile: Values) -> bool:
    """Whether an OS profile is one for Windows."""
    return present(profile, "windowsConfiguration")


def problems(profile: Values, path: str, forbidden: frozenset[str]) -> Iterator[Problem]:
    """User, password and name of a Windows machine. *forbidden*: user names."""
    user = text(profile, "adminUsername")
    if user is not None and (
        user.casefold() in forbidden or not _NAME.fullmatch(user) or user.endswith(".")
    ):
        yield Problem(
            f"{path}.adminUsername",
            "The Admin Username specified is not allowed.",
            "InvalidParameter",
        )
    password = text(profile, "adminPassword")
    why = weakness(password, user or "", 12, LONGEST_PASSWORD) if password is not None else None
    if why:
        yield Problem(f"{path}.adminPassword", f"The supplied password {why}.", "InvalidParameter")
    yield from _computer_name(profile, path)
    if present(profile, "linuxConfiguration"):
        yield Problem(
            f"{path}.linuxConfiguration",
            "is given together with windowsConfiguration: a machine has one of them",
            "InvalidParameter",
        )
    for key in ("additionalUnattendContent", "winRM"):
        if present(profile, f"windowsConfiguration.{key}"):
            yield Problem(
                f"{path}.windowsConfiguration.{key}",
                "the sandbox does not emulate this: leave it out",
            )


def _computer_name(profile: Values, path: str) -> Iterator[Problem]:
    for key, most in (("computerName", 15), ("computerNamePrefix", 9)):
        name = text(profile, key)
        if name is not None and len(name) > most:
            yield Problem(
                f"{path}.{key}",
                f"Windows computer name cannot be more than {most} characters long, be entirely "
                "numeric, or contain the following characters: ` ~ ! @ # $ % ^ & * ( ) = + _ [ ] "
                "{ } \\ | ; : . ' \" , < > / ?.",
                "InvalidParameter",
            )


def verify(context: Context, path: str, storage: str) -> Iterator[Problem]:
    """The profile is for the system that the image has."""
    found = is_windows(context.world, context.inputs, f"{storage}.imageReference")
    profile = mapping(context.inputs, path)
    if not profile or found is None or found == is_meant(profile):
        return
    reason = (
        "is missing: the image is of Windows" if found else "is given, but the image is of Linux"
    )
    yield Problem(f"{path}.windowsConfiguration", reason, "InvalidParameter")
