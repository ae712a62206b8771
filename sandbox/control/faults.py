"""Faults of the control plane that a person plans: an update meets them, the next one mends.

A fault waits for the Nth call of a resource type, and happens once. The plan is in the store, so a
restart of the daemon changes nothing, and each fault is taken in a transaction: of calls that come
at once, one meets it. What it was that met it stays written down, until the plan is cleared.

Kinds of faults:
- fail: the cloud refuses for good; its provider hears the error, and so does the engine;
- throttle: the cloud answers "too many requests", and the real provider tries again: the engine
  sees a call that takes long, and hears the error only when the provider has given up;
- hang: no answer, until the engine gives up (Ctrl-C, or the resource's `customTimeouts`), or for a
  given time, after which the call is done as always;
- lose: the call is done, and its answer does not arrive: the engine hears an error, or its
  connection breaks with all that is under way over it, or it hears nothing until it gives up.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from sandbox.control.fabric import Watch
from sandbox.control.kinds import CloudError
from sandbox.control.store import Changes, Rows, Store

_NOTE = "faults"
MOST = 100
"""Faults in a plan."""


class Call(StrEnum):
    """What the engine asks of a cloud. Check and Diff ask nothing of it, so they can't fail."""

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"


class Effect(StrEnum):
    """What happens to the call."""

    FAIL = "fail"
    THROTTLE = "throttle"
    HANG = "hang"
    LOSE = "lose"


class Lost(StrEnum):
    """What the engine gets in place of an answer."""

    ERROR = "error"
    DISCONNECT = "disconnect"
    SILENCE = "silence"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One planned fault."""

    number: int = 0
    """What `fault clear` calls it; given when it is planned."""
    effect: Effect
    pattern: str
    """Type tokens, with `*`, `?` and `[...]`."""
    call: Call
    nth: int = 1
    """Which of the matching calls, counted from the next one."""
    code: str = ""
    message: str = ""
    """fail: in place of the cloud's own words for "not allowed"."""
    times: int = 1
    """throttle: how often the call is refused."""
    seconds: float = 0.0
    """throttle: between two attempts. hang: how long; 0: until the engine gives up."""
    lost: Lost = Lost.ERROR
    """lose: how."""
    met: str = ""
    """What it happened to; "" while it waits."""

    def matches(self, call: Call, token: str) -> bool:
        """Whether it waits for this call of this type."""
        return not self.met and call is self.call and fnmatchcase(token, self.pattern)


class FaultError(Exception):
    """A fault can't be planned; says why."""


class GivenUpError(Exception):
    """The engine did not wait for the cloud's answer any longer; nothing was done."""


class AnswerLostError(Exception):
    """A call was done, and the engine is not to hear that it was."""

    def __init__(self, call: Call, *, disconnect: bool) -> None:
        self.disconnect = disconnect
        super().__init__(
            f"the connection broke before the answer came, so nobody knows whether the {call} was "
            "done; run the command again"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One call, as a cloud's words for a refusal need it."""

    call: Call
    type: str
    target: Callable[[], str]
    """The resource's id, or what it will be; "" where the cloud makes it up."""
    subject: str
    """URN, or id."""
    timeout: float = 0.0
    """Seconds that the resource's `customTimeouts` give it; 0: no end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusals:
    """How one cloud refuses, and how patient its real provider is."""

    denied: Callable[[Attempt], CloudError]
    """Whoever deploys may not do this."""
    throttled: Callable[[Attempt], CloudError]
    """Too many requests."""
    retries: int
    """How often the real provider tries a throttled call again before it gives up."""


def planned(rows: Rows) -> list[Fault]:
    """The plan, in the order of numbers; what has happened is in it."""
    found = rows.note(_NOTE)
    return [_read(each) for each in found] if isinstance(found, list) else []


def _read(values: Mapping[str, object]) -> Fault:
    # Notes are the sandbox's own: what is written below is what is read here.
    fields: dict[str, object] = {
        **values,
        "effect": Effect(str(values["effect"])),
        "call": Call(str(values["call"])),
        "lost": Lost(str(values["lost"])),
    }
    return Fault(**fields)  # type: ignore[arg-type]


def plan(store: Store, fault: Fault) -> Fault:
    """Add a fault, and return it with its number. Raises FaultError, StoreError."""
    with store.change() as rows:
        found = planned(rows)
        if len(found) >= MOST:
            raise FaultError(f"{MOST} faults are planned already; clear some first")
        made = replace(fault, number=max((each.number for each in found), default=0) + 1)
        _write(rows, [*found, made])
    return made


def clear(store: Store, number: int | None = None) -> int:
    """Forget one fault, or all; says how many. Raises FaultError, StoreError."""
    with store.change() as rows:
        found = planned(rows)
        kept = [] if number is None else [each for each in found if each.number != number]
        if number is not None and len(kept) == len(found):
            raise FaultError(f"no fault has the number {number}; see: scripts/sandbox fault list")
        _write(rows, kept)
    return len(found) - len(kept)


def _write(rows: Changes, found: list[Fault]) -> None:
    rows.remember(_NOTE, [asdict(each) for each in found] or None)


def take(store: Store, call: Call, token: str, subject: str) -> Fault | None:
    """The fault that this call meets, if any. It is counted, and the fault is used up, at once."""
    if not any(each.matches(call, token) for each in planned(store.read())):
        return None
    with store.change() as rows:
        found, taken = planned(rows), None
        for index, each in enumerate(found):
            if not each.matches(call, token):
                continue
            if each.nth > 1:
                found[index] = replace(each, nth=each.nth - 1)
            elif taken is None:
                taken = found[index] = replace(each, met=subject)
        _write(rows, found)
    return taken


@contextmanager
def around(
    store: Store, refusals: Refusals | None, attempt: Attempt, watch: Watch
) -> Iterator[None]:
    """Let a call meet the fault that is planned for it.

    Raises:
        CloudError: the cloud refuses.
        GivenUpError: the engine gave up.
        AnswerLostError: the call was done, and its answer is lost.
    """
    fault = None
    if refusals is not None:
        fault = take(store, attempt.call, attempt.type, attempt.subject)
    if fault is None or refusals is None:
        yield
        return
    match fault.effect:
        case Effect.FAIL:
            raise _refusal(fault, refusals.denied(attempt))
        case Effect.THROTTLE:
            _throttle(fault, refusals, attempt, watch)
        case Effect.HANG:
            _hang(fault, attempt, watch)
        case Effect.LOSE:
            pass
    yield
    if fault.effect is Effect.LOSE:
        if fault.lost is Lost.SILENCE:
            watch.report("the cloud does not answer")
            watch.cancelled.wait(attempt.timeout or None)
        raise AnswerLostError(fault.call, disconnect=fault.lost is Lost.DISCONNECT)


def _refusal(fault: Fault, usual: CloudError) -> CloudError:
    # Each cloud words its errors in a class of its own.
    return type(usual)(fault.code or usual.code, fault.message or usual.message)


def _throttle(fault: Fault, refusals: Refusals, attempt: Attempt, watch: Watch) -> None:
    for number in range(1, fault.times + 1):
        if number > refusals.retries:
            raise refusals.throttled(attempt)
        watch.report(f"too many requests: tries again in {fault.seconds:g} s (attempt {number})")
        if watch.cancelled.wait(fault.seconds):
            raise _interrupted(attempt)


def _hang(fault: Fault, attempt: Attempt, watch: Watch) -> None:
    watch.report("the cloud does not answer")
    limits = [seconds for seconds in (fault.seconds, attempt.timeout) if seconds > 0]
    if watch.cancelled.wait(min(limits, default=None)):
        raise _interrupted(attempt)
    if not fault.seconds or 0 < attempt.timeout < fault.seconds:
        raise GivenUpError(
            f"the cloud did not answer the {attempt.call} within the {attempt.timeout:g} seconds "
            "of customTimeouts; nothing was done"
        )


def _interrupted(attempt: Attempt) -> GivenUpError:
    return GivenUpError(f"interrupted: the cloud had not answered the {attempt.call}")
