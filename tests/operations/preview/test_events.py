"""What the engine says beside its JSON, and what the policies come to."""

import json
from typing import Any

from operations.preview import events
from operations.preview.policy import policy


def log(*found: dict[str, Any]) -> events.Events:
    return events.read("\n".join(json.dumps(each) for each in found))


def said(severity: str, message: str, **rest: Any) -> dict[str, Any]:
    return {"diagnosticEvent": {"severity": severity, "message": message, **rest}}


def judged(name: str, text: str, level: str = "mandatory", urn: str = "") -> dict[str, Any]:
    found = {"policyName": name, "message": text, "enforcementLevel": level, "resourceUrn": urn}
    return {"policyEvent": {**found, "policyPackName": "operationalization|local|/home/me/x"}}


def test_errors_and_warnings_are_kept_and_chatter_is_not() -> None:
    found = log(
        said("debug", "registering"),
        said("info", "hello"),
        said("warning", "slow "),
        said("error", "it is refused\n"),
        said("error", "it is refused\n"),
        said("error", "an unhandled error occurred: program exited with non-zero exit code: 1"),
        said("error", "preview failed"),
        said("error", "working", ephemeral=True),
    )
    assert [each.text for each in found.errors] == ["it is refused"]
    assert [each.text for each in found.warnings] == ["slow"]


def test_a_log_that_was_cut_short_is_read_as_far_as_it_goes() -> None:
    assert events.read('{"diagnosticEvent": {"severity": "error", "mess').messages == ()
    assert events.read("[]\n7\n\n").messages == ()


def test_policies_that_hold_fail_and_are_exempted_are_counted() -> None:
    text = "no-open-ports: Nothing is open\nnsg (x:Y): rule ssh lets anybody in\nfix: close it"
    found = policy(
        log(
            judged("no-open-ports", text, urn="urn:pulumi:s::p::x:Y::nsg"),
            judged("tags", "tags: All have an owner\ndisk (x:D): has none", "advisory"),
            judged("exempted", "exempted: why\ntls on db: old clients (owner: me)", "advisory"),
            judged("undecided", "undecided: why\nport on nsg: is not known", "advisory"),
            judged("exemption-stale", "exemption-stale: why\ntls is kept by now", "advisory"),
            {"policyAnalyzeSummaryEvent": {"passed": ["tls", "tags"], "failed": ["no-open-ports"]}},
            {"policyAnalyzeStackSummaryEvent": {"passed": ["exempted", "undecided", "reach"]}},
            {"summaryEvent": {"PolicyPacks": {"operationalization|local|/home/me/x": "1.0.0"}}},
        )
    )
    assert found.packs == ("operationalization 1.0.0",)
    assert [(each.policy, each.resource, each.found) for each in found.refused] == [
        ("no-open-ports", "nsg", "nsg (x:Y): rule ssh lets anybody in")
    ]
    assert [each.policy for each in found.advised] == ["exemption-stale", "tags"]
    assert [each.found for each in found.exempted] == ["tls on db: old clients (owner: me)"]
    assert [each.found for each in found.undecided] == ["port on nsg: is not known"]
    assert (found.passed, found.failed) == (3, 1)


def test_where_no_policy_is_asked_that_is_known() -> None:
    assert not policy(log({"summaryEvent": {"PolicyPacks": {}}})).ran
    assert not policy(log()).ran


def test_secrets_in_what_is_said_are_not_kept() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"
    found = log(said("error", f"refused {key}"), judged("x", f"x: y\nz {key}"))
    assert "hunter2" not in repr(found)
