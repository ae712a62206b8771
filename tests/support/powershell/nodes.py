"""A Windows node as far as its scripts go: what is loaded, and what stands for the machine."""

import json
from pathlib import Path
from typing import Any

from tests.support.powershell import dotnet
from tests.support.powershell.interpreter import Interpreter
from tests.support.powershell.values import Table, Thing, of_json

REPOSITORY = Path(__file__).resolve().parents[3]
SHARED = REPOSITORY / "components" / "bootstrap" / "windows"
OWN = REPOSITORY / "components" / "runtimes" / "rserver" / "windows"
GOLDEN = REPOSITORY / "tests" / "golden" / "windows"
MARK = b"\xef\xbb\xbf"
SECRETS = {
    "admin-password": "Correct-Horse.1",
    "database-product": "s3cretOfTheDatabase",
    "ldap-password": "lookup",
}
QUIET = {
    name: lambda **_: []
    for name in ("Set-StrictMode", "Add-Type", "Out-Null", "Set-Acl", "Import-Module")
}


def document(case: str) -> dict[str, Any]:
    """The JSON file of a golden node."""
    text = (GOLDEN / f"{case}.txt").read_text()
    return json.loads(text.rpartition("---\n")[2])


def scripts(case: str = "azure-9.4.7-web", folder: Path | None = None, **cmdlets: Any) -> Any:
    """A node whose product is in *folder*, with the scripts that only think."""
    node = document(case)
    place = folder or Path("/nonexistent")
    node_file = place / "node.json"
    if folder:
        node_file.write_text(json.dumps(node))
    else:
        node_file = GOLDEN / "none.json"
    made = Interpreter(
        {**QUIET, "New-Object": dotnet.new_object, "Join-Path": joined, **cmdlets},
        {
            "Node": of_json(node),
            "NodeFile": str(node_file),
            "DataFolder": str(place),
            "Secrets": Table(),
            "Certificates": Table(CERTIFICATES),
            "System": "S-1-5-18",
            "Administrators": "S-1-5-32-544",
            "NetworkService": "S-1-5-20",
        },
    )
    source = (SHARED / "library.ps1").read_text()
    # Without what it does to the machine when it is taken in: constants above, the file below.
    functions = source[source.index("# What has been fetched") : source.index('New-Item -Path "$D')]
    made.run(functions.encode())
    return made


CERTIFICATES = {
    name: Thing(Thumbprint=f"THUMB-{name}", Subject=f"CN={name}")
    for name in ("web-client", "token-signing", "web-server", "compute-server", "environment-ca")
}


def joined(path: str, childpath: str) -> str:
    return f"{path}/{childpath}"
