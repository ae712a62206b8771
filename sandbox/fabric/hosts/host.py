"""The virtual machines that run on this machine, by their ids in the cloud."""

import hashlib
import json
import logging
import os
import shutil
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Protocol, Self

from sandbox.fabric.contract import FabricError, Machine
from sandbox.fabric.hosts import containers, control_groups
from sandbox.fabric.hosts.commands import Finished, entering
from sandbox.fabric.hosts.control_groups import ControlGroup, Usage
from sandbox.fabric.hosts.guest import Guest
from sandbox.fabric.hosts.leader import end_strays, launchers
from sandbox.fabric.hosts.plan import Plan, facts_of
from sandbox.fabric.hosts.provisioning import provision
from sandbox.fabric.hosts.state import State, read

_LOG = logging.getLogger(__name__)

SEED = "/var/lib/cloud/seed/nocloud"
"""Where cloud-init looks for a NoCloud seed on the disk itself (its documentation, "NoCloud")."""


class Images(Protocol):
    """What a host needs of the sandbox's images."""

    def layers(self, name: str) -> tuple[Path, ...]:
        """Folders of an image, topmost first. Raises FabricError."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """One machine's host at one moment."""

    machine_id: str
    incarnation: str
    name: str
    hostname: str
    group: str
    address: IPv4Address
    namespace: str
    running: bool
    powered_off: bool
    """It ended by its own wish, as opposed to: was stopped, was killed, died."""
    pid: int
    """Of its launcher; 0 when it does not run."""
    leader: int
    """Of its systemd, as this machine counts; 0 when it does not run."""
    started: str
    """RFC 3339, UTC."""
    unlimited: tuple[str, ...]
    """What of this machine it may use without limit, and why."""
    folder: Path

    @classmethod
    def of(cls, folder: Path, state: State, *, running: bool) -> Self | None:
        """What *state* says of the host in *folder*; None when it is no host's."""
        facts = state.facts
        first = state.first if running else None
        try:
            return cls(
                machine_id=str(facts["machine_id"]),
                incarnation=str(facts["incarnation"]),
                name=str(facts["name"]),
                hostname=str(facts["hostname"]),
                group=str(facts["group"]),
                address=IPv4Address(facts["address"]),
                namespace=state.namespace,
                running=running,
                powered_off=not running and state.code == 0,
                pid=state.pid if running else 0,
                leader=first.pid if first else 0,
                started=state.since,
                unlimited=state.unlimited,
                folder=folder,
            )
        except (KeyError, ValueError, TypeError):
            return None


def found(folder: Path) -> Iterator[Host]:
    """All hosts in *folder*, as any process may read them (`scripts/sandbox status`)."""
    for file in sorted(folder.glob("*/host.json")):
        state = read(file.parent)
        if state is None:
            continue
        running = state.launcher is not None
        host = Host.of(file.parent, state, running=running)
        if host is not None:
            yield host


def memory(host: Host) -> int | None:
    """Bytes that *host* uses now, as any process may ask; None: unknown, or it does not run."""
    state = read(host.folder)
    if state is None or not host.running:
        return None
    return ControlGroup(state.name).usage().memory


def enter(host: Host, argv: Sequence[str], terminal: str | None = None) -> list[str]:
    """The command line that runs *argv* inside *host*; *terminal* is the value of TERM there.

    The terminal is passed through, and the exit code is that of *argv*. Raises FabricError.
    """
    state = read(host.folder)
    leader = state.first if state is not None else None
    if leader is None:
        raise FabricError(f"{host.name} does not run: nothing can be run on it")
    return entering(leader, argv, terminal=terminal)


class Hosts:
    """The hosts of one sandbox. All methods may be called from many threads."""

    def __init__(
        self, folder: Path, images: Images, ended: Callable[[str], None] | None = None
    ) -> None:
        """*folder* has a folder each; *ended* is called with a machine's id when its host ends."""
        self._folder = folder
        self._images = images
        self._tell = ended
        self._lock = threading.Lock()
        self._guests: dict[str, Guest] = {}
        self._busy: dict[str, threading.RLock] = {}

    # What there is.

    def find(self, machine_id: str) -> Host | None:
        """The machine's host, running or not; None when there is none."""
        guest = self._guests.get(machine_id)
        return None if guest is None else _host(guest)

    def all(self) -> list[Host]:
        """All hosts, running or not."""
        with self._lock:
            several = list(self._guests.values())
        return [host for guest in several if (host := _host(guest)) is not None]

    def usage(self, machine_id: str) -> Usage:
        """What the machine's host uses of this machine."""
        guest = self._guests.get(machine_id)
        return Usage(memory=None, cpu_seconds=None) if guest is None else guest.usage()

    # Their lives.

    def start(self, machine: Machine, namespace: str) -> None:
        """Start the machine's host on the disk that it has; does nothing when it runs.

        Another incarnation's host goes first, with its disk. Raises FabricError.
        """
        with self._busy_with(machine.id):
            guest = self._guest_of(machine)
            if guest.running:
                return
            cpus = self._choose(machine.vcpus)
            if machine.container is not None:
                guest.start(containers.plan(guest, machine, namespace, self._name, cpus))
                return
            image = self._layers(guest, machine)
            self._write_seed(guest, machine)
            guest.start(self._plan(guest, machine, namespace, image, cpus))

    def _guest_of(self, machine: Machine) -> Guest:
        folder = self._folder / _short(machine.id, machine.incarnation)
        with self._lock:
            guest = self._guests.get(machine.id)
        if guest is not None and guest.folder != folder:
            guest.remove()
            guest = None
        if guest is None:
            guest = self._new(folder, machine.id)
            with self._lock:
                self._guests[machine.id] = guest
        return guest

    def _new(self, folder: Path, machine_id: str) -> Guest:
        tell = self._tell
        return Guest(folder, None if tell is None else lambda: tell(machine_id))

    def _layers(self, guest: Guest, machine: Machine) -> tuple[Path, ...]:
        """The image's layers; those that the disk began with as long as they are there."""
        noted = guest.state.facts.get("layers") if guest.state else None
        if isinstance(noted, list) and guest.upper.exists():
            layers = tuple(map(Path, noted))
            if all(layer.is_dir() for layer in layers):
                return layers
        return self._images.layers(machine.image)

    def _write_seed(self, guest: Guest, machine: Machine) -> None:
        seed = guest.folder / "seed"
        meta = {"instance-id": machine.incarnation, "local-hostname": machine.hostname}
        try:
            seed.mkdir(parents=True, exist_ok=True, mode=0o700)
            guest.folder.chmod(0o700)
            for name, content in (
                ("meta-data", json.dumps(meta).encode()),
                ("user-data", machine.user_data),
            ):
                (seed / name).write_bytes(content)
                (seed / name).chmod(0o600)
            if machine.resolver is not None:
                # What DHCP would tell at each boot.
                folder = guest.upper / "etc"
                for each in (guest.upper, folder):
                    each.mkdir(exist_ok=True, mode=0o755)
                    each.chmod(0o755)
                (folder / "resolv.conf").write_text(f"nameserver {machine.resolver}\n")
                (folder / "resolv.conf").chmod(0o644)
        except OSError as error:
            raise FabricError(
                f"{seed} can't be written for {machine.name}: {error.strerror}; make room on that "
                "disk, or make it writable"
            ) from error

    def _plan(
        self,
        guest: Guest,
        machine: Machine,
        namespace: str,
        layers: tuple[Path, ...],
        cpus: tuple[int, ...],
    ) -> Plan:
        return Plan(
            name=self._name(guest.folder),
            hostname=machine.hostname,
            uuid=_uuid(machine.incarnation),
            layers=layers,
            namespace=namespace,
            memory=machine.memory,
            vcpus=machine.vcpus,
            cpus=cpus,
            read_only={guest.folder / "seed": SEED},
            facts=facts_of(machine, layers, cpus),
        )

    def _name(self, folder: Path) -> str:
        return f"{_prefix(self._folder)}{folder.name}"

    def _choose(self, vcpus: int) -> tuple[int, ...]:
        """The processors that fewest hosts have; none, which is any, when it gets all of them."""
        there = sorted(os.sched_getaffinity(0))
        if vcpus >= len(there):
            return ()
        with self._lock:
            states = [guest.state for guest in self._guests.values() if guest.running]
        taken = Counter(cpu for state in states if state for cpu in state.facts.get("cpus", ()))
        return tuple(sorted(sorted(there, key=lambda cpu: (taken[cpu], cpu))[:vcpus]))

    def stop(self, machine_id: str, grace_seconds: float) -> None:
        """Power the host off, after *grace_seconds* by force (0: at once). The disk stays.

        Raises FabricError.
        """
        guest = self._guests.get(machine_id)
        if guest is not None:
            guest.stop(grace_seconds)

    def remove(self, machine_id: str, incarnation: str | None = None) -> None:
        """End the host at once and throw its disk away; None: whichever incarnation it is.

        Raises FabricError.
        """
        with self._busy_with(machine_id):
            with self._lock:
                guest = self._guests.get(machine_id)
            if guest is None:
                return
            if incarnation is not None and guest.folder.name != _short(machine_id, incarnation):
                return
            guest.remove()
            with self._lock:
                del self._guests[machine_id]

    def recover(self) -> None:
        """After a start of the sandbox: adopt the hosts that run, clean up after those that died.

        Raises FabricError.
        """
        for folder in {place for _, place in launchers() if place.parent == self._folder}:
            if read(folder) is None:  # its starter was killed, or the folder thrown away
                end_strays(folder)
                ControlGroup(self._name(folder)).remove()
        for name in control_groups.named(_prefix(self._folder)):
            if not (self._folder / name.removeprefix(_prefix(self._folder))).is_dir():
                ControlGroup(name).remove()
        if not self._folder.is_dir():
            return
        for folder in sorted(each for each in self._folder.iterdir() if each.is_dir()):
            state = read(folder)
            host = Host.of(folder, state, running=False) if state is not None else None
            if host is None:
                _LOG.warning("%s does not tell whose host it is and is removed", folder)
                shutil.rmtree(folder)
                continue
            guest = self._new(folder, host.machine_id)
            guest.recover()
            with self._lock:
                self._guests[host.machine_id] = guest

    # Inside them.

    def run(
        self,
        machine_id: str,
        argv: Sequence[str],
        timeout: float,
        cancelled: threading.Event | None = None,
    ) -> Finished:
        """Run a command as root on the host, for *timeout* seconds at most.

        Raises FabricError when the host does not run.
        """
        return self._running(machine_id).run(argv, timeout, cancelled)

    def provisioned(self, machine: Machine, cancelled: threading.Event) -> Finished:
        """Wait until cloud-init has written the user data's files, then run the machine's script.

        Code 0: provisioned. Raises FabricError when the machine has no host.
        """
        if machine.container is not None:
            return containers.provision(self._running(machine.id), machine.container, cancelled)
        return provision(self._running(machine.id), machine.script, cancelled)

    def _running(self, machine_id: str) -> Guest:
        guest = self._guests.get(machine_id)
        if guest is None:
            raise FabricError(f"{machine_id} has no host")
        return guest

    def _busy_with(self, machine_id: str) -> threading.RLock:
        with self._lock:
            return self._busy.setdefault(machine_id, threading.RLock())


def _host(guest: Guest) -> Host | None:
    running, state = guest.running, guest.state
    return None if state is None else Host.of(guest.folder, state, running=running)


def _prefix(folder: Path) -> str:
    """Begins the names of all guests of *folder*, and of no other one on this machine."""
    return f"op-{hashlib.sha256(str(folder).encode()).hexdigest()[:6]}-"


def _short(machine_id: str, incarnation: str) -> str:
    """Name of a host's folder: the end of its id for a person, and what tells it from others."""
    digest = hashlib.sha256(f"{machine_id}\n{incarnation}".encode()).hexdigest()[:8]
    parts = machine_id.lower().split("/")
    readable = "".join(each for each in parts[-1] if each.isascii() and each.isalnum())
    return f"{readable[:20]}-{digest}"


def _uuid(incarnation: str) -> str:
    with suppress(ValueError):
        return str(uuid.UUID(incarnation))
    return str(uuid.uuid5(uuid.NAMESPACE_OID, incarnation))
