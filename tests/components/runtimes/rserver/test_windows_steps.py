"""The steps of a Windows node, as `tests/support/powershell` reads its scripts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.runtimes.rserver.node import diagnose
from tests.support.powershell import ScriptExit, Thing, Thrown, dotnet
from tests.support.powershell.nodes import OWN, SECRETS, SHARED, document, scripts
from tests.support.powershell.values import of_json, to_json

ROLE_STEPS = (
    "Install-Product",
    "Install-Packages",
    "Import-NodeCertificates",
    "Initialize-Database",
    "Install-Node",
    "Protect-Settings",
    "Install-Proxy",
    "Restart-Part",
    "Block-Metadata",
    "Test-RoleLive",
    "Test-Diagnostics",
)
NODE_STEPS = (
    "Protect-Folder",
    "Close-Firewall",
    "Install-WebServer",
    "Install-HealthSite",
    "Initialize-Role",
    "Open-Firewall",
    "Register-NodeTask",
    "Start-ScheduledTask",
    "Confirm-Ready",
    "Write-Log",
)


def recorded(made: Any, names: tuple[str, ...], steps: list[str], **answers: Any) -> None:
    """Have each of the functions write its name and its part down, and do nothing else."""

    def step(name: str) -> Callable[..., Any]:
        def done(*_: Any, **given: Any) -> Any:
            steps.append(" ".join([name, *(str(v) for k, v in given.items() if k == "part")]))
            answer = answers.get(name.replace("-", "_"), [])
            if isinstance(answer, Exception):
                raise answer
            return answer

        return done

    for name in names:
        made.functions.pop(name.lower(), None)
        made.cmdlets[name] = step(name)


def role(case: str, **answers: Any) -> list[str]:
    steps: list[str] = []
    made = scripts(case)
    made.load(OWN / "product.ps1")
    made.load(OWN / "role.ps1")
    recorded(made, ROLE_STEPS, steps, Test_RoleLive=True, **answers)

    def merge(part: str, which: str) -> bool:
        steps.append(f"Merge-Settings {part} {which}")
        return True

    made.cmdlets["Merge-Settings"] = merge
    made.call("Initialize-Role")
    return steps


def test_a_web_nodes_steps() -> None:
    assert role("azure-9.4.7-web") == [
        "Install-Product",
        "Install-Packages",
        "Import-NodeCertificates",
        "Merge-Settings web first",
        "Initialize-Database",
        "Install-Node",
        "Merge-Settings web overlay",
        "Protect-Settings web",
        "Install-Proxy",
        "Test-RoleLive",
        "Test-Diagnostics",
    ]


def test_a_compute_nodes_steps() -> None:
    assert role("aws-9.1.0-compute")[6:] == [
        "Merge-Settings compute overlay",
        "Protect-Settings compute",
        "Restart-Part compute",
        "Block-Metadata",
        "Test-RoleLive",
        "Test-Diagnostics",
    ]


def test_a_one_box_starts_its_compute_part_first() -> None:
    steps = role("azure-9.4.7-one-box")
    assert [
        each for each in steps if "overlay" in each or "Restart" in each or "Proxy" in each
    ] == [
        "Merge-Settings compute overlay",
        "Restart-Part compute",
        "Merge-Settings web overlay",
        "Install-Proxy",
    ]


def test_without_iis_the_web_part_is_started_by_its_own_task() -> None:
    assert "Restart-Part web" in role("azure-9.1.0-web-services-of-sql-server")


def configured(tmp_path: Path, **answers: Any) -> tuple[list[str], list[str], int]:
    """Run configure.ps1: its steps, the states that it went through, its exit code."""
    steps: list[str] = []
    states: list[str] = []
    made = scripts("azure-9.4.7-web", tmp_path)
    recorded(made, NODE_STEPS, steps, **answers)
    made.cmdlets["Set-NodeState"] = lambda state: states.append(state) or []
    made.cmdlets["Test-RoleLive"] = lambda: True
    try:
        made.load(SHARED / "configure.ps1")
    except ScriptExit as end:
        return steps, states, end.code
    return steps, states, 0


def test_a_node_is_closed_before_it_is_configured_and_open_before_it_is_ready(
    tmp_path: Path,
) -> None:
    steps, states, code = configured(tmp_path)
    assert steps == list(NODE_STEPS)
    assert (states, code) == (["starting", "ready"], 0)


@pytest.mark.parametrize("step", ["Install-WebServer", "Initialize-Role", "Confirm-Ready"])
def test_a_step_that_fails_ends_it_and_the_node_is_not_ready(tmp_path: Path, step: str) -> None:
    failing = {step.replace("-", "_"): Thrown("the reason")}
    steps, states, code = configured(tmp_path, **failing)
    assert steps == [*NODE_STEPS[: NODE_STEPS.index(step) + 1], "Write-Log"]
    assert (states[-1], code) == ("failed", 1)
    assert ("Open-Firewall" in steps) == (step == "Confirm-Ready")


# Set-up of the product.


def installing(
    case: str, configured: list[bool], said: str = ""
) -> tuple[Callable[[], Any], list[dict[str, Any]]]:
    calls: list[dict[str, Any]] = []
    made = scripts(case)
    for name in ("product", "json"):
        made.load(OWN / f"{name}.ps1")
    made.top.names["noderoot"] = made.call("Read-Json", text=json.dumps(document(case)))
    source = (OWN / "settings.ps1").read_text()
    functions = source[source.index("function Get-JsonAt") : source.index("# Replaces every")]
    functions += source[source.index("# What a value is as") : source.index("# Encrypted once")]
    made.run(functions.encode())
    made.load(OWN / "setup.ps1")
    answers = iter(configured)

    def native(**given: Any) -> str:
        calls.append(given)
        return said

    made.functions.pop("invoke-native")
    made.functions.pop("test-configured")
    made.cmdlets |= {
        "Invoke-Native": native,
        "Test-Configured": lambda part: next(answers),
        "Set-IdleCompute": lambda: calls.append({"what": "idle"}) or [],
        "Get-Dotnet": lambda: "dotnet.exe",
        "Get-Home": lambda: "C:\\home",
        "Get-NodeSecret": lambda name: SECRETS[name],
        "Test-Path": lambda literalpath: True,
    }
    for name in ("set-idlecompute", "get-dotnet", "get-home"):
        made.functions.pop(name)
    made.functions.pop("write-log")
    made.cmdlets["Write-Log"] = lambda text: []
    return lambda: made.call("Install-Node"), calls


def test_the_admin_utility_gets_the_password_and_no_uris_in_9_1() -> None:
    run, calls = installing("azure-9.1.0-web", [False, True])
    run()
    [call] = calls
    assert call["program"] == "dotnet.exe"
    assert call["arguments"] == [
        "C:\\home/Microsoft.RServer.Utils.AdminUtil\\Microsoft.RServer.Utils.AdminUtil.dll",
        "-silentwebnodeinstall",
        SECRETS["admin-password"],
    ]
    assert call["anyexitcode"] is True


def test_the_admin_utility_of_9_2_gets_uris_and_marks_the_idle_part_first() -> None:
    run, calls = installing("azure-9.2.1-web", [False, True])
    run()
    assert [call["what"] for call in calls] == ["idle", "the product's own set-up"]
    assert calls[1]["arguments"][1:] == [
        "-silentwebnodeinstall",
        SECRETS["admin-password"],
        "https://10.20.16.4:12805,https://10.20.16.5:12805",
    ]


def test_the_cli_is_called_without_its_batch_file() -> None:
    run, calls = installing("azure-9.3.0-web", [False, True])
    run()
    assert calls[1]["program"].endswith("CLI2\\python.exe")
    assert calls[1]["arguments"][:7] == [
        "-m",
        "azure.cli",
        "ml",
        "admin",
        "node",
        "setup",
        "--webnode",
    ]
    assert calls[1]["environment"]["AZURE_CONFIG_DIR"].endswith("azure")


def test_a_node_that_is_set_up_is_left_alone() -> None:
    run, calls = installing("azure-9.4.7-web", [True])
    run()
    assert calls == []


def test_set_up_that_configures_nothing_is_an_error() -> None:
    run, _ = installing("azure-9.1.0-compute", [False, False])
    with pytest.raises(Thrown, match="the compute part is not configured"):
        run()


# The set-up program.


def media(tmp_path: Path, names: list[str]) -> tuple[Any, list[dict[str, Any]]]:
    calls: list[dict[str, Any]] = []
    made = scripts("azure-9.4.7-web", tmp_path)
    made.load(OWN / "product.ps1")
    made.load(OWN / "install.ps1")
    made.functions.pop("invoke-native")
    made.functions.pop("save-artifact")

    def found(literalpath: str, filter: str, **_: Any) -> list[Any]:  # noqa: A002
        return [
            Thing(FullName=f"{literalpath}/{name}", DirectoryName=literalpath)
            for name in names
            if name == filter or (filter.startswith("*") and name.endswith(filter[1:]))
        ]

    made.statics["IO.Compression.ZipFile::ExtractToDirectory"] = lambda *_: None
    made.cmdlets |= {
        "Save-Artifact": lambda **_: [],
        "Test-Path": lambda **_: False,
        "Get-ChildItem": found,
        "New-Item": lambda **_: [],
        "Copy-Item": lambda **_: [],
        "Remove-Item": lambda **_: [],
        "Invoke-Native": lambda **given: calls.append(given) or "",
    }
    return made, calls


def test_cabinets_in_the_archive_make_it_an_offline_installation(tmp_path: Path) -> None:
    made, calls = media(tmp_path, ["ServerSetup.exe", "SRO_3.5.2.0_1033.cab"])
    made.call("Install-Server")
    folder = f"{tmp_path}\\media"
    assert calls[0]["arguments"] == ["/quiet", "/r", "/offline", f"/cachedir={folder}\\cabinets"]
    assert calls[0]["accept"] == [0, 3010]

    made, calls = media(tmp_path, ["ServerSetup.exe"])
    made.call("Install-Server")
    assert calls[0]["arguments"] == ["/quiet", "/r"]


@pytest.mark.parametrize("names", [[], ["ServerSetup.exe", "ServerSetup.exe"], ["other.exe"]])
def test_an_archive_without_the_one_program_is_refused(tmp_path: Path, names: list[str]) -> None:
    made, calls = media(tmp_path, names)
    with pytest.raises(Thrown, match=r"programs ServerSetup\.exe, not one"):
        made.call("Install-Server")
    assert calls == []


@pytest.mark.parametrize("right", [True, False])
def test_a_file_with_another_hash_is_refused(tmp_path: Path, right: bool) -> None:
    made = scripts("azure-9.4.7-web", tmp_path)
    made.load(OWN / "product.ps1")
    made.load(OWN / "install.ps1")
    digest = document("azure-9.4.7-web")["web"]["install"]["files"]["server"]["sha256"]
    made.functions.pop("save-publicfile")
    made.functions.pop("protect-folder")
    made.cmdlets |= {
        "Protect-Folder": lambda **_: [],
        "Test-PrivateUri": lambda uri: False,
        "Test-Path": lambda literalpath: False,
        "Save-PublicFile": lambda uri, path: [],
        "Get-FileHash": lambda **_: Thing(Hash=digest.upper() if right else "00"),
    }
    if right:
        made.call("Save-Artifact", name="server", path="x")
        return
    with pytest.raises(Thrown, match=r"the sha256 of https://.* is 00, not e3b0c442"):
        made.call("Save-Artifact", name="server", path="x")


# Certificates.


class Store:
    """A certificate store of the machine."""

    def __init__(self, *certificates: Any) -> None:
        self.Certificates = list(certificates)

    def Add(self, certificate: Any) -> None:  # noqa: N802 - .NET's name
        self.Certificates.append(certificate)

    def Remove(self, certificate: Any) -> None:  # noqa: N802 - .NET's name
        self.Certificates.remove(certificate)

    def Close(self) -> None:  # noqa: N802 - .NET's name
        pass


def test_a_renewed_certificate_takes_the_place_of_the_one_before() -> None:
    before = Thing(Subject="CN=web", Thumbprint="OLD")
    other = Thing(Subject="CN=other", Thumbprint="OTHER")
    renewed = Thing(Subject="CN=web", Thumbprint="NEW")
    stores = {"My": Store(before, other), "CA": Store()}
    between = Thing(Subject="CN=between", Thumbprint="BETWEEN")
    made = scripts()
    made.load(OWN / "certificates.ps1")
    for name in ("new-certificate", "import-privatekey", "open-store", "write-log"):
        made.functions.pop(name)
    pem = "".join(
        f"-----BEGIN CERTIFICATE-----\n{each}\n-----END CERTIFICATE-----\n" for each in ("AA", "BB")
    )
    made.cmdlets |= {
        "Get-NodeSecret": lambda name: pem,
        "New-Certificate": lambda text: {"AA": renewed, "BB": between}[text],
        "Import-PrivateKey": lambda name, pem: f"key {name}",
        "Open-Store": lambda name: stores[name],
        "Write-Log": lambda text: [],
    }
    assert made.call("Import-Certificate", name="web-server") is renewed
    assert stores["My"].Certificates == [other, renewed]
    assert stores["CA"].Certificates == [between]
    assert renewed.values["PrivateKey"] == "key operationalization-NEW"


# Waiting.


def test_what_does_not_come_is_given_up_with_its_reason() -> None:
    made = scripts()
    made.cmdlets["Start-Sleep"] = lambda seconds: dotnet.slept(seconds) or []
    made.cmdlets["Get-Answer"] = lambda: (_ for _ in ()).throw(Thrown("not there"))
    body = b"Wait-Until -WaitFor 'the moon' -WaitSeconds 20 -WaitCondition { Get-Answer }\n"
    with pytest.raises(Thrown, match="the moon was not to be seen within 20 seconds: not there"):
        made.run(body)


def test_what_fails_is_tried_again_and_its_answer_given(tmp_path: Path) -> None:
    made = scripts()
    made.top.names["logfile"] = str(tmp_path / "log")
    made.cmdlets["Start-Sleep"] = lambda seconds: dotnet.slept(seconds) or []
    answers = iter([Thrown("one"), Thrown("two"), "three"])

    def answer() -> str:
        found = next(answers)
        if isinstance(found, Thrown):
            raise found
        return found

    made.cmdlets["Get-Answer"] = answer
    [found] = made.run(b"Invoke-Again -AgainWhat 'asking' -AgainAction { Get-Answer }\n")
    assert found == "three"
    assert "not yet, trying again in 2 seconds: asking: two" in (tmp_path / "log").read_text()


# Health.


@pytest.mark.parametrize(
    ("live", "state", "files"),
    [
        (True, "ready", {"live", "ping"}),
        (True, "draining", {"live"}),
        (True, "failed", {"live"}),
        (False, "ready", set()),
    ],
)
def test_health_files_say_what_the_node_is(
    tmp_path: Path, live: bool, state: str, files: set[str]
) -> None:
    shown: set[str] = set()
    made = scripts("azure-9.4.7-web", tmp_path)
    source = (SHARED / "watch.ps1").read_text()
    made.run(source[: source.index("Import-Module")].encode())

    def show(path: str, holds: bool) -> list[Any]:
        (shown.add if holds else shown.discard)(path.lstrip("/"))
        return []

    made.cmdlets |= {
        "Test-RoleLive": lambda: live,
        "Get-NodeState": lambda: state,
        "Set-HealthFile": show,
    }
    made.call("Update-Health")
    assert shown == files


def test_a_node_that_stays_broken_is_told_of_once() -> None:
    told: list[str] = []
    made = scripts()
    source = (SHARED / "watch.ps1").read_text()
    made.run(source[: source.index("Import-Module")].encode())
    made.functions.pop("write-log")
    made.cmdlets |= {
        "Test-RoleLive": lambda: False,
        "Get-NodeState": lambda: "ready",
        "Set-HealthFile": lambda **_: [],
        "Write-Log": lambda text: [],
        "Confirm-Broken": lambda: told.append("broken") or [],
    }
    for _ in range(40):
        made.call("Update-Health")
    assert told == ["broken"]


def test_a_node_drains_before_it_lets_the_end_happen() -> None:
    steps: list[str] = []
    made = scripts()
    source = (SHARED / "watch.ps1").read_text()
    made.run(source[: source.index("Import-Module")].encode())
    made.functions.pop("write-log")
    left = iter([2, 1, 0])
    made.cmdlets |= {
        "Set-NodeState": lambda state: steps.append(state) or [],
        "Get-RoleRequests": lambda: steps.append("requests") or next(left),
        "Confirm-Notice": lambda notice: steps.append(f"confirmed {notice}") or [],
        "Write-Log": lambda text: [],
        "Start-Sleep": lambda seconds: dotnet.slept(seconds) or [],
    }
    made.call("Stop-Node", notice="event-1")
    assert steps == ["draining", "requests", "requests", "requests", "confirmed event-1"]


@pytest.mark.parametrize(
    ("kind", "machine", "found"),
    [("Terminate", "web_1", "the-id"), ("Reboot", "web_1", ""), ("Terminate", "other", "")],
)
def test_only_the_announced_end_of_this_machine_is_a_notice(
    kind: str, machine: str, found: str
) -> None:
    made = scripts()
    made.load(SHARED / "cloud-azure.ps1")
    event = Thing(EventType=kind, Resources=[machine], EventId="the-id")
    made.functions.pop("request-metadata")
    made.cmdlets["Request-Metadata"] = lambda path: (
        "web_1" if path.startswith("instance") else Thing(Events=[event])
    )
    assert made.call("Get-Notice") == found


@pytest.mark.parametrize(("group", "told"), [("web-1a2b", ["serving"]), ("", [])])
def test_a_machine_of_a_group_says_once_that_it_serves(
    tmp_path: Path, group: str, told: list[str]
) -> None:
    said: list[str] = []
    made = scripts("aws-9.4.7-web", tmp_path)
    made.load(SHARED / "cloud-aws.ps1")
    for name in ("request-metadata", "write-log", "write-text"):
        made.functions.pop(name)
    marks: set[str] = set()
    made.cmdlets |= {
        "Request-Metadata": lambda path: (
            group if path.startswith("tags") else "" if "lifecycle" in path else "i-0a1b"
        ),
        "Complete-ASLifecycleAction": lambda **given: said.append(given["lifecyclehookname"]) or [],
        "Write-Log": lambda text: [],
        "Write-Text": lambda path, text: marks.add(path) or [],
        "Test-Path": lambda literalpath: literalpath in marks,
    }
    made.call("Confirm-Ready")
    made.call("Confirm-Ready")
    assert said == told


# Diagnostics.

LISTED = ["https://10.20.16.4:12805", "https://10.20.16.5:12805"]


PASSES, FAILS = {"statusCode": "pass"}, {"statusCode": "fail"}
HEALTHY = {
    "statusCode": "warn",
    "components": {
        "backends": {"statusCode": "warn", "components": {"http://a/": FAILS, "http://b/": PASSES}},
        "authentication": PASSES,
        "database": PASSES,
    },
}
"""A range has addresses that nobody has (facts.md 11)."""


def asked(
    tmp_path: Path, case: str, known: list[str], statuses: tuple[Any, ...] = ()
) -> Callable[[], list[str]]:
    """Run the diagnostics of a web node whose product knows some compute nodes; its calls.

    After *statuses* its status is a good one.
    """
    calls: list[str] = []
    coming = list(statuses)
    made = scripts(case, tmp_path, **{"Start-Sleep": lambda seconds: dotnet.slept(seconds) or []})
    for name in ("product", "services"):
        made.load(OWN / f"{name}.ps1")
    for name in ("write-text", "write-log"):
        made.functions.pop(name)

    def called(uri: str, method: str = "Get", body: str = "", **_: Any) -> Any:
        path = uri.rpartition("/")[2]
        calls.append(f"{method} {path}")
        if path == "login":
            return Thing(access_token="token")
        if path == "status":
            return of_json(coming.pop(0) if coming else HEALTHY)
        if method == "Post":
            known[:] = json.loads(body)["entries"]
        return Thing(computeNodes=list(known))

    made.cmdlets |= {
        "Invoke-RestMethod": called,
        "Get-NodeSecret": lambda name: SECRETS[name],
        "Get-ComputeUris": lambda: ",".join(LISTED),
        "ConvertTo-Json": lambda inputobject, **_: to_json(inputobject),
        "Test-Path": lambda literalpath: Path(literalpath).exists(),
        "Write-Text": lambda path, text: Path(path).write_text(text) and [],
        "Write-Log": lambda text: [],
    }

    def run() -> list[str]:
        calls.clear()
        made.call("Test-Diagnostics")
        return calls

    return run


def test_the_list_of_compute_nodes_in_the_database_becomes_that_of_the_settings(
    tmp_path: Path,
) -> None:
    known = ["https://10.20.16.9:12805"]
    run = asked(tmp_path, "azure-9.4.7-web", known)

    assert run() == ["Post login", "Get computenodes", "Post computenodes", "Get status"]
    assert known == LISTED
    assert run() == [], "a later boot waits for nobody"
    Path(f"{tmp_path}\\diagnosed").write_text("https://10.20.16.4:12805")
    assert run() == ["Post login", "Get computenodes", "Get status"]


def test_versions_that_have_the_list_in_their_file_are_not_asked_for_it(tmp_path: Path) -> None:
    assert asked(tmp_path, "azure-9.1.0-web", [])() == ["Post login", "Get status"]


@pytest.mark.parametrize(
    ("name", "component", "why"),
    [
        ("database", FAILS, '/status: database does not pass: {"statusCode": "fail"}'),
        ("ldap", FAILS, '/status: ldap does not pass: {"statusCode": "fail"}'),
        ("ldap", None, "/status: ldap does not pass: null"),
        (
            "backends",
            {"components": {"a": FAILS}},
            '/status: no compute node passes: {"components": {"a": {"statusCode": "fail"}}}',
        ),
        ("backends", {"components": None}, '/status: no compute node passes: {"components": null}'),
        ("backends", None, "/status: no compute node passes: null"),
    ],
)
def test_what_does_not_pass_is_named_as_on_linux(name: str, component: Any, why: str) -> None:
    status = {"components": {**HEALTHY["components"], name: component}}

    with pytest.raises(Thrown) as refused:
        confirm(status)

    assert refused.value.Message == why
    with pytest.raises(diagnose.NotYet) as linux:
        diagnose.judge(status, ["pass"])
    assert str(linux.value) == why


def test_a_status_without_components_is_no_good_one() -> None:
    with pytest.raises(Thrown, match="/status has no components"):
        confirm({"statusCode": "pass"})


def confirm(status: Any) -> None:
    made = scripts(
        "azure-9.4.7-web", **{"ConvertTo-Json": lambda inputobject, **_: to_json(inputobject)}
    )
    for name in ("product", "services"):
        made.load(OWN / f"{name}.ps1")
    made.call("Confirm-Status", status=of_json(status))


def test_a_web_node_waits_until_what_it_needs_passes(tmp_path: Path) -> None:
    bad = {"components": {**HEALTHY["components"], "database": FAILS}}

    run = asked(tmp_path, "azure-9.1.0-web", [], (bad, bad))

    assert run() == ["Post login", "Get status"] * 3
