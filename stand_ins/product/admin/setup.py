"""Sets a node up, for both admin tools (facts.md 8.2, 8.3, 8.5, 9)."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stand_ins.product import appsettings, passwords, uris
from stand_ins.product.admin import services, stash
from stand_ins.product.appsettings import ConfigurationError, Settings
from stand_ins.product.place import on_a_node, place
from stand_ins.product.web.signing import new_key
from stand_ins.versions import Version


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


@dataclass(frozen=True)
class Setup:
    """What a tool does to this machine."""

    version: Version
    say: Callable[[str], None] = _say
    read: Callable[[], str] = sys.stdin.readline

    def compute(self) -> None:
        """Set a compute node up."""
        self._compute(upgrade=self._wanted("compute"))

    def web(self, password: str, given: Sequence[str] = ()) -> None:
        """Set a web node up; its URIs are those of *given* and of its file.

        Raises:
            PasswordError: the password is refused.
            ConfigurationError: no compute node is declared.
        """
        self._web(password, given, one_box=False, upgrade=self._wanted("web"))

    def one_box(self, password: str, given: Sequence[str] = ()) -> None:
        """Set both up on this machine; what an older version left is asked for once."""
        upgrade = self._wanted("compute", "web")
        if not upgrade:
            passwords.check(password)
        self._compute(upgrade=upgrade)
        self._web(password, given, one_box=True, upgrade=upgrade)

    def _compute(self, *, upgrade: bool) -> None:
        settings = appsettings.read(appsettings.path_of(self.version, "compute"))
        if upgrade:
            self._take_over("compute", settings)
        self._finish("compute", settings)

    def _web(self, password: str, given: Sequence[str], *, one_box: bool, upgrade: bool) -> None:
        settings = appsettings.read(appsettings.path_of(self.version, "web"))
        if not (upgrade and self._take_over("web", settings)):
            self._set_password(settings, passwords.hashed(password))
        authentication = settings.values.setdefault("Authentication", {})
        if not authentication.get("JWTKey"):
            authentication["JWTKey"] = new_key()
        self._declare(settings, given)
        known = uris.declared(self.version, settings.root)
        if one_box and not known:
            port = appsettings.read(appsettings.path_of(self.version, "compute")).root
            here = port.section("Kestrel").get("Port", int, self.version.ports["compute"])
            self._declare(settings, [f"http://localhost:{here}"])
        elif not known and self.version.needs_uris:
            raise ConfigurationError(f"{self.version.section} is missing URIs")
        self._finish("web", settings)

    def set_password(self, password: str, old: str | None = None) -> None:
        """Change the local administrator's password; refused with LDAP or AAD (8.2).

        Raises:
            ConfigurationError: a directory is enabled, or *old* is wrong.
        """
        settings = appsettings.read(appsettings.path_of(self.version, "web"))
        authentication = settings.root.section("Authentication")
        for name in ("LDAP", "AzureActiveDirectory"):
            if authentication.section(name).flag("Enabled"):
                raise ConfigurationError(f"the local account is disabled by {name}")
        if old is not None and not passwords.matches(old, authentication.text("AdminPassword")):
            raise ConfigurationError("the old password is wrong")
        self._set_password(settings, passwords.hashed(password))
        settings.save()

    def _set_password(self, settings: Settings, digest: str) -> None:
        settings.values.setdefault("Authentication", {})["AdminPassword"] = digest
        if self.version.order <= 2:
            # 9.0's file has it twice (9.1).
            settings.values["AdminPassword"] = digest

    def _declare(self, settings: Settings, entries: Sequence[str]) -> None:
        section: dict[str, Any] = settings.values.setdefault(self.version.section, {})
        known = section.setdefault("Uris", {})
        for entry in entries:
            key = "Ranges" if uris.is_range(entry) else "Values"
            if entry not in known.setdefault(key, []):
                known[key].append(entry)

    def _wanted(self, *parts: str) -> bool:
        """Return whether an older version left something that is to be taken over."""
        if not any(stash.found(part) for part in parts):
            return False
        return not self.version.asks or stash.ask(self.say, self.read)

    def _take_over(self, part: str, settings: Settings) -> bool:
        """Take an older version's configuration over, if there is one of *part*."""
        if stash.found(part) is None:
            return False
        stash.take_over(self.version, part, settings)
        self.say("\nThe previous configuration was taken over.\n")
        return True

    def _finish(self, part: str, settings: Settings) -> None:
        settings.values["configured"] = "configured"
        settings.save()
        if part == "web" and on_a_node():
            _give(place(self.version.folder("web")), self.version.web_user)
        services.define(self.version, part)
        services.start(self.version, part)
        self.say(f"Success! The {part} node was configured.\n")


def _give(folder: Path, user: str) -> None:
    """Let the web node's account write its logs and its SQLite file."""
    for path in [folder, *folder.glob("*.db*"), folder / "appsettings.json", folder / "logs"]:
        if path.exists():
            shutil.chown(path, user, user)
    for path in (folder / "logs").glob("*"):
        shutil.chown(path, user, user)


def need_administrator() -> None:
    """Refuse who is not root (8.1).

    Raises:
        ConfigurationError: with the way.
    """
    if on_a_node() and os.geteuid() != 0:
        raise ConfigurationError("administrator privileges are needed: run it with sudo")
