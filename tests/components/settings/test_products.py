"""What settings know of a product's versions: a pair is taken, or refused with what would be."""

from itertools import product as pairs

import pytest

from components.runtimes.rserver.versions import VERSIONS as NODES
from components.settings.catalogue.products import FAMILY, LINUX, UPSTART, VERSIONS, WINDOWS
from tests.support.environments import SMALLEST, changed, complaints, of_family

SERVERS = {version: product for product in FAMILY for version in VERSIONS[product]}
SYSTEMS = (*WINDOWS, *LINUX, "debian-12")
ENGINES = ("postgresql", "sqlserver", "sqlite")
PLACES = (("enterprise", "azure"), ("enterprise", "aws"), ("one-box", "azure"), ("one-box", "aws"))


def supported(topology: str, version: str, system: str, engine: str) -> bool:
    """The documents' tables and what is built, once more and in other words."""
    runs = system not in ("debian-12", "ubuntu-14.04")
    server = "sqlserver" if system in WINDOWS else "postgresql"
    return runs and engine in ((server, "sqlite") if topology == "one-box" else (server,))


@pytest.mark.parametrize("version", SERVERS)
def test_every_pair_of_a_version_is_taken_or_refused_by_name(version: str) -> None:
    for place, system, engine in pairs(PLACES, SYSTEMS, ENGINES):
        value = changed(of_family(SMALLEST[place], version, system), {"database.engine": engine})
        found = complaints(value)
        assert (found == []) == supported(place[0], version, system, engine), (system, engine)
        for problem in found:
            rule, _, fix = problem.partition("\n    fix: ")
            assert rule.startswith(("  runtime.operatingSystem: ", "  database.engine: "))
            named = system if "operatingSystem: must" in rule or "built yet" in rule else engine
            assert f'(got "{named}")' in rule
            assert any(word in fix for word in (*WINDOWS, *LINUX, *ENGINES))


@pytest.mark.parametrize("version", SERVERS)
def test_settings_and_nodes_agree_on_a_version(version: str) -> None:
    product = SERVERS[version]
    known, node = VERSIONS[product][version], NODES[product, version]

    assert (known.web_port, known.compute_port) == (node.web_port, node.compute_port)
    assert known.ranges == node.uri_ranges
    assert known.has_setup != node.hashed_password
    assert known.encrypts == bool(node.encrypt)
    assert known.flat_directories != node.directory_values
    assert known.roles == tuple(role.lower() for role in node.roles)


def test_both_know_the_same_versions() -> None:
    assert {(product, version) for version, product in SERVERS.items()} == set(NODES)
    assert set(UPSTART) < set(LINUX)
