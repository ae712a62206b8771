"""Names that all of Azure shares, because they are part of a public host name."""

from collections.abc import Iterator

from sandbox.control.azure.arm import name_of, same
from sandbox.control.kinds import Context, Problem


def verify_free(context: Context, parameter: str, code: str, words: str) -> Iterator[Problem]:
    """No other resource of the type may have the name; `{name}` is filled in."""
    for other in context.world.of(context.type):
        taken = name_of(other.id).casefold() == context.name.casefold()
        if taken and not same(other.id, context.id):
            yield Problem(parameter, words.format(name=context.name), code)
