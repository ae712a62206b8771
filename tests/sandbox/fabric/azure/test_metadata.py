import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from sandbox.control.azure import instances
from sandbox.fabric.azure.metadata import VERSIONS
from sandbox.fabric.network import hardware_address
from tests.sandbox.fabric.azure.conftest import COMPUTE, STRANGER, WEB

VAULT = "resource=https://vault.azure.net"
TOKEN = "identity/oauth2/token?api-version=2018-02-01"
NAME = "instance/compute/name?api-version=2021-02-01&format=text"
EVENTS = "scheduledevents?api-version=2020-07-01"


def error(answer):
    return answer.status_code, answer.json()


# Who may ask, and how.


def test_each_machine_is_told_of_itself(running):
    assert running.metadata(NAME, WEB).text == "web_0"
    assert running.metadata(NAME, COMPUTE).text == "compute_0"


@pytest.mark.parametrize("path", [NAME, EVENTS, f"{TOKEN}&{VAULT}", "versions"])
def test_who_is_no_machine_of_the_network_gets_nothing(running, path):
    answer = running.metadata(path, STRANGER)

    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("path", [NAME, EVENTS, f"{TOKEN}&{VAULT}", "versions"])
@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "Required metadata header not specified"),
        ({"Metadata": "yes"}, "Required metadata header not specified"),
        ({"Metadata": "true", "X-Forwarded-For": "10.0.0.9"}, "has an X-Forwarded-For header"),
    ],
    ids=["none", "yes", "forwarded"],
)
def test_a_request_that_was_sent_on_for_others_is_refused(running, path, headers, words):
    answer = running.metadata(path, headers=headers)

    assert answer.status_code == 400
    assert words in answer.text


@pytest.mark.parametrize("path", ["instance", "scheduledevents", TOKEN.partition("?")[0]])
@pytest.mark.parametrize("query", ["", "?api-version=", "?api-version=2030-01-01"])
def test_a_missing_or_unknown_version_is_refused_with_those_there_are(running, path, query):
    answer = running.metadata(path + query)

    assert answer.status_code == 400
    assert answer.json()["error"] == (
        "Bad request. api-version is invalid or was not specified in the request. For more "
        "information refer to aka.ms/azureimds"
    )
    newest = answer.json()["newest-versions"]
    assert len(newest) == 3
    again = f"{path}?api-version={newest[0]}&{VAULT}"
    assert running.metadata(again).status_code == 200


def test_the_versions_are_listed_without_one(running):
    assert running.metadata("versions").json() == {"apiVersions": list(VERSIONS)}


def test_a_parameter_that_is_there_twice_is_refused(running):
    answer = running.metadata("instance?api-version=2021-02-01&API-VERSION=2021-02-01")

    assert error(answer) == (400, {"error": "Bad request. a query parameter is there twice"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "instance?api-version=2021-02-01"),
        ("PUT", f"{TOKEN}&{VAULT}"),
        ("POST", f"{TOKEN}&{VAULT}"),
        ("DELETE", EVENTS),
        ("BREW", "versions"),
    ],
)
def test_other_methods_are_refused(running, method, path):
    assert running.metadata(path, method=method).status_code == 405


@pytest.mark.parametrize(
    "path", ["", "nothing", "identity", "identity/oauth2/token/more", "versions/x", "instance/x"]
)
def test_there_is_nothing_elsewhere(running, path):
    assert running.metadata(f"{path}?api-version=2021-02-01").status_code == 404


@pytest.mark.parametrize("path", ["attested/document", "loadbalancer"])
def test_what_is_not_emulated_is_refused_by_name(running, path):
    answer = running.metadata(f"{path}?api-version=2021-02-01")

    assert answer.status_code == 404
    assert "the sandbox does not emulate /metadata/" in answer.json()["error"]


# What a machine is told of itself.


def compute(running, version="2021-02-01"):
    return running.metadata(f"instance/compute?api-version={version}").json()


def test_a_machine_knows_where_and_what_it_is(running):
    found = compute(running)
    (instance,) = instances.of(running.site.cloud.world, running.site.web.group)
    expected = {
        "name": "web_0",
        "vmScaleSetName": "web",
        "resourceGroupName": "rg",
        "subscriptionId": "5a9d0b0e-0000-4000-8000-000000000002",
        "location": "westeurope",
        "zone": "1",
        "vmId": instance.vm_id,
        "vmSize": "Standard_D2s_v5",
        "osType": "Linux",
        "offer": "debian-12",
        "tags": "role:web;owner:data",
        "tagsList": [{"name": "role", "value": "web"}, {"name": "owner", "value": "data"}],
    }

    assert {name: found[name] for name in expected} == expected
    assert found["resourceId"].endswith("/virtualMachineScaleSets/web/virtualMachines/0")


def test_custom_data_is_never_given(running):
    whole = running.metadata("instance?api-version=2021-02-01").text

    assert compute(running)["customData"] == ""
    assert "I2Nsb3VkLWNvbmZpZwo=" not in whole
    assert "#cloud-config" not in whole


def test_its_network_is_the_subnets(running):
    path = "instance/network/interface/0?api-version=2021-02-01"
    interface = running.metadata(path).json()

    assert interface["ipv4"] == {
        "ipAddress": [{"privateIpAddress": "127.0.0.21", "publicIpAddress": ""}],
        "subnet": [{"address": "10.20.0.0", "prefix": "24"}],
    }
    assert (
        interface["macAddress"] == hardware_address(running.site.web.port).replace(":", "").upper()
    )


def test_tags_change_with_the_record(running):
    cloud = running.site.cloud
    cloud.update(cloud.find(running.site.web.group), tags={"role": "other"})

    assert compute(running)["tags"] == "role:other"


def test_an_old_version_has_only_what_there_was(running):
    assert set(compute(running, "2017-04-02")) == {
        "location",
        "name",
        "offer",
        "osType",
        "platformFaultDomain",
        "platformUpdateDomain",
        "publisher",
        "sku",
        "version",
        "vmId",
        "vmSize",
    }


def test_every_value_is_text(running):
    def leaves(value):
        if isinstance(value, dict):
            value = list(value.values())
        return [x for each in value for x in leaves(each)] if isinstance(value, list) else [value]

    assert all(isinstance(leaf, str) for leaf in leaves(compute(running, "2025-04-07")))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", "compute/\nnetwork/"),
        ("/network", "interface/"),
        ("/network/interface", "0/"),
        ("/network/interface/0/ipv4/ipAddress/0/privateIpAddress", "127.0.0.21"),
        ("/Compute/VMSize", "Standard_D2s_v5"),
        ("/compute/tagsList/1/value", "data"),
    ],
)
def test_the_text_format_names_what_there_is_and_gives_leaves(running, path, expected):
    answer = running.metadata(f"instance{path}?api-version=2021-02-01&format=text")

    assert answer.text == expected
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("query", ["", "&format=json", "&format=xml"])
def test_a_leaf_is_given_as_text_only(running, query):
    path = "instance/compute/name?api-version=2021-02-01" + query

    assert running.metadata(path).status_code == 400


@pytest.mark.parametrize(
    "path",
    ["/compute/name/x", "/network/interface/1", "/network/interface/-1", "/network/interface/²"],
)
def test_a_path_that_leads_nowhere_is_not_found(running, path):
    answer = running.metadata(f"instance{path}?api-version=2021-02-01&format=text")

    assert answer.status_code == 404


# Tokens.


def test_a_machine_gets_a_token_of_its_identity(running):
    answer = running.metadata(f"{TOKEN}&{VAULT}").json()
    identity = running.site.web_identity.outputs

    claims = running.tokens.verify(answer["access_token"], "https://vault.azure.net")
    assert (claims["oid"], claims["appid"]) == (identity["principalId"], identity["clientId"])
    assert answer["client_id"] == identity["clientId"]
    assert answer["token_type"] == "Bearer"
    assert answer["resource"] == "https://vault.azure.net"
    assert answer["expires_on"] == str(claims["exp"])
    assert 86_000 < int(answer["expires_in"]) <= 86_400


@pytest.mark.parametrize(
    ("selector", "output"),
    [("client_id", "clientId"), ("object_id", "principalId"), ("msi_res_id", "id")],
)
def test_the_identity_can_be_named_and_another_machines_can_not(running, selector, output):
    def named(record):
        value = record.id if output == "id" else record.outputs[output]
        return running.metadata(f"{TOKEN}&{VAULT}&{selector}={value.upper()}")

    assert named(running.site.web_identity).status_code == 200
    assert error(named(running.site.compute_identity)) == (
        400,
        {"error": "invalid_request", "error_description": "Identity not found"},
    )


def test_of_several_identities_one_must_be_named(running):
    site = running.site
    both = (*site.web.identities, *site.compute.identities)
    site.web = replace(site.web, identities=both)

    refused = running.metadata(f"{TOKEN}&{VAULT}")
    named = running.metadata(f"{TOKEN}&{VAULT}&client_id={site.web_identity.outputs['clientId']}")

    assert error(refused) == (
        400,
        {
            "error": "invalid_request",
            "error_description": "Multiple user assigned identities exist, please specify the "
            "clientId / resourceId of the identity in the token request",
        },
    )
    assert named.status_code == 200


def test_a_machine_without_identity_gets_no_token(running):
    running.site.web = replace(running.site.web, identities=())

    assert running.metadata(f"{TOKEN}&{VAULT}").json()["error_description"] == "Identity not found"


def test_a_deleted_identity_gets_no_token(running):
    with running.site.cloud.store.change() as rows:
        rows.remove(running.site.web_identity.id)

    assert running.metadata(f"{TOKEN}&{VAULT}").json()["error_description"] == "Identity not found"


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("", "invalid_request", "Required query variable 'resource' is missing"),
        ("&resource=", "invalid_request", "Required query variable 'resource' is missing"),
        ("&resource=https://vault.azure.com", "invalid_resource", "AADSTS500011"),
        (f"&{VAULT}&client_id=a&object_id=b", "invalid_request", "Only one of"),
        (f"&{VAULT}&client_id=", "invalid_request", "Identity not found"),
    ],
)
def test_a_bad_token_request_is_refused(running, query, code, words):
    answer = running.metadata(TOKEN + query)

    assert (answer.status_code, answer.json()["error"]) == (400, code)
    assert words in answer.json()["error_description"]


def test_the_database_has_an_audience_of_its_own(running):
    audience = "https://ossrdbms-aad.database.windows.net"

    assert running.tokens.verify(running.token(audience), audience)["aud"] == audience


# The end.


def test_nothing_is_announced_at_first(running):
    assert running.metadata(EVENTS).json()["Events"] == []


def test_an_end_is_announced_as_azure_does(running):
    notice = running.notices.post(running.site.web, 300)
    (event,) = running.metadata(EVENTS).json()["Events"]

    when = parsedate_to_datetime(event.pop("NotBefore"))
    assert abs(when - datetime.now(UTC) - timedelta(seconds=300)) < timedelta(seconds=5)
    assert event == {
        "EventId": notice.id,
        "EventStatus": "Scheduled",
        "EventType": "Terminate",
        "ResourceType": "VirtualMachine",
        "Resources": ["web_0"],
        "Description": "",
        "EventSource": "Platform",
        "DurationInSeconds": -1,
    }


def test_a_machine_of_another_group_is_told_nothing(running):
    running.notices.post(running.site.web, 300)

    assert running.metadata(EVENTS, COMPUTE).json()["Events"] == []


def start(running, source=WEB, content=None, **body):
    data = json.dumps(body) if content is None else content
    return running.metadata(EVENTS, source, method="POST", content=data)


def test_a_machine_agrees_to_its_end(running):
    notice = running.notices.post(running.site.web, 300)
    before = running.metadata(EVENTS).json()["DocumentIncarnation"]

    assert start(running, StartRequests=[{"EventId": notice.id}]).status_code == 200
    assert notice.is_acknowledged
    after = running.metadata(EVENTS).json()
    assert after["DocumentIncarnation"] > before
    assert (after["Events"][0]["EventStatus"], after["Events"][0]["NotBefore"]) == ("Started", "")
    assert start(running, StartRequests=[{"EventId": notice.id}]).status_code == 200


def test_another_groups_machine_can_not_agree_for_it(running):
    notice = running.notices.post(running.site.web, 300)

    assert start(running, COMPUTE, StartRequests=[{"EventId": notice.id}]).status_code == 400
    assert not notice.is_acknowledged


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        b'{"StartRequests": {}}',
        b'{"StartRequests": []}',
        b'{"StartRequests": [1]}',
        b'{"StartRequests": [{"EventId": 1}]}',
        b'{"StartRequests": [{"EventId": "unknown"}]}',
        b"\xff",
        b"[" * 60_000,
        json.dumps({"StartRequests": [{"EventId": "x"}] * 101}).encode(),
    ],
    ids=lambda content: content[:40].decode("latin-1"),
)
def test_a_malformed_agreement_is_refused(running, content):
    notice = running.notices.post(running.site.web, 300)

    assert start(running, content=content).status_code == 400
    assert not notice.is_acknowledged


def test_it_is_known_whether_a_machine_ever_asked(running):
    assert not running.notices.is_read(running.site.web.id)
    running.metadata(EVENTS)
    assert running.notices.is_read(running.site.web.id)
    assert not running.notices.is_read(running.site.compute.id)


def test_an_old_version_knows_no_end_of_machines(running):
    running.notices.post(running.site.web, 300)
    old = running.metadata("scheduledevents?api-version=2017-11-01").json()
    newer = running.metadata("scheduledevents?api-version=2019-01-01").json()

    assert old["Events"] == []
    assert "DurationInSeconds" not in newer["Events"][0]
