"""What a node does to the installed product: expressions, its tool, files that only it reads."""

import getpass
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.runtimes.rserver.node import product

TOOL = """#!{python}
import json, pathlib, sys
here = pathlib.Path({folder!r})
(here / "calls").open("a").write(json.dumps(sys.argv[1:]) + "\\n")
if "-encryptsecret" in sys.argv:
    print("the encrypted text is:\\nC" + str(len((here / "calls").read_text().splitlines())))
else:
    print("configuring with", sys.argv[-1])
    for part in {marks!r}:
        path = here / "home" / part / "appsettings.json"
        path.write_text(json.dumps(dict(json.loads(path.read_text()), configured="configured")))
sys.exit({status})
"""


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", folder / "key", "-out", folder / "certificate", "-days", "9"),
            *("-subj", "/O=operationalization/CN=token-signing.example"),
        ],
        check=True,
        capture_output=True,
    )
    return (folder / "certificate").read_text() + (folder / "key").read_text()


class Made:
    """A node on which the product's folders are."""

    def __init__(self, folder: Path, pem: str) -> None:
        self.folder = folder
        self.secrets = {
            "admin-password": "Correct-Horse-1\n",
            "token-signing": pem,
            "database-product": "secret",
        }
        self.section = {
            "parts": ["web"],
            "product": {
                "homes": [str(folder / "nowhere"), str(folder / "home")],
                "folders": {"web": "Web", "compute": "Compute"},
                "dotnet": [str(folder / "none"), str(folder / "dotnet")],
                "store": {"name": "Root", "location": "CurrentUser"},
                "webUser": getpass.getuser(),
            },
            "setup": {
                "tool": "utility",
                "utility": "AdminUtil.dll",
                "arguments": ["-silentwebnodeinstall", {"$secret": "admin-password"}],
                "encrypt": ["-encryptsecret"],
                "marksIdleCompute": True,
            },
            "appsettings": {"web": {"overlay": {"a": {"$secret": "database-product"}}}},
        }
        self.tool("Web")
        for part in ("Web", "Compute"):
            (folder / "home" / part).mkdir(parents=True)
            (folder / "home" / part / "appsettings.json").write_text('{"kept": true}')

    def tool(self, *marks: str, status: int = 0) -> None:
        """Lay down the product's program, which configures these parts."""
        text = TOOL.format(
            python=sys.executable, folder=str(self.folder), marks=marks, status=status
        )
        (self.folder / "dotnet").write_text(text)
        (self.folder / "dotnet").chmod(0o755)

    def node(self) -> product.Node:
        """Read the node's JSON file."""
        uses = []
        for name, text in self.secrets.items():
            (self.folder / name).write_text(text)
            uses.append({"name": name, "path": str(self.folder / name)})
        document = {
            "role": "web",
            "web": self.section,
            "secrets": uses,
            "database": {"host": "db.example", "port": 5432},
            "computeNodes": {
                "values": ["http://10.0.0.4:12805"],
                "ranges": ["http://10.0.1.4-9:1"],
            },
        }
        (self.folder / "node.json").write_text(json.dumps(document))
        return product.Node(str(self.folder / "node.json"))

    @property
    def calls(self) -> list[list[str]]:
        """What the product's program was called with."""
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def settings(self, part: str = "Web") -> dict[str, object]:
        """What a part's file says."""
        return json.loads((self.folder / "home" / part / "appsettings.json").read_text())


@pytest.fixture
def made(tmp_path, pem, monkeypatch):
    monkeypatch.setattr(product, "KEPT", str(tmp_path / "kept"))
    return Made(tmp_path, pem)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"$secret": "admin-password"}, "Correct-Horse-1"),
        ({"$node": "database.host"}, "db.example"),
        (
            {"$join": ["Host=", {"$node": "database.host"}, ";Port=", 5432]},
            "Host=db.example;Port=5432",
        ),
        ({"$uris": True}, "http://10.0.0.4:12805,http://10.0.1.4-9:1"),
        ({"$subject": "token-signing"}, "CN=token-signing.example, O=operationalization"),
        ({"a": [{"$node": "database.port"}, None, True]}, {"a": [5432, None, True]}),
    ],
)
def test_what_only_the_node_knows_takes_its_place(made, value, found):
    assert product.value_of(made.node(), value) == found


def test_a_thumbprint_is_the_upper_case_sha_1_of_the_certificate(made):
    found = product.value_of(made.node(), {"$thumbprint": "token-signing"})

    assert re.fullmatch("[0-9A-F]{40}", found)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"$made-up": 1}, "$made-up is no expression that this node knows"),
        ({"$node": "database.name"}, "the node's JSON file has no database.name"),
        ({"$join": [{"$node": "database"}]}, "OrderedDict is no text"),
    ],
)
def test_what_it_does_not_know_is_refused(made, value, why):
    with pytest.raises(product.Refused) as refused:
        product.value_of(made.node(), value)

    assert str(refused.value) == why


def test_set_up_runs_the_products_tool_once_and_shows_no_password(made, capfd):
    product.setup(made.node())
    product.setup(made.node())

    home = str(made.folder / "home")
    wanted = [f"{home}/AdminUtil.dll", "-silentwebnodeinstall", "Correct-Horse-1"]
    assert made.calls == [wanted]
    assert made.settings() == {"kept": True, "configured": "configured"}
    assert capfd.readouterr().err == "configuring with ***\n"


def test_a_tool_that_fails_says_why_without_the_password(made, capfd):
    made.tool(status=3)
    with pytest.raises(product.Refused) as refused:
        product.setup(made.node())

    assert str(refused.value) == f"{made.folder}/dotnet ended with 3"
    assert "Correct-Horse-1" not in capfd.readouterr().err


def test_a_tool_that_says_it_worked_is_not_believed(made):
    made.tool()
    with pytest.raises(product.Refused, match="set-up ended") as refused:
        product.setup(made.node())

    assert str(refused.value) == "set-up ended, and the web part is not configured"


def test_a_version_without_a_tool_is_not_set_up(made):
    made.section["setup"]["tool"] = "none"
    product.setup(made.node())

    assert made.calls == []


def test_a_text_is_encrypted_once_so_that_the_file_stays_as_it_is(made):
    value = {"$encrypted": {"$secret": "database-product"}}

    assert product.value_of(made.node(), value) == "C1"
    assert product.value_of(made.node(), value) == "C1"
    made.secrets["database-product"] = "another"
    assert product.value_of(made.node(), value) == "C2"
    assert made.calls[0][1:] == [
        "-encryptsecret",
        "secret",
        "Root",
        "CurrentUser",
        "CN=token-signing.example, O=operationalization",
    ]


def test_a_web_nodes_settings_are_for_its_account_alone(made):
    path = made.folder / "home" / "Web" / "appsettings.json"
    path.chmod(0o644)

    assert product.merge(made.node(), "web", "overlay") is True
    assert made.settings() == {"kept": True, "a": "secret"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert product.merge(made.node(), "web", "overlay") is False
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_settings_file_that_is_no_json_is_named(made):
    path = made.folder / "home" / "Web" / "appsettings.json"
    path.write_text("{")
    with pytest.raises(product.Refused) as refused:
        product.merge(made.node(), "web", "overlay")

    assert str(refused.value).startswith(f"{path}: it is not JSON: ")


def test_the_idle_compute_part_of_a_web_node_is_marked_where_the_version_needs_it(made):
    product.mark_idle(made.node())
    assert made.settings("Compute") == {"kept": True, "configured": "configured"}

    made.section["setup"]["marksIdleCompute"] = False
    (made.folder / "home" / "Compute" / "appsettings.json").write_text("{}")
    product.mark_idle(made.node())
    assert made.settings("Compute") == {}


def test_a_product_that_is_not_there_is_looked_for_in_all_its_places(made):
    made.section["product"]["homes"] = ["/nowhere", "/nor/here"]
    with pytest.raises(product.Refused) as refused:
        product.merge(made.node(), "web", "overlay")

    assert str(refused.value) == "the product is in none of /nowhere, /nor/here"
