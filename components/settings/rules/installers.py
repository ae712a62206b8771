"""Rules of the vendor's media: where nodes fetch them, and which a version and system have."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

from components.settings.catalogue.products import FAMILY, is_windows
from components.settings.environment import NodesEnvironment
from components.settings.problems import Problem, show
from components.settings.server import ArchiveSettings

_KEY = "runtime.server.installers"

_STORE = re.compile(
    r"/subscriptions/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"/resourceGroups/[\w.()-]{1,90}"
    r"/providers/Microsoft\.Storage/storageAccounts/([a-z0-9]{3,24})",
    re.IGNORECASE | re.ASCII,
)
_HOST = re.compile(r"(?=.{1,253}\Z)([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]+")
_PATH = re.compile(r"(/[A-Za-z0-9._~%+@=-]+)+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

HTTPS = 443

TAR = (".tar", ".tar.gz", ".tgz", ".gz")
FORMS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "server": (TAR, (".zip",)),
    "r": (TAR, ()),
    "dotnet": (TAR, (".exe",)),
    "packages": (TAR, (".zip",)),
}
"""How a file's name ends, on Linux and on Windows: a name says nothing of the content, but the
wrong one is a file of the other system (facts.md 5)."""

BASE_PACKAGES = (
    "base",
    "compiler",
    "datasets",
    "graphics",
    "grDevices",
    "grid",
    "methods",
    "parallel",
    "splines",
    "stats",
    "stats4",
    "tcltk",
    "tools",
    "utils",
)
"""What is R itself."""


def _archives(environment: NodesEnvironment) -> Iterator[tuple[str, ArchiveSettings]]:
    server = environment.runtime.server
    if server is None:
        return
    # Each is asked for by name: one that is invalid itself ends the rule here.
    yield "server", server.installers.server
    for name in ("r", "dotnet", "packages"):
        archive = getattr(server.installers, name)
        if archive is not None:
            yield name, archive


def addresses_are_plain(environment: NodesEnvironment) -> Iterator[Problem]:
    """A file is fetched encrypted, and its address holds no secret."""
    for name, archive in _archives(environment):
        key, url = f"{_KEY}.{name}.url", archive.url
        parts = _split(url)
        if parts and _has_more(parts):
            # Not shown: what is there may be a password or a token.
            rule = "must have no user, password, query or fragment: a stack file is no secret"
            yield Problem(key, "", rule, _private(environment))
        elif parts and parts.scheme == "s3" and environment.cloud != "aws":
            rule = f"must begin with https:// on {environment.cloud}"
            yield Problem(key, show(url), rule, _private(environment))
        elif parts and _is_complete(parts) and parts.port not in (None, HTTPS):
            rule = f"must be on port {HTTPS}: firewalls let nodes out to no other"
            yield Problem(key, show(url), rule, "leave the port out")
        elif parts is None or not _is_complete(parts):
            usable = "https:// or s3://" if environment.cloud == "aws" else "https://"
            rule = f"must be {usable}, a host and the path of a file"
            fix = "write it like https://downloads.example.com/folder/installer.tar.gz"
            yield Problem(key, show(url), rule, fix)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for what is no port
    except ValueError:
        return None
    return parts


def _has_more(parts: SplitResult) -> bool:
    """Return whether an address has what may be a secret."""
    return bool(parts.query or parts.fragment or parts.username or parts.password)


def _is_plain(url: str) -> bool:
    parts = _split(url)
    return bool(parts and not _has_more(parts) and _is_complete(parts))


def _is_complete(parts: SplitResult) -> bool:
    if not _PATH.fullmatch(parts.path):
        return False
    if parts.scheme == "s3":
        return bool(_BUCKET.fullmatch(parts.netloc))
    return parts.scheme == "https" and bool(_HOST.fullmatch(parts.hostname or ""))


def _private(environment: NodesEnvironment) -> str:
    """Return how a file that is not for everyone is read."""
    if environment.cloud == "aws":
        return "write s3://<bucket>/<key> for a private file: nodes read it with their own identity"
    return (
        f"for a private file write https://<account>.blob.core.windows.net/<container>/<file> and "
        f"{_KEY}.store: nodes read it with their own identity"
    )


def files_suit_the_system(environment: NodesEnvironment) -> Iterator[Problem]:
    """The files are ones that the product has on the nodes' system (facts.md 5)."""
    runtime = environment.runtime
    windows = is_windows(runtime.operating_system)
    for name, archive in _archives(environment):
        key = f"{_KEY}.{name}"
        ends = FORMS[name][windows]
        if name != "server" and (why := _needless(runtime.product, name, windows=windows)):
            yield Problem(key, "", f"must be left out, as {why}", "remove the section")
        elif _is_plain(archive.url) and not archive.url.lower().endswith(ends):
            rule = (
                f"must be a file that ends in {' or '.join(ends)} with operatingSystem: "
                f"{runtime.operating_system}"
            )
            fix = "name the media of that system"
            yield Problem(f"{key}.url", show(archive.url), rule, fix)


def _needless(product: str, name: str, *, windows: bool) -> str:
    """Return why a file beside the server's own is read by nothing, if it is not."""
    if name == "packages":
        return ""
    if windows:
        return "the cabinets of R are beside the set-up program" if name == "r" else ""
    if product == "mlserver":
        return "the archive of installers.server has all packages"
    return ""


def store_is_of_the_cloud(environment: NodesEnvironment) -> Iterator[Problem]:
    """A private store is a storage account of Azure, and the files lie in it."""
    server = environment.runtime.server
    if server is None or server.installers.store is None:
        return
    key, store = f"{_KEY}.store", server.installers.store
    if environment.cloud != "azure":
        rule = f"must be left out on {environment.cloud}"
        yield Problem(key, show(store), rule, f"remove the line; {_private(environment)}")
        return
    found = _STORE.fullmatch(store)
    if not found:
        rule = "must be the id of a storage account"
        fix = (
            "write it like /subscriptions/<id>/resourceGroups/<group>/providers/"
            "Microsoft.Storage/storageAccounts/<name>"
        )
        yield Problem(key, show(store), rule, fix)
        return
    host = f"{found[2].lower()}.blob.core.windows.net"
    for name, archive in _archives(environment):
        if _is_plain(archive.url) and not archive.url.startswith(f"https://{host}/"):
            rule = f"must be a file of installers.store, https://{host}/<container>/<file>"
            fix = f"write where it is in {host}, or remove installers.store"
            yield Problem(f"{_KEY}.{name}.url", show(archive.url), rule, fix)


def nodes_reach_the_files(environment: NodesEnvironment) -> Iterator[Problem]:
    """Nodes without a way out have none to a download site: Amazon S3 is within the network."""
    if environment.access.egress != "none" or environment.runtime.product not in FAMILY:
        return
    for name, archive in _archives(environment):
        if not archive.url.startswith("s3://"):
            rule = "must be within reach of nodes with access.egress: none, and is on the internet"
            fix = "write egress: packages"
            if environment.cloud == "aws":
                fix = f"write s3://<bucket>/<key>, or {fix[6:]}"
            yield Problem(f"{_KEY}.{name}.url", "", rule, fix)


def r_packages_have_a_repository(environment: NodesEnvironment) -> Iterator[Problem]:
    """Every compute node has the same packages, as they come from one file (facts.md R15, 16)."""
    server = environment.runtime.server
    if server is None:
        return
    names, archive = server.packages, server.installers.packages
    if names and archive is None:
        rule = "is required with runtime.server.packages, which nodes install from it"
        fix = (
            "name an archive of a repository made with miniCRAN, or remove runtime.server.packages"
        )
        yield Problem(f"{_KEY}.packages", "", rule, fix)
    elif archive is not None and not names:
        rule = "must be left out without runtime.server.packages, as nothing is installed from it"
        fix = "list the packages there, or remove the section"
        yield Problem(f"{_KEY}.packages", "", rule, fix)


def r_packages_are_not_rs_own(environment: NodesEnvironment) -> Iterator[Problem]:
    """The product is tied to the R that it brings (facts.md 16)."""
    server = environment.runtime.server
    if server is None:
        return
    for index, name in enumerate(server.packages):
        key = f"runtime.server.packages[{index}]"
        if name in BASE_PACKAGES:
            rule = "must be left out: R brings it, and the product is tied to the R that it has"
            yield Problem(key, show(name), rule, "remove the line")
        elif name in server.packages[:index]:
            yield Problem(key, show(name), "is there twice", "remove one")


RULES = (
    addresses_are_plain,
    files_suit_the_system,
    store_is_of_the_cloud,
    nodes_reach_the_files,
    r_packages_have_a_repository,
    r_packages_are_not_rs_own,
)
