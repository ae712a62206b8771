"""What Checkov found against what we accept, and that it would find something."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from operations.errors import OperationError
from operations.export import arm, terraform
from operations.scan import report, waivers
from operations.scan.__main__ import main
from operations.scan.report import Finding
from tests.support import states

ROOT = Path(__file__).resolve().parents[3]
FINDING = Finding("dev", "CKV_X_1", "aws_vpc.net", "terraform", "Ensure it")


def waiver(**changes: str) -> dict[str, str]:
    return {
        "id": "CKV_X_1",
        "resource": "aws_vpc.*",
        "stacks": "*",
        "reason": "because",
        "source": "the book",
        **changes,
    }


def written(folder: Path, content: object) -> Path:
    path = folder / "waivers.yaml"
    path.write_text(json.dumps(content))
    return path


def check(**changes: Any) -> dict[str, Any]:
    return {
        "check_id": "CKV_X_1",
        "check_name": "Ensure it",
        "resource": "aws_vpc.net",
        "file_path": "/dev.terraform.json",
        **changes,
    }


def run_of(failed: list[Any], passed: Sequence[Any] = (), **results: Any) -> dict[str, Any]:
    return {
        "results": {"failed_checks": failed, "passed_checks": list(passed), **results},
        "summary": {"passed": len(passed)},
    }


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({}, True),
        ({"resource": "aws_vpc.net", "stacks": "dev"}, True),
        ({"resource": "aws_subnet.*"}, False),
        ({"id": "CKV_X_10"}, False),
        ({"stacks": "azure-*"}, False),
    ],
    ids=str,
)
def test_a_waiver_covers_one_rule_of_some_resources(
    tmp_path: Path, changes: dict[str, str], covered: bool
) -> None:
    (found,) = waivers.read(written(tmp_path, [waiver(**changes)]))
    unwaived, unused, waived = waivers.judge([FINDING], [found])
    assert (unwaived == [], unused == [], waived) == (covered, covered, int(covered))


@pytest.mark.parametrize(
    "content",
    [
        {"a": 1},
        [{"id": "CKV_X_1"}],
        [waiver(reason=" ")],
        [{**waiver(), "until": "2030"}],
        [{**waiver(), "id": 7}],
        ["CKV_X_1"],
    ],
    ids=range(6),
)
def test_a_waiver_without_a_word_why_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(OperationError, match="the waivers cannot be used"):
        waivers.read(written(tmp_path, content))


def test_our_own_waivers_can_be_read() -> None:
    assert waivers.read(ROOT / "policies" / "waivers.yaml")


def verdict(folder: Path, runs: object, waived: list[Any], exports: int = 1) -> int:
    target = folder / "report.json"
    target.write_text(json.dumps(runs))
    (folder / "exports").mkdir()
    for number in range(exports):
        (folder / "exports" / f"{number}.json").touch()
    return main(
        ["verdict", str(target), str(written(folder, waived)), "--exports", str(folder / "exports")]
    )


def test_a_finding_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(tmp_path, run_of([check()]), []) == 1
    assert capsys.readouterr().out == (
        "dev (terraform): CKV_X_1 aws_vpc.net\n    Ensure it\n"
        "Checkov: 0 passed, 1 failed, 0 waived by 0 waivers, in 1 exports\n"
    )


def test_a_waived_finding_does_not_fail(tmp_path: Path) -> None:
    assert verdict(tmp_path, [run_of([check()])], [waiver()]) == 0


def test_a_waiver_of_nothing_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(tmp_path, run_of([], [check()]), [waiver()]) == 1
    assert "nothing needs the waiver of CKV_X_1 for aws_vpc.* of *" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        ({"passed": 0}, "it is none of Checkov's"),
        ([], "Checkov judged 0 of 1 exports"),
        (run_of([], [check()], parsing_errors=["/x.json"]), "Checkov could not read /x.json"),
        ("x", "it is none of Checkov's"),
    ],
    ids=range(4),
)
def test_a_judge_that_saw_nothing_acquits_nobody(
    tmp_path: Path, runs: object, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verdict(tmp_path, runs, []) == 1
    assert why in capsys.readouterr().err


@pytest.mark.root
def test_checkov_sees_an_open_door_in_both_exports_and_asks_nobody(tmp_path: Path) -> None:
    installed = list(ROOT.glob(".cache/checkov/*/.complete"))
    if not installed:
        pytest.skip("Checkov is not installed: scripts/scan installs it")
    deployment = states.deployment(states.THE_GROUP, states.VNET, states.OPEN_GROUP, states.SUBNET)
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "dev.arm.json").write_text(json.dumps(arm.template(deployment)))
    plan = terraform.plan(deployment, deployed=False)
    (exports / "dev.terraform.json").write_text(json.dumps(plan))
    script = (
        'source "$0/scripts/lib/project.sh" && source "$0/scripts/lib/checkov.sh" && '
        'checkov_wanted && checkov_on "$1"'
    )
    done = subprocess.run(
        ["unshare", "--net", "bash", "-c", script, str(ROOT), str(exports)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    (tmp_path / "report.json").write_text(done.stdout)
    found = report.read(tmp_path / "report.json", 2)
    assert [each.format for each in found.findings if each.check == "CKV_AZURE_10"] == [
        "arm",
        "terraform",
    ]
