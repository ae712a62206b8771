"""What differs between versions of R Server and ML Server: one table a version, never a subclass.

Facts are those of facts.md (sections 1, 4 to 11, 13.4 and 15); where it marks a point uncertain
(section 22), the table has its choice, or all candidates for the node to look for. What a node does
with them is the same for every version: `recipe.py` and the node scripts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from components.runtimes.node import JsonValue
from components.runtimes.rserver.expressions import ADMIN_PASSWORD, URIS, joined

Family = Literal["linux", "windows"]
Part = Literal["web", "compute"]
"""A part of the product that has a folder, an appsettings.json and services of its own."""

Tool = Literal["none", "utility", "cli"]
"""How a node is set up: by a finished appsettings.json alone (8.4), with the admin utility's
switches (8.2), with the Azure CLI's extension (8.3)."""

Install = Literal["script", "packages"]
"""What the server's archive is on Linux: the vendor's, with install.sh (5.1), or packages (5.2)."""

Links = tuple[tuple[str, str], ...]
"""Symbolic links in one directory: target, name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What depends on the kind of operating system."""

    homes: tuple[str, ...]
    """Directories that may hold the parts' folders: the first that is there counts (6)."""

    services: Mapping[Part, tuple[str, ...]]
    """systemd units, or on Windows scheduled tasks and services, in starting order (6)."""

    dotnet: tuple[str, ...]
    """Where .NET Core's program may be."""

    store: str
    location: str
    """The certificate store for what the product signs or shows (12.2)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerVersion:
    """One version of the product, as its documents describe it."""

    product: Literal["rserver", "mlserver"]
    version: str
    r_version: str
    folders: Mapping[Part, str]
    """Folder of each part below the home; its appsettings.json is inside."""

    places: Mapping[Family, Place]
    install: Install
    archive_folder: str
    """Folder that the vendor's archive unpacks to; empty for packages."""

    options: tuple[str, ...]
    """Of install.sh: licence accepted, no question (5.1)."""

    without_dotnet: tuple[str, ...]
    """More of them, where .NET Core is an installer of its own (5.1)."""

    dotnet_version: str
    windows_program: str
    """Set-up program in the Windows archive; empty where no silent form is documented (5.3)."""

    windows_switches: tuple[str, ...]
    """Its silent form, R only where there is more (5.3)."""

    activate: tuple[str, ...]
    """Command that ends express mode; empty for versions that know none (5.2)."""

    links: Mapping[str, Mapping[str, Links]]
    """Symbolic links that compute nodes need, by system and directory (4)."""

    tool: Tool
    utility: str
    """The admin utility below the home; empty for the others."""

    group: tuple[str, ...]
    """The Azure CLI's command group; empty for the others."""

    setup: Mapping[str, tuple[JsonValue, ...]]
    """Arguments that set a web, compute or one-box node up; empty without a tool."""

    encrypt: tuple[str, ...]
    """Arguments that encrypt a text, before the text and the certificate's store, location and
    subject (12.7); empty where only menus can."""

    marks_idle_compute: bool
    """Whether web nodes have their idle compute part marked as configured before set-up (8.5)."""

    complete_settings: bool
    """Whether we write a whole appsettings.json, as no tool fills the rest in (8.4)."""

    hashed_password: bool
    """Whether the administrator's password is handed over as a hash of the user's (8.4)."""

    account: str
    """The local administrator (12.1, 19.1)."""

    web_user: str
    web_home: str
    """Linux: account of the web node's process, and its home, where .NET keeps certificates."""

    uri_sections: tuple[str, ...]
    """Sections of appsettings.json that may hold the compute nodes' URIs: detected (9.3, Q5)."""

    uri_ranges: bool
    """Whether URIs may be ranges (11)."""

    uris_in_database: bool
    """Whether the file only seeds the list, which then lives in the database (11)."""

    directory_values: bool
    """Whether LDAP and AAD sections hold a list `Values` of one object (9.3)."""

    roles: tuple[str, ...]
    """Roles that appsettings.json may declare (9.3, 12.6)."""

    thumbprints: bool
    """Whether a certificate may be named by its thumbprint too (9.3)."""

    batch_checkout: str
    """Top-level `BatchExecutionCheckoutTimeSpan`, without which a batch item of more than ten
    minutes starts again; empty for versions that do not know it (9.3)."""

    default_database: str
    """SQLite file of a finished appsettings.json; empty where the installed file says it."""

    web_port: int
    compute_port: int
    status_words: tuple[str, ...]
    """Words of `/status` for a healthy server (13.4, Q6)."""

    shared_machine: bool
    """Whether both roles may share a machine in enterprise (19.1; R3)."""

    compute_nodes_api: bool
    session_pools_api: bool
    realtime_api: bool


_RED_HAT_LINKS: Final[Mapping[str, Links]] = {
    "/usr/lib64": (
        ("libpcre.so.1", "libpcre.so.0"),
        ("libicui18n.so.50", "libicui18n.so.36"),
        ("libicuuc.so.50", "libicuuc.so.36"),
        ("libicudata.so.50", "libicudata.so.36"),
    )
}
_DEPLOYR_LINKS: Final[Mapping[str, Mapping[str, Links]]] = {
    "ubuntu-16.04": {
        "/lib/x86_64-linux-gnu": (
            ("libpcre.so.3", "libpcre.so.0"),
            ("liblzma.so.5", "liblzma.so.0"),
        ),
        "/usr/lib/x86_64-linux-gnu": (
            ("libicui18n.so.55", "libicui18n.so.36"),
            ("libicuuc.so.55", "libicuuc.so.36"),
            ("libicudata.so.55", "libicudata.so.36"),
        ),
    },
    "centos-7": _RED_HAT_LINKS,
    "rhel-7": _RED_HAT_LINKS,
}
"""Of 9.0 (4); Ubuntu 14.04's are left out, as its nodes are not built."""

_DOTNET_LINUX: Final = ("/usr/bin/dotnet", "/usr/local/bin/dotnet", "/opt/dotnet/dotnet")
_SQL_SERVICES: Final = r"C:\Program Files\Microsoft SQL Server\140\R_SERVER"
_R_SERVER: Final = r"C:\Program Files\Microsoft\R Server\R_SERVER"
_ML_SERVER: Final = r"C:\Program Files\Microsoft\ML Server\R_SERVER"
_WINDOWS_SERVICES: Final[Mapping[Part, tuple[str, ...]]] = {
    "web": ("autostartwebnode",),
    "compute": ("RServeWinService", "autostartcomputenode"),
}
"""The web node's task is known, the compute node's presumed, the R service's known (6, Q10)."""


def _linux(homes: tuple[str, ...], web: str, compute: str) -> Place:
    return Place(
        homes=homes,
        services={"web": (web,), "compute": ("rserve", compute)},
        dotnet=_DOTNET_LINUX,
        store="Root",
        location="CurrentUser",
    )


def _windows(homes: tuple[str, ...], dotnet: tuple[str, ...]) -> Place:
    return Place(
        homes=homes,
        services=_WINDOWS_SERVICES,
        dotnet=dotnet,
        store="My",
        location="LocalMachine",
    )


def _deployr(version: str, *, account: str, web_port: int, compute_port: int) -> ServerVersion:
    """Return a version of 9.0, whose node code still has DeployR's name."""
    return ServerVersion(
        product="rserver",
        version=version,
        r_version="3.3.2",
        folders={
            "web": "Microsoft.DeployR.Server.WebAPI",
            "compute": "Microsoft.DeployR.Server.BackEnd",
        },
        places={
            "linux": _linux(
                (
                    "/usr/lib64/microsoft-deployr/9.0.1",
                    "/usr/lib64/microsoft-r/rserver/o16n/9.0.1",
                ),
                "frontend",
                "backend",
            ),
            "windows": _windows(
                (rf"{_R_SERVER}\deployr",), (r"C:\Program Files\dotnet\dotnet.exe",)
            ),
        },
        install="script",
        archive_folder="MRS90LINUX",
        options=("-a", "-s"),
        without_dotnet=(),
        dotnet_version="1.1",
        windows_program="",
        windows_switches=(),
        activate=(),
        links=_DEPLOYR_LINKS,
        tool="none",
        utility="",
        group=(),
        setup={},
        encrypt=(),
        marks_idle_compute=False,
        complete_settings=True,
        hashed_password=True,
        account=account,
        web_user="root",
        web_home="/root",
        uri_sections=("BackEndConfiguration", "ComputeNodesConfiguration"),
        uri_ranges=False,
        uris_in_database=False,
        directory_values=True,
        roles=(),
        thumbprints=False,
        batch_checkout="",
        default_database="./deployrdb_9.0.0.db",
        web_port=web_port,
        compute_port=compute_port,
        status_words=("pass", "green"),
        shared_machine=version == "9.0-preview",
        compute_nodes_api=False,
        session_pools_api=False,
        realtime_api=False,
    )


def _utility(*, uris: bool) -> Mapping[str, tuple[JsonValue, ...]]:
    """Return the admin utility's switches; with *uris* those that name the compute nodes (8.2)."""
    more: tuple[JsonValue, ...] = (URIS,) if uris else ()
    return {
        "one-box": ("-silentoneboxinstall", ADMIN_PASSWORD),
        "web": ("-silentwebnodeinstall", ADMIN_PASSWORD, *more),
        "compute": ("-silentcomputenodeinstall",),
    }


_PASSWORDS: Final[tuple[JsonValue, ...]] = (
    joined("--admin-password=", ADMIN_PASSWORD),
    joined("--confirm-password=", ADMIN_PASSWORD),
)
"""Each as one argument: a password may begin with a hyphen (12.1), which would be an option."""

_CLI: Final[Mapping[str, tuple[JsonValue, ...]]] = {
    "one-box": ("node", "setup", "--onebox", *_PASSWORDS),
    "web": ("node", "setup", "--webnode", *_PASSWORDS, "--uri", URIS),
    "compute": ("node", "setup", "--computenode"),
}
"""Of 9.3 and 9.4 (8.3)."""


def _ml_server(
    version: str,
    *,
    r_version: str,
    dotnet_version: str,
    group: tuple[str, ...],
    uri_sections: tuple[str, ...],
    batch_checkout: str,
    session_pools_api: bool,
) -> ServerVersion:
    """Return a version of ML Server; *group* is empty for the one with the admin utility."""
    home = f"/opt/microsoft/mlserver/{version}"
    utility = "Microsoft.MLServer.Utils.AdminUtil/Microsoft.MLServer.Utils.AdminUtil.dll"
    return ServerVersion(
        product="mlserver",
        version=version,
        r_version=r_version,
        folders={"web": "Microsoft.MLServer.WebNode", "compute": "Microsoft.MLServer.ComputeNode"},
        places={
            "linux": _linux((f"{home}/o16n",), "webnode", "computenode"),
            "windows": _windows(
                (rf"{_ML_SERVER}\o16n", rf"{_SQL_SERVICES}\o16n"),
                (
                    rf"{_ML_SERVER}\o16n\dotnet\dotnet.exe",
                    r"C:\Program Files\dotnet\dotnet.exe",
                ),
            ),
        },
        install="packages",
        archive_folder="",
        options=(),
        without_dotnet=(),
        dotnet_version=dotnet_version,
        windows_program="ServerSetup.exe",
        # The utility's version knows no switch for R alone.
        windows_switches=("/quiet", "/r") if group else ("/quiet",),
        activate=(f"{home}/bin/R/activate.sh", "-a", "-l"),
        links={},
        tool="cli" if group else "utility",
        utility="" if group else utility,
        group=group,
        setup=_CLI if group else _utility(uris=True),
        encrypt=("credentials", "set") if group else ("-encryptsecret",),
        marks_idle_compute=True,
        complete_settings=False,
        hashed_password=False,
        account="admin",
        web_user="webnode_usr",
        web_home="/home/webnode_usr",
        uri_sections=uri_sections,
        uri_ranges=True,
        uris_in_database=True,
        directory_values=False,
        roles=("Owner", "Contributor", "Reader"),
        thumbprints=True,
        batch_checkout=batch_checkout,
        default_database="",
        web_port=12800,
        compute_port=12805,
        status_words=("pass",),
        shared_machine=False,
        compute_nodes_api=True,
        session_pools_api=session_pools_api,
        realtime_api=True,
    )


_R_SERVER_910: Final = ServerVersion(
    product="rserver",
    version="9.1.0",
    r_version="3.3.3",
    folders={"web": "Microsoft.RServer.WebNode", "compute": "Microsoft.RServer.ComputeNode"},
    places={
        "linux": _linux(("/usr/lib64/microsoft-r/rserver/o16n/9.1.0",), "webnode", "computenode"),
        "windows": _windows(
            (rf"{_R_SERVER}\o16n", rf"{_SQL_SERVICES}\o16n", rf"{_R_SERVER}\deployr"),
            (r"C:\Program Files\dotnet\dotnet.exe",),
        ),
    },
    install="script",
    archive_folder="MRS91Linux",
    options=("-a", "-s"),
    without_dotnet=("-r",),
    dotnet_version="1.1",
    windows_program="RServerSetup.exe",
    windows_switches=("/quiet",),
    activate=(),
    links={},
    tool="utility",
    utility="Microsoft.RServer.Utils.AdminUtil/Microsoft.RServer.Utils.AdminUtil.dll",
    group=(),
    setup=_utility(uris=False),
    encrypt=("-encryptsecret",),
    marks_idle_compute=False,
    complete_settings=False,
    hashed_password=False,
    account="admin",
    web_user="root",
    web_home="/root",
    uri_sections=("BackEndConfiguration", "ComputeNodesConfiguration"),
    uri_ranges=True,
    uris_in_database=False,
    directory_values=False,
    roles=("Owner", "Contributor"),
    thumbprints=False,
    batch_checkout="",
    default_database="",
    web_port=12800,
    compute_port=12805,
    status_words=("pass",),
    shared_machine=False,
    compute_nodes_api=False,
    session_pools_api=False,
    realtime_api=True,
)

VERSIONS: Final[Mapping[tuple[str, str], ServerVersion]] = {
    (each.product, each.version): each
    for each in (
        _deployr("9.0-preview", account="administrator", web_port=9000, compute_port=9002),
        _deployr("9.0.1", account="admin", web_port=12800, compute_port=12805),
        _R_SERVER_910,
        _ml_server(
            "9.2.1",
            r_version="3.4.1",
            dotnet_version="1.1",
            group=(),
            uri_sections=("BackEndConfiguration", "ComputeNodesConfiguration"),
            batch_checkout="03:00:00",
            session_pools_api=False,
        ),
        _ml_server(
            "9.3.0",
            r_version="3.4.3",
            dotnet_version="2.0",
            group=("ml", "admin"),
            uri_sections=("ComputeNodesConfiguration", "BackEndConfiguration"),
            batch_checkout="01:00:00",
            session_pools_api=True,
        ),
        _ml_server(
            "9.4.7",
            r_version="3.5.2",
            dotnet_version="2.0",
            group=("mlserver", "admin"),
            uri_sections=("ComputeNodesConfiguration", "BackEndConfiguration"),
            batch_checkout="01:00:00",
            session_pools_api=True,
        ),
    )
}
"""By `runtime.product` and `runtime.version`; oldest first."""


def family_of(system: str) -> Family:
    """Return the kind of operating system that `runtime.operatingSystem` names."""
    return "windows" if system.startswith("windows-") else "linux"
