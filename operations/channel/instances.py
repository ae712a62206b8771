"""Which machines an environment has just now: fixed ones, and those that come and go.

Azure: `az vmss list-instances`, `az vmss nic list`, `az vm list --show-details`. AWS: `aws ec2
describe-instances`; a group marks its instances with the tag `aws:autoscaling:groupName`. The
sandbox: its own `status`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.channel.aws import AWS
from operations.channel.azure import AZ
from operations.channel.carrier import Node
from operations.channel.commands import Program
from operations.errors import OperationError
from operations.stack import PROJECT, Backend, Sandbox

SECONDS = 20.0
SCALE_SET = "/virtualmachinescalesets/"
ORDER = ("one-box", "web", "compute")
"""From the way in inwards."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """A machine, as the cloud tells of it."""

    node: Node
    state: str
    """In the cloud's own word."""
    running: bool


def id_of(target: str) -> str:
    """Return what a machine is called: of an AWS ARN its last part, the instance's id."""
    return target.rpartition("/")[2] if target.startswith("arn:") else target


def found(outputs: Mapping[str, Any], backend: Backend) -> tuple[Instance, ...]:
    """Return all machines of a stack's groups, web nodes first. Raises OperationError."""
    groups: Mapping[str, Any] = outputs.get("groups") or {}
    roles = sorted(groups, key=lambda role: ORDER.index(role) if role in ORDER else len(ORDER))
    if isinstance(backend, Sandbox):
        known = _sandboxed(backend.home)
        return tuple(each for role in roles for each in in_sandbox(role, groups[role], known))
    with ThreadPoolExecutor(max(len(roles), 1)) as pool:
        every = pool.map(lambda role: _in_cloud(role, groups[role], outputs), roles)
        return tuple(each for listed in every for each in listed)


def _sandboxed(home: Path) -> list[Mapping[str, Any]]:
    script = Program(name=str(PROJECT / "scripts" / "sandbox"), install="run scripts/setup")
    ended = script.run(["--home", str(home.absolute()), "status", "--json"], SECONDS)
    try:
        return list(json.loads(ended.stdout)["nodes"])
    except (ValueError, KeyError):
        raise OperationError(
            "the nodes of the sandbox are not known",
            str(home),
            ended.stderr.strip()[-300:] or f"status {ended.code}",
            "scripts/sandbox status says how it is",
        ) from None


def in_sandbox(
    role: str, group: Mapping[str, Any], known: Sequence[Mapping[str, Any]]
) -> Iterator[Instance]:
    """Yield the machines of a group, of those that the sandbox knows."""
    wanted = {id_of(str(each)).casefold() for each in group.get("ids") or ()}
    names = {str(each).casefold() for each in group.get("names") or ()}
    for each in known:
        own = id_of(str(each["id"])).casefold()
        of_set = any(own.startswith(f"{each_id}/") for each_id in wanted)
        named = id_of(str(each.get("group", ""))).casefold() in wanted | names
        if own in wanted or of_set or named:
            phase = str(each["phase"])
            node = Node(
                name=str(each["name"]), id=str(each["id"]), role=role, address=str(each["address"])
            )
            # One that drains, or that could not be provisioned, runs all the same.
            running = phase in ("ready", "booting", "draining", "failed")
            yield Instance(node=node, state=phase, running=running)


def _in_cloud(role: str, group: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[Instance]:
    ids = [id_of(str(each)) for each in group.get("ids") or ()]
    if any(each.casefold().startswith("/subscriptions/") for each in ids):
        return [each for one in ids for each in _on_azure(role, one)]
    return on_aws(role, _described(group, ids, str(outputs.get("location") or "")))


def _json(program: Program, arguments: Sequence[str]) -> Any:
    ended = program.run([*arguments, "--output", "json"], SECONDS)
    if ended.code:
        raise OperationError(
            "the machines of the environment are not known",
            " ".join([program.name, *arguments[:2]]),
            ended.stderr.strip()[-300:] or f"it ended with {ended.code}",
            f"{program.install}, as somebody who may read the environment",
        )
    return json.loads(ended.stdout or "null")


def _described(group: Mapping[str, Any], ids: Sequence[str], region: str) -> Any:
    if group.get("kind") == "fixed":
        which = ["--instance-ids", *ids]
    else:
        names = ",".join(str(each) for each in group.get("names") or ())
        which = ["--filters", f"Name=tag:aws:autoscaling:groupName,Values={names}"]
    return _json(AWS, ["ec2", "describe-instances", "--region", region, *which])


def on_aws(role: str, described: Mapping[str, Any]) -> list[Instance]:
    """Return the machines that `describe-instances` tells of, without those that are gone."""
    listed = [each for one in described["Reservations"] for each in one["Instances"]]
    return [
        Instance(
            node=Node(
                name=each["InstanceId"],
                id=each["InstanceId"],
                role=role,
                address=each.get("PrivateIpAddress", ""),
            ),
            state=each["State"]["Name"],
            running=each["State"]["Name"] == "running",
        )
        for each in listed
        if each["State"]["Name"] != "terminated"
    ]


def _on_azure(role: str, arm: str) -> list[Instance]:
    """Return the machines of a scale set, or the one machine, with that ARM id."""
    parts = arm.split("/")
    group, name = parts[4], parts[8]
    where = ["--resource-group", group]
    if SCALE_SET not in arm.casefold():
        return single(role, arm, _json(AZ, ["vm", "list", *where, "--show-details"]))
    with ThreadPoolExecutor(2) as pool:
        listed = pool.submit(
            _json,
            AZ,
            ["vmss", "list-instances", *where, "--name", name, "--expand", "instanceView"],
        )
        cards = pool.submit(_json, AZ, ["vmss", "nic", "list", *where, "--vmss-name", name])
        return in_scale_set(role, listed.result(), cards.result())


def single(role: str, arm: str, listed: Sequence[Mapping[str, Any]]) -> list[Instance]:
    """Return the machine with that ARM id, of what `az vm list --show-details` tells."""
    return [
        Instance(
            node=Node(
                name=each["name"], id=each["id"], role=role, address=each.get("privateIps") or ""
            ),
            state=str(each.get("powerState")),
            running=each.get("powerState") == "VM running",
        )
        for each in listed
        if str(each["id"]).casefold() == arm.casefold()
    ]


def in_scale_set(
    role: str, listed: Sequence[Mapping[str, Any]], cards: Sequence[Mapping[str, Any]]
) -> list[Instance]:
    """Return the machines of a scale set, with the addresses that their interfaces have."""
    addresses: dict[str, str] = {}
    for card in cards:
        machine = str((card.get("virtualMachine") or {}).get("id", "")).casefold()
        for setting in card.get("ipConfigurations") or ():
            found_address = setting.get("privateIPAddress") or setting.get("privateIpAddress")
            addresses.setdefault(machine, str(found_address or ""))
    return [_member(role, each, addresses) for each in listed]


def _member(role: str, told: Mapping[str, Any], addresses: Mapping[str, str]) -> Instance:
    statuses = (told.get("instanceView") or {}).get("statuses") or ()
    codes = [str(each.get("code")) for each in statuses]
    power = next((each for each in codes if each.startswith("PowerState/")), "PowerState/unknown")
    arm = str(told["id"])
    return Instance(
        node=Node(
            name=str(told["name"]), id=arm, role=role, address=addresses.get(arm.casefold(), "")
        ),
        state=power.removeprefix("PowerState/"),
        running=power == "PowerState/running",
    )
