"""`az ml admin` of 9.3 and `az mlserver admin` of 9.4, with their log-ins (facts.md 8.3)."""

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stand_ins.product import appsettings, uris
from stand_ins.product.admin import capacity, client, diagnostics, services
from stand_ins.product.admin.setup import Setup, need_administrator
from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.product.certificates import STORES, Stores
from stand_ins.product.passwords import PasswordError
from stand_ins.product.place import home_of, on_a_node, place
from stand_ins.versions import Version, find

Command = Callable[[Version, argparse.Namespace], object]
PARTS = {"webnode": "web", "computenode": "compute"}


def main(product: str, version: str, arguments: Sequence[str]) -> int:
    """Run `az`'s *arguments*; returns the exit code."""
    known = find(product, version)
    try:
        need_administrator()
        given = _parser(known).parse_args(arguments)
        command: Command = given.command
        found = command(known, given)
        if found is not None:
            text = found if isinstance(found, str) else json.dumps(found, indent=2)
            sys.stdout.write(text + "\n")
    except (ConfigurationError, PasswordError) as error:
        sys.stderr.write(f"az: error: {error}\n")
        return 1
    return 0


def _parser(version: Version) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="az")
    groups = parser.add_subparsers(required=True)
    top = groups.add_parser(version.tool).add_subparsers(required=True)
    if version.tool == "ml":
        login = _leaf(groups, "login", _login)
        login.add_argument("--mls", action="store_true", required=True)
    else:
        login = _leaf(top, "login", _login)
    login.add_argument("--mls-endpoint", default="")
    login.add_argument("--username", default="")
    login.add_argument("--password", default="")
    admin = top.add_parser("admin")
    admin.add_argument("--mls", action="store_true")
    admin.add_argument("--endpoint", default="")
    _add_admin(admin.add_subparsers(required=True))
    return parser


def _add_admin(admin: Any) -> None:
    bootstrap = _leaf(admin, "bootstrap", _bootstrap)
    _passwords(bootstrap)
    node = admin.add_parser("node").add_subparsers(required=True)
    setup = _leaf(node, "setup", _setup)
    which = setup.add_mutually_exclusive_group(required=True)
    for name in ("--onebox", "--webnode", "--computenode"):
        which.add_argument(name, action="store_true")
    _passwords(setup, required=False)
    setup.add_argument("--uri", default="")
    _leaf(node, "list", _list_nodes)
    for leaf in (_leaf(node, "start", _start), _leaf(node, "stop", _stop)):
        for part in PARTS:
            leaf.add_argument(f"--{part}", action="store_true")
    port = admin.add_parser("port").add_subparsers(required=True)
    _leaf(port, "list", _list_ports)
    update = _leaf(port, "update", _update_ports)
    for name in ("--webnode", "--computenode", "--rserve"):
        update.add_argument(name, type=int)
    password = admin.add_parser("password").add_subparsers(required=True)
    change = _leaf(password, "set", _set_password)
    change.add_argument("--old-password", required=True)
    _passwords(change)
    uri = admin.add_parser("compute-node-uri").add_subparsers(required=True)
    _leaf(uri, "list", _list_uris)
    for leaf in (_leaf(uri, "add", _add_uris), _leaf(uri, "remove", _remove_uris)):
        leaf.add_argument("--uri", required=True)
    credentials = admin.add_parser("credentials").add_subparsers(required=True)
    _leaf(credentials, "list", _list_credentials)
    sealed = _leaf(credentials, "set", _set_credentials)
    for name in ("--cert-store-name", "--cert-store-location", "--cert-subject_name", "--secret"):
        sealed.add_argument(name, required=True)
    _add_tests(admin)


def _add_tests(admin: Any) -> None:
    diagnostic = admin.add_parser("diagnostic").add_subparsers(required=True)
    _leaf(diagnostic, "run", _diagnose)
    code = _leaf(diagnostic, "code", _diagnose_code)
    code.add_argument("--runtime", default="R")
    block = code.add_mutually_exclusive_group(required=True)
    block.add_argument("--block", default="")
    block.add_argument("--file", type=Path)
    service = _leaf(diagnostic, "service", _diagnose_service)
    service.add_argument("--name", required=True)
    service.add_argument("--version", required=True)
    service.add_argument("--args", default="{}")
    run = _leaf(admin.add_parser("capacity").add_subparsers(required=True), "run", _capacity)
    run.add_argument("--strategy", choices=["latency", "thread"], required=True)
    for name, default in (
        ("--latency", 250),
        ("--max-thread", 50),
        ("--min-thread", 10),
        ("--increment", 10),
    ):
        run.add_argument(name, type=int, default=default)
    run.add_argument("--service", default="")
    run.add_argument("--version", default="")
    run.add_argument("--args", default="{}")


def _leaf(group: Any, name: str, command: Command) -> argparse.ArgumentParser:
    leaf: argparse.ArgumentParser = group.add_parser(name)
    leaf.set_defaults(command=command)
    return leaf


def _passwords(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    for name in ("--admin-password", "--confirm-password"):
        parser.add_argument(name, required=required, default="")


def _confirmed(given: argparse.Namespace) -> str:
    if given.admin_password != given.confirm_password:
        raise ConfigurationError("--confirm-password is another password")
    return str(given.admin_password)


def _need_activation(version: Version) -> None:
    if on_a_node() and not (place(version.activate).parent / ".activated").exists():
        raise ConfigurationError(f"the server is not activated: run {version.activate}")


def _login(version: Version, given: argparse.Namespace) -> object:
    username = given.username or input("Username: ")
    password = given.password or getpass.getpass()
    endpoint = given.mls_endpoint.rstrip("/") or client.local(version)
    client.Client(endpoint).log_in(username, password).keep(Path.home())
    return {"endpoint": endpoint, "username": username}


def _client(given: argparse.Namespace) -> client.Client:
    known = client.kept(Path.home())
    return client.Client(given.endpoint.rstrip("/") or known.endpoint, known.token)


def _setup(version: Version, given: argparse.Namespace) -> object:
    _need_activation(version)
    setup = Setup(version)
    if given.computenode:
        setup.compute()
        return None
    password = _confirmed(given)
    entries = uris.parse_list(given.uri) if given.uri else []
    if given.onebox:
        setup.one_box(password, entries)
    else:
        setup.web(password, entries)
    return None


def _bootstrap(version: Version, given: argparse.Namespace) -> object:
    _need_activation(version)
    password = _confirmed(given)
    Setup(version).one_box(password)
    node = diagnostics.when_up(version, client.local(version), password)
    return diagnostics.run(version, node)


def _list_nodes(version: Version, _given: argparse.Namespace) -> object:
    return [
        {"name": unit, "running": services.is_active(unit)}
        for part in ("web", "compute")
        for unit in services.of(version, part)
    ]


def _start(version: Version, given: argparse.Namespace) -> object:
    for part in _chosen(given):
        services.start(version, part)
    return None


def _stop(version: Version, given: argparse.Namespace) -> object:
    for part in _chosen(given):
        services.stop(version, part)
    return None


def _chosen(given: argparse.Namespace) -> list[str]:
    found = [part for name, part in PARTS.items() if getattr(given, name)]
    if not found:
        raise ConfigurationError("one of --webnode and --computenode is needed")
    return found


def _list_ports(version: Version, _given: argparse.Namespace) -> object:
    web = appsettings.read(appsettings.path_of(version, "web")).root
    compute = appsettings.read(appsettings.path_of(version, "compute")).root
    return {
        "webnode": web.section("Kestrel").get("Port", int, 0),
        "computenode": compute.section("Kestrel").get("Port", int, 0),
        "rserve": compute.text("RServePort"),
    }


def _update_ports(version: Version, given: argparse.Namespace) -> object:
    for name, part in PARTS.items():
        port = getattr(given, name)
        settings = appsettings.read(appsettings.path_of(version, part))
        if port is not None:
            settings.values.setdefault("Kestrel", {})["Port"] = port
        if part == "compute" and given.rserve is not None:
            settings.values["RServePort"] = str(given.rserve)
        settings.save()
    return None


def _set_password(version: Version, given: argparse.Namespace) -> object:
    Setup(version).set_password(_confirmed(given), given.old_password)
    return None


def _list_uris(_version: Version, given: argparse.Namespace) -> object:
    return _client(given).call("GET", "/computenodes")


def _add_uris(_version: Version, given: argparse.Namespace) -> object:
    entries = uris.parse_list(given.uri)
    return _client(given).call("PUT", "/computenodes", {"entries": entries})


def _remove_uris(version: Version, given: argparse.Namespace) -> object:
    entries = uris.parse_list(given.uri)
    found = _client(given).call("DELETE", "/computenodes", {"entries": entries})
    # What is removed with the tool leaves this machine's file, too (11).
    settings = appsettings.read(appsettings.path_of(version, "web"))
    known = settings.values.get(version.section, {}).get("Uris", {})
    for key in ("Values", "Ranges"):
        known[key] = [entry for entry in known.get(key, []) if entry not in entries]
    settings.save()
    return found


def _list_credentials(version: Version, _given: argparse.Namespace) -> object:
    stores = Stores(home_of(version.web_user))
    return [
        f"{chr(ord('A') + at)}. {pair.certificate.subject.rfc4514_string()} (private key)"
        for at, pair in enumerate(
            pair for name in STORES for pair in stores.pairs(name, "CurrentUser", "credentials")
        )
    ]


def _set_credentials(version: Version, given: argparse.Namespace) -> object:
    section = Section(
        {
            "StoreName": given.cert_store_name,
            "StoreLocation": given.cert_store_location,
            "SubjectName": given.cert_subject_name.strip('"'),
        }
    )
    return Stores(home_of(version.web_user)).encrypt(given.secret, section)


def _diagnose(version: Version, given: argparse.Namespace) -> object:
    return diagnostics.run(version, _client(given))


def _diagnose_code(_version: Version, given: argparse.Namespace) -> object:
    if given.runtime.lower() != "r":
        raise ConfigurationError("this stand-in has no Python")
    block = given.file.read_text(encoding="utf-8") if given.file else given.block
    return diagnostics.code(_client(given), block)


def _diagnose_service(_version: Version, given: argparse.Namespace) -> object:
    return diagnostics.service(_client(given), given.name, given.version, json.loads(given.args))


def _capacity(_version: Version, given: argparse.Namespace) -> object:
    steps = capacity.Steps(given.min_thread, given.max_thread, given.increment)
    limit = given.latency if given.strategy == "latency" else None
    chosen = capacity.Chosen(given.service, given.version, json.loads(given.args))
    capacity.run(_client(given), steps, limit, chosen)
    return None
