"""What our pipelines promise: nothing unpinned, no secret, no foreign text in shell text."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scripts.lib.azure_pipelines.tree import OURS, Place, places, shell, steps

Rule = Callable[[Mapping[str, Any]], Iterator[str]]

TASK = re.compile(r"[A-Za-z][A-Za-z0-9]*@[0-9]+(?:\.[0-9]+\.[0-9]+)?")
IMAGE = re.compile(r"[a-z]+-[0-9][0-9.]*")
COMMIT = re.compile(r"[0-9a-f]{40}")
EXPANDED = re.compile(r"\$\((?:[A-Za-z]\w*(?:\.\w+)+|stack)\)|\$\{\{.*?\}\}|\$\[.*?\]", re.DOTALL)
"""What the service writes into a text before a shell reads it."""

SECRET = re.compile(r"(?i)password|passphrase|secret|token|credential|private.?key|access.?key")
NO_SECRET = frozenset({"PULUMI_SECRETS_PROVIDER"})
"""The name of a key, which is no secret."""

NO_FORK = "ne(variables['System.PullRequest.IsFork'], 'True')"

TOKEN = "$(System.AccessToken)"  # noqa: S105 - the variable's name


def problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield every breach of a rule, with its place."""
    for rule in RULES:
        yield from rule(document)


def images_are_pinned(document: Mapping[str, Any]) -> Iterator[str]:
    """Machines and containers are of a version that says itself, not of whatever is the newest."""
    for place in places(document):
        key = place.path.rpartition(".")[2]
        text = place.value
        if key == "vmImage" and not IMAGE.fullmatch(str(text)):
            yield f"{place.path}: {text} is whatever is the newest; name a version, as ubuntu-24.04"
        if key in {"container", "image"} and isinstance(text, str) and "@sha256:" not in text:
            yield f"{place.path}: {text} may be another one tomorrow; pin it with @sha256:"
    if not _is_template(document) and "pool" not in document:
        yield "(root): names no pool, so that every job may run anywhere; name one for all"


def others_are_pinned(document: Mapping[str, Any]) -> Iterator[str]:
    """Tasks name a version; templates of other repositories a commit."""
    for place in steps(document):
        task = place.value.get("task") if isinstance(place.value, Mapping) else None
        if task is not None and not TASK.fullmatch(str(task)):
            yield f"{place.path}.task: {task} names no version; write NAME@MAJOR"
    listed = (document.get("resources") or {}).get("repositories") or []
    for index, each in enumerate(listed):
        if not COMMIT.fullmatch(str(each.get("ref", ""))):
            yield f"resources.repositories[{index}]: names no commit; write ref: with its 40 digits"


def nothing_is_kept_in_the_checkout(document: Mapping[str, Any]) -> Iterator[str]:
    """A job says how it checks out, and leaves no token in .git for what runs after it."""
    for place in steps(document):
        step = place.value
        out = step.get("checkout", "none") if isinstance(step, Mapping) else "none"
        if out != "none" and step.get("persistCredentials") is not False:
            yield f"{place.path}: leaves its token in .git; write persistCredentials: false"
    for place in places(document):
        if not place.path.endswith("steps") or _is_template(document):
            continue
        first = place.value[0] if isinstance(place.value, list) and place.value else {}
        if isinstance(first, Mapping) and not {"checkout", "download"} & set(first):
            yield f"{place.path}: begins with no checkout, so that it is the default's; write one"


def shell_text_is_ours(document: Mapping[str, Any]) -> Iterator[str]:
    """What varies comes to a shell in a variable: the service expands nothing in its text."""
    for place in steps(document):
        if not isinstance(place.value, Mapping):
            continue
        text = shell(place.value).replace(OURS, "")
        for found in EXPANDED.finditer(text):
            yield (
                f"{place.path}: {found[0]} is written into shell text, where its value is code; "
                "hand it over in env:"
            )


def no_secret_is_written(document: Mapping[str, Any]) -> Iterator[str]:
    """No variable that is named as a secret is has a value here, nor comes from a group."""
    for place in places(document):
        holder, _, key = place.path.rpartition(".")
        if holder.rpartition(".")[2] in {"variables", "env"} and isinstance(place.value, str):
            named = SECRET.search(key) and key not in NO_SECRET
            if named and place.value and not place.value.startswith(("$(", "${{")):
                yield f"{place.path}: holds a secret; use a service connection by federation"
        if isinstance(place.value, Mapping) and {"name", "value"} <= set(place.value):
            name = str(place.value["name"])
            if SECRET.search(name) and name not in NO_SECRET:
                yield f"{place.path}: {name} holds a secret; use a connection by federation"
        if key == "group" and "variables" in place.path:
            yield f"{place.path}: brings the secrets of a group to every step; hand over one"


def the_token_is_for_comments(document: Mapping[str, Any]) -> Iterator[str]:
    """The build's own token goes to the step that comments and to no other."""
    for place in places(document):
        if place.value == TOKEN and not place.path.endswith(".env.SYSTEM_ACCESSTOKEN"):
            yield f"{place.path}: {TOKEN} belongs into env: SYSTEM_ACCESSTOKEN of one step"
    for place in steps(document):
        if (
            not isinstance(place.value, Mapping)
            or TOKEN not in (place.value.get("env") or {}).values()
        ):
            continue
        calls = re.findall(r"\./scripts/([\w-]+)", shell(place.value))
        if set(calls) != {"comment"}:
            yield f"{place.path}: has the build's token and runs more than scripts/comment"


def forks_get_no_connection(document: Mapping[str, Any]) -> Iterator[str]:
    """Where pull requests run, a job with a connection is not for forks."""
    if "pr" not in document or document["pr"] == "none":
        return
    for place in _jobs(document):
        text = repr(place.value)
        if "in-cloud.yml" in text or "azureSubscription" in text:
            condition = str(place.value.get("condition", ""))
            if NO_FORK not in condition:
                yield f"{place.path}: a fork would run with a connection; condition: and({NO_FORK})"


def _jobs(document: Mapping[str, Any]) -> Iterator[Place]:
    for place in places(document):
        if isinstance(place.value, Mapping) and {"job", "deployment"} & set(place.value):
            yield place


def _is_template(document: Mapping[str, Any]) -> bool:
    """Whether others put it into themselves: they say where it runs."""
    return not {"trigger", "pr", "schedules", "pool"} & set(document)


RULES: tuple[Rule, ...] = (
    images_are_pinned,
    others_are_pinned,
    nothing_is_kept_in_the_checkout,
    shell_text_is_ours,
    no_secret_is_written,
    the_token_is_for_comments,
    forks_get_no_connection,
)
