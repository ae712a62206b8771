"""One run of the engine becomes one report, or one error; however the run went."""

import json
from pathlib import Path

import pytest

from operations.errors import OperationError
from operations.preview import command, documented, recording
from operations.preview.engine import Recording
from operations.preview.headline import headline
from operations.preview.report import FAILED, FINE, REFUSED, Report
from tests.support import previews, states
from tests.support.recorded_preview import RECORDED

JUDGED = {"policyName": "p", "message": "p: why\nx (y): z", "enforcementLevel": "mandatory"}
KEPT = (
    'unable to replace resource "urn:pulumi:dev::p::{0}::net"\n'
    "as it is currently marked for protection. To unprotect the resource, remove the flag"
)


def run(
    *events: dict[str, object], preview: str | None = None, code: int = 0, words: str = ""
) -> Report:
    text = previews.text(previews.step("same", states.VNET, states.VNET))
    heard = "\n".join(json.dumps(each) for each in events)
    found = Recording(
        preview=text if preview is None else preview, events=heard, exit_code=code, words=words
    )
    return command.made_of(found, "dev", against="main")


def error(message: str) -> dict[str, object]:
    return {"diagnosticEvent": {"severity": "error", "message": message}}


def test_a_run_that_worked_is_fine() -> None:
    assert run().exit_code == FINE


def test_a_policy_that_refuses_ends_the_engine_and_all_is_known() -> None:
    made = run({"policyEvent": JUDGED}, error("preview failed"), code=255)
    assert (made.ended, made.exit_code, made.unchanged) == (True, REFUSED, 1)


def test_an_error_beside_a_policy_that_refuses_is_an_error() -> None:
    made = run({"policyEvent": JUDGED}, error("the cloud is down"), code=255)
    assert (made.ended, made.exit_code) == (False, FAILED)


@pytest.mark.parametrize(
    "words",
    [
        KEPT.format(states.VNET["type"]),
        'resource "urn:pulumi:dev::p::x::net" cannot be deleted\nbecause it is protected. To',
    ],
)
def test_what_is_protected_ends_the_engine_and_all_is_known(words: str) -> None:
    made = run(error(words), code=255)
    assert (made.ended, made.exit_code) == (True, FAILED)
    assert "policies about the whole stack were not asked" in made.notes[0]


@pytest.mark.parametrize("preview", ["", "{}\n"])
def test_an_engine_that_says_nothing_to_read_is_quoted(preview: str) -> None:
    made = run(preview=preview, code=255, words="error: no stack named 'dev' found\n")
    assert (made.ended, made.exit_code) == (False, FAILED)
    assert [each.text for each in made.errors] == ["error: no stack named 'dev' found"]


def test_an_engine_that_worked_and_wrote_nothing_is_an_error() -> None:
    with pytest.raises(OperationError, match="Pulumi wrote none"):
        run(preview="")


def test_a_recording_is_read_as_it_was_kept(tmp_path: Path) -> None:
    text = previews.text(previews.step("update", states.VNET, states.VNET), config={"a": "b"})
    events = "\n".join(
        json.dumps(each)
        for each in ({"policyEvent": JUDGED}, {"preludeEvent": {}}, error("x"), {"cancelEvent": {}})
    )
    path = tmp_path / "x"
    recording.save(Recording(preview=text, events=events, exit_code=3, words=""), path)

    found = recording.load(path)

    assert "config" not in json.loads(found.preview)
    assert [list(json.loads(each)) for each in found.events.splitlines()] == [
        ["policyEvent"],
        ["diagnosticEvent"],
    ]
    assert found.exit_code == 3


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with pytest.raises(OperationError, match="recorded preview cannot be read"):
        recording.load(path)
    path.write_bytes(b"no")
    with pytest.raises(OperationError, match="record it anew"):
        recording.load(path)


def test_a_page_without_a_place_for_the_report_is_refused() -> None:
    with pytest.raises(OperationError, match="the page has no place"):
        documented.page("# Previews\n", RECORDED)


def test_the_recorded_change_is_refused_and_every_part_of_the_report_is_there() -> None:
    made = command.made_of(recording.load(RECORDED), "dev", against="main")
    written = command.written_as(made, "markdown")

    assert made.exit_code == REFUSED
    assert [each.label for each in headline(made) if each.loud] == [
        *("DATA LOSS", "OPEN TO THE INTERNET", "ENCRYPTION OFF"),
        *("POLICY REFUSES", "POLICY REFUSES", "POLICY REFUSES", "MUCH LARGER"),
    ]
    for part in ("Loss of data", "Who may talk to whom", "Policy", "Resources", "Counts and sizes"):
        assert f"### {part}" in written
    assert "```mermaid\nflowchart LR" in written
    assert "mermaid" not in command.written_as(made, "markdown", platform="azure-devops")


def test_a_report_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    made = command.made_of(recording.load(RECORDED), "dev", against="main")
    for form in command.FORMATS:
        assert "dev-database-database" in command.written_as(made, form)
    assert json.loads(command.written_as(made, "json"))["verdict"] == "refused"
