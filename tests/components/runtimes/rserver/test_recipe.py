"""What a node of R Server or ML Server on Linux is made of, from the settings alone."""

from typing import Any

import pytest

from components.bootstrap.bundle import split
from components.bootstrap.scripts import shared_files
from components.runtimes import recipe
from components.runtimes.node import NodeRecipe
from components.runtimes.rserver import VERSIONS
from components.runtimes.rserver.product import Product
from tests.support.environments import AWS, AZURE, ONE_BOX, changed, environment, of_family

EACH = tuple(version for _, version in VERSIONS)
every_version = pytest.mark.parametrize("version", EACH)


def made(version: str = "9.1.0", role: Any = "web", base: Any = None, **changes: Any) -> NodeRecipe:
    start = base or (ONE_BOX if role == "one-box" else AZURE)
    dotted = {key.replace("__", "."): each for key, each in changes.items()}
    return recipe.for_role(environment(changed(of_family(start, version), dotted)), role)


def secrets(found: NodeRecipe) -> set[str]:
    return {use.name for use in found.secrets}


@every_version
def test_a_node_serves_and_is_probed_on_the_ports_of_its_version(version):
    ports = (9000, 9002) if version == "9.0-preview" else (12800, 12805)
    web, compute = made(version), made(version, "compute")

    assert (web.port, compute.port) == ports
    assert (web.health.port, compute.health.port) == ports
    assert (web.health.protocol, compute.health.protocol) == ("Https", "Https")


def test_without_tls_probes_speak_http():
    off = {"runtime__server__https": {"web": False, "compute": False}}
    off["access__clients"] = ["10.0.0.0/16"]

    assert made("9.1.0", "web", **off).health.protocol == "Http"
    assert made("9.1.0", "compute", **off).health.protocol == "Http"
    assert secrets(made("9.1.0", "compute", **off)) == set()


@every_version
def test_the_product_listens_on_the_next_port_behind_the_proxy(version):
    listen = made(version).data["listen"]["web"]
    one_box = made(version, "one-box").data["listen"]

    assert listen["own"] == listen["port"] + 1
    assert (one_box["compute"]["port"], one_box["compute"]["https"]) == (0, False)
    assert one_box["compute"]["own"] != one_box["web"]["own"]


@every_version
def test_a_role_reads_the_secrets_that_it_needs_and_no_other(version):
    hashed = {"admin-password-hash"} if version.startswith("9.0") else set()
    own = {"token-signing", "admin-password", "web-server", *hashed}

    assert secrets(made(version, "one-box")) == own
    assert secrets(made(version, "compute")) == {"environment-ca", "compute-server"}
    assert secrets(made(version)) == {*own, "environment-ca", "web-client", "database-product"}


@pytest.mark.parametrize("role", ["web", "compute", "one-box"])
def test_secrets_lie_on_tmpfs_where_only_root_reads_them(role):
    for use in made("9.4.7", role).secrets:
        assert use.path == f"/run/operationalization/secrets/{use.name}"
        assert (use.owner, use.mode) == ("root", "0400")


def test_only_web_nodes_speak_to_the_database_and_come_after_compute_nodes():
    web, compute = made(), made(role="compute")

    assert (web.uses_database, compute.uses_database) == (True, False)
    assert (web.starts_after, compute.starts_after) == (("compute",), ())
    assert "postgresql-client" in web.packages
    assert "postgresql-client" not in compute.packages
    assert compute.data["database"] == {}
    assert not made("9.3.0", "one-box").uses_database


@every_version
def test_a_ready_node_runs_the_products_services_before_what_stands_in_front_of_them(version):
    names = ("frontend", "backend") if version.startswith("9.0") else ("webnode", "computenode")
    own = ("operationalization-proxy.service", "operationalization-watch.service")

    assert made(version).services == (f"{names[0]}.service", *own)
    assert made(version, "compute").services == ("rserve.service", f"{names[1]}.service", *own)
    assert made(version, "one-box").services == (
        "rserve.service",
        f"{names[1]}.service",
        f"{names[0]}.service",
        *own,
    )


@pytest.mark.parametrize("base", [AZURE, AWS], ids=["azure", "aws"])
def test_files_of_its_own_take_the_place_of_shared_ones_that_need_newer_systems(base):
    found = made(base=base)
    carried, fetched = split(found, base["cloud"])
    contents = {file.path: file.content for file in (*carried, *fetched)}

    assert len(contents) == len(carried) + len(fetched)
    for file in found.files:
        assert contents[file.path] == file.content
    shared = {file.path for file in shared_files()} - {file.path for file in found.files}
    assert {path.rpartition("/")[2] for path in shared} == {
        "watch-notices.sh",
        "operationalization-configure.service",
        "operationalization-notices.service",
    }


@pytest.mark.parametrize("base", [AZURE, AWS], ids=["azure", "aws"])
def test_no_script_of_such_a_node_needs_what_its_system_lacks(base):
    """Ubuntu 16.04 has curl 7.47 and no nft; CentOS 7 has no jq."""
    carried, fetched = split(made(base=base), base["cloud"])
    scripts = [file for file in (*carried, *fetched) if file.path.endswith(".sh")]

    assert len(scripts) > 15
    for file in scripts:
        for line in file.content.splitlines():
            code = line.partition("#")[0]
            words = code.replace("(", " ").replace("|", " ").split()
            assert not {"jq", "nft", "socat", "--fail-with-body"} & set(words), (file.path, line)


@pytest.mark.parametrize(
    ("system", "has", "lacks"),
    [
        ("ubuntu-16.04", {"libxt6", "postgresql-client"}, {"epel-release"}),
        ("centos-7", {"epel-release", "libpng12", "postgresql"}, {"libxt6"}),
        ("rhel-7", {"libpng12", "postgresql"}, {"epel-release", "libxt6"}),
    ],
)
def test_packages_are_those_of_the_system(system, has, lacks):
    packages = set(made("9.3.0", runtime__operatingSystem=system).packages)

    assert has <= packages
    assert not lacks & packages


@every_version
def test_compute_nodes_of_9_0_get_the_links_of_their_system(version):
    rows = made(version, "compute").data["install"]["links"]

    assert made(version).data["install"]["links"] == ()
    if version.startswith("9.0"):
        assert ("/lib/x86_64-linux-gnu", "libpcre.so.3", "libpcre.so.0") in rows
        assert len(rows) == 5
        red_hat = made(version, "compute", runtime__operatingSystem="centos-7")
        assert {folder for folder, _, _ in red_hat.data["install"]["links"]} == {"/usr/lib64"}
    else:
        assert rows == ()


def test_a_directory_brings_its_own_secret_and_nobody_asks_for_the_status():
    found = made(
        "9.3.0",
        runtime__server__authentication={
            "method": "azureActiveDirectory",
            "azureActiveDirectory": {
                "authority": "https://login.windows.net/example.onmicrosoft.com",
                "audience": "an-id",
            },
        },
    )

    assert "aad-key" in secrets(found)
    assert found.data["login"] == {}


def test_a_private_store_is_asked_with_the_nodes_identity():
    store = (
        "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/files/providers/"
        "Microsoft.Storage/storageAccounts/installers"
    )
    url = "https://installers.blob.core.windows.net/media/server.tar"
    found = made(
        runtime__server__installers__store=store, runtime__server__installers__server__url=url
    )

    assert found.data["install"]["private"] is True
    assert made().data["install"]["private"] is False


@every_version
def test_each_version_is_set_up_as_its_documents_say(version):
    setup = made(version).data["setup"]
    expected = {
        "9.0-preview": "none",
        "9.0.1": "none",
        "9.1.0": "utility",
        "9.2.1": "utility",
        "9.3.0": "cli",
        "9.4.7": "cli",
    }

    assert setup["tool"] == expected[version]
    assert ("admin-password" in str(setup["arguments"])) == (setup["tool"] != "none")
    assert setup["marksIdleCompute"] == (version >= "9.2")


def test_no_other_product_has_such_a_recipe():
    with pytest.raises(ValueError, match="plumber") as refused:
        Product.of(environment(AZURE))

    assert str(refused.value) == (
        "runtime: plumber 1.2 is no version of R Server or ML Server with runtime.server"
    )
