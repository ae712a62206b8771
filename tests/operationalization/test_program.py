"""The library: a program elsewhere declares what this repository's own does."""

import shutil
from pathlib import Path

import pytest

from components.settings import SettingsError
from operationalization.program import environment_of
from operationalization.testing import SECRET, UNKNOWN, Project
from tests.support import stacks

ROOT = Path(__file__).parents[2]
HERE = Project(ROOT)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Project:
    """A project of another name with the stacks of this one, and no models."""
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks")
    (tmp_path / "Pulumi.yaml").write_text("name: scoring\nruntime: python\n")
    return Project(tmp_path)


def test_a_project_has_these_stacks() -> None:
    assert HERE.stacks == stacks.NAMES


@pytest.mark.parametrize("stack", ["dev", "dev-aws", "dev-onebox", "dev-endpoint"])
def test_what_it_declares_can_be_asked_without_an_engine(stack: str) -> None:
    declared = HERE.declare(stack)
    assert len(declared) > 40
    assert {each.inputs.get("location") for each in declared} & {"westeurope", None}


def test_what_is_not_known_and_what_is_secret_says_so() -> None:
    declared = HERE.declare("dev")
    [server] = declared.of_type("dbforpostgresql:Server")
    assert server.inputs["resourceGroupName"] == UNKNOWN
    assert not server.protect
    secrets = declared.of_type("keyvault:Secret")
    assert {each.inputs["properties"]["value"] for each in secrets} == {SECRET}


def test_another_base_may_be_tried() -> None:
    assert HERE.environment("azure-staging", base="production").protection
    [server] = HERE.declare("azure-staging", base="production").of_type("dbforpostgresql:Server")
    assert server.protect


def test_environments_of_two_projects_do_not_take_each_other_for_theirs(elsewhere) -> None:
    assert environment_of("operationalization", "dev") == "dev"
    [group] = elsewhere.declare("dev").of_type("ResourceGroup")
    assert group.name.startswith("scoring-dev")
    assert group.inputs["tags"]["environment"] == "scoring-dev"


def test_models_are_those_of_the_project(elsewhere) -> None:
    with pytest.raises(SettingsError, match=r"endpoint\.deployments\.blue\.model: "):
        elsewhere.declare("dev-endpoint")
    shutil.copytree(ROOT / "models", elsewhere.folder / "models")
    assert elsewhere.declare("dev-endpoint").of_type("OnlineDeployment")


def test_bases_are_those_of_the_project(elsewhere) -> None:
    base = elsewhere.folder / "stacks/bases/development.yaml"
    base.write_text(base.read_text().replace("minimum: 2", "minimum: 3"))
    assert elsewhere.environment("dev").compute.autoscale.minimum == 3
    [group] = elsewhere.declare("dev-aws").of_type("autoscaling/group:Group")[:1]
    assert group.inputs["minSize"] == 3


def test_all_that_is_wrong_is_said_at_once(elsewhere) -> None:
    file = elsewhere.folder / "stacks/Pulumi.dev.yaml"
    file.write_text(
        "config:\n"
        "  operationalization:base: development\n"
        "  operationalization:cloud: azure\n"
        "  operationalization:location: westeurop\n"
        '  operationalization:compute.autoscale.minimum: "9"\n'
    )
    with pytest.raises(SettingsError) as caught:
        elsewhere.declare("dev")
    assert [each.key for each in caught.value.problems] == [
        "location",
        "compute.autoscale.maximum",
    ]
