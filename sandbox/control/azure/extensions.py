"""Virtual machine extensions: which exist, and what their settings must say.

Sources: Azure documentation, "Using Application Health extension with Virtual Machine Scale Sets",
"Use the Azure Custom Script Extension Version 2 with Linux virtual machines", "Extension sequencing
in Virtual Machine Scale Sets".
"""

from collections.abc import Iterator, Sequence

from sandbox.control.kinds import Problem, Values
from sandbox.control.reading import mapping, number, present, text, texts

HEALTH = ("Microsoft.ManagedServices", "ApplicationHealthLinux")
SCRIPT = ("Microsoft.Azure.Extensions", "CustomScript")

EXTENSIONS: dict[tuple[str, str], tuple[str, ...]] = {
    HEALTH: ("1.0", "2.0"),
    ("Microsoft.ManagedServices", "ApplicationHealthWindows"): ("1.0", "2.0"),
    SCRIPT: ("2.0", "2.1"),
    ("Microsoft.Compute", "CustomScriptExtension"): ("1.9", "1.10"),
    ("Microsoft.Azure.Monitor", "AzureMonitorLinuxAgent"): ("1.0", "1.21", "1.33"),
    ("Microsoft.Azure.ActiveDirectory", "AADSSHLoginForLinux"): ("1.0",),
}
"""Publisher and type -> the versions (`major.minor`) that Azure knows."""


def identity(extension: Values) -> tuple[str, str]:
    """Publisher and type as the table writes them; as they were written when it has none."""
    wanted = (text(extension, "publisher") or "", text(extension, "type") or "")
    for known in EXTENSIONS:
        if [part.casefold() for part in known] == [part.casefold() for part in wanted]:
            return known
    return wanted


def problems(path: str, extension: Values) -> Iterator[Problem]:
    """One extension: it must exist in this version, and its settings must be its own."""
    dot = f"{path}." if path else ""
    publisher, type_, version = (
        text(extension, key) for key in ("publisher", "type", "typeHandlerVersion")
    )
    if publisher is None or type_ is None:
        return
    key = identity(extension)
    if key not in EXTENSIONS:
        known = ", ".join("/".join(each) for each in EXTENSIONS)
        yield Problem(
            f"{dot}type",
            f"The handler for VM extension type '{publisher}.{type_}' was not found. (The sandbox "
            f"knows {known}.)",
            "VMExtensionHandlerNotFound",
        )
        return
    if version is not None and version not in EXTENSIONS[key]:
        yield Problem(
            f"{dot}typeHandlerVersion",
            f"No version found in the artifact repository that satisfies the requested version "
            f"'{version}' for VM extension with publisher '{publisher}' and type '{type_}'.",
            "VMExtensionVersionNotFound",
        )
    if key[1].startswith("ApplicationHealth"):
        yield from _health(f"{dot}settings", mapping(extension, "settings"))
    if key[1].startswith("CustomScript"):
        yield from _script(dot, extension)
    if present(extension, "protectedSettingsFromKeyVault"):
        yield Problem(
            f"{dot}protectedSettingsFromKeyVault",
            "the sandbox does not emulate this: use protectedSettings",
        )


def _health(path: str, settings: Values) -> Iterator[Problem]:
    protocol = text(settings, "protocol")
    if "protocol" in settings and protocol not in ("http", "https", "tcp"):
        yield Problem(
            f"{path}.protocol",
            f"must be http, https or tcp, got {settings['protocol']!r}",
            "InvalidParameter",
        )
    port = number(settings, "port")
    if "port" in settings and (port is None or not 1 <= port <= 65535):
        yield Problem(
            f"{path}.port", f"must be 1 to 65535, got {settings['port']!r}", "InvalidParameter"
        )
    if protocol == "tcp" and "requestPath" in settings:
        yield Problem(f"{path}.requestPath", "is not for tcp", "InvalidParameter")


def _script(dot: str, extension: Values) -> Iterator[Problem]:
    """At most one command, in the open settings or in the protected ones."""
    places = _commands(dot, extension)
    if len(places) > 1:
        yield Problem(
            places[1], f"{places[0]} is there too: give one command", "VMExtensionProvisioningError"
        )


def _commands(dot: str, extension: Values) -> list[str]:
    return [
        f"{dot}{where}.{key}"
        for where in ("settings", "protectedSettings")
        for key in ("commandToExecute", "script")
        if present(extension, f"{where}.{key}")
    ]


def missing(path: str, extension: Values) -> Iterator[Problem]:
    """What an extension's settings need, when everything is known."""
    dot = f"{path}." if path else ""
    key = identity(extension)
    settings = mapping(extension, "settings")
    if key[1].startswith("ApplicationHealth"):
        wanted = ["protocol", "port" if settings.get("protocol") == "tcp" else "requestPath"]
        for name in wanted:
            if not present(settings, name):
                yield Problem(f"{dot}settings.{name}", "is missing", "InvalidParameter")
    if key[1].startswith("CustomScript") and not _commands(dot, extension):
        yield Problem(
            f"{dot}settings", "needs commandToExecute or script", "VMExtensionProvisioningError"
        )


def order_problems(extensions: Sequence[tuple[str, Values]]) -> Iterator[Problem]:
    """Names and types are unique; an extension waits for others of its machine, in no circle."""
    after: dict[str, set[str]] = {}
    seen: dict[tuple[str, str], str] = {}
    for path, extension in extensions:
        name = text(extension, "name") or ""
        if name.casefold() in after:
            yield Problem(f"{path}.name", f"{name} is there twice", "InvalidParameter")
        other = seen.setdefault(identity(extension), name)
        if other != name:
            yield Problem(
                f"{path}.type",
                f"Multiple VMExtensions per handler not supported for OS type 'Linux': {other} and "
                f"{name}.",
                "BadRequest",
            )
        waits = texts(extension, "provisionAfterExtensions[*]")
        after[name.casefold()] = {found.casefold() for _, found in waits}
    for path, extension in extensions:
        for where, wanted in texts(extension, "provisionAfterExtensions[*]"):
            if wanted.casefold() not in after:
                yield Problem(
                    f"{path}.{where}",
                    f"extension {wanted} is not on this machine",
                    "InvalidParameter",
                )
    if _circle(after):
        yield Problem(
            extensions[0][0].partition("[")[0],
            "extensions wait for each other in a circle",
            "InvalidParameter",
        )


def _circle(after: dict[str, set[str]]) -> bool:
    left = {name: waits & set(after) for name, waits in after.items()}
    while left:
        ready = {name for name, waits in left.items() if not waits}
        if not ready:
            return True
        left = {name: waits - ready for name, waits in left.items() if name not in ready}
    return False
