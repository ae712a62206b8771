"""What the documents say of each version: one row a version (facts.md; section in brackets).

An independent reading: nothing here comes from the program that configures the nodes.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

Tool = Literal["menus", "switches", "ml", "mlserver"]
"""How a node is set up: menus only (9.0), the utility's switches, `az ml`, `az mlserver` (8.1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One version of a product on Linux."""

    product: Literal["rserver", "mlserver"]
    version: str
    order: int
    """Place among the versions: what a database of one version is to another (15)."""

    r: str
    home: str
    """Directory with the nodes' directories; the admin utility is run from it (6)."""

    web: str
    compute: str
    utility: str
    """Names of the directories below the home, and of the programs in them (6)."""

    units: dict[Literal["web", "compute", "rserve"], str]
    """Names of the services (6; Q10)."""

    rserve_log: str
    account: str
    """The local administrator (12.1, 19.1)."""

    web_user: str
    """Account of the web node's service (6)."""

    ports: dict[Literal["web", "compute"], int]
    section: str
    """Section of the web node's file with the compute nodes' URIs (9.3)."""

    ranges: bool
    """Whether a URI may be a range (11)."""

    uris_in_database: bool
    """Whether the file's URIs are only taken over into the database (11)."""

    needs_uris: bool
    """Whether set-up ends where no URI is declared (8.5)."""

    lists_directories: bool
    """Whether LDAP and AAD sections hold a list `Values` (9.3)."""

    roles: tuple[str, ...]
    """Roles that may be declared (9.3)."""

    thumbprints: bool
    tool: Tool
    asks: bool
    """Whether set-up asks before it takes a stashed configuration over (15)."""

    recovers: bool
    """Whether a web node that was started before set-up waits for it (8.5)."""

    database_file: str
    good: str
    """The word of `/status` for good (13.4, Q6)."""

    links: tuple[str, ...]
    """File names without which R shells fail on compute nodes (4)."""

    together: bool
    """Whether both roles may share a machine in enterprise (3, 19.1)."""

    batch: bool
    realtime: bool
    compute_nodes: bool
    """Whether there is `/computenodes` (13.5)."""

    pools: bool
    activate: str
    """What ends express mode (5.2); empty for versions that have none."""

    @property
    def stand_in(self) -> str:
        """What every answer says of who gives it."""
        return f"{self.product} {self.version}"

    def folder(self, part: Literal["web", "compute"]) -> str:
        """Return the directory of *part*."""
        return f"{self.home}/{self.web if part == 'web' else self.compute}"


_901: Final = Version(
    product="rserver",
    version="9.0.1",
    order=2,
    r="3.3.2",
    home="/usr/lib64/microsoft-deployr/9.0.1",
    web="Microsoft.DeployR.Server.WebAPI",
    compute="Microsoft.DeployR.Server.BackEnd",
    utility="Microsoft.DeployR.Utils.AdminUtil",
    units={"web": "frontend", "compute": "backend", "rserve": "rserve"},
    rserve_log="/opt/deployr/9.0.1/rserve/R/log",
    account="admin",
    web_user="root",
    ports={"web": 12800, "compute": 12805},
    section="BackEndConfiguration",
    ranges=False,
    uris_in_database=False,
    needs_uris=True,
    lists_directories=True,
    roles=(),
    thumbprints=False,
    tool="menus",
    asks=True,
    recovers=False,
    database_file="./deployrdb_9.0.0.db",
    good="green",
    links=("libpcre.so.0", "libicui18n.so.36", "libicuuc.so.36", "libicudata.so.36"),
    together=False,
    batch=False,
    realtime=False,
    compute_nodes=False,
    pools=False,
    activate="",
)

_910: Final = replace(
    _901,
    version="9.1.0",
    order=3,
    r="3.3.3",
    home="/usr/lib64/microsoft-r/rserver/o16n/9.1.0",
    web="Microsoft.RServer.WebNode",
    compute="Microsoft.RServer.ComputeNode",
    utility="Microsoft.RServer.Utils.AdminUtil",
    units={"web": "webnode", "compute": "computenode", "rserve": "rserve"},
    rserve_log="/usr/lib64/microsoft-r/rserver/o16n/9.1.0/Rserve/logs/rserve.log",
    ranges=True,
    lists_directories=False,
    roles=("Owner", "Contributor"),
    tool="switches",
    database_file="deployrdb_9.1.0.db",
    good="pass",
    links=(),
    batch=True,
    realtime=True,
)

_921: Final = replace(
    _910,
    product="mlserver",
    version="9.2.1",
    order=4,
    r="3.4.1",
    home="/opt/microsoft/mlserver/9.2.1/o16n",
    web="Microsoft.MLServer.WebNode",
    compute="Microsoft.MLServer.ComputeNode",
    utility="Microsoft.MLServer.Utils.AdminUtil",
    rserve_log="/opt/microsoft/mlserver/9.2.1/o16n/Rserve/logs/rserve.log",
    web_user="webnode_usr",
    uris_in_database=True,
    needs_uris=False,
    roles=("Owner", "Contributor", "Reader"),
    thumbprints=True,
    recovers=True,
    database_file="deployrdb_9.2.1.db",
    compute_nodes=True,
    activate="/opt/microsoft/mlserver/9.2.1/bin/R/activate.sh",
)

_930: Final = replace(
    _921,
    version="9.3.0",
    order=5,
    r="3.4.3",
    home="/opt/microsoft/mlserver/9.3.0/o16n",
    rserve_log="/opt/microsoft/mlserver/9.3.0/o16n/Rserve/logs/rserve.log",
    section="ComputeNodesConfiguration",
    tool="ml",
    asks=False,
    database_file="deployrdb_9.3.0.db",
    pools=True,
    activate="/opt/microsoft/mlserver/9.3.0/bin/R/activate.sh",
)

_947: Final = replace(
    _930,
    version="9.4.7",
    order=6,
    r="3.5.2",
    home="/opt/microsoft/mlserver/9.4.7/o16n",
    rserve_log="/opt/microsoft/mlserver/9.4.7/o16n/Rserve/logs/rserve.log",
    tool="mlserver",
    database_file="deployrdb_9.4.7.db",
    activate="/opt/microsoft/mlserver/9.4.7/bin/R/activate.sh",
)

_PREVIEW: Final = replace(
    _901,
    version="9.0-preview",
    order=1,
    account="administrator",
    ports={"web": 9000, "compute": 9002},
    together=True,
)

VERSIONS: Final[dict[tuple[str, str], Version]] = {
    (each.product, each.version): each for each in (_PREVIEW, _901, _910, _921, _930, _947)
}
"""By product and version, oldest first. Names of SQLite files of 9.2 and later are ours (9.3)."""


def find(product: str, version: str) -> Version:
    """Return the version.

    Raises:
        KeyError: there is no stand-in for it; the text lists what there is.
    """
    found = VERSIONS.get((product, version))
    if found is None:
        known = ", ".join(" ".join(key) for key in VERSIONS)
        raise KeyError(f"there is no stand-in for {product} {version}; there are {known}")
    return found
