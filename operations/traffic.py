"""Moves an endpoint's traffic, and takes the move back.

A move is three steps, so that Pulumi can be seen at work and stopped between them: `prepare` checks
the new split and writes it into the stack file, scripts/traffic lets Pulumi set it, and nothing
else (`--target`), and `keep` remembers what it was before; `undo` puts the stack file back when
Pulumi did not. What is deployed is read from Pulumi's state, where the resource is that sets it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from operations import split as splits
from operations import stack_file
from operations.errors import OperationError
from operations.split import Split

DEPLOYMENT = "azure-native:machinelearningservices:OnlineDeployment"
TEMPLATE = "azure-native:resources:Deployment"
SETTER = "-traffic"
"""End of the name of the resource that sets the traffic."""
KEPT = 20
"""Moves that are remembered."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """An endpoint's traffic and deployments, as Pulumi's state has them."""

    stack: str
    split: Split
    urn: str
    """Of the resource that sets the traffic."""
    endpoint: str
    """The endpoint's id."""
    ready: frozenset[str]
    broken: frozenset[str]
    """Deployments that were made and did not come to serve."""


def deployed(stack: str, state: str) -> Deployed:
    """Return what *state*, an export of Pulumi, says. Raises OperationError."""
    found: list[Mapping[str, Any]] = json.loads(state)["deployment"].get("resources") or []
    setter = next((each for each in found if _sets_traffic(each)), None)
    if setter is None:
        raise OperationError(
            "there is no traffic to move",
            f"stack '{stack}'",
            "it has no managed endpoint, or was not deployed to its end",
            "give a stack with topology: managed-endpoint, and deploy it first",
        )
    resource = setter["inputs"]["properties"]["template"]["resources"][0]
    properties = resource["properties"]
    deployments = [each for each in found if each["type"] == DEPLOYMENT and not each.get("delete")]
    broken = {_name(each) for each in deployments if each.get("initErrors")}
    targets = setter.get("outputs", {}).get("properties", {}).get("outputResources") or [{}]
    return Deployed(
        stack=stack,
        split=splits.made(properties.get("traffic"), properties.get("mirrorTraffic")),
        urn=str(setter["urn"]),
        endpoint=str(targets[0].get("id", resource["name"])),
        ready=frozenset({_name(each) for each in deployments} - broken),
        broken=frozenset(broken),
    )


def _sets_traffic(resource: Mapping[str, Any]) -> bool:
    return bool(
        resource["type"] == TEMPLATE
        and resource["urn"].endswith(SETTER)
        and not resource.get("delete")
    )


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource["id"]).rpartition("/")[2]


@dataclass(frozen=True)
class Memory:
    """What the traffic of one stack was before, and a move that is under way: two files."""

    folder: Path
    stack: str

    @property
    def _history(self) -> Path:
        return self.folder / f"{self.stack}.json"

    @property
    def _pending(self) -> Path:
        return self.folder / f"{self.stack}.pending.json"

    def before(self, now: Deployed) -> list[Split]:
        """Return the splits that moves took the place of, the last one last."""
        try:
            kept = json.loads(self._history.read_text())
        except FileNotFoundError:
            return []
        if kept.get("endpoint") != now.endpoint:
            return []  # another endpoint had this name
        return [splits.made(each["traffic"], each["mirror"]) for each in kept["before"]]

    def begin(self, move: Mapping[str, Any]) -> None:
        """Note a move before anything is changed."""
        _write(self._pending, move)

    def pending(self) -> dict[str, Any]:
        """Return the move that is under way. Raises OperationError when there is none."""
        try:
            found: dict[str, Any] = json.loads(self._pending.read_text())
        except FileNotFoundError:
            raise OperationError(
                "no move of traffic is under way", self.stack, "it ended", "start it again"
            ) from None
        return found

    def end(self, endpoint: str, before: list[Split]) -> None:
        """Keep the splits before this one, and forget that a move is under way."""
        kept = [
            {"traffic": dict(each.traffic), "mirror": dict(each.mirror)} for each in before[-KEPT:]
        ]
        at = datetime.now(UTC).isoformat(timespec="seconds")
        _write(self._history, {"endpoint": endpoint, "at": at, "before": kept})
        self.forget()

    def forget(self) -> None:
        """Forget the move that is under way."""
        self._pending.unlink(missing_ok=True)


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(value, indent=2))
    fresh.replace(path)


def shown(now: Deployed, file: stack_file.StackFile, memory: Memory) -> str:
    """Return the traffic as it is deployed and as the stack file has it, for a person."""
    written = file.split
    lines = [f"as deployed:       {now.split}", f"in the stack file: {_said(written, now)}"]
    if now.broken:
        lines.append(f"not ready:         {', '.join(sorted(now.broken))}")
    if before := memory.before(now):
        lines.append(f"--rollback sets:   {before[-1]}")
    return "\n".join(lines)


def _said(written: Split | None, now: Deployed) -> str:
    if written is None:
        return "nothing of its own (all to the only deployment, or what its base says)"
    return f"{written}" if written == now.split else f"{written} (not deployed yet)"


def moved(now: Deployed, wanted: Split) -> None:
    """Raise OperationError when a split can't be set: before anything is changed."""
    wrong = list(splits.problems(wanted, now.ready | now.broken))
    wrong += [
        f"{name} is not ready: it was made and did not come to serve"
        for name in sorted(now.broken & wanted.names())
    ]
    if wrong:
        raise OperationError(
            "the traffic cannot be split so",
            f"stack '{now.stack}'",
            "; ".join(wrong),
            "give percents that add up to 100, of deployments that are ready",
        )


def back(now: Deployed, file: stack_file.StackFile, memory: Memory) -> tuple[Split, str]:
    """Return the split that a rollback restores, and why that one.

    Raises OperationError when there is none.
    """
    written = file.split
    if written is not None and written != now.split:
        return now.split, "what is deployed: the split in the stack file never came to pass"
    before = memory.before(now)
    why = f"no traffic was moved from here (in {memory.folder}) since the endpoint was made"
    if before:
        wrong = list(splits.problems(before[-1], now.ready | now.broken))
        if not wrong:
            return before[-1], "the split before the last move"
        why = f"before the last move it was {before[-1]}, and {'; '.join(wrong)}"
    raise OperationError(
        "there is nothing to go back to",
        f"stack '{now.stack}'",
        why,
        f"say it yourself, as in: scripts/traffic --stack {now.stack} blue=100",
    )


def write(file: stack_file.StackFile, split: Split) -> None:
    """Write a split into the stack file. Raises OperationError."""
    _put(file.path, file.with_split(split))


def prepare(
    now: Deployed, file: stack_file.StackFile, wanted: Split, memory: Memory, *, rollback: bool
) -> None:
    """Write the new split into the stack file, and note what it was. Raises OperationError."""
    text = file.with_split(wanted)
    memory.begin(
        {
            "file": str(file.path),
            "text": file.text,
            "endpoint": now.endpoint,
            "rollback": rollback,
            "traffic": dict(now.split.traffic),
            "mirror": dict(now.split.mirror),
        }
    )
    _put(file.path, text)


def keep(now: Deployed, memory: Memory) -> None:
    """Remember the split that the move took the place of; *now* is what holds after it."""
    move = memory.pending()
    was = splits.made(move["traffic"], move["mirror"])
    before = memory.before(now)
    if move["rollback"]:
        before = before[:-1] if before and before[-1] == now.split else before
    elif was != now.split:
        before = [*before, was]
    memory.end(now.endpoint, before)


def undo(memory: Memory) -> str:
    """Put the stack file back as it was before the move; return its path."""
    move = memory.pending()
    _put(Path(move["file"]), move["text"])
    memory.forget()
    return str(move["file"])


def _put(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.chmod(path.stat().st_mode)
    fresh.replace(path)
