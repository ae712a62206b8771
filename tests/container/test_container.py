"""The container's API and the check of a model, in the nodes' own R."""

import json
import shutil
import subprocess

import pytest

from tests.support.r import ROOT, require_r, rscript

pytestmark = pytest.mark.root

IRIS = ROOT / "models" / "iris"
ANSWER = json.loads((IRIS / "answer.json").read_text())


@pytest.fixture
def place(tmp_path):
    """The files of the image, and iris as its model."""
    require_r()
    for file in (ROOT / "container").glob("*.R"):
        shutil.copy(file, tmp_path)
    shutil.copy(ROOT / "server" / "worker" / "service.R", tmp_path)
    shutil.copy(ROOT / "tests" / "container" / "cases.R", tmp_path)
    shutil.copytree(IRIS, tmp_path / "model")
    return tmp_path


def answers(place):
    done = rscript(place, "cases.R")
    assert done.returncode == 0, done.stderr
    return {
        name: (status, body) for name, status, body in map(json.loads, done.stdout.splitlines())
    }


def test_the_api_answers_probes_as_the_service_expects_and_scores_once_encoded(place):
    found = answers(place)

    assert found["live"] == (200, '["alive"]')
    assert found["ready"] == (200, '["ready"]')
    for name in ("score", "arrays"):
        status, body = found[name]
        assert (status, json.loads(body)) == (200, ANSWER), name


def test_what_the_caller_did_wrong_is_400_and_what_the_model_did_is_500(place):
    found = answers(place)

    said = {
        name: (status, json.loads(body)["message"])
        for name, (status, body) in found.items()
        if status != 200
    }
    assert said == {
        "missing": (400, "missing inputs: Sepal.Length, Sepal.Width, Petal.Length, Petal.Width"),
        "unknown": (400, "unknown inputs: forecast_horizon"),
        "type": (400, "input Sepal.Length: must be numeric"),
        "text": (400, "the body must be a JSON object with the inputs by name"),
        "list": (400, "the body must be a JSON object with the inputs by name"),
        "fails": (500, "no such flower"),
    }


def test_a_model_in_the_folder_that_it_was_registered_by_is_found(place):
    (place / "model").rename(place / "models")
    (place / "model").mkdir()
    (place / "models").rename(place / "model" / "models")
    cases = (place / "cases.R").read_text()
    (place / "cases.R").write_text(cases.replace("model/request.json", "model/models/request.json"))

    assert json.loads(answers(place)["score"][1]) == ANSWER


def test_no_model_no_container(place):
    (place / "model" / "model.rds").unlink()

    done = rscript(place, "cases.R")

    assert done.returncode != 0
    assert "AZUREML_MODEL_DIR (model) must hold one model.rds, and holds 0" in done.stderr


def check(folder):
    return subprocess.run(
        [str(ROOT / "scripts" / "check-model"), str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path):
    require_r()
    shutil.copytree(IRIS, tmp_path / "iris")
    return tmp_path / "iris"


def trained(folder, function):
    """The folder with another function as its model."""
    (folder / "other.R").write_text(
        f"model <- {function}\n"
        "if (is.function(model)) environment(model) <- globalenv()\n"
        'saveRDS(model, "model.rds")\n'
    )
    done = rscript(folder, "other.R")
    assert done.returncode == 0, done.stderr


def test_a_model_that_answers_as_it_says_can_be_deployed(folder):
    done = check(folder)

    assert done.returncode == 0, done.stderr
    assert done.stderr == f"{folder}: the model can be deployed\n"


def test_a_folder_that_lacks_a_part_is_refused(folder):
    (folder / "answer.json").unlink()

    done = check(folder)

    assert done.returncode == 1
    assert "answer.json: is not there" in done.stderr


FUNCTIONS = {
    "1": "it is of class numeric and must be a function",
    "function(...) stop('no such flower')": "the model cannot answer request.json: no such flower",
    "function(...) { grid::unit(1, 'cm'); list(species = 'x', probabilities = 1) }": (
        "it loads packages that no container has to have: grid"
    ),
    "function(...) list(species = 'setosa', probabilities = data.frame(setosa = 1))": (
        'answer.json: the model answers request.json with {"species":"setosa"'
    ),
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_that_does_not_do_as_it_says_is_refused(folder, function):
    trained(folder, function)

    done = check(folder)

    assert done.returncode == 1
    assert FUNCTIONS[function] in done.stderr


@pytest.mark.parametrize(("stack", "models"), [("dev-endpoint", ["models/iris"]), ("dev", [])])
def test_the_models_of_a_stack_are_checked_before_it_is_deployed(stack, models):
    script = (
        "source scripts/lib/model.sh; check_model() { printf '%s\\n' \"$1\"; }; "
        f"PROGRAM=$PWD; check_models_of stacks/Pulumi.{stack}.yaml"
    )

    done = subprocess.run(
        ["bash", "-euc", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == models
    for name in ("up", "preview"):
        assert 'check_models_of "$STACK_FILE"' in (ROOT / "scripts" / name).read_text()
