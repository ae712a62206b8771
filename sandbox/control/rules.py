"""Rules of kinds that say the same on every cloud."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from sandbox.control.kinds import Problem, Values
from sandbox.control.paths import find


def combine(
    *rules: Callable[[Values], Iterable[Problem]],
) -> Callable[[Values], Iterator[Problem]]:
    """One rule out of several; all problems are reported together."""

    def combined(values: Values) -> Iterator[Problem]:
        for rule in rules:
            yield from rule(values)

    return combined


def not_emulated(values: Values, properties: Mapping[str, str]) -> Iterator[Problem]:
    """Refuse properties that the sandbox would ignore: path -> what to do instead."""
    for path, advice in properties.items():
        for where, found in find(values, path):
            if found is not None and found is not False and found != [] and found != {}:
                yield Problem(where, f"the sandbox does not emulate this: {advice}")
