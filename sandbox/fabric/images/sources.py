"""This machine's own apt sources, as far as they are Debian's: images are built from these.

Formats: sources.list(5), both the one-line and the deb822 style.
"""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
"""Debian's archive keys, on every Debian machine and in every image."""

_COMPONENTS = ("main", "contrib", "non-free", "non-free-firmware")
_MIRROR = "mirror+file:"
_CARRIED = re.compile(
    r"^Acquire::(https?::(Proxy|Verify-Peer|Verify-Host)|Check-Valid-Until|Check-Date|ForceIPv[46])\b"
)
"""Settings of apt on how to reach an archive; the rest is the machine's own affair."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where packages of some suites come from."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]

    def __str__(self) -> str:
        """As a paragraph of a `.sources` file."""
        return (
            f"Types: deb\nURIs: {' '.join(self.uris)}\nSuites: {' '.join(self.suites)}\n"
            f"Components: {' '.join(self.components)}\nSigned-By: {KEYRING}\n"
        )


def text(suite: str, apt: Path = Path("/etc/apt"), lists: Path = Path("/var/lib/apt/lists")) -> str:
    """What *apt* has of Debian's release *suite*, updates and security; deb822, may be empty.

    Another vendor's source for the same suite name is told by its key, and by what its release
    file says of its origin where this machine has it in *lists*.
    """
    found = [
        each for fields in _entries(apt) if (each := _debian(fields, suite, apt, lists)) is not None
    ]
    return "\n".join(str(each) for each in dict.fromkeys(found))


def settings() -> tuple[str, ...]:
    """Lines of an apt.conf on how this machine reaches its archives: proxies, checks of dates."""
    try:
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ()  # no apt here: nothing to carry over
    return tuple(line for line in dump.stdout.splitlines() if _CARRIED.match(line))


def _entries(apt: Path) -> Iterator[dict[str, str]]:
    folder = apt / "sources.list.d"
    others = [*sorted(folder.glob("*.list")), *sorted(folder.glob("*.sources"))]
    for file in [apt / "sources.list", *others]:
        try:
            content = file.read_text(errors="replace")
        except FileNotFoundError:
            continue
        yield from _paragraphs(content) if file.suffix == ".sources" else _lines(content)


def _lines(content: str) -> Iterator[dict[str, str]]:
    form = re.compile(r"\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)")
    for match in filter(None, map(form.match, content.splitlines())):
        options, uri, suite, components = match.groups("")
        fields = dict(pair.split("=", 1) for pair in options.split() if "=" in pair)
        named = {name.lower(): value for name, value in fields.items()}
        yield named | {"types": "deb", "uris": uri, "suites": suite, "components": components}


def _paragraphs(content: str) -> Iterator[dict[str, str]]:
    lines = [line for line in content.splitlines() if not line.startswith("#")]
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines)):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line[:1].isspace():
                fields[name] = f"{fields.get(name, '')}\n{line.strip()}"
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.lower()
                fields[name] = value.strip()
        if fields.get("enabled", "yes").lower() not in {"no", "false"}:
            yield fields


def _debian(fields: dict[str, str], suite: str, apt: Path, lists: Path) -> Source | None:
    ours = {suite, f"{suite}-updates", f"{suite}-security"}
    components = tuple(each for each in fields.get("components", "").split() if each in _COMPONENTS)
    signed = fields.get("signed-by", "")
    if (
        "deb" not in fields.get("types", "").split()
        or "main" not in components
        or (signed and "debian-archive" not in signed)
    ):
        return None
    suites = tuple(each for each in fields.get("suites", "").split() if each in ours)
    uris = tuple(
        uri
        for each in fields.get("uris", "").split()
        for uri in _expanded(each, apt)
        if not any(_foreign(lists, uri, suite) for suite in suites)
    )
    return Source(uris, suites, components) if uris and suites else None


def _expanded(uri: str, apt: Path) -> Sequence[str]:
    """The addresses that a list of mirrors names, as Debian's cloud images have it."""
    if uri.startswith(_MIRROR):
        path = Path(uri.removeprefix(_MIRROR).replace("///", "/", 1))
        file = apt / path.relative_to("/etc/apt") if path.is_relative_to("/etc/apt") else path
        try:
            lines = file.read_text().split("\n")
        except OSError:
            return ()
        return [words[0] for line in lines if (words := line.split("#")[0].split())]
    return [uri] if uri.startswith(("http://", "https://")) else ()


def _foreign(lists: Path, uri: str, suite: str) -> bool:
    """Whether a release file of this machine says that it is another vendor's."""
    place = re.sub(r"^\w+://", "", uri.rstrip("/")).replace("_", "%5f").replace("/", "_")
    for name in ("InRelease", "Release"):
        try:
            head = (lists / f"{place}_dists_{suite}_{name}").read_text(errors="replace")[:4000]
        except OSError:
            continue
        origin = re.search(r"^Origin:\s*(.*?)\s*$", head, re.MULTILINE)
        return origin is not None and origin[1] != "Debian"
    return False
