"""Rules of R Server and Machine Learning Server nodes: licence, ports, TLS, proxy, pool.

Those of their installers and of who may log in have modules of their own.
"""

from collections.abc import Iterator

from components.settings.catalogue.products import (
    FAMILY,
    VERSIONS,
    ProductVersion,
    is_windows,
    version_of,
)
from components.settings.environment import (
    EnterpriseEnvironment,
    NodesEnvironment,
    OneBoxEnvironment,
)
from components.settings.problems import Problem, show
from components.settings.server import ServerSettings

RESERVED = {
    22: "SSH",
    3389: "remote desktop",
    5985: "remote PowerShell",
    9054: "R",
    9055: "R, which is cancelled there",
}
"""What listens on nodes already: Rserve has its two on the loopback (facts.md 7)."""

_KEY = "runtime.server"
_EXAMPLE = (
    f"{_KEY}: {{ licenseAccepted: true, installers: {{ server: {{ url: ..., sha256: ... }} }} }}"
)


def server_of(environment: NodesEnvironment) -> tuple[ServerSettings, ProductVersion] | None:
    """Return the section and the version that it is held against; None where either is unknown."""
    runtime = environment.runtime
    known = version_of(runtime.product, runtime.version)
    if runtime.product not in FAMILY or runtime.server is None or known is None:
        return None
    return runtime.server, known


def versions_with(fact: str) -> str:
    """Return the versions whose *fact* is so, for a sentence."""
    found = {
        product: [version for version, known in VERSIONS[product].items() if getattr(known, fact)]
        for product in FAMILY
    }
    return " or ".join(f"{name} {', '.join(versions)}" for name, versions in found.items())


def server_is_of_the_family(environment: NodesEnvironment) -> Iterator[Problem]:
    """The section is there for the products that read it, and for no other."""
    product, server = environment.runtime.product, environment.runtime.server
    if product in FAMILY and server is None:
        rule = f"is required with runtime.product: {product}, which nodes install from your media"
        yield Problem(_KEY, "", rule, f"add {_EXAMPLE}")
    elif product not in FAMILY and server is not None:
        rule = f"must be left out with runtime.product: {product}, which has no such settings"
        fix = f"remove the section, or write product: {' or '.join(FAMILY)}"
        yield Problem(_KEY, "", rule, fix)


def set_up_is_silent(environment: NodesEnvironment) -> Iterator[Problem]:
    """No document says how 9.0 is set up silently on Windows (facts.md 5.3).

    Nor what its services are called there, with which a finished file would do (6, 8.4).
    """
    found = server_of(environment)
    runtime = environment.runtime
    if found and not found[1].has_setup and is_windows(runtime.operating_system):
        rule = (
            f"must be one with Linux for {runtime.product} {runtime.version}: of its silent set-up "
            "on Windows no document says anything"
        )
        usable = "ubuntu-16.04 or centos-7 or rhel-7"
        fix = f"choose {usable}, or a later version: {versions_with('has_setup')}"
        yield Problem("runtime.operatingSystem", show(runtime.operating_system), rule, fix)


def license_is_accepted(environment: NodesEnvironment) -> Iterator[Problem]:
    """Nodes accept the vendor's terms in your name, so you say that you do."""
    server = environment.runtime.server
    if server and not server.license_accepted:
        rule = "must be true: set-up accepts the product's licence in your name"
        fix = "write true once you have a licence, or runtime.product: plumber, which needs none"
        yield Problem(f"{_KEY}.licenseAccepted", show(False), rule, fix)


def compute_nodes_can_be_declared(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """9.0 has no ranges: each compute node has an address that is known (facts.md 11)."""
    found = server_of(environment)
    if found and not found[1].ranges and not environment.compute.is_fixed:
        version = f"{environment.runtime.product} {environment.runtime.version}"
        rule = f"must be fixed with {version}, whose web nodes list each compute node's address"
        fix = f"write fixed and a count, or a version that knows ranges: {versions_with('ranges')}"
        yield Problem("compute.nodes", show(environment.compute.nodes), rule, fix)


def ports_are_apart(environment: NodesEnvironment) -> Iterator[Problem]:
    """No two that listen on one machine want the same port.

    The product's own listener is on the port behind the one that others call; on Windows the health
    files are there, and on the next one the web node once more for the machine itself.
    """
    found = server_of(environment)
    if found is None:
        return
    server, known = found
    web, compute = server.ports.web, server.ports.compute
    windows = known.has_setup and is_windows(environment.runtime.operating_system)
    if abs(web - compute) < 2:
        rule = f"must be two or more away from ports.web, {web}: the next port is the node's own"
        apart = web + 5 if web < 60_000 else web - 5
        yield Problem(f"{_KEY}.ports.compute", show(compute), rule, f"write {apart}")
    for name, port in (("web", web), ("compute", compute)):
        key = f"{_KEY}.ports.{name}"
        used = range(port, port + (3 if windows else 2))
        behind = "the two ports behind are" if windows else "the next port is"
        for taken, what in RESERVED.items():
            if taken in used:
                rule = f"must leave {taken} to {what}: {behind} the node's own"
                yield Problem(key, show(port), rule, "choose another port")
                break


def compute_https_has_names(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """A certificate names the addresses of compute nodes, which scale sets give out later."""
    server = environment.runtime.server
    if server and server.https.compute and not environment.compute.is_fixed:
        rule = (
            "must be false with compute.nodes: scaleSet, whose machines have addresses that no "
            "certificate can name"
        )
        yield Problem(f"{_KEY}.https.compute", show(True), rule, "write false, or nodes: fixed")


def one_box_has_no_compute_https(environment: OneBoxEnvironment) -> Iterator[Problem]:
    """On a one-box nothing between the roles leaves the machine."""
    server = environment.runtime.server
    if server and server.https.compute:
        rule = "must be left out with topology: one-box, whose roles meet on the loopback"
        yield Problem(f"{_KEY}.https.compute", show(True), rule, "remove the line")


def the_internet_meets_https(environment: NodesEnvironment) -> Iterator[Problem]:
    """Passwords and tokens are not shown to the internet (facts.md 3, R10; 18.4, W6)."""
    server = environment.runtime.server
    if server and not server.https.web and environment.load_balancer.exposure == "public":
        rule = (
            "must be true with loadBalancer.exposure: public, where passwords and tokens would "
            "cross the internet in the clear"
        )
        yield Problem(f"{_KEY}.https.web", show(False), rule, "write true, or exposure: internal")


def proxy_suits_the_system(environment: NodesEnvironment) -> Iterator[Problem]:
    """Each system has its reverse proxy, and the internet meets no node without one (R12)."""
    server = environment.runtime.server
    if server is None:
        return
    system, proxy = environment.runtime.operating_system, server.reverse_proxy
    own = "iis" if is_windows(system) else "nginx"
    key = f"{_KEY}.reverseProxy"
    if proxy == "none" and own == "nginx":
        rule = (
            f"must be nginx with operatingSystem: {system}: it answers the load balancer, for "
            "which the product has no route"
        )
        yield Problem(key, show(proxy), rule, "remove the line")
    elif proxy == "none" and environment.load_balancer.exposure == "public":
        rule = "must be iis with loadBalancer.exposure: public: Kestrel needs a proxy before it"
        yield Problem(key, show(proxy), rule, "remove the line, or write exposure: internal")
    elif proxy not in (own, "none"):
        usable = "iis or none" if own == "iis" else own
        rule = f"must be {usable} with operatingSystem: {system}"
        yield Problem(key, show(proxy), rule, "remove the line")


def pool_is_in_order(environment: NodesEnvironment) -> Iterator[Problem]:
    """A node starts with no more R processes than it may have."""
    server = environment.runtime.server
    if server and server.pool.initial > server.pool.maximum:
        rule = f"must be at most pool.maximum, {server.pool.maximum}"
        fix = f"write {server.pool.maximum}, or raise the maximum"
        yield Problem(f"{_KEY}.pool.initial", show(server.pool.initial), rule, fix)


def secrets_can_be_encrypted(environment: NodesEnvironment) -> Iterator[Problem]:
    """There is a secret in the product's files, and a tool that encrypts it (facts.md 12.7)."""
    found = server_of(environment)
    if found is None or not found[0].encrypt_secrets:
        return
    server, known = found
    key, runtime = f"{_KEY}.encryptSecrets", environment.runtime
    if not known.encrypts:
        rule = (
            f"must be false with {runtime.product} {runtime.version}, whose tool encrypts from "
            "its menus only"
        )
        fix = f"write false, or a version that encrypts silently: {versions_with('encrypts')}"
        yield Problem(key, show(True), rule, fix)
    elif not environment.has_server and server.authentication.method == "local":
        rule = "must be false with engine: sqlite and method: local, as no file has a secret then"
        yield Problem(key, show(True), rule, "remove the line")


def sql_server_services_are_possible(environment: NodesEnvironment) -> Iterator[Problem]:
    """Machine Learning Services are SQL Server's on Windows, with a .NET Core of your own (R16)."""
    found = server_of(environment)
    if found is None or not found[0].sql_server_services:
        return
    known = found[1]
    runtime, key = environment.runtime, f"{_KEY}.sqlServerServices"
    if not is_windows(runtime.operating_system):
        rule = f"must be false with operatingSystem: {runtime.operating_system}"
        yield Problem(key, show(True), rule, "write false, or a system with Windows")
    if not known.sql_server_services:
        rule = (
            f"must be false with {runtime.product} {runtime.version}, which cannot be "
            "operationalized when SQL Server's set-up has installed it"
        )
        usable = versions_with("sql_server_services")
        yield Problem(key, show(True), rule, f"write false, or a later version: {usable}")


def windows_has_its_dotnet(environment: NodesEnvironment) -> Iterator[Problem]:
    """The media lack what IIS and SQL Server's R need of .NET Core (facts.md 17; 3, R16)."""
    runtime = environment.runtime
    server = runtime.server
    if server is None or runtime.image == "complete" or not is_windows(runtime.operating_system):
        return
    why = "sqlServerServices: true" if server.sql_server_services else ""
    why = "reverseProxy: iis" if server.reverse_proxy == "iis" else why
    if why and server.installers.dotnet is None:
        rule = f"is required with {why}, as the product's own media lack .NET Core's hosting bundle"
        fix = "name its set-up program and sha256, or write image: complete if the image has it"
        yield Problem(f"{_KEY}.installers.dotnet", "", rule, fix)


def workers_are_the_pools(environment: NodesEnvironment) -> Iterator[Problem]:
    """How many R processes there are is said by the product's own pool."""
    if environment.runtime.product not in FAMILY or not environment.workers_per_node:
        return
    one_box = isinstance(environment, OneBoxEnvironment)
    key = "machine.workers" if one_box else "compute.workersPerNode"
    rule = f"must be left out with runtime.product: {environment.runtime.product}"
    fix = f"remove the line, and write {_KEY}.pool if you mean to bound R processes"
    yield Problem(key, show(environment.workers_per_node), rule, fix)


def compute_nodes_have_no_connections(environment: NodesEnvironment) -> Iterator[Problem]:
    """Compute nodes of the family do not read the database (facts.md 7)."""
    database = environment.database
    usual = type(database).model_fields["connections_per_compute_node"].default
    used = database.connections_per_compute_node
    if environment.runtime.product in FAMILY and environment.has_server and used not in (usual, 0):
        rule = (
            f"must be left out with runtime.product: {environment.runtime.product}, whose compute "
            "nodes have no database"
        )
        yield Problem("database.connectionsPerComputeNode", show(used), rule, "remove the line")


_NODES = (
    server_is_of_the_family,
    license_is_accepted,
    set_up_is_silent,
    ports_are_apart,
    the_internet_meets_https,
    proxy_suits_the_system,
    pool_is_in_order,
    secrets_can_be_encrypted,
    sql_server_services_are_possible,
    windows_has_its_dotnet,
    workers_are_the_pools,
    compute_nodes_have_no_connections,
)
"""Of all topologies with nodes."""

RULES = (*_NODES, compute_nodes_can_be_declared, compute_https_has_names)
"""Of the enterprise topology."""

ONE_BOX = (*_NODES, one_box_has_no_compute_https)
"""Of a one-box."""
