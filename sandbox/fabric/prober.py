"""Asks the members of balancers whether they are well, as the cloud's probes do.

A probe comes from the platform (168.63.129.16 on Azure) or from the balancer's own address in the
network (on AWS), through the inbound rules of the member. A member gets its first
connection after its first good answer. A well member is asked every interval; one that is not well
is asked every half second, which real Azure does not do: there, a node that has booted waits up to
an interval for its first connection, which teaches nobody anything.

What is known survives: a member keeps its state when the frontend changes, and, through the file
*memory*, when the daemon is killed; what was only remembered needs one bad answer to be unwell.

Sources: Azure documentation, "Azure Load Balancer health probes" (TCP handshake, HTTP 200 within
the interval and 30 seconds, no redirects, no verification of certificates, well after the first
success, the source address), "Use Application Health extension" (the same answers, from inside).
The first says that any answer but 200 takes a member out at once; the reference of probeThreshold
says that it takes so many failures in a row. Here it takes them, which is harder for who drains.
"""

import heapq
import http.client
import io
import itertools
import json
import logging
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from time import monotonic
from typing import cast
from zlib import crc32

from sandbox.fabric.contract import (
    FabricError,
    Frontend,
    Member,
    Network,
    Probe,
    Protocol,
)

_LOG = logging.getLogger(__name__)

Connect = Callable[[str, IPv4Address, IPv4Address, int, float], socket.socket]
"""Network id, source, target, port, seconds -> a connected socket; OSError or FabricError."""

QUICK = 0.5
"""Seconds between two questions to a member that is not well."""
_PATIENCE = 30.0
"""Seconds, at most, until an answer; less when the interval is shorter."""
_KNOCK = 1.0
"""Seconds for the TCP handshake with a member that is not well: half of a repeated SYN's wait."""
_IDLE = 10.0
"""Seconds after which a thread that has nothing to ask ends."""
_MOST_THREADS = 512


def ask(
    probe: Probe, connect: Callable[[int, float], socket.socket], timeout: float | None = None
) -> bool:
    """Ask once: whether the handshake succeeds, or the GET is answered with 200.

    Args:
        probe: how to ask.
        connect: port and seconds -> a connected socket; OSError or FabricError.
        timeout: seconds for everything; none: the probe's own, or its interval, 30 at most.
    """
    if timeout is None:
        timeout = min(probe.interval, _PATIENCE) if probe.timeout is None else probe.timeout
    deadline = monotonic() + timeout
    try:
        with connect(probe.port, deadline - monotonic()) as plain:
            if probe.protocol is Protocol.TCP:
                return True
            plain.settimeout(max(deadline - monotonic(), 0.001))
            if probe.protocol is Protocol.HTTP:
                return _get(plain, probe, deadline) == http.HTTPStatus.OK
            with _unverified().wrap_socket(plain) as encrypted:
                return _get(encrypted, probe, deadline) == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException, FabricError) as error:
        _LOG.debug("no good answer at port %d: %s", probe.port, error)
        return False


@cache
def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Answer(io.RawIOBase):
    """What comes from a socket until a deadline, however slowly it drips."""

    def __init__(self, source: socket.socket, deadline: float) -> None:
        self._source = source
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._source.settimeout(left)
        return self._source.recv_into(buffer)

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(self)


def _get(connection: socket.socket, probe: Probe, deadline: float) -> int:
    host = connection.getpeername()[0]
    path = probe.path if probe.path.startswith("/") else f"/{probe.path}"
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {host}:{probe.port}\r\nUser-Agent: Load Balancer Agent\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n".encode()
    )
    answer = http.client.HTTPResponse(cast("socket.socket", _Answer(connection, deadline)))
    try:
        answer.begin()
        return answer.status
    finally:
        answer.close()


@dataclass(frozen=True, slots=True)
class _Target:
    """Who is asked, and how; one that several frontends share is asked once."""

    network: str
    address: IPv4Address
    probe: Probe
    source: IPv4Address


@dataclass(slots=True)
class _State:
    """What is known of a target."""

    well: bool
    failures: int = 0
    confirmed: bool = False
    """Whether it has been asked at all since this daemon began."""


class Prober:
    """Knows the healthy members of each frontend. All methods may be called from any thread."""

    def __init__(
        self, connect: Connect, changed: Callable[[], None], memory: Path | None = None
    ) -> None:
        """Begin with nobody to ask.

        Args:
            connect: opens connections from the platform of a network.
            changed: called when the healthy members of some frontend change, from a thread of the
                prober's own, never twice at once; several changes may be one call.
            memory: file that keeps who was well; none: a new daemon begins with nobody.
        """
        self._connect = connect
        self._changed = changed
        self._memory = memory
        self._lock = threading.Lock()
        self._clock = threading.Condition(self._lock)
        self._ready = threading.Condition(self._lock)
        self._news = threading.Event()
        self._over = False
        self._states: dict[_Target, _State] = {}
        self._targets: dict[str, dict[Member, _Target]] = {}
        self._remembered = _read(memory)
        self._due: list[tuple[float, int, _Target, _State]] = []
        self._order = itertools.count()
        self._pending: deque[tuple[_Target, _State]] = deque()
        self._asking = 0
        self._idle = 0
        self._open: set[socket.socket] = set()
        self._threads = tuple(
            threading.Thread(target=run, name=name, daemon=True)
            for run, name in ((self._schedule, "prober"), (self._tell, "prober tells"))
        )
        for thread in self._threads:
            thread.start()

    def settle(self, networks: Iterable[Network]) -> None:
        """Ask the members of these networks' frontends from now on, and nobody else."""
        with self._lock:
            before, old = self._targets, self._states
            self._targets, self._states = {}, {}
            for network in networks:
                for frontend in network.frontends:
                    if frontend.probe is not None:
                        self._add(network.id, frontend, frontend.probe, before, old)
            self._remembered = frozenset()
            fresh = [target for target in self._states if target not in old]
            now = monotonic()
            for number, target in enumerate(fresh):
                self._plan(now + QUICK * number / len(fresh), target, self._states[target])
            self._clock.notify()

    def _add(
        self,
        network: str,
        frontend: Frontend,
        probe: Probe,
        before: dict[str, dict[Member, _Target]],
        old: dict[_Target, _State],
    ) -> None:
        known = before.get(frontend.id, {})
        targets = self._targets[frontend.id] = {}
        for member in frontend.members:
            target = targets[member] = _Target(network, member.address, probe, frontend.probe_from)
            if target in self._states:
                continue
            if target in old:
                self._states[target] = old[target]
            elif member in known:
                # Asked in another way from now on: what it is stays until it answers.
                self._states[target] = _State(well=old[known[member]].well)
            else:
                self._states[target] = _State(well=_key(frontend.id, member) in self._remembered)

    def healthy(self, frontend: Frontend) -> tuple[IPv4Address, ...]:
        """The members that new connections may go to, in the frontend's order."""
        if frontend.probe is None:
            return tuple(member.address for member in frontend.members)
        with self._lock:
            return tuple(
                member.address for member in frontend.members if self._is_well(frontend, member)
            )

    def _is_well(self, frontend: Frontend, member: Member) -> bool:
        target = self._targets.get(frontend.id, {}).get(member)
        if target is None:
            return _key(frontend.id, member) in self._remembered
        return self._states[target].well

    def stop(self) -> None:
        """Ask nobody any more, at once: answers that are awaited are given up."""
        with self._lock:
            self._over = True
            self._clock.notify_all()
            self._ready.notify_all()
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._news.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(1.0)

    # The clock: one thread that hands out what is due.

    def _plan(self, when: float, target: _Target, state: _State) -> None:
        heapq.heappush(self._due, (when, next(self._order), target, state))

    def _schedule(self) -> None:
        with self._lock:
            while not self._over:
                now = monotonic()
                while self._due and self._due[0][0] <= now:
                    _, _, target, state = heapq.heappop(self._due)
                    if self._states.get(target) is state:
                        self._hand_out(target, state)
                self._clock.wait(max(self._due[0][0] - monotonic(), 0) if self._due else None)

    def _hand_out(self, target: _Target, state: _State) -> None:
        self._pending.append((target, state))
        self._ready.notify()
        if len(self._pending) > self._idle and self._asking < _MOST_THREADS:
            self._asking += 1
            threading.Thread(target=self._work, name="prober asks", daemon=True).start()

    # The questions: as many threads as answers are awaited at the same time, so that a member
    # that hangs delays nobody.

    def _work(self) -> None:
        while (work := self._next()) is not None:
            self._ask(*work)

    def _next(self) -> tuple[_Target, _State] | None:
        """What to ask; None: this thread is to end."""
        with self._lock:
            while not self._over:
                if self._pending:
                    return self._pending.popleft()
                self._idle += 1
                called = self._ready.wait(_IDLE)
                self._idle -= 1
                if not called and not self._pending:
                    break
            self._asking -= 1
            return None

    def _ask(self, target: _Target, state: _State) -> None:
        began = monotonic()
        opened: list[socket.socket] = []

        def connect(port: int, timeout: float) -> socket.socket:
            patience = timeout if state.well else min(timeout, _KNOCK)
            found = self._connect(target.network, target.source, target.address, port, patience)
            with self._lock:
                self._open.add(found)
                opened.append(found)
            return found

        try:
            well = ask(target.probe, connect)
        except Exception:
            # The others are still to be asked.
            _LOG.exception("asking %s failed", target.address)
            well = False
        with self._lock:
            self._open.difference_update(opened)
            if self._over or self._states.get(target) is not state:
                return
            self._plan(began + self._learn(target, state, well=well), target, state)
            self._clock.notify()

    def _learn(self, target: _Target, state: _State, *, well: bool) -> float:
        """Take an answer in; seconds from this question to the next one."""
        was, interval = state.well, target.probe.interval
        state.failures = 0 if well else state.failures + 1
        if well:
            state.well = True
        elif not state.confirmed or state.failures >= target.probe.failures:
            state.well = False
        state.confirmed = True
        if state.well is not was:
            self._news.set()
        if not state.well:
            return min(QUICK, interval)
        # Members that boot together are not asked together for ever.
        return interval if was else interval * _share(target)

    # The news: told one after the other.

    def _tell(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            with self._lock:
                if self._over:
                    return
                well = [
                    _key(frontend, member)
                    for frontend, targets in self._targets.items()
                    for member, target in targets.items()
                    if self._states[target].well
                ]
            try:
                _write(self._memory, well)
                self._changed()
            except Exception:
                # The next change is to be told as well.
                _LOG.exception("a change of healthy members could not be applied")


def _share(target: _Target) -> float:
    """From 0.5 to 1, another one for each target."""
    return 0.5 + crc32(f"{target.network} {target.address}".encode()) / 2**33


def _key(frontend: str, member: Member) -> str:
    return f"{frontend} {member.port} {member.address}"


def _read(memory: Path | None) -> frozenset[str]:
    if memory is None:
        return frozenset()
    try:
        return frozenset(map(str, json.loads(memory.read_text())))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, TypeError) as error:
        _LOG.warning("%s can't be read, all members begin as unwell: %s", memory, error)
        return frozenset()


def _write(memory: Path | None, well: list[str]) -> None:
    if memory is None:
        return
    draft = memory.with_suffix(".new")
    try:
        draft.write_text(json.dumps(well, indent=1))
        draft.replace(memory)
    except OSError as error:
        _LOG.error("%s can't be written: %s", memory, error)
