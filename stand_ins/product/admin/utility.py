"""The admin utility of 9.0 to 9.2: menus, and since 9.1 switches (facts.md 8.2)."""

import sys
from collections.abc import Sequence

from stand_ins.product import appsettings, connection, uris
from stand_ins.product.admin import menus
from stand_ins.product.admin.setup import Setup, need_administrator
from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.product.certificates import Stores
from stand_ins.product.passwords import PasswordError
from stand_ins.product.place import home_of, place
from stand_ins.product.store import Store
from stand_ins.versions import Version


def main(version: Version, arguments: Sequence[str]) -> int:
    """Run the utility; its exit codes are not documented, here they tell the truth."""
    setup = Setup(version)
    try:
        need_administrator()
        if not arguments:
            menus.run(setup)
        else:
            _switch(setup, arguments[0].lower(), list(arguments[1:]))
    except (ConfigurationError, PasswordError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _switch(setup: Setup, switch: str, values: list[str]) -> None:
    if setup.version.tool == "menus":
        raise ConfigurationError(f"{setup.version.version} knows no switches, only menus")
    most_setup = 2 if setup.version.order >= 4 else 1
    if switch in ("-silentoneboxinstall", "-silentinstall"):
        _count(switch, values, 1, most_setup)
        setup.one_box(values[0], uris.parse_list(values[1]) if values[1:] else ())
    elif switch == "-silentwebnodeinstall":
        _count(switch, values, 1, most_setup)
        setup.web(values[0], uris.parse_list(values[1]) if values[1:] else ())
    elif switch == "-silentcomputenodeinstall":
        _count(switch, values, 0, 0)
        setup.compute()
    elif switch == "-setpassword":
        _count(switch, values, 1, 1)
        setup.set_password(values[0])
    elif switch == "-preparedbmigration":
        _count(switch, values, 1, 1)
        _migrate(setup.version, values[0])
    elif switch == "-encryptsecret":
        _count(switch, values, 4, 4)
        secret, store, location, subject = values
        section = Section({"StoreName": store, "StoreLocation": location, "SubjectName": subject})
        stores = Stores(home_of(setup.version.web_user))
        sys.stdout.write(f"{stores.encrypt(secret, section)}\n")
    else:
        raise ConfigurationError(f"the switch {switch} is not known")


def _count(switch: str, values: list[str], least: int, most: int) -> None:
    if not least <= len(values) <= most:
        raise ConfigurationError(f"{switch} takes {least} to {most} arguments, not {len(values)}")


def _migrate(version: Version, path: str) -> None:
    """Bring the database that a web node's file names to this version."""
    settings = appsettings.read(place(path))
    stores = Stores(home_of(version.web_user))
    Store(version, connection.target(version, settings.root, settings.path.parent, stores)).close()
