"""Drift: what a refresh found, what of it is none, and how it is told."""

import json
from typing import Any

import pytest

from operations.drift import events, noise, report
from operations.drift.__main__ import main
from operations.drift.report import Report
from operations.drift.values import Difference, differences
from operations.drift.words import MOST, as_json, markdown, terminal
from operations.errors import OperationError
from operations.export import state
from operations.locks.pending import Pending

NSG = "azure-native:network:NetworkSecurityGroup"
GROUP = "azure-native:resources:ResourceGroup"
SET = "azure-native:compute:VirtualMachineScaleSet"
SECRET = {state.SIGNATURE: state.SECRET_SIGNATURE, "ciphertext": "[secret]"}
SUMMARY = {"summaryEvent": {"resourceChanges": {}}}


def urn(token: str) -> str:
    return f"urn:pulumi:live::operationalization::{token}::{token.rpartition(':')[2].lower()}"


def resource(token: str, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"urn": urn(token), "type": token, "custom": True, "id": "i", "inputs": inputs, **more}


def ended(
    token: str, before: dict[str, Any], after: dict[str, Any] | None, *paths: str, op: str = ""
) -> dict[str, Any]:
    """The event that ends the refresh of one resource."""
    return {
        "resOutputsEvent": {
            "metadata": {
                "op": op or ("update" if after is not None else "delete"),
                "urn": urn(token),
                "type": token,
                "old": resource(token, before),
                "new": None if after is None else resource(token, after),
                "detailedDiff": {path: {"diffKind": "update"} for path in paths} or None,
            }
        }
    }


def log(*found: dict[str, Any]) -> str:
    return "\n".join(json.dumps(each) for each in (*found, SUMMARY))


def stack(*resources: dict[str, Any]) -> state.Deployment:
    return state.parse(json.dumps({"deployment": {"resources": list(resources)}}), "live")


def reported(*found: dict[str, Any], known: state.Deployment | None = None) -> Report:
    return report.make(events.read(log(*found), "live"), known or stack())


def test_what_is_as_deployed_is_no_drift() -> None:
    found = reported(ended(NSG, {"a": 1}, {"a": 1}, op="same"))

    assert (found.looked_at, found.changed, found.left_out) == (1, (), ())
    assert terminal(found) == "Stack live: all 1 resources are as they were deployed\n"


def test_the_most_serious_comes_first_down_to_the_property() -> None:
    rules = [{"name": "web", "source": "10.0.0.0/24"}, {"name": "deny", "source": "*"}]
    opened = [{"name": "web", "source": "*"}, {"name": "deny", "source": "*"}]

    found = reported(
        ended(GROUP, {"location": "a"}, {"location": "b"}, "location"),
        ended("azure-native:monitor:MetricAlert", {"x": 1}, None),
        ended(NSG, {"securityRules": rules}, {"securityRules": opened}, "securityRules"),
    )

    assert (
        terminal(found)
        == f"""\
Stack live: 3 of 3 resources are not as deployed

Security (1)
  {NSG} networksecuritygroup
    securityRules[web].source: 10.0.0.0/24 -> *

Gone (1)
  azure-native:monitor:MetricAlert metricalert is gone

Changed (1)
  {GROUP} resourcegroup
    location: a -> b

The next up of the stack puts it back as the program says; what is to stay belongs into the
stack file or the program first.
"""
    )


@pytest.mark.parametrize(
    ("token", "path"),
    [
        ("azure-native:keyvault:Vault", "properties.publicNetworkAccess"),
        ("azure-native:authorization:RoleAssignment", "principalId"),
        ("azure-native:dbforpostgresql:Configuration", "value"),
        ("azure-native:dbforpostgresql:Server", "backup.backupRetentionDays"),
        (SET, "virtualMachineProfile.securityProfile.encryptionAtHost"),
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cidrIpv4"),
        ("aws:rds/instance:Instance", "publiclyAccessible"),
        ("aws:rds/instance:Instance", "deletionProtection"),
        ("aws:ec2/launchTemplate:LaunchTemplate", "metadataOptions.httpTokens"),
        ("aws:lb/listener:Listener", "sslPolicy"),
    ],
)  # fmt: skip
def test_who_reaches_what_and_what_protects_it_is_security(token: str, path: str) -> None:
    top, _, rest = path.partition(".")
    before: Any = "old"
    for part in reversed(rest.split(".") if rest else []):
        before = {part: before}
    after = json.loads(json.dumps(before).replace("old", "new"))

    (found,) = reported(ended(token, {top: before}, {top: after}, path)).changed

    assert found.severity == "security"
    assert [each.path for each in found.properties] == [path]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ({"tags": {"owner": "us"}}, {"tags": {"owner": "us", "costs": "7"}}, noise.TAG),
        ({}, {"etag": 'W/"2"'}, noise.COMPUTED),
        ({"systemData": {"by": "a"}}, {"systemData": {"by": "b"}}, noise.COMPUTED),
        ({"ip": [{"name": "a"}]}, {"ip": [{"name": "a", "privateIPAddress": "10.0.0.4"}]},
         noise.ADDRESS),
        ({"zones": ["1", "2"]}, {"zones": ["2", "1"]}, noise.SPELLING),
        ({"policy": '{"a": [1, 2]}'}, {"policy": '{"a":[2,1]}'}, noise.SPELLING),
        ({"id": "/subscriptions/S/x"}, {"id": "/Subscriptions/s/X"}, noise.SPELLING),
        ({"on": True, "n": 5}, {"on": "true", "n": "5"}, noise.SPELLING),
        ({"rules": None}, {"rules": []}, noise.SPELLING),
        ({"a": 1}, {"a": 1}, noise.COMPUTED),
    ],
)  # fmt: skip
def test_what_nobody_changed_is_counted_and_left_out(
    before: dict[str, Any], after: dict[str, Any], why: str
) -> None:
    path = next(iter({**after, **before}))

    found = reported(ended(GROUP, before, after, path))

    assert found.changed == ()
    assert {each.why for each in found.left_out} == {why}
    assert terminal(found).endswith(f"\nNo drift, and left out: 1 {why}\n")


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ({"tags": {"owner": "us"}}, {"tags": {"owner": "me"}}, "tags.owner"),
        ({"tags": {"owner": "us"}}, {"tags": {}}, "tags.owner"),
        ({"ip": [{"name": "a", "privateIPAddress": "10.0.0.4"}]},
         {"ip": [{"name": "a", "privateIPAddress": "10.0.0.9"}]}, "ip[a].privateIPAddress"),
        ({"zones": ["1", "2"]}, {"zones": ["2", "2"]}, "zones"),
        ({"name": "Ab"}, {"name": "aB"}, "name"),
        ({"n": 5}, {"n": "6"}, "n"),
        ({"rules": []}, {"rules": ["x"]}, "rules"),
    ],
)  # fmt: skip
def test_what_looks_like_it_and_is_drift_stays(
    before: dict[str, Any], after: dict[str, Any], path: str
) -> None:
    (found,) = reported(ended(GROUP, before, after, path)).changed

    assert [each.path for each in found.properties] == [path]


def test_what_the_program_leaves_to_others_is_no_drift_also_where_the_engine_says_so() -> None:
    before, after = {"sku": {"capacity": 2, "name": "a"}}, {"sku": {"capacity": 5, "name": "a"}}
    known = stack(resource(SET, before, ignoreChanges=["sku.capacity"]))

    scaled = reported(ended(SET, before, after, "sku.capacity"), known=known)
    resized = reported(
        ended(SET, before, {"sku": {"capacity": 5, "name": "b"}}, "sku.name"), known=known
    )

    assert [each.why for each in scaled.left_out] == [noise.GIVEN_UP]
    assert scaled.changed == ()
    assert [each.path for each in resized.changed[0].properties] == ["sku.name"]


def test_a_rule_that_came_beside_is_shown_whole() -> None:
    mine = {"name": "mine", "source": "*"}

    (found,) = reported(
        ended(NSG, {"securityRules": []}, {"securityRules": [mine]}, "securityRules")
    ).changed

    text = terminal(Report("live", 1, (found,), ()))
    assert '    securityRules[mine]: not set -> {"name": "mine", "source": "*"}\n' in text


SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
DECLARED = {
    "securityGroupId": "i",
    "ipProtocol": "tcp",
    "fromPort": 12800,
    "toPort": 12800,
    "cidrIpv4": "203.0.113.0/24",
}
HELD = {"protocol": "tcp", "fromPort": 12800, "toPort": 12800, "cidrBlocks": ["203.0.113.0/24"]}


def group_with(way: str, *rules: dict[str, Any]) -> dict[str, Any]:
    """The refresh of a group that the provider finds as declared: its rules are outputs only."""
    found = ended(SECURITY_GROUP, {"name": "g"}, {"name": "g"}, op="same")
    found["resOutputsEvent"]["metadata"]["new"]["outputs"] = {way: list(rules)}
    return found


@pytest.mark.parametrize(
    ("way", "rule", "shown"),
    [
        ("ingress", {**HELD, "cidrBlocks": ["203.0.113.0/24", "0.0.0.0/0"]},
         "ingress[tcp 12800, 0.0.0.0/0]"),
        ("ingress", {**HELD, "toPort": 12805}, "ingress[tcp 12800-12805, 203.0.113.0/24]"),
        ("ingress", {**HELD, "cidrBlocks": [], "securityGroups": ["7/sg-2"]},
         "ingress[tcp 12800, sg-2]"),
        ("egress", {"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]},
         "egress[all ports, 0.0.0.0/0]"),
    ],
)  # fmt: skip
def test_a_rule_that_somebody_added_to_a_group_of_aws_is_drift(
    way: str, rule: dict[str, Any], shown: str
) -> None:
    known = stack(resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", DECLARED))

    (found,) = reported(group_with(way, rule), known=known).changed

    assert found.severity == "security"
    assert f"    {shown}: not set -> a rule that the program does not have\n" in terminal(
        Report("live", 1, (found,), ())
    )


def test_the_rules_that_resources_of_their_own_declare_are_no_drift() -> None:
    everything = {"securityGroupId": "i", "ipProtocol": "-1", "cidrIpv6": "::/0"}
    itself = {**DECLARED, "cidrIpv4": None, "referencedSecurityGroupId": "i"}
    known = stack(
        resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", DECLARED),
        resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", everything),
        resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", itself),
    )
    open_to_all = {"protocol": "-1", "fromPort": 0, "toPort": 0, "ipv6CidrBlocks": ["::/0"]}

    rules = (HELD, open_to_all, {**HELD, "cidrBlocks": [], "self": True})
    found = reported(group_with("ingress", *rules), known=known)

    assert found.changed == ()


def test_another_secret_is_said_and_not_shown() -> None:
    held = {"properties": {"value": SECRET}}

    found = reported(ended("azure-native:keyvault:Secret", held, held, "properties.value"))

    (changed,) = found.changed
    assert (changed.severity, changed.properties[0].path) == ("security", "properties.value")
    assert "    properties.value: another secret\n" in terminal(found)
    for text in (terminal(found), markdown(found), as_json(found)):
        assert "ciphertext" not in text
        assert state.SIGNATURE not in text


TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"administratorLoginPassword": "hunter1"}, {"administratorLoginPassword": "hunter2"}),
        ({"tags": {"note": "x"}}, {"tags": {"note": f"see https://a:hunter2@host, {TOKEN}"}}),
        ({"protectedSettings": {}}, {"protectedSettings": {"commandToExecute": "hunter2"}}),
        (
            {"settings": [{"name": "DB_PASSWORD", "value": "hunter1"}]},
            {"settings": [{"name": "DB_PASSWORD", "value": "hunter2"}]},
        ),
        ({"settings": [[1]]}, {"settings": [[1, {"name": "DB_PASSWORD", "value": "hunter2"}]]}),
        (
            {"document": '[{"name": "A"}, {"apiKey": "hunter1"}]'},
            {"document": '[{"name": "A"}, {"apiKey": "hunter2"}]'},
        ),
        ({"urls": {}}, {"urls": {f"x?token={TOKEN}": "x"}}),
    ],
    ids=["key", "text", "below a key", "pair", "pair in a whole", "document", "path"],
)
def test_what_looks_secret_is_not_told_in_an_issue_though_nobody_marked_it(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    found = reported(ended(GROUP, before, after, next(iter(before))))

    for text in (terminal(found), markdown(found), as_json(found)):
        assert "hunter" not in text
        assert TOKEN not in text
    assert len(found.changed[0].properties) == 1


def test_a_document_without_secrets_is_told_as_it_is() -> None:
    before, after = '{"b": 1,  "a": 2}', '{"b": 1,  "a": 3}'

    assert f"    d: {before} -> {after}\n".replace("  ", " ") in terminal(
        reported(ended(GROUP, {"d": before}, {"d": after}, "d"))
    ).replace("  ", " ")


def test_markdown_lets_no_value_end_its_cell() -> None:
    found = reported(ended(GROUP, {"a": "x"}, {"a": "y|`z`\n| b"}, "a"))

    assert f"| `{GROUP} resourcegroup` | `a` | `x` | `\"y\\|'z'\\n\\| b\"` |\n" in markdown(found)


def test_markdown_stays_within_what_an_issue_holds() -> None:
    names = [f"n{index}" for index in range(MOST + 40)]
    before, after = dict.fromkeys(names, "x"), dict.fromkeys(names, "y" * 10_000)
    after["etag"] = "1"

    text = markdown(reported(ended(GROUP, before, after, *names)))

    assert "\nand 40 more, which `scripts/drift` lists\n" in text
    assert len(text) < 65_536
    assert terminal(reported(ended(GROUP, before, after, *names))).count(" -> ") == len(names)


def test_programs_get_ids_paths_and_values() -> None:
    found = json.loads(as_json(reported(ended(GROUP, {"a": 1}, {"a": {"b": SECRET}}, "a"))))

    assert found["drift"] == [
        {
            "urn": urn(GROUP),
            "type": GROUP,
            "name": "resourcegroup",
            "id": "i",
            "severity": "changed",
            "gone": False,
            "properties": [{"path": "a", "before": 1, "after": {"b": "(secret)"}}],
        }
    ]


def test_what_an_update_left_half_done_is_said_with_it() -> None:
    found = events.read(log(ended(GROUP, {}, {}, op="same")), "live")

    made = report.make(found, stack(), (Pending("creating", urn("aws:rds/instance:Instance")),))

    assert made.changed == ()
    assert terminal(made).endswith(
        "\nAn update had begun and not ended:\n"
        "  creating instance: it may exist in the cloud, and the state does not know it\n"
    )
    assert "- creating `instance`: it may exist" in markdown(made)
    assert json.loads(as_json(made))["pending"][0]["kind"] == "creating"


def test_a_refresh_that_did_not_end_says_nothing_of_drift() -> None:
    with pytest.raises(OperationError, match="the refresh did not come to its end"):
        events.read(json.dumps(ended(GROUP, {}, {}, op="same")), "live")


@pytest.mark.parametrize("text", ["no events", '{"resOutputsEvent": {"metadata": {"old": 1}}}'])
def test_what_is_no_event_log_is_refused(text: str) -> None:
    with pytest.raises(OperationError, match="it is not an event log of the engine"):
        events.read(text, "live")


def test_the_end_says_whether_there_is_drift(tmp_path, capsys) -> None:
    deployed = tmp_path / "state"
    deployed.write_text('{"deployment": {"resources": []}}')
    ends = []
    for name, text in (
        ("same", log(ended(GROUP, {"a": 1}, {"a": 1}, op="same"))),
        ("other", log(ended(GROUP, {"a": 1}, {"a": 2}, "a"))),
        ("broken", "no events"),
    ):
        (tmp_path / name).write_text(text)
        ends.append(main([str(tmp_path / name), str(deployed), "--stack", "live"]))

    assert ends == [0, 2, 1]


def test_entries_are_matched_by_name_or_else_by_what_they_hold() -> None:
    named = list(differences([{"name": "a", "v": 1}, {"name": "b"}], [{"name": "a", "v": 2}]))
    unnamed = list(differences([{"v": 1}, {"v": 2}], [{"v": 2}, {"v": 3}]))

    assert [(each.path, each.after) for each in named[:1]] == [("[a].v", 2)]
    assert named[1].path == "[b]"
    assert unnamed == [Difference("[0].v", 1, 3)]
