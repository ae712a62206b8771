"""User data of Windows nodes: golden documents, and the laws that hold for any."""

import base64
import json
import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from components.bootstrap import user_data, windows
from components.bootstrap.bundle import bundle
from components.bootstrap.user_data import UserDataTooLarge, render
from components.runtimes import flows, recipe
from components.runtimes.node import NodeFile
from components.runtimes.rserver import windows as product
from tests.support import windows as support
from tests.support.environments import SMALLEST, changed, environment, of_family
from tests.support.nodes import aws_facts, facts

REPOSITORY = Path(__file__).resolve().parents[3]
GOLDEN = REPOSITORY / "tests" / "golden" / "windows"
STORE = (
    "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/media/providers/"
    "Microsoft.Storage/storageAccounts/media7"
)
MEDIA = "https://media7.blob.core.windows.net/installers"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
SHA256 = re.compile(r"(?<=\"sha256\": \")[0-9a-f]{64}(?=\"\n *},?\n \"clients)")

CASES = (
    ("9.1.0", "web"),
    ("9.1.0", "compute"),
    ("9.2.1", "web"),
    ("9.3.0", "web"),
    ("9.4.7", "web"),
    ("9.4.7", "compute"),
    ("9.4.7", "one-box"),
)
OLD, NEW = "windows-server-2012-r2", "windows-server-2016"
SYSTEM = {"9.1.0": OLD, "9.2.1": NEW, "9.3.0": OLD, "9.4.7": NEW}
SETTINGS = {
    "services-of-sql-server": {
        "runtime.server.sqlServerServices": True,
        "runtime.server.reverseProxy": "none",
    },
    "directory": {
        "runtime.server.authentication": {
            "method": "ldap",
            "ldap": {
                "host": "ldap.example.com",
                "addresses": ["10.40.0.0/28"],
                "queryUserDn": "CN=lookup,DC=example,DC=com",
                "searchBase": "OU=people,DC=example,DC=com",
                "searchFilter": "userPrincipalName={0}",
            },
            "roles": {"owner": ["Administrators"], "contributor": ["Analysts"]},
        },
        "runtime.server.encryptSecrets": True,
        "runtime.server.installers.store": STORE,
        "runtime.server.installers.server.url": f"{MEDIA}/server.zip",
        "runtime.server.installers.dotnet.url": f"{MEDIA}/dotnet.exe",
    },
    "packages": {
        "runtime.server.packages": ["forecast", "data.table"],
        "runtime.server.installers.packages": {
            "url": "https://downloads.example.com/packages.zip",
            "sha256": "ab" * 32,
        },
    },
}
"""Settings that a node's JSON file says more of, each by a name."""
CLIENTS = tuple(f"203.{index % 256}.{index // 256}.0/24" for index in range(200))
"""As many as settings take."""

every_cloud = pytest.mark.parametrize("cloud", ["azure", "aws"])
every_case = pytest.mark.parametrize(("version", "role"), CASES)


@cache
def environment_of(cloud: str, version: str, topology: str) -> Any:
    return environment(of_family(SMALLEST[topology, cloud], version, SYSTEM[version]))


def recipes(cloud, version, role):
    """The recipes of the environment that has nodes of *role*."""
    topology = "one-box" if role == "one-box" else "enterprise"
    made = environment_of(cloud, version, topology)
    return made, {each: recipe.for_role(made, each) for each in made.groups}


def facts_of(cloud, version, role, **changes):
    made, all_recipes = recipes(cloud, version, role)
    own: dict[str, Any] = {
        "flows": flows.allowed(made, all_recipes, artifacts=cloud == "aws"),
        "database_port": 1433,
        "database_host": {
            "azure": "sql-test-1a2b3c.database.windows.net",
            "aws": "test-1a2b3c4d.cabcdefghijk.eu-central-1.rds.amazonaws.com",
        }[cloud],
    }
    if role == "one-box":
        own |= {"web_subnet": "", "compute_subnet": "", "one_box_subnet": "10.20.0.0/28"}
        if not made.has_server:
            names = ("host", "name", "principal", "bootstrap_secret")
            own |= {f"database_{name}": "" for name in names}
    elif role == "web":
        own |= {"compute_values": ("https://10.20.16.4:12805", "https://10.20.16.5:12805")}
    return (aws_facts if cloud == "aws" else facts)(**(own | changes))


def rendered(cloud, version, role, **changes):
    _, all_recipes = recipes(cloud, version, role)
    return render(all_recipes[role], facts_of(cloud, version, role, **changes))


@every_cloud
@every_case
def test_user_data_is_the_golden_document(cloud, version, role):
    """The scripts are reviewed where they are; here is what the node gets, and its JSON file."""
    found = support.files(rendered(cloud, version, role).text)
    node = found.pop("node.json")
    _, all_recipes = recipes(cloud, version, role)
    packed = bundle(all_recipes[role], cloud)
    listed = "\n".join(sorted(found))
    if packed:
        node = node.replace(packed.sha256, "that of the bundle")
        listed += "\nin the bundle:\n" + "\n".join(sorted(support.unpacked(packed.content)))
    is_golden(f"{cloud}-{version}-{role}", f"{listed}\n---\n{node}")


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_reach_the_nodes_json(name):
    role: Any = "compute" if name == "packages" else "web"
    is_golden(f"azure-9.1.0-{role}-{name}", text_with(name, role))


def text_with(name: str, role: Any) -> str:
    """The JSON file of a node with the settings of that name."""
    value = changed(of_family(SMALLEST["enterprise", "azure"], "9.1.0", OLD), SETTINGS[name])
    made = recipe.for_role(environment(value), role)
    return support.files(render(made, facts_of("azure", "9.1.0", role)).text)["node.json"]


def is_golden(name, document):
    golden = GOLDEN / f"{name}.txt"
    if UPDATE:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(document)

    assert document == golden.read_text(), "run with UPDATE_GOLDEN=1 if the change is meant"


@every_cloud
@every_case
def test_it_is_the_beginning_with_an_archive_in_it_and_nothing_else(cloud, version, role):
    found = rendered(cloud, version, role)
    start = (REPOSITORY / windows.SOURCE / "start.ps1").read_text()
    [archive] = support.ARCHIVE.findall(found.text)
    script = found.text.replace(archive, "{{archive}}")

    assert script == (f"<powershell>\n{start}</powershell>\n" if cloud == "aws" else start)
    assert base64.b64decode(found.base64).decode("ascii") == found.text
    assert found.size == len(found.text)


@every_cloud
@every_case
def test_every_script_reaches_the_node_as_it_is(cloud, version, role):
    _, all_recipes = recipes(cloud, version, role)
    found = support.files(rendered(cloud, version, role).text)
    packed = bundle(all_recipes[role], cloud)
    assert (packed is None) is (cloud == "azure")
    found |= support.unpacked(packed.content) if packed else {}

    folders = [REPOSITORY / folder for folder in (windows.SOURCE, product.SOURCE)]
    files = {path.name: path for each in folders for path in each.iterdir() if path.is_file()}
    own = files[f"cloud-{cloud}.ps1"]
    not_as_they_are = ("__init__.py", "start.ps1", "cloud-azure.ps1", "cloud-aws.ps1")
    expected = {n: path.read_text() for n, path in files.items() if n not in not_as_they_are}
    del found["node.json"]
    assert found == {**expected, "cloud.ps1": own.read_text()}


@every_cloud
@every_case
def test_the_same_settings_give_the_same_bytes(cloud, version, role):
    assert rendered(cloud, version, role) == rendered(cloud, version, role)


@every_cloud
@every_case
def test_it_fits_with_as_many_clients_as_there_may_be(cloud, version, role):
    found = rendered(cloud, version, role, clients=CLIENTS)
    assert found.size <= user_data.LIMITS[cloud]


def test_over_the_clouds_limit_it_is_refused():
    _, all_recipes = recipes("aws", "9.1.0", "web")
    noise = base64.b64encode(os.urandom(12_000)).decode()
    large = replace(all_recipes["web"], data={"noise": noise})
    with pytest.raises(UserDataTooLarge, match="over the limit of 16384 on aws"):
        render(large, facts_of("aws", "9.1.0", "web"))


@every_cloud
@every_case
def test_a_node_knows_the_names_of_its_secrets_and_none_of_their_places(cloud, version, role):
    found = json.loads(support.files(rendered(cloud, version, role).text)["node.json"])
    assert found["secrets"]
    assert {use["path"] for use in found["secrets"]} == {""}
    assert (found["packages"], found["services"]) == ([], [])


@every_case
def test_set_up_is_the_documents(version, role):
    _, all_recipes = recipes("azure", version, role)
    made = all_recipes[role].data["windows"]
    assert (made["program"], made["switches"]) == {
        "9.1.0": ("RServerSetup.exe", ("/quiet",)),
        "9.2.1": ("ServerSetup.exe", ("/quiet",)),
        "9.3.0": ("ServerSetup.exe", ("/quiet", "/r")),
        "9.4.7": ("ServerSetup.exe", ("/quiet", "/r")),
    }[version]
    assert made["localPort"] == {"web": 12802}.get(role, 12807)


@pytest.mark.parametrize(
    "path",
    [
        "C:\\Windows\\evil.ps1",
        f"{windows.PROGRAMS}\\folder\\x.ps1",
        f"{windows.PROGRAMS}\\program.exe",
        f"{windows.PROGRAMS}\\node.json",
    ],
)
def test_a_file_in_another_place_is_refused(path):
    with pytest.raises(ValueError, match="is no place for a file of a Windows node"):
        windows.pack([NodeFile(path=path, content="x")])


def test_the_node_takes_the_names_that_archives_have():
    start = (REPOSITORY / windows.SOURCE / "start.ps1").read_text()
    assert f"'^{windows.NAME.pattern}$'" in start


def test_runtimes_and_bootstrap_mean_the_same_folder():
    assert product.PROGRAMS == windows.PROGRAMS


PATHS = re.compile(
    r"(?P<how>Get-NodeValue|Test-NodeValue|Get-RoleValue) -Path "
    r"(?P<path>'[^']+'|\"[^\"]+\"|\('\{0\}\.[^']+' -f \(Get-NodeValue -Path 'role'\)\))"
)
"""Every place where a script asks for a value of the node's JSON file."""

ASKED = {
    (path.name, how, text.strip("'\"()"))
    for folder in (windows.SOURCE, product.SOURCE)
    for path in (REPOSITORY / folder).glob("*.ps1")
    for how, text in PATHS.findall(path.read_text())
}
FILLED = {"$Part": ("web", "compute"), "$Name": ("server", "dotnet", "web-server")}
"""What variables inside such a path stand for."""


def all_documents():
    for cloud in ("azure", "aws"):
        for version, role in CASES:
            text = rendered(cloud, version, role).text
            yield json.loads(support.files(text)["node.json"])
    yield json.loads(text_with("packages", "compute"))


def has(document, path):
    for key in path.split("."):
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return True


def test_scripts_ask_for_values_that_nodes_have():
    documents = list(all_documents())
    assert len(ASKED) > 40
    for name, how, path in sorted(ASKED):
        own = path.startswith("{0}.")
        plain = path.partition("' -f")[0].removeprefix("{0}.")
        texts = {plain}
        for variable, values in FILLED.items():
            texts = {each.replace(variable, value) for each in texts for value in values}
        of_role = own or how == "Get-RoleValue"
        assert any(
            has(document, f"{document['role']}.{text}" if of_role else text)
            for document in documents
            for text in texts
        ), f"{name}: {path} is in no node's JSON file"
