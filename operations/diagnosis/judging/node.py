"""Judges one node by what it says of itself."""

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from operations.diagnosis.asking import Told
from operations.diagnosis.intended import NODE_FILE, Group, Intended
from operations.diagnosis.judging import machine
from operations.diagnosis.judging.front import SOON, day
from operations.diagnosis.kinds import Finding

STARTING = ("starting", "")
OWNERS = "web-server"
"""The one certificate that the stack's owner may bring, of somebody else's authority."""
SIGNING = ("token-signing-key", "token-signing")
"""Secret with the key of tokens: the open runtime's, the R Server family's."""
JOINING = ("web-server", "web-client", "compute-server")
"""Certificates of the environment's own authority."""
SHOWN = 5
FULL = os.strerror(errno.ENOSPC)
"""In everybody's words, of shells and of Python."""

Facts = Mapping[str, Any]
Found = Iterator[tuple[str, str]]
"""Id and what."""


def judge(told: Told, intended: Intended, now: float, words: Sequence[str]) -> Iterator[Finding]:
    """Yield what is not well about a node."""
    group = intended.groups.get(told.role)
    for kind, what in _judged(told, intended, group, now, words):
        yield Finding(id=kind, place=told.place, what=what)


def _judged(
    told: Told, intended: Intended, group: Group | None, now: float, words: Sequence[str]
) -> Found:
    if not told.instance.running:
        yield "node-down", f"it is {told.instance.state}"
        return
    if group is not None and group.windows:
        return
    if FULL in told.why:
        # Whatever reaches a node first writes there what it is to run.
        yield "disk-full", told.why
        return
    if told.why:
        yield "node-unreachable", told.why
        return
    yield from _of_facts(told, intended, group, now, words)


def _of_facts(
    told: Told, intended: Intended, group: Group | None, now: float, words: Sequence[str]
) -> Found:
    facts = told.facts
    yield from _boot(facts)
    starting = (facts.get("boot") or {}).get("state") == "starting"
    for part in PARTS:
        if not (starting and part in LATER):
            yield from part(facts)
    yield from machine.clock(facts, told.asked, told.answered)
    yield from _certificates(facts, now, brought=intended.brought)
    yield from _ways(told)
    if not starting:
        yield from _report(facts, words)
    if group is not None:
        yield from _rendered(facts, group)
    yield from _unknown(facts, ASKED if starting else ())


def _unknown(facts: Facts, expected: Sequence[str]) -> Found:
    late = [name for name, said in (facts.get("vault") or {}).items() if said == "late"]
    if late:
        yield "probe-incomplete", f"vault: no answer in time about {_some(late)}"
    for name, why in (facts.get("unknown") or {}).items():
        if name not in expected:
            yield "probe-incomplete", f"{name}: {why}"


def _boot(facts: Facts) -> Found:
    boot = facts.get("boot") or {}
    state = boot.get("state", "")
    if state == "failed":
        yield "node-unconfigured", str(boot.get("words") or "its log does not say why")
    elif state == "draining":
        yield "node-draining", "its ready path says so to the balancer"
    elif state in STARTING:
        yield "node-starting", f"its state is {state or 'not said'}"


def _health(facts: Facts) -> Found:
    health = facts.get("health") or {}
    state = (facts.get("boot") or {}).get("state", "")
    live, ready = health.get("live"), health.get("ready")
    if live and live[0] != HTTPStatus.OK and state not in STARTING:
        yield "node-not-live", _answer(live)
    elif ready and ready[0] != HTTPStatus.OK and state == "ready":
        yield "node-not-ready", _answer(ready)


def _answer(answer: Sequence[Any]) -> str:
    return f"{answer[0]}: {answer[1]}" if answer[0] else str(answer[1])


def _certificates(facts: Facts, now: float, *, brought: bool) -> Found:
    for name, each in (facts.get("certificates") or {}).items():
        until = each.get("until")
        if until is not None and until < now:
            yield "certificate-expired", f"{name}, on {day(until)}"
        elif until is not None and until < now + SOON:
            yield "certificate-expiring", f"{name}, on {day(until)}"
        if each.get("pair") is False:
            yield "certificate-broken", f"{name} does not belong to its key"
        foreign = each.get("ours") is False and name in JOINING
        if foreign and not (brought and name == OWNERS):
            yield "certificate-broken", f"{name} is not signed by the environment's authority"


STORED = {
    "absent": "{} is not in the store of the product",
    "other": "{} in the store of the product is not that of the node, or without its key",
    "replaced": "another certificate is in the store of the product where {} should be",
    "twice": "the product's store has two certificates with the subject of {}",
}


def _stored(facts: Facts) -> Found:
    for name, said in (facts.get("stored") or {}).items():
        if said in STORED:
            signs = name in SIGNING and said == "replaced"
            yield "token-key-differs" if signs else "certificate-broken", STORED[said].format(name)


def _vault(facts: Facts) -> Found:
    for name, said in (facts.get("vault") or {}).items():
        if said == "other":
            yield "secret-stale", name
        elif said == "absent":
            yield "secret-stale", f"{name} is not on the node at all"
        elif said not in ("same", "late"):
            yield "vault-refused", f"{name}: {str(said).removeprefix('refused: ')}"


_STATES = {
    "unreachable": "database-unreachable",
    "login": "database-login-refused",
    "untrusted": "database-untrusted",
    "refused": "database-login-refused",
}
TABLES = frozenset({"catalogue", "listed_service", "service", "serving_node"})
RIGHTS = {
    "operationalization_api": (
        {"catalogue", "listed_service", "refresh_token", "service", "serving_node"},
        {"refresh_token", "service"},
    ),
    "operationalization_loader": ({"catalogue", "service"}, set()),
}
"""What a role reads and writes (server/api/migrations)."""
LOGINS = ("operationalization_api", "operationalization_loader")
OWNER = "operationalization_owner"


def _database(facts: Facts) -> Found:
    database = facts.get("database") or {}
    state = database.get("state")
    if state in _STATES:
        yield _STATES[state], str(database.get("words") or state)
        return
    yield from _schema(database)
    for name, can_login, powerful in database.get("roles") or ():
        # Who migrates may make roles, and has another name in each cloud.
        if powerful and name in (*LOGINS, OWNER):
            yield "database-role", f"{name} is more than a user of one schema"
        if name in LOGINS and not can_login:
            yield "database-rights", f"{name} may not log in"
    if facts.get("migrated") is False and (facts.get("boot") or {}).get("state") == "ready":
        yield "migrations-behind", "its mark is not that of its own migrations"


def _schema(database: Facts) -> Found:
    if "tables" not in database:
        return
    tables = {name: (bool(reads), bool(writes)) for name, reads, writes in database["tables"]}
    if missing := sorted(TABLES - tables.keys()):
        yield "database-schema", ", ".join(missing)
        return
    login = database.get("login", "")
    reads, writes = RIGHTS.get(login, (set(), set()))
    for index, (verb, wanted) in enumerate((("read", reads), ("write", writes))):
        short = sorted(name for name in wanted if not tables.get(name, (False, False))[index])
        if short:
            yield "database-rights", f"{login} may not {verb} {', '.join(short)}"


def _firewall(facts: Facts) -> Found:
    firewall = facts.get("firewall")
    if firewall is None:
        return
    if not firewall.get("loaded"):
        yield "firewall-off", str(firewall.get("words") or "its chains do not drop what is left")
        return
    for kind, key in (("firewall-missing", "missing"), ("firewall-extra", "extra")):
        if found := firewall.get(key):
            yield kind, _some(found)


def _some(values: Sequence[str]) -> str:
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return ", ".join(str(each) for each in values[:SHOWN]) + more


def _ways(told: Told) -> Found:
    if "passed" not in told.facts:
        return
    passed = set(told.facts["passed"])
    for index, target in enumerate(told.targets):
        if target.allowed and index not in passed:
            yield "path-blocked", f"to {target.whom}, port {target.port}"
        elif not target.allowed and index in passed:
            yield "path-open", f"to {target.whom}, port {target.port}"


def _rendered(facts: Facts, group: Group) -> Found:
    files = facts.get("files") or {}
    changed = [*files.get("differ", ()), *(f"{each} is gone" for each in files.get("missing", ()))]
    own = [each for each in changed if each.startswith(NODE_FILE)]
    if own:
        yield "configuration-differs", own[0]
    if others := [each for each in changed if each not in own]:
        yield "files-differ", _some(others)
    there, wanted = (facts.get("node") or {}).get("version"), group.node.get("version")
    if there and wanted and there != wanted:
        yield "version-differs", f"it has {there}, and the stack says {wanted}"
    if facts.get("installed") is False:
        yield "version-differs", "its product is from another installer than its settings name"
    differ = (facts.get("settings") or {}).get("differ") or ()
    uris = [each for each in differ if ".Uris" in each]
    if uris:
        yield "compute-uri-wrong", f"appsettings.json, {_some(uris)}"
    if rest := [each for each in differ if each not in uris]:
        yield "configuration-differs", f"appsettings.json, {_some(rest)}"


def _report(facts: Facts, words: Sequence[str]) -> Found:
    status = facts.get("status") or {}
    if status.get("step") and status.get("code") != HTTPStatus.OK:
        what = f"{status['step']} on the node itself: {status.get('code')} {status.get('words')}"
        yield "status-failed", what
    for name, word in (status.get("parts") or {}).items():
        # Of compute nodes the fleet's judge says more, address by address.
        if name != "backends" and word not in words:
            yield "status-failed", f"{name}: {word}"


PARTS: tuple[Callable[[Facts], Found], ...] = (
    _health,
    machine.units,
    machine.workers,
    machine.disks,
    machine.memory,
    _stored,
    _vault,
    _database,
    _firewall,
)
LATER = (machine.units, machine.workers)
ASKED = ("workers", "status", "settings")
"""What is there only when a node has started: why it has not, the other parts say."""
