"""The admin utility's menus (facts.md 8.2); numbers that no document gives are ours."""

from stand_ins.product import appsettings
from stand_ins.product.admin import services
from stand_ins.product.admin.setup import Setup
from stand_ins.product.appsettings import ConfigurationError
from stand_ins.product.passwords import PasswordError

MAIN = """
1. {configure}
2. Set password
3. Stop and start services
9. Exit
"""
CONFIGURE = """
A. {one_box}
B. {web}
C. {compute}
"""
SERVICES = """
A. Stop the web node
B. Start the web node
C. Stop the compute node
D. Start the compute node
E. Return to the main menu
"""
TEXTS = {
    True: {
        "configure": "Configure DeployR",
        "one_box": "Configure onebox",
        "web": "Configure Frontend only",
        "compute": "Configure Backend only",
    },
    False: {
        "configure": "Configure R Server for Operationalization",
        "one_box": "Configure for one box",
        "web": "Configure a web node",
        "compute": "Configure a compute node",
    },
}
"""By whether it is the pre-release (19.1)."""


def run(setup: Setup) -> None:
    """Show the main menu until somebody leaves it, or standard input ends."""
    texts = TEXTS[setup.version.together]
    while True:
        root = appsettings.read(appsettings.path_of(setup.version, "web")).root
        port = root.section("Kestrel").get("Port", int, 0)
        setup.say(f"\n{setup.version.stand_in} (stand-in)\nWeb node: http://localhost:{port}\n")
        setup.say(MAIN.format(**texts))
        choice = setup.read()
        if not choice or choice.strip() == "9":
            return
        try:
            _choose(setup, choice.strip(), texts)
        except (ConfigurationError, PasswordError) as error:
            setup.say(f"{error}\n")


def _choose(setup: Setup, choice: str, texts: dict[str, str]) -> None:
    if choice == "1":
        setup.say(CONFIGURE.format(**texts))
        part = setup.read().strip().upper()
        if part == "A":
            setup.one_box(_password(setup))
        elif part == "B":
            setup.web(_password(setup))
        elif part == "C":
            setup.compute()
    elif choice == "2":
        setup.set_password(_password(setup))
    elif choice == "3":
        setup.say(SERVICES)
        act = setup.read().strip().upper()
        if act in ("A", "C"):
            services.stop(setup.version, "web" if act == "A" else "compute")
        elif act in ("B", "D"):
            services.start(setup.version, "web" if act == "B" else "compute")


def _password(setup: Setup) -> str:
    setup.say("Password: ")
    first = setup.read().rstrip("\n")
    setup.say("Confirm the password: ")
    if setup.read().rstrip("\n") != first:
        raise ConfigurationError("the passwords are not the same")
    return first
