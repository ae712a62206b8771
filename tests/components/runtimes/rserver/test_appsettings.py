"""What appsettings.json is made to say, for every version, system, role, database and log-in."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from components.runtimes import recipe
from components.runtimes.rserver import VERSIONS
from components.runtimes.rserver.appsettings import merged
from tests.support.environments import AZURE, ONE_BOX, changed, environment, of_family

GOLDEN = Path(__file__).resolve().parents[4] / "tests" / "golden" / "appsettings"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
SYSTEMS = {"linux": "ubuntu-16.04", "windows": "windows-server-2016"}
ENGINES = {"linux": "postgresql", "windows": "sqlserver"}

LDAP = {
    "method": "ldap",
    "ldap": {
        "host": "ldap.example.com",
        "addresses": ["10.30.0.0/28"],
        "queryUserDn": "CN=lookup,DC=example,DC=com",
        "searchBase": "OU=people,DC=example,DC=com",
        "searchFilter": "sAMAccountName={0}",
    },
}
DIRECTORY = {
    "method": "azureActiveDirectory",
    "azureActiveDirectory": {
        "authority": "https://login.windows.net/example.onmicrosoft.com",
        "audience": "00000000-0000-0000-0000-000000000001",
    },
}
ROLES = {"owner": ["Administrators"], "contributor": ["RProgrammers", "Quality"]}


class Case(NamedTuple):
    """One file."""

    version: str
    family: str
    role: str
    engine: str
    login: str

    @property
    def name(self) -> str:
        """Name of its golden file."""
        return f"{self.version}-{self.family}-{self.role}-{self.engine}-{self.login}"


def _cases() -> Iterator[Case]:
    for _, version in VERSIONS:
        # Nodes of 9.0 have no documented silent set-up on Windows.
        for family in ("linux",) if version.startswith("9.0") else SYSTEMS:
            engine = ENGINES[family]
            for login in ("local", "ldap", "aad"):
                yield Case(version, family, "web", engine, login)
            yield Case(version, family, "compute", engine, "local")
            yield Case(version, family, "one-box", engine, "local")
            yield Case(version, family, "one-box", "sqlite", "local")


CASES = tuple(_cases())


def settings(case: Case) -> dict[str, Any]:
    """Settings in which as much differs from the defaults as the version allows."""
    old, newest = case.version.startswith("9.0"), case.version >= "9.2"
    base = ONE_BOX if case.role == "one-box" else AZURE
    found = changed(
        of_family(base, case.version, SYSTEMS[case.family]),
        {
            "database.engine": case.engine,
            "runtime.server.cors.origins": ["https://app.example.com"],
            "runtime.server.pool": {"initial": 8, "maximum": 40},
            "runtime.server.logLevel": "Information",
        },
    )
    if case.login == "ldap":
        found = changed(found, {"runtime.server.authentication": LDAP})
        if old:
            bind = {"runtime.server.authentication.ldap.bindFilter": "CN={0},DC=example,DC=com"}
            return changed(found, bind)
        roles = {**ROLES, "reader": ["App developers"]} if newest else ROLES
        return changed(found, {"runtime.server.authentication.roles": roles})
    if case.login == "aad":
        found = changed(found, {"runtime.server.authentication": DIRECTORY})
        if old:
            return found
        directory = "runtime.server.authentication.azureActiveDirectory"
        client = {f"{directory}.clientId": "00000000-0000-0000-0000-000000000002"}
        return changed(found, {**client, "runtime.server.encryptSecrets": True})
    return found


def overlays(case: Case) -> dict[str, Any]:
    """What a node merges into the files of its parts."""
    data = recipe.for_role(environment(settings(case)), case.role).data  # type: ignore[arg-type]
    return json.loads(json.dumps(data["appsettings"], default=dict))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_node_merges_is_the_golden_document(case: Case) -> None:
    found = json.dumps({part: each["overlay"] for part, each in overlays(case).items()}, indent=1)
    golden = GOLDEN / f"{case.name}.json"
    if UPDATE:
        golden.write_text(f"{found}\n")

    assert f"{found}\n" == golden.read_text(), "run with UPDATE_GOLDEN=1 if the change is meant"


def test_there_is_a_golden_document_for_each_case_and_no_other() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {case.name for case in CASES}


def web(version: str, login: str = "local", **changes: Any) -> Any:
    dotted = {f"runtime.server.{key.replace('__', '.')}": each for key, each in changes.items()}
    case = Case(version, "linux", "web", "postgresql", login)
    made = environment(changed(settings(case), dotted))
    return json.loads(json.dumps(recipe.for_role(made, "web").data["appsettings"], default=dict))[
        "web"
    ]


@pytest.mark.parametrize("version", [version for _, version in VERSIONS if version >= "9.1"])
def test_before_set_up_the_file_says_where_compute_nodes_and_database_are_and_no_more(version):
    """facts.md R9 and section 10: the rest is set-up's own, and the node never starts on SQLite."""
    first = web(version)["first"]
    sections = [key for key in first if "|" in key]

    assert set(first) == {"ConnectionStrings", *sections}
    assert [set(each.split("|")) for each in sections] == [
        {"BackEndConfiguration", "ComputeNodesConfiguration"}
    ]


@pytest.mark.parametrize("version", ["9.0-preview", "9.0.1"])
def test_a_version_without_a_tool_gets_its_whole_file_at_once(version):
    found = web(version)

    assert found["first"] == found["overlay"]
    assert found["overlay"]["configured"] == "configured"
    assert found["overlay"]["AdminPassword"] == {"$secret": "admin-password-hash"}


@pytest.mark.parametrize("version", [version for _, version in VERSIONS])
@pytest.mark.parametrize("login", ["local", "ldap", "aad"])
def test_one_connection_string_and_at_most_one_directory_is_on(version, login):
    found = web(version, login)["overlay"]
    strings, directories = found["ConnectionStrings"], found["Authentication"]

    assert [key for key in strings if strings[key]["Enabled"]] == ["postgresql"]
    on = [key for key in ("LDAP", "AzureActiveDirectory") if directories[key]["Enabled"]]
    assert on == {"local": [], "ldap": ["LDAP"], "aad": ["AzureActiveDirectory"]}[login]


@pytest.mark.parametrize("version", [version for _, version in VERSIONS])
def test_no_secret_is_in_what_a_node_is_told(version):
    text = json.dumps(web(version, "ldap"))

    assert '"Password": "' not in text
    assert text.count('{"$secret": "ldap-password"}') == text.count('QueryUserPassword"')


def test_9_0_lists_every_compute_node_and_later_versions_may_give_ranges():
    section = "BackEndConfiguration|ComputeNodesConfiguration"

    assert set(web("9.0.1")["overlay"][section]["Uris"]) == {"Values"}
    assert set(web("9.1.0")["overlay"][section]["Uris"]) == {"Values", "Ranges"}


def test_encrypted_secrets_are_marked_as_such():
    found = web("9.3.0", "aad", encryptSecrets=True)["overlay"]
    string = found["ConnectionStrings"]["postgresql"]
    directory = found["Authentication"]["AzureActiveDirectory"]

    assert (string["Encrypted"], list(string["Connection"])) == (True, ["$encrypted"])
    assert (directory["KeyEncrypted"], list(directory["Key"])) == (True, ["$encrypted"])


def test_an_overlay_goes_into_objects_and_replaces_everything_else():
    base = {"a": {"b": 1, "c": {"$secret": "x"}}, "d": [1, 2]}
    over = {"a": {"c": {"$node": "y"}}, "d": [3]}

    assert merged(base, over) == {"a": {"b": 1, "c": {"$node": "y"}}, "d": [3]}
