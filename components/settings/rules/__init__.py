"""Rules between settings: what each alone may be, but not together, or not on this cloud.

A rule yields problems and never raises. It may ask for any setting: where one is not valid
itself, the rule ends there (`model.AbsentError`) and the others go on, so that one wrong type
hides nothing that does not depend on it.
"""

from collections.abc import Callable, Iterable, Iterator

from components.settings import availability
from components.settings.environment import Environment
from components.settings.model import AbsentError
from components.settings.problems import Problem
from components.settings.rules import (
    autoscale,
    aws,
    caution,
    database,
    groups,
    network,
    place,
    runtime,
)

Rule = Callable[[Environment], Iterator[Problem]]

RULES: tuple[Rule, ...] = (
    *place.RULES,
    *runtime.RULES,
    *groups.RULES,
    *autoscale.RULES,
    *database.RULES,
    *network.RULES,
    *aws.RULES,
    *availability.RULES,
)
"""What must hold, in the order in which the user reads about it."""

CAUTIONS: tuple[Rule, ...] = caution.RULES
"""What may be as it is, but is worth a thought."""


def broken(rules: Iterable[Rule], environment: Environment) -> Iterator[Problem]:
    """Yield the problems that *rules* find in *environment*, which may lack invalid parts."""
    for rule in rules:
        try:
            yield from rule(environment)
        except AbsentError:
            continue
