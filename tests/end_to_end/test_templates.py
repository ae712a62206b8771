"""Each template, as a user of Pulumi knows it: `pulumi new`, the project's tests, `pulumi up`.

On the sandbox's control plane. Nothing is installed: tests/scripts/test_new.py does that once.
"""

import re
from collections.abc import Iterator

import pytest

from tests.support.engine import ROOT, on_sandbox
from tests.support.new_project import NAMES, Workshop

pytestmark = pytest.mark.engine

FILES = {
    ".github/workflows/preview.yml",
    ".gitignore",
    "Pulumi.yaml",
    "README.md",
    "__main__.py",
    "requirements.txt",
    "stacks/Pulumi.dev.yaml",
    "stacks/bases/development.yaml",
    "stacks/bases/production.yaml",
    "tests/test_stacks.py",
}
WRONG = {
    "location": "westeurop",
    "access.clients": "203.0.113.9/24, 198.51.100.0/24",
    "compute.size": "Standard_D2s_v55",
    "compute.autoscale.minimum": "5",
    "compute.autoscale.maximum": "4",
    "compute.autoscale.schedules[0].start": "7:30",
    "compute.autoscale.schedules[0].days": "Monday, Tuseday",
}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("templates")
    with on_sandbox(folder / "engine") as engine:
        yield Workshop(folder, engine)


@pytest.mark.parametrize("template", NAMES)
def test_a_template_becomes_a_project_that_passes_its_tests_and_deploys(workshop, template) -> None:
    project = workshop.new(template)

    models = {each for each in project.files if each.startswith("models/")}
    assert project.files - models == FILES
    assert bool(models) == ("endpoint" in template)
    texts = "".join((project.folder / each).read_text() for each in project.files & FILES)
    assert not re.search(r"\$\{(PROJECT|DESCRIPTION)\}|@\{", texts)
    tested = project.test()
    assert tested.returncode == 0, tested.stdout
    # Over the base for production it keeps all rules of the policy pack.
    project.pulumi("config", "set", "operationalization:base", "production")
    shown = project.pulumi("preview", "--policy-pack", str(ROOT / "policies"))
    assert shown.returncode == 0, shown.stdout + shown.stderr
    project.pulumi("config", "set", "operationalization:base", "development")
    made = project.up()
    assert set(made) == {"create"}
    assert made["create"] > 40
    # AWS lends an account five addresses.
    assert project.pulumi("destroy", "--yes", "--skip-preview").returncode == 0


def test_all_that_is_wrong_with_the_answers_is_said_at_the_first_preview(workshop) -> None:
    project = workshop.new("azure-autoscale-load-and-schedule", WRONG, name="wrong")

    shown = project.pulumi("preview", "--stack", "dev")

    assert shown.returncode != 0
    lines = [line.strip() for line in (shown.stdout + shown.stderr).splitlines()]
    begin = lines.index("error: stack 'dev' cannot be deployed:")
    said = [line for line in lines[begin:] if ": must" in line]
    assert [line.partition(":")[0] for line in said] == [
        "access.clients[0]",
        "compute.autoscale.schedules[0].days[1]",
        "compute.autoscale.schedules[0].start",
        "location",
        "compute.size",
        "compute.autoscale.maximum",
    ]
    tested = project.test()
    assert tested.returncode == 1
    assert "fix: did you mean westeurope?" in tested.stdout
