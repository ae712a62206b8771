"""What a node runs, from the settings alone."""

from pathlib import Path

import pytest

from components.runtimes import recipe
from components.runtimes.files import node_files
from tests.support.environments import environment
from tests.support.nodes import ROLES, recipe_of

PORTS = {"web": 12800, "compute": 12805}
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
}


@pytest.mark.parametrize("role", ROLES)
def test_a_node_is_probed_on_the_port_that_it_serves(role):
    found = recipe_of(role)

    assert (found.port, found.health.port) == (PORTS[role], PORTS[role])
    assert (found.health.live_path, found.health.ready_path) == ("/live", "/ping")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reads_the_secrets_it_needs_and_no_other(role):
    assert {use.name for use in recipe_of(role).secrets} == SECRETS[role]


@pytest.mark.parametrize("role", ROLES)
def test_secrets_lie_on_tmpfs_where_only_root_reads_them(role):
    for use in recipe_of(role).secrets:
        assert use.path == f"/run/operationalization/secrets/{use.name}"
        assert (use.owner, use.mode) == ("root", "0400")


def test_only_compute_nodes_have_r_and_only_web_nodes_the_api():
    web, compute = recipe_of("web"), recipe_of("compute")

    assert [name for name in web.packages if name.startswith("r-")] == []
    assert "r-cran-plumber" in compute.packages
    assert [file.path for file in compute.files if "/server/api/" in file.path] == []


@pytest.mark.parametrize("role", ROLES)
def test_every_service_of_a_recipe_has_its_unit(role):
    found = recipe_of(role)
    units = {file.path.removeprefix("/etc/systemd/system/") for file in found.files}

    assert set(found.services) <= units


@pytest.mark.parametrize("role", ROLES)
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


def test_a_product_without_a_recipe_is_refused():
    chosen = environment()
    changed = chosen.model_copy(
        update={"runtime": chosen.runtime.model_copy(update={"product": "rserver"})}
    )
    with pytest.raises(NotImplementedError) as refused:
        recipe.for_role(changed, "web")

    assert str(refused.value) == ("runtime.product: rserver has no node recipe yet; choose plumber")


def test_a_folder_without_its_files_is_refused():
    with pytest.raises(FileNotFoundError) as refused:
        node_files("components/runtimes", "*.nothing", "/opt")

    folder = Path(recipe.__file__).parent
    assert str(refused.value) == f"{folder} has no file like *.nothing: the node recipe needs it"
