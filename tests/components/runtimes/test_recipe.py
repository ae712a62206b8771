"""What a node runs, from the settings alone."""

from pathlib import Path

import pytest

from components.runtimes import recipe
from components.runtimes.files import node_files
from tests.support.nodes import KINDS, ONE_BOXES, ROLES, recipe_of

PORTS = {"web": 12800, "compute": 12805, **dict.fromkeys(ONE_BOXES, 12800)}
SECRETS = {
    "web": {
        "environment-ca",
        "web-server",
        "web-client",
        "token-signing-key",
        "admin-password",
        "database-api",
        "database-loader",
    },
    "compute": {"environment-ca", "compute-server", "database-loader"},
    "one-box-sqlite": {"web-server", "token-signing-key", "admin-password"},
    "one-box-postgresql": {
        "web-server",
        "token-signing-key",
        "admin-password",
        "database-api",
        "database-loader",
    },
}


@pytest.mark.parametrize("role", KINDS)
def test_a_node_is_probed_on_the_port_that_it_serves(role):
    found = recipe_of(role)

    assert (found.port, found.health.port) == (PORTS[role], PORTS[role])
    assert (found.health.live_path, found.health.ready_path) == ("/live", "/ping")


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_listens_on_the_ports_that_were_chosen_and_on_no_usual_one(kind):
    changes = (
        {"runtime__ports": {"web": 9443}}
        if kind in ONE_BOXES
        else {"runtime__ports": {"web": 9443, "compute": 9450}}
    )
    found = recipe_of(kind, **changes)
    port = 9450 if kind == "compute" else 9443
    assert (found.port, found.health.port) == (port, port)
    assert found.data.get("computePort") == (9450 if kind == "web" else None)
    usual = recipe_of(kind)
    for file, before in zip(found.files, usual.files, strict=True):
        if not file.path.endswith("haproxy.cfg"):
            assert file == before
            continue
        lines = [line.split()[1] for line in file.content.splitlines() if "  bind :" in line]
        assert lines == [f":{port}"]
        assert str(PORTS[kind]) not in file.content
        assert file.content.replace(str(port), str(PORTS[kind])) == before.content


@pytest.mark.parametrize("role", KINDS)
def test_a_role_reads_the_secrets_it_needs_and_no_other(role):
    assert {use.name for use in recipe_of(role).secrets} == SECRETS[role]


@pytest.mark.parametrize("role", KINDS)
def test_secrets_lie_on_tmpfs_where_only_root_reads_them(role):
    for use in recipe_of(role).secrets:
        assert use.path == f"/run/operationalization/secrets/{use.name}"
        assert (use.owner, use.mode) == ("root", "0400")


def test_only_compute_nodes_have_r_and_only_web_nodes_the_api():
    web, compute = recipe_of("web"), recipe_of("compute")

    assert [name for name in web.packages if name.startswith("r-")] == []
    assert "r-cran-plumber" in compute.packages
    assert [file.path for file in compute.files if "/server/api/" in file.path] == []


@pytest.mark.parametrize("role", KINDS)
def test_every_service_of_a_recipe_has_its_unit(role):
    found = recipe_of(role)
    units = {file.path.removeprefix("/etc/systemd/system/") for file in found.files}

    assert set(found.services) <= units


@pytest.mark.parametrize("role", KINDS)
def test_no_file_is_written_twice(role):
    paths = [file.path for file in recipe_of(role).files]

    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("role", ROLES)
def test_a_higher_maximum_changes_no_node(role):
    small = recipe_of(role, compute__autoscale__maximum=20)
    large = recipe_of(role, compute__autoscale__maximum=40)

    assert small == large


def test_settings_reach_the_role_they_are_for():
    assert recipe_of("compute", compute__workersPerNode=3).data["workers"] == 3
    assert recipe_of("web", database__connectionsPerWebNode=9).data["connections"] == 9


def test_a_folder_without_its_files_is_refused():
    with pytest.raises(FileNotFoundError) as refused:
        node_files("components/runtimes", "*.nothing", "/opt")

    folder = Path(recipe.__file__).parent
    assert str(refused.value) == f"{folder} has no file like *.nothing: the node recipe needs it"


def contents(kind, cloud="azure"):
    return {file.path: file.content for file in recipe_of(kind, cloud).files}


@pytest.mark.parametrize("kind", ONE_BOXES)
def test_who_may_call_and_what_a_token_must_say_is_the_same_on_web_nodes_and_a_one_box(kind):
    """It is one file: this holds that each role's own files come around it, not in its way."""
    proxies = [contents(role)["/etc/operationalization/haproxy.cfg"] for role in ("web", kind)]
    web, one_box = (rules_of_calls(text) for text in proxies)

    assert any("clients.lst" in rule for rule in web)
    assert any("http_req_rate" in rule for rule in web)
    assert sum("token_" in rule for rule in web) >= 9
    assert one_box == web


def rules_of_calls(proxy):
    """The rules of the section that clients reach, but those of health."""
    section = proxy.partition("\nfrontend web\n")[2].partition("\n  default_backend api\n")[0]
    before, _, after = section.partition("  # Health")
    return [*before.splitlines(), *after.partition("\n\n")[2].splitlines()]


def test_a_one_box_opens_one_port():
    for kind in ONE_BOXES:
        proxy = contents(kind)["/etc/operationalization/haproxy.cfg"]
        binds = [line.split()[1] for line in proxy.splitlines() if line.startswith("  bind ")]

        assert binds == [":12800", "unix@/run/operationalization/compute.sock"]


def test_a_one_box_has_nothing_that_joins_nodes():
    for kind in ONE_BOXES:
        assert not [path for path in contents(kind) if "discovery" in path]


def test_an_embedded_database_brings_no_software_for_a_server():
    found = recipe_of("one-box-sqlite")
    files = contents("one-box-sqlite").values()

    assert not [name for name in found.packages if "psycopg" in name]
    assert not [file for file in files if "import psycopg" in file or "from psycopg" in file]
    assert not found.uses_database
    assert not {path for path in contents("one-box-sqlite", "aws") if "/server/aws/" in path}


def test_a_server_of_aws_gets_its_first_user_from_a_one_box_too():
    first = "/etc/systemd/system/operationalization-migrate.service.d/first-boot.conf"

    assert first in contents("one-box-postgresql", "aws")
    assert first not in contents("one-box-postgresql")
    assert not [path for path in contents("one-box-postgresql") if "embedded" in path]


OWN = r"""
readonly SHARE=60 # percent of the memory for all workers: the API and the loader live here too
workers=$(node '.["one-box"].workers')
  printf 'backend compute\n  balance leastconn\n  option abortonclose\n'
  printf '  http-request del-header Authorization\n'
  "WORKERS=$workers" \
./schema.sh
""".strip().splitlines()
"""What a one-box's own script does otherwise."""


def commands(path):
    """The lines of a script that do something."""
    text = (Path(recipe.__file__).parent / "plumber" / "node" / path).read_text()
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_what_a_one_box_does_as_the_other_roles_do_is_the_same_text():
    """Their scripts stay as they are on nodes that run; so what they share is held, not moved."""
    others = {*commands("web/role.sh"), *commands("compute/role.sh")}
    assert [line for line in commands("one-box/role.sh") if line not in others] == OWN
    assert [line for line in commands("one-box/postgresql/schema.sh") if line not in others] == []


def test_a_setting_reaches_the_machine():
    assert recipe_of("one-box-sqlite", machine__workers=3).data["workers"] == 3
