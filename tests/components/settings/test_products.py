"""What settings know of a product's versions: a pair is taken, or refused with what would be."""

import re
from collections.abc import Iterator
from itertools import product as pairs
from pathlib import Path
from typing import get_args

import pytest
import yaml

from components.runtimes.rserver.versions import VERSIONS as NODES
from components.settings import ServerSettings
from components.settings.catalogue.products import FAMILY, LINUX, UPSTART, VERSIONS, WINDOWS
from components.settings.defaults import PRODUCT_VERSIONS
from components.settings.model import Model
from components.settings.secrets import FAMILY_KEYS
from tests.support.environments import SMALLEST, changed, complaints, of_family

SERVERS = {version: product for product in FAMILY for version in VERSIONS[product]}
SYSTEMS = (*WINDOWS, *LINUX, "debian-12")
ENGINES = ("postgresql", "sqlserver", "sqlite")
PLACES = (("enterprise", "azure"), ("enterprise", "aws"), ("one-box", "azure"), ("one-box", "aws"))


def supported(topology: str, version: str, system: str, engine: str) -> bool:
    """The documents' tables and what is built, once more and in other words."""
    runs = system not in ("debian-12", "ubuntu-14.04")
    server = "sqlserver" if system in WINDOWS else "postgresql"
    without_setup = version.startswith("9.0") and system in WINDOWS
    return (
        runs
        and not without_setup
        and engine in ((server, "sqlite") if topology == "one-box" else (server,))
    )


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


PAGE = (Path(__file__).parents[3] / "docs" / "r-server.md").read_text()


def test_the_page_has_the_versions_as_they_are() -> None:
    for version, product in SERVERS.items():
        known = VERSIONS[product][version]
        usual = " (default)" if PRODUCT_VERSIONS[product] == version else ""
        kinds = "fixed or scale set" if known.ranges else "fixed"
        roles = ", ".join(known.roles) or "none"
        assert (
            f"| `{product}` | `{version}`{usual} | {known.web_port}, {known.compute_port} "
            f"| {kinds} | {roles} | {known.support_ended} |\n"
        ) in PAGE


def test_the_pages_example_is_a_good_environment() -> None:
    _, _, rest = PAGE.partition("```yaml\n")
    text = rest.partition("```")[0].replace("/subscriptions/...", "/subscriptions/" + "0" * 36)
    text = text.replace("galleries/", "resourceGroups/x/providers/Microsoft.Compute/galleries/")
    assert complaints(yaml.safe_load(text)["config"]["operationalization:environment"]) == []


def keys(model: type[Model]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.alias or name
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Model):
                yield from keys(kind)


def test_the_page_has_every_key() -> None:
    words = set(re.findall(r"[A-Za-z0-9]+", PAGE))
    assert [key for key in keys(ServerSettings) if key not in words] == []
    assert [key for key in FAMILY_KEYS if f"| `{key}` |" not in PAGE] == []
