"""From the object in the stack file to a checked `Environment`, or to every problem at once."""

from typing import Any

from pydantic import ValidationError

from components.settings.defaults import complete
from components.settings.environment import Environment
from components.settings.problems import Problem, SettingsError, show


def parse(value: object, *, stack: str) -> Environment:
    """Return the environment that *value* describes.

    Raises SettingsError with every problem when there is one.
    """
    if not isinstance(value, dict):
        raise SettingsError(stack, [Problem("environment", show(value), "must be a mapping", "")])
    try:
        return Environment.model_validate(complete(value))
    except ValidationError as error:
        raise SettingsError(stack, [_problem(each) for each in error.errors()]) from None


def _problem(error: Any) -> Problem:
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error["loc"])
    return Problem(path.lstrip("."), show(error["input"]), error["msg"], "")
