"""The metadata service of a virtual network: http://169.254.169.254/metadata/.

It tells a machine by the address that it asks from, which the router has checked; whoever is not a
machine of the network gets nothing. On the machine, the node's own firewall lets only root ask.

Sources: Azure documentation, "Azure Instance Metadata Service" (headers, versions, errors),
"Scheduled Events for Linux VMs" (versions, shape of events, acknowledgement by any machine of the
group; 400 for a malformed one).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import format_datetime
from ipaddress import IPv4Address

from sandbox.control.kinds import World
from sandbox.fabric.azure import identities, instance
from sandbox.fabric.azure.tokens import Tokens
from sandbox.fabric.contract import Machine
from sandbox.fabric.notices import Notice, Notices
from sandbox.fabric.serving.exchange import Answer, BadQueryError, Request, in_json

VERSIONS = (
    "2017-03-01",
    "2017-04-02",
    "2017-08-01",
    "2017-10-01",
    "2017-12-01",
    "2018-02-01",
    "2018-04-02",
    "2018-10-01",
    "2019-02-01",
    "2019-03-11",
    "2019-04-30",
    "2019-06-01",
    "2019-06-04",
    "2019-08-01",
    "2019-08-15",
    "2019-11-01",
    "2020-06-01",
    "2020-07-15",
    "2020-09-01",
    "2020-10-01",
    "2020-12-01",
    "2021-01-01",
    "2021-02-01",
    "2021-03-01",
    "2021-05-01",
    "2021-08-01",
    "2021-10-01",
    "2021-11-01",
    "2021-11-15",
    "2021-12-13",
    "2023-07-01",
    "2023-11-15",
    "2024-03-15",
    "2024-07-17",
    "2025-04-07",
)
EVENT_VERSIONS = (
    "2017-08-01",
    "2017-11-01",
    "2019-01-01",
    "2019-04-01",
    "2019-08-01",
    "2020-07-01",
)
_TOKENS_SINCE = "2018-02-01"
_MOST_REQUESTS = 100
"""Start requests in one body."""

_SINCE = {
    "Description": "2019-04-01",
    "EventSource": "2019-08-01",
    "DurationInSeconds": "2020-07-01",
}
"""Property of an event -> version that introduced it."""
_TERMINATE_SINCE = "2019-01-01"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """A request that may be answered."""

    request: Request
    parameters: Mapping[str, str]
    machine: Machine
    """Who asks."""
    world: World


class Metadata:
    """The metadata service of one virtual network."""

    def __init__(
        self,
        network: str,
        machines: Callable[[str, IPv4Address], Machine | None],
        tokens: Tokens,
        notices: Notices,
    ) -> None:
        """*machines*: who has an address of a network."""
        self._network = network
        self._machines = machines
        self._tokens = tokens
        self._notices = notices

    def answer(self, request: Request, world: World) -> Answer:
        """What the service says to *request*."""
        machine = self._machines(self._network, request.source)
        if machine is None:
            return Answer(status=404)
        root, category, *rest = [*map(str.casefold, request.segments), ""]
        if root != "metadata":
            return _error(404, "Not found")
        if (refused := _unwanted(request, category)) is not None:
            return refused
        try:
            parameters = request.parameters()
        except BadQueryError as error:
            return _error(400, f"Bad request. {error}")
        asked = _Asked(request=request, parameters=parameters, machine=machine, world=world)
        return self._category(category, tuple(rest[:-1]), asked)

    def _category(self, category: str, rest: tuple[str, ...], asked: _Asked) -> Answer:
        """The answer of one part of the service; *rest*: the path after it."""
        match category, rest:
            case "scheduledevents", ():
                return self._events(asked)
            case "versions" | "instance" | "identity", _ if asked.request.method != "GET":
                return _not_allowed("GET")
            case "versions", ():
                return in_json(200, {"apiVersions": VERSIONS})
            case "instance", _:
                return _instance(asked, rest)
            case "identity", ("oauth2", "token"):
                return self._token(asked)
            case "attested" | "loadbalancer", _:
                return _error(404, f"the sandbox does not emulate /metadata/{category}")
            case _:
                return _error(404, "Not found")

    def _token(self, asked: _Asked) -> Answer:
        versions = tuple(each for each in VERSIONS if each >= _TOKENS_SINCE)
        return _unversioned(asked.parameters, versions) or identities.token(
            asked.world, self._tokens, asked.machine, asked.parameters
        )

    def _events(self, asked: _Asked) -> Answer:
        request, machine = asked.request, asked.machine
        if (refused := _unversioned(asked.parameters, EVENT_VERSIONS)) is not None:
            return refused
        if request.method not in ("GET", "POST"):
            return _not_allowed("GET, POST")
        self._notices.note_reader(machine.id)
        if request.method == "POST":
            return self._start(request, machine)
        version = asked.parameters["api-version"]
        document, notices = self._notices.document(machine.group)
        events = [_event(notice, version) for notice in notices if version >= _TERMINATE_SINCE]
        found = in_json(200, {"DocumentIncarnation": document, "Events": events})
        return replace(found, quiet=True)

    def _start(self, request: Request, machine: Machine) -> Answer:
        try:
            given = json.loads(request.body)
        except (ValueError, RecursionError):
            return _error(400, "Bad request. The body is not JSON")
        wanted = given.get("StartRequests") if isinstance(given, dict) else None
        if not isinstance(wanted, list) or not 0 < len(wanted) <= _MOST_REQUESTS:
            return _error(
                400, 'Bad request. The body must be {"StartRequests": [{"EventId": ...}]}'
            )
        # Any machine of the group may acknowledge, and nobody else.
        _, notices = self._notices.document(machine.group)
        known = {notice.id for notice in notices}
        events = [each.get("EventId") if isinstance(each, dict) else None for each in wanted]
        named = [event.upper() for event in events if isinstance(event, str)]
        if len(named) < len(wanted) or not known.issuperset(named):
            return _error(400, "Bad request. There is no event with this EventId")
        for event in named:
            self._notices.acknowledge(event)
        return in_json(200, {})


def _unwanted(request: Request, category: str) -> Answer | None:
    """Refuse what may have been redirected here, or was forwarded for somebody else."""
    if "x-forwarded-for" in request.headers:
        words = "Request has an X-Forwarded-For header, which is not allowed"
    elif request.headers.get("metadata", "").strip().casefold() != "true":
        words = "Required metadata header not specified"
    else:
        return None
    if category == "identity":
        return in_json(400, {"error": "invalid_request", "error_description": words})
    return _error(400, f"Bad request. {words}")


def _unversioned(parameters: Mapping[str, str], versions: tuple[str, ...]) -> Answer | None:
    if parameters.get("api-version") in versions:
        return None
    return in_json(
        400,
        {
            "error": "Bad request. api-version is invalid or was not specified in the request. "
            "For more information refer to aka.ms/azureimds",
            "newest-versions": list(reversed(versions[-3:])),
        },
    )


def _instance(asked: _Asked, steps: tuple[str, ...]) -> Answer:
    parameters = asked.parameters
    if (refused := _unversioned(parameters, VERSIONS)) is not None:
        return refused
    form = parameters.get("format", "json").casefold()
    if form not in ("json", "text"):
        return _error(400, "Bad request. format must be json or text")
    try:
        found = instance.descend(
            instance.document(asked.world, asked.machine, parameters["api-version"]), steps
        )
    except instance.NotThereError:
        return _error(404, "Not found")
    if form == "text":
        text = instance.as_text(found)
        return Answer(status=200, body=text.encode(), kind="text/plain; charset=utf-8", quiet=True)
    if not isinstance(found, Mapping | list):
        return _error(400, "Bad request. A single value is given with format=text only")
    return in_json(200, found)


def _event(notice: Notice, version: str) -> Mapping[str, object]:
    started = notice.is_acknowledged
    when = notice.not_before.astimezone(UTC).replace(microsecond=0)
    event: dict[str, object] = {
        "EventId": notice.id,
        "EventStatus": "Started" if started else "Scheduled",
        "EventType": "Terminate",
        "ResourceType": "VirtualMachine",
        "Resources": [notice.machine.name],
        "NotBefore": "" if started else format_datetime(when, usegmt=True),
        "Description": "",
        "EventSource": "Platform",
        "DurationInSeconds": -1,
    }
    return {name: value for name, value in event.items() if _SINCE.get(name, "") <= version}


def _not_allowed(methods: str) -> Answer:
    return in_json(405, {"error": "Method not allowed"}, {"Allow": methods})


def _error(status: int, words: str) -> Answer:
    return in_json(status, {"error": words})
