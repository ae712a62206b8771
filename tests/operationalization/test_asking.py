"""The questions of templates: each answer is held to the settings when it is given."""

import io
from collections.abc import Iterator

import pytest

from operationalization.asking import Form, ask_all, main
from tests.support.new_project import NAMES, TEMPLATES

LOAD = "azure-autoscale-load"
BOTH = "aws-autoscale-load-and-schedule"


class Typist:
    """Types these lines, and keeps what was asked and said."""

    def __init__(self, *lines: str) -> None:
        self.lines: Iterator[str] = iter(lines)
        self.asked: list[str] = []
        self.said: list[str] = []

    def ask(self, text: str) -> str:
        self.asked.append(text)
        try:
            return next(self.lines)
        except StopIteration:
            raise EOFError from None

    def tell(self, text: str) -> None:
        self.said.append(text)


def form(name: str) -> Form:
    return Form.of(TEMPLATES / name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("base", ["development", "production"])
def test_the_defaults_of_each_template_are_good_over_either_base(name: str, base: str) -> None:
    assert form(name).problems({"base": base}) == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_asked_that_another_template_is_for(name: str) -> None:
    names = {each.name for each in form(name).questions}
    scheduled = any("schedules" in each for each in names)
    by_load = any("scaleOut" in each for each in names)
    assert scheduled == ("schedule" in name)
    assert by_load == ("load" in name)
    assert len(names) <= 14


@pytest.mark.parametrize("name", NAMES)
def test_a_base_says_the_same_as_the_questions_defaults(name: str) -> None:
    """A second stack, which answers nothing but location and clients, is as the first one."""
    whole = form(name)
    few = {"base", "location", "access.clients"}
    rest = Form(whole.template, tuple(each for each in whole.questions if each.name in few))
    assert rest.problems({}) == []


def test_enter_takes_the_default() -> None:
    person = Typist(*[""] * 8)
    answers = ask_all(form(LOAD), person, {})
    assert answers == {each.name: each.default for each in form(LOAD).questions}
    assert person.said == []
    assert person.asked[1] == "Azure location (westeurope): "


def test_what_is_wrong_is_said_at_once_and_asked_again() -> None:
    person = Typist("produktion", "", "westeurop", "northeurope", "10.0.0.1/16", "10.0.0.0/16")
    with pytest.raises(EOFError):
        ask_all(form(LOAD), person, {})
    assert person.said == [
        (
            '  base: names no file in stacks/bases (got "produktion")\n'
            "    fix: did you mean production?"
        ),
        (
            "  location: must be a location of azure that this project knows "
            '(got "westeurop")\n    fix: did you mean westeurope?'
        ),
        (
            "  access.clients[0]: must have no bits set behind its prefix "
            '(got "10.0.0.1/16")\n    fix: write 10.0.0.0/16'
        ),
    ]
    assert [text.partition(" (")[0] for text in person.asked].count("Azure location") == 2


def test_a_size_of_the_other_cloud_is_refused() -> None:
    person = Typist("", "", "", "m6i.large", "")
    with pytest.raises(EOFError):
        ask_all(form(LOAD), person, {})
    assert [text.partition(":")[0].strip() for text in person.said] == ["compute.size"]


def test_what_a_later_question_can_mend_waits_for_it() -> None:
    person = Typist("", "", "", "", "12", "", "20", "", "")
    answers = ask_all(form(LOAD), person, {})
    assert (answers["compute.autoscale.minimum"], answers["compute.autoscale.maximum"]) == (
        "12",
        "20",
    )
    assert person.said == [
        (
            "  compute.autoscale.maximum: must be at least the minimum, 12 (got 10)\n"
            "    fix: raise it to 12, or lower compute.autoscale.minimum"
        )
    ]


def test_hours_days_and_time_zones_are_checked() -> None:
    given = {"base": "development", "location": "eu-central-1", "compute.size": "m6i.large"}
    given |= {"access.clients": "203.0.113.0/24", "compute.autoscale.maximum": "20"}
    thresholds = {"scaleOut.above": "60", "scaleIn.below": "20", "minimum": "2"}
    given |= {f"compute.autoscale.{key}": value for key, value in thresholds.items()}
    person = Typist("30", "6", "Mon", "Monday", "25:00", "08:00", "18:00", "Europe/Berlim", "")
    answers = ask_all(form(BOTH), person, given)
    assert answers["compute.autoscale.schedules[0].timezone"] == "Europe/Berlin"
    assert [text.partition(": ")[0].strip() for text in person.said] == [
        "compute.autoscale.schedules[0].maximum",
        "compute.autoscale.schedules[0].days[0]",
        "compute.autoscale.schedules[0].start",
        "compute.autoscale.schedules[0].timezone",
    ]


def test_answers_on_the_command_line_become_options(capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(TEMPLATES / "azure-one-box")
    assert main([folder, "--yes", "--answer=location=northeurope"]) == 0
    words = capsys.readouterr().out.split("\0")
    assert words[:4] == [
        *("--plaintext", "operationalization:base=development"),
        *("--plaintext", "operationalization:location=northeurope"),
    ]
    assert len(words) == 2 * len(form("azure-one-box").questions) + 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--answer=location=westeurop"], "fix: did you mean westeurope?"),
        (["--answer=machine.sise=x"], "fix: did you mean machine.size?"),
        (["--answer=colour=x"], "fix: it asks for base, location, access.clients"),
        (["--answer=database.engine=mysql"], "database.engine: must be one of"),
        ([], "the input ended before the last question"),
    ],
)
def test_no_project_is_made_of_bad_answers(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main([str(TEMPLATES / "azure-one-box"), *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
