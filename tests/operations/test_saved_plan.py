"""What binds a saved plan to what it was made from."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from operations.errors import OperationError
from operations.saved_plan import MOST_NAMED, Origin, check, main, seal

PULUMIS = {"manifest": {"version": "v3.200.0"}, "resourcePlans": {}}
MADE = Origin(
    stack="live",
    backend="s3://state",
    state="2026-11-30T20:00:00Z",
    files={"__main__.py": "1", "components/a.py": "2"},
    commit="commit 0123456789ab",
    made="2026-11-30T20:01:00+00:00",
)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan"
    file.write_text(json.dumps(PULUMIS))
    file.chmod(0o644)
    seal(file, MADE)
    return file


def test_a_plan_says_what_it_was_made_from_and_is_its_owners(plan: Path) -> None:
    assert check(plan, MADE) == MADE
    assert plan.stat().st_mode & 0o777 == 0o600
    assert {key: json.loads(plan.read_text())[key] for key in PULUMIS} == PULUMIS
    assert [each.name for each in plan.parent.iterdir()] == ["plan"]


def test_who_made_it_and_when_is_no_reason_to_refuse_it(plan: Path) -> None:
    assert check(plan, replace(MADE, commit="commit of others", made="later")) == MADE


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (replace(MADE, stack="test"), "it is for stack 'live', and this is 'test'"),
        (
            replace(MADE, backend="file:///state"),
            "it is for the backend s3://state, and this is file:///state",
        ),
        (replace(MADE, state="2026-11-30T20:00:01Z"), "the stack was worked on since"),
        (replace(MADE, state=""), "the stack was worked on since"),
        (replace(MADE, files={**MADE.files, "__main__.py": "9"}), "changed since: __main__.py"),
        (
            replace(MADE, files={f"{index}": "" for index in range(MOST_NAMED)}),
            "changed since: 0, 1, 2, 3 and 2 more",
        ),
    ],
)
def test_what_changed_since_is_named(plan: Path, now: Origin, why: str) -> None:
    with pytest.raises(OperationError) as refused:
        check(plan, now)

    assert refused.value.why == why
    assert refused.value.where == f"{plan}, made {MADE.made} from {MADE.commit}"


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (lambda file: None, "it cannot be read: No such file or directory"),
        (lambda file: file.mkdir(), "it cannot be read: Is a directory"),
        (lambda file: file.write_text("{"), "it is not JSON"),
        (lambda file: file.write_text("[" * 99_999), "it is not JSON"),
        (lambda file: file.write_text("[]"), "it is no plan of Pulumi's"),
    ],
)
def test_what_is_no_plan_is_refused_before_pulumi_is_asked(
    tmp_path: Path, write: Callable[[Path], object], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "plan"
    write(file)
    where = ("--root", str(tmp_path), "--stack", "live", "--stack-file", "nowhere")

    assert main(["check", str(file), *where]) == 1
    assert capsys.readouterr().err == (
        f"error: there is no plan to go by\n  where: {file}\n  why:   {why}\n"
        "  fix:   make one: scripts/preview --stack NAME --save-plan FILE\n"
    )


@pytest.mark.parametrize("sealed", [{}, {"operationalization": 1}, {"operationalization": {}}])
def test_a_plan_that_pulumi_alone_saved_is_refused(tmp_path: Path, sealed: object) -> None:
    file = tmp_path / "plan"
    file.write_text(json.dumps({**PULUMIS, **dict(sealed)}))  # type: ignore[call-overload]

    with pytest.raises(OperationError, match="it does not say what it was made from"):
        check(file, MADE)


def test_a_seal_of_another_shape_is_refused(plan: Path) -> None:
    found = json.loads(plan.read_text())
    found["operationalization"]["files"] = "none"
    plan.write_text(json.dumps(found))

    with pytest.raises(OperationError, match="it does not say what it was made from"):
        check(plan, MADE)
