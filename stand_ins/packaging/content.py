"""What is in each package (facts.md 5, 6): data, and files of this folder."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from stand_ins.packaging import installed
from stand_ins.packaging.debian import File, Package
from stand_ins.versions import Version

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FILES = HERE / "files"

CODE = (
    "server/__init__.py",
    "server/api/__init__.py",
    "server/api/body.py",
    "server/api/definitions.py",
    "server/api/errors.py",
    "server/api/store.py",
    "server/api/swagger.py",
    "server/api/tokens.py",
    "stand_ins/__init__.py",
    "stand_ins/versions.py",
)
"""Files beside those of `stand_ins/product`: what is used of the open runtime's API."""

EXTENSION = "azure_ml_admin_cli-0.0.1-py2.py3-none-any.whl"


def code(folder: str) -> dict[str, File]:
    """Return the stand-in's own code, below *folder*."""
    product = sorted((ROOT / "stand_ins" / "product").rglob("*.py"))
    paths = [*(ROOT / each for each in CODE), *product]
    return {
        f"{folder}/stand-in/{path.relative_to(ROOT)}": File(content=path.read_bytes())
        for path in paths
    }


def filled(file: str, /, **values: str) -> bytes:
    """Return a file of this folder with its placeholders filled: a unit, or a program."""
    text = (FILES / file).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key.upper()}@", value)
    return text.encode()


def env(**values: str) -> File:
    """Return data for a script, one variable a line."""
    lines = (f"{key.upper()}='{value}'\n" for key, value in values.items())
    return File(content="".join(lines).encode())


def package(
    version: Version,
    name: str,
    about: str,
    *,
    files: Mapping[str, File] = MappingProxyType({}),
    folders: Mapping[str, int] = MappingProxyType({}),
    data: Mapping[str, str] | None = None,
    depends: tuple[str, ...] = (),
    replaces: tuple[str, ...] = (),
    number: str = "",
) -> Package:
    """Return a package of *version*; with *data* it has scripts that read them.

    What several versions of the product bring alike has a *number* of its own.
    """
    scripts = {"preinst": _script("preinst")}
    found = dict(files)
    if data is not None:
        found[f"/usr/lib/stand-ins/{name}.env"] = env(**data)
        scripts |= {"postinst": _script("postinst"), "prerm": _script("prerm")}
    return Package(
        name=name,
        version=f"{number or version.version.partition('-')[0]}+standin",
        about=about,
        files=found,
        folders=folders,
        scripts=scripts,
        depends=depends,
        replaces=replaces,
    )


def web(version: Version, name: str, *depends: str) -> Package:
    """Return the web node's package."""
    folder = version.folder("web")
    unit = version.units["web"]
    values = {"name": version.web, "folder": folder, "user": version.web_user}
    return package(
        version,
        name,
        "web node",
        depends=depends,
        files={
            **code(folder),
            f"{folder}/{version.web}.dll": _program(version, version.web, "web"),
            f"{folder}/appsettings.json": File(
                content=installed.text(installed.web(version)), mode=0o600
            ),
            f"{folder}/autoStartScriptsLinux/{unit}.service": File(
                content=filled("units/web.service", **values)
            ),
        },
        folders={f"{folder}/logs": 0o755},
        data={
            "folder": folder,
            "units": unit,
            "stash": "frontend",
            "written": f"{folder}/logs {folder}/deployrdb_*",
            "accounts": "" if version.web_user == "root" else version.web_user,
            "owner": version.web_user,
            "owned": f"{folder} {folder}/logs {folder}/appsettings.json",
        },
    )


def compute(version: Version, name: str, *depends: str) -> Package:
    """Return the compute node's package."""
    folder = version.folder("compute")
    units = version.units
    logs = f"{folder}/logs {Path(version.rserve_log).parent}"
    values = {
        "name": version.compute,
        "folder": folder,
        "home": version.home,
        "rserve": units["rserve"],
        "logs": logs,
    }
    scripts = f"{folder}/autoStartScriptsLinux"
    return package(
        version,
        name,
        "compute node",
        depends=depends,
        files={
            **code(folder),
            f"{folder}/{version.compute}.dll": _program(version, version.compute, "compute"),
            f"{folder}/Rserve.dll": _program(version, "Rserve", "rserve"),
            f"{folder}/appsettings.json": File(content=installed.text(installed.compute(version))),
            f"{scripts}/{units['compute']}.service": File(
                content=filled("units/compute.service", **values)
            ),
            f"{scripts}/{units['rserve']}.service": File(
                content=filled("units/rserve.service", **values)
            ),
        },
        folders={f"{folder}/logs": 0o755},
        data={
            "folder": folder,
            "units": f"{units['compute']} {units['rserve']}",
            "stash": "backend",
            "written": f"{folder}/logs",
        },
    )


def rserve(version: Version, name: str, *depends: str) -> Package:
    """Return the package with what R shells are made of."""
    home = f"{version.home}/Rserve"
    shell = ROOT / "stand_ins" / "product" / "compute" / "shell.R"
    return package(
        version,
        name,
        "configuration of Rserve",
        depends=depends,
        files={
            f"{home}/shell.R": File(content=shell.read_bytes()),
            f"{home}/service.R": File(content=(ROOT / "server/worker/service.R").read_bytes()),
        },
        folders={
            f"{home}/workdir": 0o700,
            f"{home}/services": 0o755,
            str(Path(version.rserve_log).parent): 0o755,
        },
        data={
            "accounts": "rserve2",
            "owner": "rserve2",
            "owned": f"{home}/workdir",
            "written": f"{home}/workdir {home}/services {Path(version.rserve_log).parent}",
        },
    )


def utility(version: Version, name: str, *depends: str) -> Package:
    """Return the admin utility, or from 9.3 on the extension of the Azure CLI."""
    folder = f"{version.home}/{version.utility}"
    files = code(folder)
    if version.tool in ("menus", "switches"):
        values = {"name": version.utility, "product": version.product, "version": version.version}
        program = filled("utility.dll", **values)
        files[f"{folder}/{version.utility}.dll"] = File(content=program)
    else:
        about = (
            f'{{"group": "{version.tool}", "program": "{folder}/stand-in", '
            f'"product": "{version.product}", "version": "{version.version}"}}\n'
        )
        extension = File(content=about.encode())
        files[f"{version.home}/{EXTENSION}"] = extension
        files[f"/opt/az/extensions/{version.product}-{version.version}.json"] = extension
    return package(version, name, "admin utility", files=files, depends=depends)


def dotnet(version: Version, name: str) -> Package:
    """Return .NET Core's program."""
    content = (FILES / "dotnet").read_bytes()
    return package(
        version,
        name,
        ".NET Core",
        files={"/usr/bin/dotnet": File(content=content, mode=0o755)},
        replaces=tuple({"dotnet-host-1.1.1", "dotnet-host-2.0.0"} - {name}),
        number=name.rpartition("-")[2],
    )


def az(version: Version) -> Package:
    """Return the Azure CLI."""
    content = (FILES / "az").read_bytes()
    files = {"/usr/bin/az": File(content=content, mode=0o755)}
    return package(version, "azure-cli", "Azure CLI", files=files, number="2.0.26")


def _program(version: Version, name: str, part: str) -> File:
    values = {"name": name, "part": part, "product": version.product, "version": version.version}
    return File(content=filled("node.dll", **values))


def _script(name: str) -> File:
    return File(content=(FILES / "maintainer" / name).read_bytes(), mode=0o755)
