"""A Windows node with a pretend product, whose set-up programs, tasks and database are in Python.

The scripts are those of the repository, taken in by each other as on a node; what they do to the
machine lands in a folder here, or in this module. Each step runs in a reader of its own, as each
has a process of its own.
"""

import base64
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from components.bootstrap import upgrade, user_data
from components.bootstrap.bundle import split
from components.bootstrap.user_data import node_json
from components.runtimes import recipe
from components.settings import parse
from components.settings.newer import Archive, Installers
from components.settings.stack_file import NAMESPACE
from tests.support.environments import changed
from tests.support.nodes import aws_facts, facts
from tests.support.powershell import dotnet
from tests.support.powershell.machine import Machine
from tests.support.powershell.nodes import REPOSITORY
from tests.support.powershell.pretended import Anything, Connection, Ended, Thing_
from tests.support.powershell.values import ScriptExit, Table, Thing, Thrown, of_json, to_json

DATA = "C:\\ProgramData\\Operationalization"
PROGRAMS = "C:\\Program Files\\Operationalization"
STASH = "C:\\Users\\Default\\AppData\\Local\\DeployR\\current"
ID = "shop-mlserver-9.4.7-20261130t120000"
WORK = f"{DATA}\\upgrade\\{ID}"
SITE = "https://downloads.example.com"
TASKS = "\\Operationalization\\"
PASSES = {"statusCode": "pass"}
GOOD = {"components": {"database": PASSES, "backends": {"components": {"http://a/": PASSES}}}}
"""What the product says of itself: as much of it as nodes look at."""


class Killed(BaseException):
    """The machine lost its power."""


def media(version: str) -> bytes:
    """The vendor's archive: a set-up program that knows its version."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("ServerSetup.exe", "RServerSetup.exe"):
            if (name == "RServerSetup.exe") == (version < "9.2"):
                archive.writestr(zipfile.ZipInfo(f"media/{name}"), version)
    return buffer.getvalue()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Node:
    """A node of *environment* that is to come to version *to*, or to other settings: *changes*."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, Any],
        role: str,
        to: str,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self.drive = folder / "drive"
        self.role, self.old, self.to = role, environment["runtime"]["version"], to
        self.media = {f"{SITE}/{each}.zip": media(each) for each in (self.old, to)}
        self.media[f"{SITE}/dotnet.exe"] = b""
        self.running: set[str] = set()
        self.steps: list[str] = []
        self.requests: list[Any] = []
        self.dies_at: int | None = None
        self.stuck = self.broken = False
        self.noted = 0
        self.databases: dict[str, str] = {"operationalization": self.old, "master": ""}
        self.sites: set[str] = set()
        environment = self.with_media(environment, self.old)
        self.archive, after = (
            self.made(folder, environment)
            if changes is None
            else self.configured(folder, changed(environment, dict(changes)))
        )
        self.before = json.loads(self.node_file(environment))
        self.documents = {self.old: self.before, to: json.loads(self.node_file(after))}
        self.begin(environment)

    # How it begins.

    def with_media(self, environment: Mapping[str, Any], version: str) -> dict[str, Any]:
        url = f"{SITE}/{version}.zip"
        return changed(
            dict(environment),
            {
                "runtime.server.installers.server.url": url,
                "runtime.server.installers.server.sha256": digest(self.media[url]),
            },
        )

    def made(self, folder: Path, environment: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
        """The archive for the node, and the environment as it is to be."""
        path = folder / "Pulumi.shop.yaml"
        path.write_text(yaml.safe_dump({"config": {f"{NAMESPACE}:environment": environment}}))
        url = f"{SITE}/{self.to}.zip"
        dotnet_media = Archive(url=f"{SITE}/dotnet.exe", sha256=digest(b""))
        server = Archive(url=url, sha256=digest(self.media[url]))
        installers = Installers(server=server, dotnet=dotnet_media)
        found: Any = upgrade.content(path, self.to, installers)
        after = yaml.safe_load(found["stackFile"])["config"][f"{NAMESPACE}:environment"]
        return base64.b64decode(found["archives"][self.role]), after

    def configured(self, folder: Path, after: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
        """The archive for the settings of *after*, which was deployed, and *after* itself."""
        path = folder / "Pulumi.shop.yaml"
        path.write_text(yaml.safe_dump({"config": {f"{NAMESPACE}:environment": after}}))
        node_file = self.node_file(after)
        made = recipe.for_role(parse(after, stack="shop"), self.role)  # type: ignore[arg-type]
        rendered = user_data.made(made, after["cloud"], node_file).digest
        packed = base64.b64encode(gzip.compress(node_file.encode(), mtime=0)).decode()
        deployed = {self.role: {"rendered": rendered, "nodeFile": packed}}
        found: Any = upgrade.configuration(path, deployed)
        return base64.b64decode(found["archives"][self.role]), after

    def node_file(self, environment: Mapping[str, Any]) -> str:
        made = recipe.for_role(parse(environment, stack="shop"), self.role)  # type: ignore[arg-type]
        known = facts if environment["cloud"] == "azure" else aws_facts
        nodes = ("https://10.20.16.4:12805",) if self.role == "web" else ()
        return node_json(made, known(compute_values=nodes))

    def begin(self, environment: Mapping[str, Any]) -> None:
        """Have the node as it is after its first boot."""
        parsed = parse(environment, stack="shop")
        made = recipe.for_role(parsed, self.role)  # type: ignore[arg-type]
        for files in split(made, parsed.cloud):
            for file in files:
                self.put(file.path, f"# {self.old}\n{file.content}")
        self.put(f"{DATA}\\node.json", self.node_file(environment))
        self.put(f"{DATA}\\diagnosed", "yes")
        self.put(f"{DATA}\\incoming\\upgrade-{ID}.zip", self.archive)
        self.put("C:\\Windows\\System32\\inetsrv\\aspnetcore.dll", "")
        for name in ("health", "log"):
            (self.real(DATA) / name).mkdir(exist_ok=True)
        self.install(self.old)
        self.configure()

    # The machine.

    def real(self, path: str) -> Path:
        return self.drive / path.replace(":", "").replace("\\", "/")

    def put(self, path: str, content: str | bytes) -> None:
        file = self.real(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def text(self, path: str) -> str:
        return self.real(path).read_text()

    @property
    def state(self) -> str:
        return self.text(f"{DATA}\\state")

    @property
    def version(self) -> str:
        """What is installed: that of the one place that has a program."""
        found = [v for v in {self.old, self.to} if self.program(v).exists()]
        names = {self.program(each).read_text() for each in found}
        return names.pop() if names else ""

    def place(self, version: str, part: str) -> str:
        product = self.documents[version][self.role]["product"]
        return f"{product['homes'][0]}\\{product['folders'][part]}"

    def program(self, version: str, part: str = "") -> Path:
        part = part or self.documents[version][self.role]["parts"][0]
        folder = self.place(version, part)
        return self.real(f"{folder}\\{folder.rpartition(chr(92))[2]}.dll")

    def settings(self, version: str, part: str = "web") -> Any:
        return json.loads(self.real(f"{self.place(version, part)}\\appsettings.json").read_text())

    # The product.

    def install(self, version: str) -> None:
        uris = "BackEndConfiguration" if version < "9.3" else "ComputeNodesConfiguration"
        for part in ("web", "compute"):
            self.program(version, part).parent.mkdir(parents=True, exist_ok=True)
            self.program(version, part).write_text(version)
            shipped = {
                "Kestrel": {"Port": 12800},
                uris: {"Uris": {"Values": []}, "ConnectionTimeout": "00:01:00"},
                "AdminPassword": "",
                "Ours": "shipped",
                "Logging": {"Description": f"of {version}", "Levels": {"Default": "Warning"}},
            }
            self.put(f"{self.place(version, part)}\\appsettings.json", json.dumps(shipped))

    def uninstall(self, version: str) -> None:
        for part, name in (("web", "frontend"), ("compute", "backend")):
            if not self.stuck:
                self.program(version, part).unlink(missing_ok=True)
            file = self.real(f"{self.place(version, part)}\\appsettings.json")
            if file.exists() and part in self.documents[version][self.role]["parts"]:
                self.put(f"{STASH}\\{name}\\appsettings.json", file.read_bytes())

    def configure(self) -> None:
        """What the node's own task does, as far as it matters here."""
        node = json.loads(self.text(f"{DATA}\\node.json"))
        version = node["version"]
        for part in node[self.role]["parts"]:
            file = self.real(f"{self.place(version, part)}\\appsettings.json")
            if (
                self.broken
                or not file.exists()
                or self.program(version, part).read_text() != version
            ):
                self.put(f"{DATA}\\log\\configure.log", "failed: it broke\n")
                self.put(f"{DATA}\\state", "failed")
                return
            found = json.loads(file.read_text())
            if "configured" not in found:
                found |= {"configured": "configured", "AdminPassword": f"hash {version}"}
                file.write_text(json.dumps(found))
            self.running.add(part)
        if "web" in node[self.role]["parts"]:
            self.sites.add("IIS:\\AppPools\\operationalization-web")
            self.sites.add("IIS:\\Sites\\operationalization-web")
        self.put(f"{DATA}\\state", "ready")
        self.put(f"{DATA}\\health\\ping", "yes")

    # Steps.

    def machine(self) -> Machine:
        """A process's own reader of scripts on this node."""
        machine = Machine(self.drive, self._cmdlets())
        opened = machine.statics["IO.File::Open"]
        machine.statics |= {
            "Diagnostics.Process::Start": self.started,
            "IO.File::Open": lambda *given: self._opened(opened, *given),
        }
        machine.cmdlets["Test-Path"] = lambda literalpath, pathtype="": (
            literalpath in self.sites
            if literalpath.startswith("IIS:")
            else machine._exists(literalpath, pathtype)
        )
        return machine

    def step(self, name: str) -> Machine:
        """Run a step as node.ps1 has it; raise Thrown with what it complained of."""
        machine = self.machine()
        text = f"{ID}\nupgrade-{ID}.zip\n{digest(self.archive)}\n{name}\n"
        machine.put(f"{DATA}\\channel\\one\\input", text)
        script = (REPOSITORY / "operations" / "upgrade" / "node.ps1").read_bytes()
        machine.put(f"{DATA}\\channel\\one\\node.ps1", script)
        self.steps.append(name)
        try:
            machine.run_file(f"{DATA}\\channel\\one\\node.ps1")
        except ScriptExit as end:
            if end.code:
                raise Thrown("\n".join(machine.complaints)) from None
        return machine

    def _opened(self, opened: Any, path: str, mode: str, *more: str) -> Any:
        if mode == "Append":
            self.noted += 1
            if self.noted == self.dies_at:
                raise Killed
        return opened(path, mode, *more)

    def _cmdlets(self) -> dict[str, Any]:
        return {
            "New-Object": self._object,
            "Get-WmiObject": self._wmi,
            "Get-Acl": lambda path: Anything(),
            "Get-ScheduledTask": self._tasks,
            "Get-Service": lambda name, erroraction: None,
            "Get-NetTCPConnection": lambda **_: list(self.requests),
            "Start-ScheduledTask": self._task_started,
            "Stop-ScheduledTask": lambda taskname, taskpath: [],
            "Remove-WebAppPool": lambda name: self.sites.discard(f"IIS:\\AppPools\\{name}") or [],
            "Remove-Website": lambda name: self.sites.discard(f"IIS:\\Sites\\{name}") or [],
            "Invoke-RestMethod": self._answered,
            "ConvertTo-Json": lambda inputobject, **_: to_json(inputobject),
        }

    def _tasks(self) -> list[Any]:
        services = (each[self.role]["product"]["services"] for each in self.documents.values())
        names = {name for each in services for part in each.values() for name in part}
        return [Thing(TaskName=name, TaskPath="\\") for name in sorted(names)]

    def _task_started(self, taskname: str, taskpath: str) -> list[Any]:
        assert (taskname, taskpath) == ("configure", TASKS)
        self.configure()
        return []

    def _wmi(self, **given: Any) -> list[Any]:
        # It is written with a hyphen less in `class`, which is a word of Python's.
        if given["class"] == "Win32_LogicalDisk":
            return [Thing(FreeSpace=20 * 2**30)]
        if "w3wp" in given["filter"]:
            pools = [each for each in self.sites if "AppPools" in each]
            return [Thing(CommandLine=f"w3wp -ap {each}") for each in pools]
        return [Running(self, part) for part in sorted(self.running)]

    def _object(self, typename: str, argumentlist: Any = None) -> Any:
        match typename.rpartition(".")[2]:
            case "WebClient":
                return Thing_(DownloadFile=self._downloaded)
            case "ProcessStartInfo":
                return Thing(EnvironmentVariables=Table())
            case "SqlConnection":
                return Connection(self.databases)
        if typename.startswith("System.Security."):
            return Anything()
        return dotnet.new_object(typename, argumentlist)

    def _downloaded(self, uri: str, path: str) -> None:
        if uri not in self.media:
            raise Thrown(f"{uri}: 404")
        self.put(path, self.media[uri])

    def started(self, start: Any) -> Any:
        file = self.real(start.values["FileName"])
        version, arguments = file.read_text(), start.values["Arguments"].split()
        if "/uninstall" in arguments:
            self.uninstall(version)
        else:
            assert "web" not in self.running
            self.install(version)
        return Ended()

    def _answered(self, uri: str, **given: Any) -> Any:
        if uri.endswith("/status"):
            return of_json(GOOD)
        if uri.endswith("/computenodes"):
            return Thing(computeNodes=[])
        return Thing(access_token="token", value="Secret-of.the-vault1")


class Running:
    """A process of the product."""

    def __init__(self, node: Node, part: str) -> None:
        self.node, self.part = node, part
        version = json.loads(node.text(f"{DATA}\\node.json"))["version"]
        self.CommandLine = f"dotnet {node.program(version, part).name}"

    def Terminate(self) -> int:  # noqa: N802 - WMI's name
        self.node.running.discard(self.part)
        return 0
