"""The archives that a user would have: what `installers.server` and its like name (facts.md 5)."""

import hashlib
from collections.abc import Callable

from stand_ins.packaging import content
from stand_ins.packaging.content import FILES, env, package
from stand_ins.packaging.debian import File, Package, archive, build
from stand_ins.versions import VERSIONS, Version, find

NODES = ("adminutil", "webnode", "computenode", "config-rserve")
R_OPEN = "r-open"
DOTNET_CORE = "dotnet"


def make(product: str, version: str) -> bytes:
    """Return the archive of a product's version, or of `r-open` or `dotnet` of one.

    Raises:
        KeyError: there is none.
    """
    if product == R_OPEN:
        return _r_open(version)
    if product == DOTNET_CORE:
        return _dotnet(version)
    known = find(product, version)
    return _rserver(known) if product == "rserver" else _mlserver(known)


def name_of(product: str, version: str) -> str:
    """Return the archive's file name; of R Open the one that `install.sh` looks for (5.1)."""
    if product == R_OPEN:
        return f"microsoft-r-open-{version}.tar.gz"
    return f"{product}-{version}.tar"


def sha256(content: bytes) -> str:
    """Return what the stack file names."""
    return hashlib.sha256(content).hexdigest()


def _rserver(version: Version) -> bytes:
    """Return an archive with `install.sh` (5.1)."""
    early = version.order <= 2
    short = "9.0" if early else "9.1"
    folder = "MRS90LINUX" if early else "MRS91Linux"
    r_open, server = _r(version), f"microsoft-r-server-packages-{short}"
    nodes = _deployr(version) if early else _nodes(version, "microsoft-r-server", short)
    packages = [package(version, server, "R Server", depends=(r_open.name,)), *nodes]
    dotnet = content.dotnet(version, "dotnet-host-1.1.1")
    old = "" if early else " ".join(reversed(_names_of_90()))
    script = FILES / "install.sh"
    files = {
        "install.sh": File(content=script.read_bytes(), mode=0o755),
        "stand-in.env": env(
            options="asudph" if early else "asudpmrh",
            r_package=r_open.name,
            r_archive=f"microsoft-r-open-{version.r}.tar.gz",
            packages=" ".join(each.name for each in packages),
            dotnet_package=dotnet.name,
            old_packages=old,
        ),
        **_debs([r_open, *packages, dotnet], "DEB/"),
    }
    return archive({f"{folder}/{path}": file for path, file in files.items()})


def _deployr(version: Version) -> list[Package]:
    """Return the node packages of 9.0: `mrsdeploy`, and what bears DeployR's name."""
    mrsdeploy = package(
        version, "microsoft-r-server-mrsdeploy-9.0", "mrsdeploy", depends=(_r(version).name,)
    )
    return [
        mrsdeploy,
        content.utility(version, "microsoft-deployr-adminutil-9.0", mrsdeploy.name),
        content.web(version, "microsoft-deployr-webapi-9.0", mrsdeploy.name),
        content.compute(version, "microsoft-deployr-backend-9.0", mrsdeploy.name),
        content.rserve(version, "microsoft-deployr-config-rserve-9.0", mrsdeploy.name),
    ]


def _names_of_90() -> list[str]:
    """Return what 9.1's installer takes away: R Open has one name in both and is replaced."""
    early = VERSIONS["rserver", "9.0.1"]
    return ["microsoft-r-server-packages-9.0", *(each.name for each in _deployr(early))]


def _nodes(version: Version, prefix: str, suffix: str) -> list[Package]:
    makers: dict[str, Callable[[Version, str], Package]] = {
        "adminutil": content.utility,
        "webnode": content.web,
        "computenode": content.compute,
        "config-rserve": content.rserve,
    }
    return [makers[node](version, f"{prefix}-{node}-{suffix}") for node in NODES]


def _r(version: Version) -> Package:
    name = "microsoft-r-open-mro-3.3" if version.product == "rserver" else None
    name = name or f"microsoft-r-open-mro-{version.r}"
    return package(version, name, "R Open: Debian's R takes its place", number=version.r)


def _mlserver(version: Version) -> bytes:
    """Return an archive of all packages, for installation without a repository (5.2)."""
    v = version.version
    activate = File(content=(FILES / "activate.sh").read_bytes(), mode=0o755)
    core = f"microsoft-mlserver-packages-r-{v}"
    data = {"written": f"{version.activate.rpartition('/')[0]}/.activated"}
    packages = [
        _r(version),
        package(version, f"microsoft-r-open-mkl-{version.r}", "MKL"),
        package(version, f"microsoft-r-open-foreachiterators-{version.r}", "foreach, iterators"),
        package(version, core, "R packages", files={version.activate: activate}, data=data),
        package(version, f"microsoft-mlserver-python-{v}", "Python"),
        package(version, f"microsoft-mlserver-packages-py-{v}", "Python packages"),
        *_nodes(version, "microsoft-mlserver", v),
        *_dotnet_packages(version),
    ]
    if version.tool in ("ml", "mlserver"):
        packages.append(content.az(version))
    names = tuple(each.name for each in packages)
    packages.append(package(version, f"microsoft-mlserver-all-{v}", "everything", depends=names))
    return archive(_debs(packages, ""))


def _dotnet_packages(version: Version) -> list[Package]:
    number = "1.1.1" if version.order == 4 else "2.0.0"
    others = [f"dotnet-{part}-{number}" for part in ("hostfxr", "runtime")]
    return [
        content.dotnet(version, f"dotnet-host-{number}"),
        *(package(version, name, ".NET Core", number=number) for name in others),
    ]


def _r_open(r: str) -> bytes:
    """Return R Open's archive, for 9.x without network; it needs no compression to be one."""
    for version in VERSIONS.values():
        if version.product == "rserver" and version.r == r:
            return archive(_debs([_r(version)], ""))
    raise KeyError(f"no stand-in of R Server has R Open {r}")


def _dotnet(number: str) -> bytes:
    """Return .NET Core's archive, to be unpacked in `/opt/dotnet` (4)."""
    if number not in ("1.1.1", "2.0.0"):
        raise KeyError(f"there is no stand-in for .NET Core {number}; there are 1.1.1 and 2.0.0")
    return archive({"dotnet": File(content=(FILES / "dotnet").read_bytes(), mode=0o755)})


def _debs(packages: list[Package], folder: str) -> dict[str, File]:
    return {f"{folder}{each.name}.deb": File(content=build(each)) for each in packages}
