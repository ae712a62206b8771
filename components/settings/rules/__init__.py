"""Rules between settings: what each alone may be, but not together, or not on this cloud.

A rule yields problems and never raises. It may ask for any setting: where one is not valid
itself, the rule ends there (`model.AbsentError`) and the others go on, so that one wrong type
hides nothing that does not depend on it. A rule says by its argument whose it is: of every
environment, of those with nodes, or of one topology.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from components.settings import availability
from components.settings.endpoint import EndpointEnvironment
from components.settings.environment import EnterpriseEnvironment, Environment, OneBoxEnvironment
from components.settings.model import AbsentError
from components.settings.problems import Problem
from components.settings.rules import (
    authentication,
    autoscale,
    aws,
    caution,
    database,
    endpoint,
    exemptions,
    groups,
    installers,
    network,
    one_box,
    place,
    runtime,
    server,
    succession,
)

E = TypeVar("E", bound=Environment)
Rules = tuple[Callable[[E], Iterator[Problem]], ...]

ENTERPRISE: Rules[EnterpriseEnvironment] = (
    *place.RULES,
    *runtime.RULES,
    *server.RULES,
    *installers.RULES,
    *authentication.RULES,
    *groups.RULES,
    *autoscale.RULES,
    *database.RULES,
    *network.RULES,
    *aws.RULES,
    *availability.RULES,
    *succession.RULES,
    *exemptions.RULES,
)
"""What must hold, in the order in which the user reads about it."""

ONE_BOX: Rules[OneBoxEnvironment] = (
    *place.RULES,
    *runtime.RULES,
    *server.ONE_BOX,
    *installers.RULES,
    *authentication.RULES,
    *one_box.RULES,
    *database.ONE_BOX,
    *network.NODES,
    *aws.NODES,
    *availability.RULES,
    *exemptions.RULES,
)

ENDPOINT: Rules[EndpointEnvironment] = (*place.RULES, *endpoint.RULES, *exemptions.RULES)


def problems_of(environment: Environment) -> Iterator[Problem]:
    """Yield what must hold and does not in *environment*, which may lack invalid parts."""
    match environment:
        case EnterpriseEnvironment():
            yield from broken(ENTERPRISE, environment)
        case OneBoxEnvironment():
            yield from broken(ONE_BOX, environment)
        case EndpointEnvironment():
            yield from broken(ENDPOINT, environment)


def cautions_of(environment: Environment) -> Iterator[Problem]:
    """Yield what may be as it is in *environment*, but is worth a thought."""
    match environment:
        case EnterpriseEnvironment():
            yield from broken(caution.RULES, environment)
        case OneBoxEnvironment():
            yield from broken(caution.ONE_BOX, environment)
        case EndpointEnvironment():
            yield from broken(caution.ENDPOINT, environment)


def broken(rules: Iterable[Callable[[E], Iterator[Problem]]], environment: E) -> Iterator[Problem]:
    """Yield the problems that *rules* find in *environment*."""
    for rule in rules:
        try:
            yield from rule(environment)
        except AbsentError:
            continue
