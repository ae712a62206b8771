"""From the object in the stack file to a checked `Environment`, or to every problem at once."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from components.settings.defaults import complete
from components.settings.environment import Environment
from components.settings.messages import echoes, problem_of
from components.settings.partial import build
from components.settings.problems import Problem, SettingsError, show
from components.settings.rules import cautions_of, problems_of
from components.settings.shape import check_shape
from components.settings.topology import keys_of, model_of, topologies_with


def parse(value: object, *, stack: str) -> Environment:
    """Return the environment that *value* describes.

    Raises SettingsError with every problem when there is one.
    """
    environment, problems = examine(value)
    if environment is None or problems:
        raise SettingsError(stack, problems)
    return environment


def examine(value: object) -> tuple[Environment | None, list[Problem]]:
    """Return the environment that *value* describes, if it is valid, and all problems."""
    if value is None:
        fix = "add the object operationalization:environment under config"
        return None, [Problem("environment", "", "is required", fix)]
    if not isinstance(value, dict):
        rule, fix = "must be a mapping of keys to values", "indent the settings under environment"
        return None, [Problem("environment", show(value), rule, fix)]
    if problem := check_shape(value):
        return None, [problem]
    return _examine(complete(_without_gaps(value)))


def cautions(environment: Environment) -> list[Problem]:
    """Return what deploys as configured, and that someone may regret: for the log."""
    return list(cautions_of(environment))


def _without_gaps(value: dict[str, Any]) -> dict[str, Any]:
    """Return *value* without what another topology has and null takes away.

    A stack of one topology may lie over a base of another: `machine: null` makes room there.
    """
    own = keys_of(model_of(value))
    return {
        key: each
        for key, each in value.items()
        if each is not None or key in own or not topologies_with(key)
    }


def _examine(value: dict[str, Any]) -> tuple[Environment | None, list[Problem]]:
    model = model_of(value)
    try:
        environment = model.model_validate(value)
    except ValidationError as error:
        details = [each for each in error.errors(include_url=False) if not echoes(each)]
        bad = {tuple(each["loc"]) for each in details}
        known = build(model, value, bad)
        found = [problem_of(each, model) for each in details]
        return None, list(_once([*found, *problems_of(known)]))
    return environment, list(problems_of(environment))


def _once(problems: list[Problem]) -> Iterator[Problem]:
    """Yield each problem once, in order."""
    yield from dict.fromkeys(problems)
