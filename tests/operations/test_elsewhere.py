"""Work on stacks of a project that is elsewhere: a variable says where."""

from pathlib import Path

import pytest

from operations import stack
from operations.errors import OperationError
from operations.stack import Sandbox


def test_without_a_word_it_is_this_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPERATIONALIZATION_PROJECT", raising=False)
    assert stack.project() == stack.PROJECT
    assert stack.project_name() == "operationalization"


def test_a_stack_is_found_below_the_name_of_its_project(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.yaml").write_text('name: "scoring"\nruntime: python\n')
    state = tmp_path / "home/stacks/.pulumi/stacks/scoring/dev.json"
    state.parent.mkdir(parents=True)
    state.write_text("{}")
    sandbox = Sandbox(tmp_path / "home")
    monkeypatch.setenv("OPERATIONALIZATION_PROJECT", str(tmp_path))
    assert sandbox.variables("dev")["PULUMI_BACKEND_URL"].endswith("/home/stacks")
    monkeypatch.delenv("OPERATIONALIZATION_PROJECT")
    with pytest.raises(OperationError, match="is not on the sandbox"):
        sandbox.variables("dev")


@pytest.mark.parametrize("text", [None, "runtime: python\n"])
def test_a_folder_that_is_no_project_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    if text:
        (tmp_path / "Pulumi.yaml").write_text(text)
    monkeypatch.setenv("OPERATIONALIZATION_PROJECT", str(tmp_path))
    with pytest.raises(OperationError, match="no Pulumi project"):
        stack.project_name()
