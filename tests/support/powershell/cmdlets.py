"""Cmdlets that take a pipeline's values and need no machine."""

from collections.abc import Callable
from typing import Any

from tests.support.powershell.values import Block, collapsed, truth
from tests.support.powershell.values import text as text_of

Cmdlet = Callable[..., Any]


def _for_each(process: Block, run: Any, input: list[Any] | None = None) -> list[Any]:  # noqa: A002
    return [made for value in input or [] for made in run(process, value)]


def _where(filterscript: Block, run: Any, input: list[Any] | None = None) -> list[Any]:  # noqa: A002
    return [each for each in input or [] if truth(collapsed(run(filterscript, each)))]


def _select(
    input: list[Any] | None = None,  # noqa: A002
    skip: int = 0,
    first: int | None = None,
) -> list[Any]:
    return (input or [])[skip:][:first]


def _sort(input: list[Any] | None = None) -> list[Any]:  # noqa: A002
    return sorted(input or [], key=lambda each: text_of(each).lower())


CHOOSING: dict[str, Cmdlet] = {"Select-Object": _select, "Sort-Object": _sort}
PIPELINE: dict[str, Cmdlet] = {"ForEach-Object": _for_each, "Where-Object": _where}
