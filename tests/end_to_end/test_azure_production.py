"""Stack `azure-production` under the real engine: change without loss."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployed import Deployed, copy_of, deploy

pytestmark = pytest.mark.engine

AUTOSCALE = "azure-native:monitor:AutoscaleSetting"
DATABASE = "azure-native:dbforpostgresql:Database"
VAULT = "azure-native:keyvault:Vault"
SERVER = "azure-native:dbforpostgresql:Server"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy("azure-production", tmp_path_factory.mktemp("production"))


@pytest.fixture
def production(template: Path, tmp_path: Path) -> Iterator[Deployed]:
    with copy_of(template, "azure-production", tmp_path / "copy") as deployed:
        yield deployed


def test_a_second_up_changes_nothing(production: Deployed) -> None:
    assert production.up().changes == []


def test_a_larger_maximum_changes_the_autoscaling_and_nothing_else(production: Deployed) -> None:
    changes = production.up(
        {
            "compute.autoscale.maximum": 40,
            "compute.autoscale.schedules": [],
        }
    ).changes

    assert changes == [("update", AUTOSCALE, "azure-production-compute-autoscaling-setting")]


def test_destroy_keeps_database_and_vault_while_they_are_protected(production: Deployed) -> None:
    result = production.engine.destroy("azure-production")

    assert result.exit_code != 0
    assert "protected" in result.display
    assert len(production.resources(SERVER)) == 1
    assert len(production.resources(VAULT)) == 1


def test_a_protected_database_goes_only_after_it_was_given_up(production: Deployed) -> None:
    """One update cannot lose the database: `discard` unprotects, the next one replaces it."""
    elsewhere = {"database.name": "elsewhere"}
    refused = production.engine.up("azure-production", production.configure(elsewhere))

    assert refused.exit_code != 0
    assert "marked for protection" in refused.errors[0]
    assert names(production) == ["operationalization"]

    production.up({"database.discard": "operationalization"})
    assert names(production) == ["operationalization"]

    production.up(elsewhere)
    assert names(production) == ["elsewhere"]


def names(production: Deployed) -> list[str]:
    return [each["properties"]["name"] for each in production.resources(DATABASE)]
