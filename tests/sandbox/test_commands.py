# ruff: noqa: E501 -- the full text of an error is one string
"""The commands that look at the sandbox's state or change it, without a daemon."""

import hashlib
import io
import json

import pytest

from sandbox import nodes
from sandbox.command import main
from sandbox.commands import CommandError
from sandbox.control import faults
from sandbox.control.kinds import Record
from sandbox.control.store import Store
from sandbox.home import Home

GROUP = "azure-native:resources:ResourceGroup"
URN = f"urn:pulumi:dev::project::{GROUP}::g"


@pytest.fixture
def home(tmp_path):
    Store(tmp_path / "cloud.sqlite").close()
    return tmp_path


@pytest.fixture
def run(home, capsys):
    """Run a command; its exit status, and what it printed and said."""

    def run(*arguments):
        try:
            status = main(["--home", str(home), *arguments])
        except SystemExit as refusal:
            status = refusal.code
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def group(home, name="g", urn=URN):
    store = Store(home / "cloud.sqlite")
    target = f"/subscriptions/s/resourceGroups/{name}"
    inputs = {"resourceGroupName": name, "location": "westeurope"}
    with store.change() as rows:
        rows.put(
            Record(id=target, type=GROUP, inputs=inputs, outputs=inputs, incarnation="i", urn=urn),
            {},
        )
    store.close()
    return target


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fail", GROUP), f"the next create of {GROUP} is refused"),
        (
            ("fail", "*:Subnet", "--nth", "3", "--call", "delete", "--code", "InUse"),
            "the 3rd delete of *:Subnet is refused with InUse",
        ),
        (
            ("throttle", "*", "--times", "2", "--seconds", "0.5", "--nth", "11"),
            "the 11th create of * is throttled 2 times, for 0.5 s each",
        ),
        (("hang", GROUP), f"the next create of {GROUP} hangs until the engine gives up"),
        (("hang", GROUP, "--seconds", "2"), f"the next create of {GROUP} hangs for 2 s"),
        (("lose", GROUP), f"the next create of {GROUP} is done, and its answer is lost"),
        (
            ("lose", GROUP, "--disconnect"),
            f"the next create of {GROUP} is done, and the connection breaks",
        ),
        (
            ("lose", GROUP, "--silent", "--call", "update"),
            f"the next update of {GROUP} is done, and its answer never comes",
        ),
        (("lose", "aws:ec2/vpc:Vpc"), "the next create of aws:ec2/vpc:Vpc is done, and its answer is lost"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)  # fmt: skip
def test_a_fault_is_planned_listed_shown_and_forgotten(run, arguments, words):
    assert run("fault", *arguments) == (0, f"Fault 1: {words}.\n", "")
    assert [each["number"] for each in json.loads(run("fault", "list", "--json")[1])] == [1]
    assert run("fault", "list")[1] == f"1  {words}; waits\n"
    assert json.loads(run("status", "--json")[1])["faults"] == [words]
    assert run("fault", "clear", "1")[1] == "1 fault forgotten.\n"
    assert run("fault", "list")[1] == "No faults are planned.\n"


def test_what_met_a_fault_is_listed(run, home):
    run("fault", "fail", GROUP)
    store = Store(home / "cloud.sqlite")
    faults.take(store, faults.Call.CREATE, GROUP, URN)
    store.close()
    words = f"1  the next create of {GROUP} is refused; met {GROUP}::g\n"
    assert run("fault", "list")[1] == words
    assert json.loads(run("status", "--json")[1])["faults"] == []


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("fail", "azure-native:network:Subnets"), 1, "no emulated type is called azure-native:network:Subnets; did you mean azure-native:network:Subnet?"),
        (("fail", "zzz"), 1, "no emulated type is called zzz; scripts/sandbox types lists them"),
        (("fail", "tls:index/privateKey:PrivateKey"), 1, "tls:index/privateKey:PrivateKey is made by no cloud that could refuse it"),
        (("fail", "a;b"), 2, "argument type: 'a;b' is no resource type"),
        (("fail", "*" * 201), 2, f"argument type: '{'*' * 50}' is no resource type"),
        (("fail", "*", "--nth", "0"), 2, "argument --nth: '0' is no number of 1 to 10000"),
        (("fail", "*", "--nth", "9" * 5000), 2, f"argument --nth: '{'9' * 50}' is no number of 1 to 10000"),
        (("fail", "*", "--nth", "٣"), 2, "argument --nth: '٣' is no number of 1 to 10000"),
        (("fail", "*", "--code", "a b"), 2, "argument --code: 'a b' is no error code; use one like Conflict"),
        (("fail", "*", "--message", "\x1b[2J"), 2, "argument --message: a message is text of at most 2000 characters"),
        (("fail", "*", "--call", "check"), 2, "argument --call: invalid choice: 'check' (choose from 'create', 'read', 'update', 'delete')"),
        (("lose", "*", "--call", "read"), 2, "argument --call: invalid choice: 'read' (choose from 'create', 'update', 'delete')"),
        (("lose", "*", "--silent", "--disconnect"), 2, "argument --disconnect: not allowed with argument --silent"),
        (("hang", "*", "--seconds", "nan"), 2, "argument --seconds: 'nan' is no time; use 0.01 to 3600 seconds"),
        (("clear", "7"), 1, "no fault has the number 7; see: scripts/sandbox fault list"),
        (("explode", "*"), 2, "argument WHAT: invalid choice: 'explode' (choose from 'fail', 'throttle', 'hang', 'lose', 'list', 'clear')"),
    ],
)  # fmt: skip
def test_what_can_not_be_planned_is_refused(run, arguments, status, message):
    found, printed, said = run("fault", *arguments)
    assert (found, printed) == (status, "")
    assert said.splitlines()[-1].endswith(f": {message}")
    assert run("fault", "list")[1] == "No faults are planned.\n"


def test_faults_need_a_sandbox(tmp_path, capsys):
    assert main(["--home", str(tmp_path / "none"), "fault", "fail", "*"]) == 1
    assert capsys.readouterr().err == (
        f"sandbox: there is no sandbox in {tmp_path}/none; scripts/sandbox start makes one\n"
    )


def test_a_resource_is_edited_and_deleted(run, home):
    target = group(home)
    assert run("edit", target, "tags", '{"owner": "hand"}') == (0, "", "")
    assert run("edit", target.upper(), "tags.owner", '"other"') == (0, "", "")
    (found,) = json.loads(run("resources", "--json")[1])
    assert found["properties"]["tags"] == {"owner": "other"}
    assert run("delete", target) == (0, "", "")
    assert run("resources")[1] == ""


def test_a_value_may_come_from_standard_input(run, home, monkeypatch):
    target = group(home)
    monkeypatch.setattr("sys.stdin", io.StringIO('{"owner": "pipe"}'))
    assert run("edit", target, "tags", "-")[0] == 0
    assert json.loads(run("resources", "--json")[1])[0]["properties"]["tags"] == {"owner": "pipe"}


DEEP = "[" * 100_000
NOT_JSON = "is no value in JSON (a string has quotes of its own: '\"text\"')"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("tags", "hand", f"'hand' {NOT_JSON}"),
        ("tags", DEEP, f"'{'[' * 50}' {NOT_JSON}"),
        ("tags", '{"a": NaN}', f"'{{\"a\": NaN}}' {NOT_JSON}"),
        ("tags", "1e999", f"'1e999' {NOT_JSON}"),
        ("tags", '"' + "x" * (1 << 20) + '"', "a value has at most 1048576 characters"),
        ("tags", '{"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}', "a value can't have the engine's own mark of secrets"),
        ("tags", "7", "tags: must be a mapping, got 7"),
        ("tagz", "{}", 'tagz: is not a property of ResourceGroup; did you mean "tags"?'),
        ("tags.a.b.c", '"x"', "the resource has no property tags.a.b.c"),
        ("location[0]", '"x"', "the resource has no property location[0]"),
        ("location", '"northeurope"', "location: can't change: it takes a new resource"),
        ("resourceGroupName", '"other"', "resourceGroupName: can't change: it takes a new resource"),
        ("tags[*]", '"x"', "'tags[*]' names no property; say one such as sku.capacity"),
        ("", '"x"', "'' names no property; say one such as sku.capacity"),
        ("tags[", '"x"', "'tags[' is not a property path: see position 4"),
    ],
    ids=["text", "deep", "nan", "infinite", "long", "secret", "type", "misspelt", "nowhere", "index", "immutable", "name", "wildcard", "empty", "path"],
)  # fmt: skip
def test_what_the_cloud_would_not_have_is_no_edit(run, home, path, value, message):
    target = group(home)
    before = run("resources", "--json")
    status, printed, said = run("edit", target, path, value)
    assert (status, printed) == (1, "")
    assert said == f"sandbox: {message}\n"
    assert run("resources", "--json") == before


@pytest.mark.parametrize("target", ["/subscriptions/s/resourceGroups/none", "", "'; drop table resources; --"])  # fmt: skip
def test_what_does_not_exist_is_neither_edited_nor_deleted(run, home, target):
    said = f"sandbox: nothing has the id {target}; scripts/sandbox resources lists what exists\n"
    assert run("edit", target, "tags", "{}") == (1, "", said)
    assert run("delete", target) == (1, "", said)


def test_an_id_with_control_characters_is_not_echoed(run, home):
    assert "\x1b" not in run("delete", "\x1b[2J")[2]


def state(home, *ids, pending=()):
    """A stack of the sandbox's own backend that has these groups."""
    folder = home / "stacks/.pulumi/stacks/project"
    folder.mkdir(parents=True)
    resources = [{"type": GROUP, "id": each, "urn": URN} for each in ids]
    waiting = [{"resource": {"urn": each}, "type": "creating"} for each in pending]
    latest = {"resources": resources, "pending_operations": waiting}
    (folder / "dev.json").write_text(json.dumps({"checkpoint": {"latest": latest}}))
    return latest


def test_what_is_in_no_state_is_an_orphan(run, home):
    kept, lost = group(home, "kept"), group(home, "lost")
    group(home, "platform", urn="")
    state(home, kept.upper())
    assert run("orphans") == (0, f"{GROUP}  {lost}\n", "")
    assert run("orphans", "--stack", "other") == (0, "", "")
    assert json.loads(run("orphans", "--json")[1]) == [{"id": lost, "urn": URN}]
    assert run("orphans", "--delete")[0] == 0
    assert run("orphans") == (0, "", "")
    assert kept in run("resources")[1]


def test_another_backends_state_can_be_given(run, home, tmp_path):
    kept = group(home, "kept")
    exported = tmp_path / "export.json"
    exported.write_text(json.dumps({"deployment": state(home)}))
    assert run("orphans", "--state", str(exported))[1] == f"{GROUP}  {kept}\n"
    exported.write_text("{}")
    assert run("orphans", "--state", str(exported)) == (
        1, "", "sandbox: this is not what `pulumi stack export` writes\n",
    )  # fmt: skip


def test_creations_of_a_killed_update_are_told_with_what_exists_of_them(run, home):
    lost = group(home, "lost")
    never = URN.replace("::g", "::never")
    state(home, pending=(URN, never))
    assert run("orphans", "--pending", "--stack", "dev")[1] == f"{URN} {lost}\n{never} \n"
    assert run("orphans", "--pending", "--stack", "other")[1] == ""


def test_a_quota_is_listed_set_and_reset(run):
    assert "aws:elastic-addresses: 5\n" in run("quota", "list")[1]
    assert "azure-native:vcpus: 20000\n" in run("quota", "list")[1]
    assert run("quota", "set", "azure-native:vcpus", "4", "--location", "West Europe")[0] == 0
    assert run("quota", "set", "aws:vpcs", "1")[0] == 0
    shown = run("quota", "list")[1]
    assert "azure-native:vcpus: 20000; set to 4 in westeurope\n" in shown
    assert "aws:vpcs: 5; set to 1\n" in shown
    found = {each["name"]: each["set"] for each in json.loads(run("quota", "list", "--json")[1])}
    assert found["azure-native:vcpus"] == {"westeurope": 4}
    assert run("quota", "reset", "aws:vpcs")[1] == "1 limit went back to the cloud's own.\n"
    assert run("quota", "reset")[1] == "1 limit went back to the cloud's own.\n"
    assert "set to" not in run("quota", "list")[1]


def test_files_are_offered_listed_and_withdrawn(run, home, tmp_path):
    (tmp_path / "installer.tar").write_bytes(b"packages")
    digest = hashlib.sha256(b"packages").hexdigest()
    address = "https://downloads.sandbox.example"
    file = str(tmp_path / "installer.tar")

    assert run("offer", file) == (0, f"{address}/installer.tar  {digest}\n", "")
    assert run("offer", file, "--as", "r.tar") == (0, f"{address}/r.tar  {digest}\n", "")
    assert run("offer") == (0, f"{address}/installer.tar\n{address}/r.tar\n", "")
    assert run("withdraw", "installer.tar") == (0, "", "")
    assert run("offer") == (0, f"{address}/r.tar\n", "")
    status, _, said = run("offer", file, "--as", "a/b")
    assert (status, "no slash" in said) == (1, True)
    assert run("offer", file, file, "--as", "x")[0] == 1
    assert run("reset", "--yes")[0] == 0
    assert run("offer") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("set", "aws:vpc", "1"), 1, "no quota is called aws:vpc; did you mean aws:vpcs?"),
        (("set", "x", "1"), 1, "no quota is called x; scripts/sandbox quota list shows them"),
        (("set", "aws:vpcs", "-1"), 2, "argument most: '-1' is no number of 0 to 1000000"),
        (("set", "aws:vpcs", "1e9"), 2, "argument most: '1e9' is no number of 0 to 1000000"),
        (("set", "aws:vpcs", "1", "--location", "a/b"), 2, "argument --location: 'a/b' is no location; use one like westeurope"),
        (("reset", "aws:vpc"), 1, "no quota is called aws:vpc; did you mean aws:vpcs?"),
    ],
)  # fmt: skip
def test_what_is_no_quota_is_refused(run, arguments, status, message):
    found, _, said = run("quota", *arguments)
    assert found == status
    assert said.splitlines()[-1].endswith(f": {message}")
    assert "set to" not in run("quota", "list")[1]


def test_a_node_is_found_by_an_id_in_whatever_case(home):
    found = {
        "id": "/subscriptions/s/virtualmachines/web-1",
        "incarnation": "1",
        "name": "web-1a2b",
        "hostname": "web-1",
        "address": "10.20.0.4",
        "phase": "running",
        "healthy": True,
    }
    home = Home(home)
    home.nodes.write_text(json.dumps([found]))
    for wanted in ("/Subscriptions/s/virtualMachines/web-1", "web-1", "web", "10.20.0.4"):
        assert nodes._node(home, wanted)["name"] == "web-1a2b"
    with pytest.raises(CommandError, match="names no node"):
        nodes._node(home, "compute")
    arn = "arn:aws:ec2:eu-central-1:500000000005:instance/i-1a2b"
    home.nodes.write_text(json.dumps([{**found, "id": arn}]))
    assert nodes._node(home, "i-1a2b")["id"] == nodes._node(home, arn)["id"] == arn
