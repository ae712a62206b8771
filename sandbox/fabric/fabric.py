"""The machine room: makes this machine match what the control plane's records say.

One thread compares and changes (`_settle`), as often as something changes; each machine has a
thread of its own (`node.py`). Nobody else starts or ends anything, so that the first deployment, a
change, a restart after `kill -9` and the end are the same work.
"""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from sandbox.control.fabric import NotReadyError, Watch
from sandbox.control.kinds import CloudError
from sandbox.control.store import Store, StoreError
from sandbox.control.world import StoreTransaction, StoreWorld
from sandbox.fabric import downloads, prober
from sandbox.fabric import node as nodes
from sandbox.fabric.cloud import Cloud, Surroundings
from sandbox.fabric.clouds import Clouds, Databases, Services, clouds, end_databases, stores
from sandbox.fabric.contract import Blueprint, FabricError, Machine, Probe
from sandbox.fabric.downloads import site
from sandbox.fabric.hosts import Hosts, end_all_below
from sandbox.fabric.images import Images
from sandbox.fabric.network import Networks, inside
from sandbox.fabric.node import Ended, Node, Phase, State
from sandbox.fabric.notices import Notices

_LOG = logging.getLogger(__name__)

CLIENT = IPv4Address("203.0.113.10")
"""The user's machine, as environments see it (RFC 5737, TEST-NET-3)."""
_PATIENCE = 120.0
"""Seconds that the fabric may take to apply a change that starts no machine."""
_FIRST_LOOK = 20.0
"""Seconds that a start waits for the first look at what is declared; it never fails by that."""
_REST = 5.0
"""Seconds between looks at what is real when nothing changed: somebody may have torn it down."""
_GLANCE = 0.5
"""Seconds until it is seen that another process changed the state (`scripts/sandbox edit`)."""
_POWER_OFF = 10.0
"""Seconds that a host gets to power off when the sandbox stops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What a person may choose."""

    client: IPv4Address = CLIENT
    speed: float = 1.0
    """Divides the platform's own timers: repair grace and notices. Nothing else."""
    image: str = "complete"
    """Which of the sandbox's images the stock Debian image is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where one sandbox's fabric lives."""

    prefix: str
    """Of its namespaces and links."""
    folder: Path
    images: Path
    pool: IPv4Network


class Fabric:
    """A `control.fabric.Fabric`."""

    def __init__(self, store: Store, place: Place, options: Options) -> None:
        """Find what runs already, and start to look after it. Raises FabricError."""
        self.options = options
        self.speed = options.speed
        self._store = store
        self._place = place
        everyone = clouds(options.image)
        self._clouds = Clouds(everyone)
        self._blueprint = Blueprint()
        self._declared = Blueprint()
        self._declared_in: int | None = None
        """Edition of the records that `_declared` is of; None: read them in any case."""
        self._nodes: dict[str, Node] = {}
        self._lock = threading.Condition()
        self._asked = 1
        """Number of the newest request to settle; the first is to look at what is there."""
        self._done = 0
        self._problem: str = ""
        self._wake = threading.Event()
        self._over = threading.Event()
        self._retiring: set[str] = set()
        self._file = place.folder / "nodes.json"
        self._writing = threading.Lock()
        images = Images(place.images)
        self._notices = Notices()
        self._networks = Networks(place.prefix, place.pool, options.client)
        self._hosts = Hosts(place.folder / "hosts", images, self._host_ended)
        shelf = downloads.Shelf(place.folder / downloads.FOLDER)
        self._site = site.Site(
            shelf,
            self._networks,
            images.authority,
            site.network(place.pool, options.client),
            stores(store, place.folder, shelf),
        )
        self._services = Services(
            everyone,
            Surroundings(
                folder=place.folder,
                store=store,
                networks=self._networks,
                authority=images.authority,
                notices=self._notices,
                machines=self._machine_at,
                change=self._change,
                images=images,
                serving=self._is_serving,
                published={downloads.HOST: downloads.address_in(place.pool)},
            ),
        )
        self._databases = Databases(everyone, place.folder, images)
        self._prober = prober.Prober(
            self._networks.connect, self._changed, memory=place.folder / "healthy.json"
        )
        self._known = self._read_file()
        self._clouds.begin(store, place.pool)
        self._hosts.recover()
        self._databases.recover()
        self._thread = threading.Thread(target=self._run, name="fabric", daemon=True)
        self._thread.start()
        self._await_first_look()

    def _await_first_look(self) -> None:
        """Until then what is written down of the nodes is of the last daemon's time."""
        with self._lock:
            self._lock.wait_for(lambda: self._done > 0, _FIRST_LOOK)

    # What the control plane asks.

    def realize(self, target: str, watch: Watch) -> None:
        """Return when what was committed holds."""
        if not self._clouds.concerns(target):
            return
        for caution in self._clouds.cautions(StoreWorld(self._store.read()), target):
            watch.warn(caution)
        try:
            self._services.realize(target, watch)
        except FabricError as error:
            raise NotReadyError(str(error)) from error
        self._await_settled(watch)
        self._await_databases(target, watch)
        self._await_nodes(target, watch)

    def retire(self, target: str, watch: Watch) -> None:
        """Let what runs for *target* drain, and stop it."""
        doomed = list(self._nodes_of(target))
        if not doomed:
            return
        with self._lock:
            self._retiring.update(found.machine.id for found in doomed)
        try:
            with ThreadPoolExecutor(len(doomed)) as pool:
                gone = list(pool.map(lambda found: self._retire(found, watch), doomed))
        finally:
            with self._lock:
                self._retiring.difference_update(found.machine.id for found in doomed)
        if not all(gone):
            raise NotReadyError(
                f"deletion of {target} was interrupted: its machines start again; run the "
                "command once more"
            )

    def _retire(self, found: Node, watch: Watch) -> bool:
        if found.state.phase is Phase.READY and found.machine.notice:
            watch.report(f"{found.machine.name}: draining")
        gone = found.retire(watch.cancelled)
        watch.report(f"{found.machine.name}: {'gone' if gone else 'starts again'}")
        return gone

    def _await_settled(self, watch: Watch) -> None:
        with self._lock:
            self._asked += 1
            ticket = self._asked
        self._wake.set()
        deadline = time.monotonic() + _PATIENCE
        with self._lock:
            while self._done < ticket:
                if watch.cancelled.is_set():
                    raise NotReadyError("interrupted while the sandbox applied the change")
                if self._over.is_set():
                    raise NotReadyError("the sandbox stops; start it, and run the command again")
                if time.monotonic() > deadline:
                    raise NotReadyError(
                        f"the sandbox did not apply the change within {_PATIENCE:.0f} seconds; "
                        "its log says what it waits for (scripts/sandbox status shows where)"
                    )
                self._lock.wait(0.5)
            problem = self._problem
        if problem:
            raise NotReadyError(problem)

    def _await_databases(self, target: str, watch: Watch) -> None:
        for database in self._blueprint.databases:
            if _below(target, database.id):
                try:
                    self._databases.ready(database.id, _PATIENCE, watch.cancelled)
                except FabricError as error:
                    raise NotReadyError(str(error)) from error

    def _await_nodes(self, target: str, watch: Watch) -> None:
        # A machine's extension is below the machine, and is ready when the machine is.
        concerned = [
            found
            for found in self._nodes.values()
            if _below(target, found.machine.group) and not found.machine.leaving
        ]
        for found in concerned:
            found.retry()
        failed = self._first_failure(concerned, watch)
        if watch.cancelled.is_set():
            raise NotReadyError(f"interrupted while machines of {target} were starting; they go on")
        if failed is not None:
            state = failed.state
            raise NotReadyError(
                f"machine {failed.machine.name} ({failed.machine.address}) is {state.phase}:\n"
                f"{state.reason}\n"
                f"look into it: scripts/sandbox logs {failed.machine.name}"
            )
        if any(found.machine.container for found in concerned):
            # Now that they are ready, the ones whose place they take begin to go.
            self._await_settled(watch)
        for found in list(self._nodes_of(target)):
            if found.machine.leaving and not watch.cancelled.is_set():
                found.wait(watch.cancelled, watch.report)
        if any(
            found not in concerned
            for found in self._nodes_of(target)
            if found.machine.container and not found.machine.leaving
        ):
            self._await_nodes(target, watch)

    def _first_failure(self, concerned: Sequence[Node], watch: Watch) -> Node | None:
        """Wait for all, but no longer once one has failed."""
        if not concerned:
            return None
        enough = threading.Event()
        ended = Watch(report=watch.report, cancelled=enough)

        def wait(found: Node) -> None:
            state = found.wait(ended.cancelled, watch.report)
            if _has_failed(found, state):
                enough.set()

        waiting = [threading.Thread(target=wait, args=(found,), daemon=True) for found in concerned]
        for thread in waiting:
            thread.start()
        while any(thread.is_alive() for thread in waiting):
            if watch.cancelled.wait(0.2):
                enough.set()
        return next((found for found in concerned if _has_failed(found, found.state)), None)

    def _nodes_of(self, group: str) -> Iterator[Node]:
        wanted = group.casefold()
        return (n for n in list(self._nodes.values()) if n.machine.group.casefold() == wanted)

    # The life of the whole.

    def stop(self) -> None:
        """Power everything off and leave nothing on the machine; disks and data stay."""
        self._over.set()
        self._wake.set()
        self._thread.join()
        with self._lock:
            self._lock.notify_all()
        self._prober.stop()
        running = list(self._nodes.values())
        for found in running:
            found.leave()
        _all(running, lambda found: self._hosts.stop(found.machine.id, _POWER_OFF))
        for host in self._hosts.all():
            self._hosts.stop(host.machine_id, 0)
        self._services.stop()
        self._site.stop()
        self._databases.stop()
        self._networks.clear()

    def _run(self) -> None:
        while not self._over.is_set():
            with self._lock:
                ticket = self._asked
            edition, problem = 0, ""
            try:
                edition = self._store.read().edition()
                self._settle()
            except (FabricError, StoreError) as error:
                problem = str(error)
                _LOG.error("%s", error)
            except Exception as error:
                # The fabric goes on: the next change may well be the one that mends it.
                problem = f"the sandbox itself failed to apply a change: {error!r}; see its log"
                _LOG.exception("settling failed")
            with self._lock:
                self._problem = problem
                self._done = ticket
                self._lock.notify_all()
                waiting = self._asked > ticket
            if not waiting:
                self._rest(edition)
            self._wake.clear()

    def _rest(self, edition: int) -> None:
        """Return when something is said, or seen, to have changed, or after a while."""
        until = time.monotonic() + _REST
        while not self._wake.wait(_GLANCE):
            if time.monotonic() > until or self._store.read().edition() != edition:
                return

    def _settle(self) -> None:
        self._note_arrivals()
        self._read_records()
        blueprint = self._site.added(self._declared)
        self._blueprint = blueprint
        self._dismiss(blueprint)
        problems = []
        steps: tuple[Callable[[], None], ...] = (
            lambda: self._networks.settle(blueprint, self._prober.healthy),
            lambda: self._services.settle(blueprint),
            lambda: self._site.settle(blueprint),
            lambda: self._databases.settle(blueprint, self._networks.namespace),
            lambda: self._attend(blueprint),
            lambda: self._prober.settle(blueprint.networks),
        )
        for step in steps:
            try:
                step()
            except FabricError as error:
                # One part's trouble is no reason to leave the others as they were.
                problems.append(str(error))
        if problems:
            raise FabricError("\n".join(problems))

    def _read_records(self) -> None:
        """Bring `_declared` up to date; most often a machine changed, and no record."""
        rows = self._store.read()
        if rows.edition() == self._declared_in:
            return
        world = StoreWorld(rows)
        unsettled = self._clouds.unsettled(world)
        for cloud in unsettled:
            self._fill_groups(cloud)
        # Before the records are read: what changes meanwhile is seen the next time.
        edition = rows.edition()
        self._declared = self._clouds.blueprint(world)
        self._declared_in = None if unsettled else edition

    def _note_arrivals(self) -> None:
        """Containers that are ready for the first time: others may go in their place."""
        if arrived := [found for found in self._nodes.values() if _has_arrived(found)]:
            with self._transaction() as transaction:
                for found in arrived:
                    self._clouds.arrived(transaction, found.machine.id)

    def _fill_groups(self, cloud: Cloud) -> None:
        try:
            with self._transaction() as transaction:
                cloud.settle(transaction)
        except CloudError as error:
            # Somebody asked for more machines than there is room for; those that fit are there.
            _LOG.warning("%s", error)

    def _attend(self, blueprint: Blueprint) -> None:
        before = len(self._nodes)
        for machine in blueprint.machines:
            found = self._nodes.get(_key(machine))
            if found is None:
                known = self._known.pop(_key(machine), None)
                found = self._nodes[_key(machine)] = Node(machine, self, known)
            else:
                found.update(machine)
            if machine.leaving and machine.id not in self._retiring:
                self._let_go(found)
        if len(self._nodes) > before:
            self._write_file()

    def _let_go(self, found: Node) -> None:
        """Drain a machine that its group no longer wants, and forget it."""
        machine = found.machine.id
        with self._lock:
            self._retiring.add(machine)

        def go() -> None:
            found.retire(self._over)
            if found.state.phase is Phase.GONE:
                with self._transaction() as transaction:
                    self._clouds.forget(transaction, machine)
            with self._lock:
                self._retiring.discard(machine)
            self._changed()

        threading.Thread(target=go, name=f"scale in {found.machine.name}", daemon=True).start()

    def _dismiss(self, blueprint: Blueprint) -> None:
        wanted = {_key(machine) for machine in blueprint.machines}
        gone = [self._nodes.pop(key) for key in list(self._nodes) if key not in wanted]
        _all(gone, Node.dismiss)
        for found in gone:
            self._notices.withdraw(found.machine.id)
        kept = {(machine.id, machine.incarnation) for machine in blueprint.machines}
        for host in self._hosts.all():
            if (host.machine_id, host.incarnation) not in kept:
                self._hosts.remove(host.machine_id, host.incarnation)
        if gone:
            self._write_file()

    def _changed(self) -> None:
        self._wake.set()

    def _host_ended(self, machine: str) -> None:
        for found in list(self._nodes.values()):
            if found.machine.id == machine:
                found.nudge()

    @contextmanager
    def _transaction(self) -> Iterator[StoreTransaction]:
        with self._store.change() as rows:
            yield StoreTransaction(rows, changes=rows, kinds=self._clouds.kinds.get)

    @contextmanager
    def _change(self) -> Iterator[StoreTransaction]:
        with self._transaction() as transaction:
            yield transaction
        self._changed()

    def _is_serving(self, machine: Machine) -> bool:
        """Whether a machine is ready and well."""
        found = self._nodes.get(_key(machine))
        if found is None or found.machine.leaving:
            return False
        return found.state.phase is Phase.READY and found.state.healthy is not False

    def _machine_at(self, network: str, address: IPv4Address) -> Machine | None:
        for machine in self._blueprint.machines:
            if machine.address == address and machine.network == network:
                return machine
        return None

    # What a node asks (`node.Room`).

    def boot(self, machine: Machine) -> None:
        """Start the host, or adopt the one that runs."""
        if self.is_running(machine):
            namespace = self._networks.namespace(machine.id)
        else:
            # On a real machine a boot begins without what the last one left, such as nft rules.
            namespace = self._networks.renew(machine.id)
        self._hosts.start(machine, namespace)

    def is_running(self, machine: Machine) -> bool:
        """Whether the host runs."""
        host = self._hosts.find(machine.id)
        return host is not None and host.running

    def has_powered_off(self, machine: Machine) -> bool:
        """Whether the host ended by its own wish."""
        host = self._hosts.find(machine.id)
        return host is not None and host.powered_off

    def provision(self, machine: Machine, cancelled: threading.Event) -> Ended:
        """Wait until the user data is there, and run the machine's script to its end."""
        return self._hosts.provisioned(machine, cancelled)

    def is_well(self, machine: Machine, probe: Probe) -> bool:
        """Ask from inside the machine, as the health extension does; or ask its balancers."""
        if machine.balancers:
            return self._is_balanced(machine)
        namespace = self._networks.namespace(machine.id)

        def connect(port: int, timeout: float) -> socket.socket:
            with inside(namespace):
                return socket.create_connection(("127.0.0.1", port), timeout)

        return prober.ask(probe, connect)

    def _is_balanced(self, machine: Machine) -> bool:
        """Whether every balancer that decides on a machine finds it healthy."""
        fronts = {
            front.id: front for network in self._blueprint.networks for front in network.frontends
        }
        return all(
            name in fronts and machine.address in self._prober.healthy(fronts[name])
            for name in machine.balancers
        )

    def drain(self, machine: Machine, seconds: float, cancelled: threading.Event) -> None:
        """Announce the end; a machine that never asked for notices may get none, as on Azure."""
        if machine.container is not None:
            self._services.drain(machine, seconds, cancelled)
            return
        if not (machine.notice_unread or self._notices.is_read(machine.id)):
            return
        notice = self._notices.post(machine, seconds)
        notice.wait(cancelled, seconds)
        self._notices.withdraw(machine.id)

    def end(self, machine: Machine) -> None:
        """Stop the host and throw its disk away."""
        self._hosts.remove(machine.id, machine.incarnation)

    def unplug(self, machine: Machine) -> None:
        """Stop the host at once."""
        self._hosts.stop(machine.id, 0)

    def repair(self, machine: Machine) -> None:
        """Replace a machine of a group."""
        try:
            with self._transaction() as transaction:
                self._clouds.renew(transaction, machine.id)
        except (CloudError, StoreError) as error:
            raise FabricError(f"{machine.name} can't be replaced: {error}") from error
        self._changed()

    def remember(self, node: Node) -> None:
        """Write down what `scripts/sandbox status` shows."""
        self._write_file()
        if _has_arrived(node):
            self._changed()

    def _write_file(self) -> None:
        with self._writing:
            known = [nodes.described(found) for found in list(self._nodes.values())]
            draft = self._file.with_suffix(".new")
            try:
                draft.write_text(json.dumps(known, indent=1))
                draft.replace(self._file)
            except OSError as error:
                _LOG.error("%s can't be written: %s", self._file, error)

    def _read_file(self) -> dict[str, nodes.State]:
        with suppress(OSError, ValueError, TypeError, AttributeError):
            return {
                f"{each['id']} {each['incarnation']}": state
                for each in json.loads(self._file.read_text())
                if (state := nodes.restored(each)) is not None
            }
        return {}


def _has_failed(node: Node, state: State) -> bool:
    """Whether a machine that is waited for is none; a container may go for another one."""
    if node.machine.container is not None and (node.machine.leaving or state.phase is Phase.GONE):
        return False
    return state.phase in (Phase.FAILED, Phase.STOPPED, Phase.GONE)


def _has_arrived(node: Node) -> bool:
    container = node.machine.container
    return node.state.phase is Phase.READY and container is not None and not container.arrived


def _key(machine: Machine) -> str:
    return f"{machine.id} {machine.incarnation}"


def _below(target: str, top: str) -> bool:
    """Whether *target* is *top* or something of it; ids are compared without case."""
    inner, outer = target.casefold(), top.casefold()
    return inner == outer or inner.startswith(outer + "/")


def _all(found: Iterable[Node], act: Callable[[Node], None]) -> None:
    several = list(found)
    if several:
        with ThreadPoolExecutor(len(several)) as pool:
            list(pool.map(act, several))


def clean(prefix: str, folder: Path, images: Path) -> bool:
    """Stop what a daemon that was killed left running; whether there was anything.

    It finds what runs also when the sandbox's *folder* was thrown away meanwhile.

    Raises:
        FabricError: something can't be stopped.
    """
    layers = Images(images)
    hosts = Hosts(folder / "hosts", layers)
    hosts.recover()
    running = [host for host in hosts.all() if host.running]
    for host in running:
        hosts.stop(host.machine_id, 0)
    end_databases(folder, layers)
    others = end_all_below(folder)
    there = Networks.clear_all(prefix)
    return bool(running or others or there)
