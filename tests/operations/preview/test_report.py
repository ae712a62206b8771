"""The report in its three forms: the first lines, nothing hostile or secret, the limit."""

import json
from typing import Any

import pytest

from operations.preview import command
from operations.preview.escaping import said
from operations.preview.events import Events, Judgement, Message
from operations.preview.headline import headline, title
from operations.preview.machine import machine
from operations.preview.markdown import markdown, marker
from operations.preview.report import FAILED, FINE, REFUSED, Report, report
from tests.support import golden_states, previews, rendered, states

AGAINST = "what is deployed"
LOST = "the database server {} is replaced by an empty one; lost: every database on it"


def of(stack: str, change: Any, replaced: dict[str, str] | None = None, **rest: Any) -> Report:
    plan = previews.of_golden(stack, change, replaced)
    return report(plan, rest.pop("events", Events()), against=AGAINST, ended=True, **rest)


def first_lines(made: Report) -> list[str]:
    return [f"{each.label}: {said(each.words)}" for each in headline(made) if each.loud]


def database_encryption_off(resources: golden_states.Resources) -> None:
    server = golden_states.named(resources, "aws:rds/instance:Instance", "database-server")
    server["inputs"]["storageEncrypted"] = False


def open_to_all(resources: golden_states.Resources) -> None:
    kind, name = "azure-native:network:NetworkSecurityGroup", "network-firewall-compute"
    group = golden_states.named(resources, kind, name)
    rule = dict(group["inputs"]["securityRules"][0])
    rule |= {"name": "open", "priority": 101, "sourceAddressPrefix": "Internet"}
    rule.pop("sourceAddressPrefixes", None)
    group["inputs"]["securityRules"].append(rule)


def nothing(_: golden_states.Resources) -> None:
    pass


def test_a_port_that_opens_is_in_the_first_lines() -> None:
    (line,) = first_lines(of("azure-production", open_to_all))
    assert line.startswith(
        "OPEN TO THE INTERNET: the internet (0.0.0.0/0) may reach compute nodes on TCP 12805"
    )


def test_a_database_that_is_not_encrypted_any_more_is_in_the_first_lines() -> None:
    made = of("aws-production", database_encryption_off, {"database-server": "storageEncrypted"})
    name = "aws-production-database-server"
    assert first_lines(made) == [
        f"DATA LOSS: {LOST.format(name)}",
        f"ENCRYPTION OFF: {name}: storageEncrypted is true and will be false",
    ]
    assert said(title(made)) == "Preview of aws-production: data would be lost"


def test_where_nothing_changes_that_is_the_title() -> None:
    made = of("dev", nothing)
    assert said(title(made)) == "Preview of dev: nothing changes"
    assert first_lines(made) == []
    assert made.exit_code == FINE


def test_where_a_policy_refuses_that_is_the_title_and_the_exit_code() -> None:
    text = "open: Nothing is open\nnsg (x:Y): rule ssh lets anybody in\nfix: close it"
    judged = Judgement(policy="open", pack="p", level="mandatory", text=text)
    made = of("dev", nothing, events=Events(judgements=(judged,), packs={"p": "1"}))

    assert made.exit_code == REFUSED
    assert said(title(made)) == "Preview of dev: a policy refuses it"
    assert first_lines(made) == ["POLICY REFUSES: open: nsg (x:Y): rule ssh lets anybody in"]
    for form in command.FORMATS:
        assert "close it" in command.written_as(made, form)


def test_nodes_that_make_way_for_others_are_in_the_first_lines() -> None:
    kind = "azure-native:compute:VirtualMachineScaleSet"
    old, new = (states.resource(kind, "web", "id", {"image": image}) for image in ("1", "2"))
    made = previews.reported(previews.step("replace", old, new))

    assert "Nodes replaced: web" in [f"{each.label}: {said(each.words)}" for each in headline(made)]


def test_each_rule_that_refuses_is_named_once_however_many_resources_break_it() -> None:
    judged = tuple(
        Judgement(policy=rule, pack="p", level="mandatory", text=f"{rule}: why\n{name}: wrong")
        for rule in "abcdef"
        for name in ("one", "two", "three")
    )
    made = of("dev", nothing, events=Events(judgements=judged, packs={"p": "1"}))

    assert first_lines(made) == [
        f"POLICY REFUSES: {rule}: one: wrong; and 2 more like it" for rule in "abcdef"
    ]


def test_what_a_stack_file_exempts_is_in_the_first_lines_with_its_reason_below() -> None:
    text = "exempted: the stack file says why\ntls on db: it takes all\nreason: old clients"
    judged = Judgement(policy="exempted", pack="p", level="advisory", text=text)
    made = of("dev", nothing, events=Events(judgements=(judged,), packs={"p": "1"}))

    written = markdown(made)

    assert "- **Exempted**: `tls on db: it takes all`" in written
    assert "- tls on db: it takes all<br>reason: old clients" in written
    assert made.exit_code == FINE


def test_where_the_engine_stops_what_it_says_comes_first_and_nothing_is_claimed() -> None:
    words = "stack 'dev' cannot be deployed:\n  location: must be one\n    fix: write one"
    heard = Events(messages=(Message("error", words),))
    made = previews.reported(events=heard, ended=False)

    assert made.exit_code == FAILED
    assert first_lines(made)[0] == (
        "IT FAILS: stack 'dev' cannot be deployed: / location: must be one / fix: write one"
    )
    written = markdown(made)
    assert "Nothing that holds data is deleted" not in written
    assert "Nothing changes" not in written
    assert "must be one" in written


def test_of_a_traceback_the_first_lines_have_its_end() -> None:
    words = "Program failed:\nTraceback (most recent call last):\n  File x\nKeyError: 'a'"
    made = previews.reported(events=Events(messages=(Message("error", words),)), ended=False)
    assert first_lines(made) == ["IT FAILS: KeyError: 'a'"]


EVIL = "x`|@you <b> [l](https://evil.example) \x1b[31m\u202e```mermaid"


def hostile() -> Report:
    """A report in which everything that others may name has a hostile name."""
    evil = states.resource(f"azure-native:{EVIL}:X", EVIL, EVIL, {EVIL: EVIL, "tags": {EVIL: EVIL}})
    old = {**evil, "inputs": {"a": 1}}
    server = states.resource(
        "azure-native:dbforpostgresql:Server", EVIL, "i", {"sku": {"name": EVIL}}
    )
    smaller = {**server, "inputs": {"sku": {"name": "S"}}}
    heard = Events(
        messages=(Message("error", EVIL), Message("warning", f"{EVIL}\n```\n# x")),
        judgements=tuple(
            Judgement(policy=EVIL, pack=EVIL, level=level, text=f"{EVIL}\n{EVIL}\n{EVIL}", urn=EVIL)
            for level in ("mandatory", "advisory")
        ),
        packs={EVIL: EVIL},
    )
    return previews.reported(
        previews.refreshed({**evil, "inputs": {EVIL: 2}}),
        previews.step("replace", old, evil, replaceReasons=[EVIL]),
        previews.step("replace", smaller, server, replaceReasons=["sku"]),
        events=heard,
        against=EVIL,
        notes=(EVIL,),
    )


@pytest.mark.parametrize("platform", ["github", "azure-devops"])
def test_hostile_names_do_nothing_in_markdown(platform: str) -> None:
    written = markdown(hostile(), platform=platform)

    assert rendered.foreign(written) == []
    assert "\x1b" not in written
    assert "\u202e" not in written
    assert "evil.example" in rendered.shown(written)


def test_hostile_names_do_nothing_on_a_terminal() -> None:
    written = command.written_as(hostile(), "terminal")
    assert "\x1b" not in written
    assert "\u202e" not in written


def secretive() -> Report:
    """A report on resources with secrets in every place that has any."""
    planted = {
        "administratorLoginPassword": "hunter2",
        "connectionString": "Server=x;Password=hunter2",
        "marked": "[secret]",
        "customData": "hunter2",
        "list": [{"name": "n", "privateKey": "hunter2"}],
        "url": "https://me:hunter2@host/",
    }
    kind = "azure-native:dbforpostgresql:Server"
    old = states.resource(kind, "db", "i", {"sku": {"name": "S"}}, password="hunter2")
    new = states.resource(kind, "db", "i", planted)
    urn = old["urn"]
    heard = Events()
    return previews.reported(
        previews.step("replace", old, new),
        previews.step("delete", {**new, "urn": f"{urn}2"}),
        previews.step("create", None, {**new, "urn": f"{urn}3"}),
        events=heard,
    )


@pytest.mark.parametrize("form", command.FORMATS)
def test_no_secret_is_written(form: str) -> None:
    written = command.written_as(secretive(), form)
    assert "db" in written
    assert "hunter2" not in written


def much(count: int) -> Report:
    """A change of so many resources with so much text."""
    long = {f"key{index}": "x" * 150 for index in range(20)}
    steps = [
        previews.step(
            "update",
            states.resource("azure-native:x:X", f"r{index}", f"i{index}", {}),
            states.resource("azure-native:x:X", f"r{index}", f"i{index}", long),
        )
        for index in range(count)
    ]
    server = states.resource("azure-native:dbforpostgresql:Server", "db", "i", {})
    return previews.reported(*steps, previews.step("delete", server))


@pytest.mark.parametrize(("platform", "limit"), [("github", 65_536), ("azure-devops", 150_000)])
def test_a_report_fits_into_a_comment_and_keeps_what_matters(platform: str, limit: int) -> None:
    written = markdown(much(400), platform=platform)

    assert len(written) <= limit
    assert written.startswith(f"{marker('dev')}\n")
    assert "**DATA LOSS**: the database server `db` is deleted" in written
    assert "Cut to fit into a comment. Left out: " in written
    assert "The rest is cut" not in written
    assert "Cut to fit" not in markdown(much(2), platform=platform)


def test_a_limit_of_ones_own() -> None:
    assert len(markdown(much(40), limit=5000)) <= 5000


def test_markdown_begins_with_the_line_by_which_it_is_found_again() -> None:
    assert (
        markdown(of("dev", nothing)).partition("\n")[0]
        == "<!-- operationalization-preview: dev -->"
    )


KEYS = {
    *("version", "stack", "against", "verdict", "title", "headline", "losses", "weakened", "reach"),
    *("policy", "totals", "changes", "sizes", "drift", "errors", "warnings", "notes"),
}


def test_json_has_the_documented_keys() -> None:
    made = of("aws-production", database_encryption_off, {"database-server": "storageEncrypted"})
    written = json.loads(json.dumps(machine(made)))

    assert written.keys() >= KEYS
    assert written["version"] == 1
    assert written["verdict"] == "fine"
    assert written["totals"]["replace"] == 1
    assert written["losses"][0]["name"] == "aws-production-database-server"


def test_a_terminal_shows_the_worst_first_and_each_difference() -> None:
    made = of("aws-production", database_encryption_off, {"database-server": "storageEncrypted"})
    written = command.written_as(made, "terminal").splitlines()

    assert written[1].startswith("  DATA LOSS: the database server aws-production-database-server")
    assert "      - storageEncrypted: true" in written
    assert "      + storageEncrypted: false" in written


def test_what_is_not_as_the_engine_left_it_is_said() -> None:
    recorded = states.VNET
    found = {**recorded, "inputs": {**recorded["inputs"], "location": "north"}}
    made = previews.reported(previews.refreshed(recorded), previews.step("update", found, recorded))
    assert "- `net` is not as the engine left it: `location`" in markdown(made)
