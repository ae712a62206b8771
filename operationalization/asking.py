"""Asks the questions of a template, and checks each answer at once.

`pulumi new` takes whatever is typed; what is wrong comes out at the first preview. Here an answer
is held to the project's own settings as it is given: the template's bases with all answers so far,
and the defaults of those to come. It is refused for whatever is wrong then, unless a question that
is still to come is about it. `scripts/new` hands the answers on to Pulumi.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from components.settings import Problem, document
from components.settings.bases import BASES, examine_over
from components.settings.problems import closest, listed
from components.settings.topology import NAMESPACE


@dataclass(frozen=True, slots=True)
class Question:
    """One that `pulumi new` would ask."""

    name: str
    """The setting, or `base`."""

    text: str
    default: str


@dataclass(frozen=True, slots=True)
class Form:
    """The questions of a template."""

    template: Path
    questions: tuple[Question, ...]

    @classmethod
    def of(cls, template: Path) -> "Form":
        """Return the form of the template in the folder *template*."""
        said = document.read(template / "Pulumi.yaml", template.name).value["template"]["config"]
        return cls(template, tuple(_question(key, value) for key, value in said.items()))

    def complete(self, answers: Mapping[str, str]) -> dict[str, str]:
        """Return *answers* with the defaults of all other questions."""
        return {each.name: each.default for each in self.questions} | dict(answers)

    def problems(self, answers: Mapping[str, str]) -> list[Problem]:
        """Return what is wrong with *answers*, the rest being as the template has it."""
        own = self.complete(answers)
        base = own.pop("base", None)
        _, found, _ = examine_over(base, None, self.template / BASES, self.template.name, own)
        return found

    def refusals(self, answers: Mapping[str, str]) -> list[Problem]:
        """Return why *answers* cannot be taken, whatever the answers still to come are."""
        open_ = [each.name for each in self.questions if each.name not in answers]
        found = self.problems(answers)
        return [each for each in found if not any(_about(each.key, name) for name in open_)]

    def unknown(self, answers: Mapping[str, str]) -> list[Problem]:
        """Return the *answers* to what is not asked: a misspelt one would be lost."""
        names = [each.name for each in self.questions]
        return [
            Problem(name[:80], "", f"is no question of {self.template.name}", _meant(name, names))
            for name in answers
            if name not in names
        ]


class Person(Protocol):
    """Who is asked."""

    def ask(self, text: str) -> str:
        """Return what is typed. Raises EOFError when nothing more will be."""
        ...

    def tell(self, text: str) -> None:
        """Show *text*."""
        ...


def ask_all(form: Form, person: Person, given: Mapping[str, str]) -> dict[str, str]:
    """Return the answers to all questions of *form*; who is asked need not repeat the *given*."""
    answers = dict(given)
    for question in form.questions:
        if question.name not in answers:
            answers[question.name] = _ask(form, person, question, answers)
    return answers


def _ask(form: Form, person: Person, question: Question, answers: Mapping[str, str]) -> str:
    while True:
        typed = person.ask(f"{question.text} ({question.default}): ").strip() or question.default
        refusals = form.refusals({**answers, question.name: typed})
        if not refusals:
            return typed
        for problem in refusals:
            person.tell(str(problem))


def _question(key: str, value: Mapping[str, str]) -> Question:
    return Question(key.removeprefix(f"{NAMESPACE}:"), value["description"], value["default"])


def _about(key: str, name: str) -> bool:
    return key == name or key.startswith((f"{name}.", f"{name}["))


def _meant(name: str, names: Sequence[str]) -> str:
    near = closest(name, names)
    return f"did you mean {near}?" if near else f"it asks for {listed(names, 20)}"


class _Terminal:
    """The person at the keyboard; standard output is for the answers."""

    def ask(self, text: str) -> str:
        print(text, end="", file=sys.stderr, flush=True)  # noqa: T201
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line

    def tell(self, text: str) -> None:
        print(text, file=sys.stderr)  # noqa: T201


def main(arguments: Sequence[str]) -> int:
    """Ask, and write the options for `pulumi config set-all`, each ended by a zero byte."""
    parser = argparse.ArgumentParser(prog="scripts/new", add_help=False)
    parser.add_argument("template", type=Path)
    parser.add_argument("--answer", action="append", default=[])
    parser.add_argument("--yes", action="store_true")
    options = parser.parse_args(arguments)
    form = Form.of(options.template)
    given = {name: value for name, _, value in (each.partition("=") for each in options.answer)}
    wrong = form.unknown(given) or (form.problems(given) if options.yes else form.refusals(given))
    if wrong:
        return _refused("\n".join(map(str, wrong)))
    try:
        answers = form.complete(given) if options.yes else ask_all(form, _Terminal(), given)
    except EOFError:
        fix = "give the rest with --answer, or take the defaults with --yes"
        return _refused(f"  the input ended before the last question\n    fix: {fix}")
    except KeyboardInterrupt:
        return 130
    for name, value in answers.items():
        sys.stdout.write(f"--plaintext\0{NAMESPACE}:{name}={value}\0")
    return 0


def _refused(why: str) -> int:
    print(f"error: no project is made:\n{why}", file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
