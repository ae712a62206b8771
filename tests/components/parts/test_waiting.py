"""The end of a program: all outputs are waited for, a failure is raised, the work is linear."""

import asyncio

import pulumi
import pytest
from pulumi.runtime import stack

from components.parts.waiting import wait_for_all_at_once
from tests.support.cloud import deploy


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "asyncio", asyncio)  # put back at the end
    wait_for_all_at_once()


async def later(value: int) -> int:
    """Each value comes at a moment of its own."""
    for _ in range(value):
        await asyncio.sleep(0)
    return value


def test_outputs_that_other_outputs_make_are_waited_for() -> None:
    seen: list[int] = []

    def chain(depth: int) -> pulumi.Output[int]:
        made = pulumi.Output.from_input(later(depth))
        return made.apply(lambda value: chain(value - 1) if value else seen.append(0))

    deploy(lambda: [chain(5) for _ in range(3)])

    assert seen == [0, 0, 0]


def test_the_error_of_an_output_is_raised() -> None:
    def broken(_: int) -> int:
        raise ValueError("no such thing")

    def program() -> None:
        for number in range(20):
            pulumi.Output.from_input(later(number))
        pulumi.Output.from_input(later(1)).apply(broken)

    with pytest.raises(ValueError, match="no such thing"):
        deploy(program)


def test_ten_times_the_outputs_are_not_ten_times_the_rounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fails when the SDK waits in another way than the one that is mended here."""
    rounds = 0
    wait = asyncio.wait

    async def counted(*args: object, **options: object) -> object:
        nonlocal rounds
        rounds += 1
        return await wait(*args, **options)

    monkeypatch.setattr(asyncio, "wait", counted)
    deploy(lambda: [pulumi.Output.from_input(later(n)) for n in range(300)])

    assert 1 <= rounds < 30
