"""The metadata service in its second version: tokens first, and only what an instance may know."""

import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from sandbox.fabric.aws import metadata as module
from sandbox.fabric.aws.instance import Instance, Profile
from sandbox.fabric.aws.metadata import TOKEN, TTL, Metadata, Tokens
from sandbox.fabric.aws.sessions import Session, Sessions
from sandbox.fabric.serving.exchange import Request

ROLE = Session(
    account="500000000005", partition="aws", role="web", role_id="AROA1", name="i-1", expires=0
)
INSTANCE = Instance(
    id="i-0123456789abcdef0",
    image="ami-1",
    type="t3.medium",
    account="500000000005",
    region="eu-central-1",
    zone="eu-central-1a",
    hostname="ip-10-20-0-5.eu-central-1.compute.internal",
    address=IPv4Address("10.20.0.5"),
    mac="02:00:00:00:00:05",
    interface="eni-1",
    subnet="subnet-1",
    subnet_range=IPv4Network("10.20.0.0/24"),
    vpc="vpc-1",
    vpc_range=IPv4Network("10.20.0.0/16"),
    security_groups={"sg-1": "web-dev"},
    user_data=b"\x1f\x8b\x00binary",
    launched="2026-01-01T00:00:00Z",
    lifecycle="InService",
    profile=Profile(arn="arn:aws:iam::500000000005:instance-profile/web", id="AIPA1", role=ROLE),
    tags={"aws:autoscaling:groupName": "dev-web", "environment": "dev"},
)


class Service:
    def __init__(self, folder):
        self.instance = INSTANCE
        self.metadata = Metadata(lambda *_: self.instance, Sessions(folder), Tokens())

    def ask(self, path, method="GET", **headers):
        given = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        request = Request(method=method, target=path, source=INSTANCE.address, headers=given)
        return self.metadata.answer(request, None)

    def token(self, seconds="60", **more):
        headers = {TTL.lower(): seconds, **more}
        request = Request(
            method="PUT", target="/latest/api/token", source=INSTANCE.address, headers=headers
        )
        return self.metadata.answer(request, None)

    def read(self, path, method="GET"):
        headers = {TOKEN.lower(): self.token().body.decode()}
        request = Request(
            method=method, target=f"/latest/{path}", source=INSTANCE.address, headers=headers
        )
        return self.metadata.answer(request, None)


@pytest.fixture
def service(tmp_path):
    return Service(tmp_path)


def test_nothing_is_told_without_a_token(service):
    answer = service.ask("/latest/meta-data/instance-id")

    assert answer.status == 401
    assert b"401 - Unauthorized" in answer.body


def test_a_token_opens_what_there_is_and_says_how_long_it_holds(service):
    answer = service.read("meta-data/instance-id")

    assert (answer.status, answer.body) == (200, b"i-0123456789abcdef0")
    assert 58 <= int(answer.headers[TTL]) <= 60


@pytest.mark.parametrize("seconds", ["", "0", "21601", "-1", "1.5", "x", "9" * 40])
def test_a_token_needs_a_life_that_the_service_gives(service, seconds):
    assert service.token(seconds).status == 400


def test_a_token_is_not_given_to_what_was_forwarded(service):
    assert service.token(**{"x-forwarded-for": "10.0.0.1"}).status == 403


def test_the_answer_with_the_token_goes_no_further_than_its_hops(service):
    assert service.token().hops == 1
    service.instance = replace(INSTANCE, hops=2)
    assert service.token().hops == 2
    assert service.read("meta-data/mac").hops is None


def test_a_token_is_for_one_instance_and_until_it_expires(service, monkeypatch):
    token = service.token().body.decode()
    headers = {TOKEN.lower(): token}
    request = Request(
        method="GET", target="/latest/meta-data/mac", source=INSTANCE.address, headers=headers
    )
    assert service.metadata.answer(request, None).status == 200
    service.instance = replace(INSTANCE, id="i-other")
    assert service.metadata.answer(request, None).status == 401
    service.instance = INSTANCE
    now = module.time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + 61)
    assert service.metadata.answer(request, None).status == 401


@pytest.mark.parametrize("token", ["", "x", "ffffffff.", "ffffffff.AAAA", "\u00e4.\u00e4"])
def test_a_token_that_nobody_gave_is_none(service, token):
    headers = {TOKEN.lower(): token}
    request = Request(
        method="GET", target="/latest/meta-data/mac", source=INSTANCE.address, headers=headers
    )
    assert service.metadata.answer(request, None).status == 401


def test_the_first_version_answers_where_it_is_allowed(service):
    service.instance = replace(INSTANCE, tokens_required=False)
    assert service.ask("/latest/meta-data/local-ipv4").body == b"10.20.0.5"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("meta-data/local-ipv4", "10.20.0.5"),
        ("meta-data/placement/region", "eu-central-1"),
        ("meta-data/placement/availability-zone", "eu-central-1a"),
        ("meta-data/placement/", "availability-zone\nregion"),
        ("meta-data/autoscaling/target-lifecycle-state", "InService"),
        ("meta-data/tags/instance/aws:autoscaling:groupName", "dev-web"),
        ("meta-data/iam/security-credentials/", "web"),
        ("meta-data/security-groups", "web-dev"),
        ("meta-data/network/interfaces/macs/02:00:00:00:00:05/vpc-id", "vpc-1"),
        ("", "dynamic/\nmeta-data/"),
    ],
)
def test_what_an_instance_asks_of_itself(service, path, expected):
    answer = service.read(path)

    assert (answer.status, answer.body.decode()) == (200, expected)
    assert answer.kind == "text/plain"


def test_the_first_path_lists_the_rest(service):
    assert "iam/" in service.read("meta-data").body.decode().splitlines()
    assert service.ask("/").status == 401


def test_credentials_are_those_of_the_role(service, tmp_path):
    found = json.loads(service.read("meta-data/iam/security-credentials/web").body)
    session, secret = Sessions(tmp_path).find(found["AccessKeyId"], found["Token"])

    assert (found["Code"], found["Type"]) == ("Success", "AWS-HMAC")
    assert (session.role, session.name, secret) == ("web", "i-1", found["SecretAccessKey"])
    assert service.read("meta-data/iam/security-credentials/other").status == 404
    info = json.loads(service.read("meta-data/iam/info").body)
    assert info["InstanceProfileArn"] == INSTANCE.profile.arn


def test_an_instance_without_role_or_group_or_tags_has_none_of_their_paths(service):
    service.instance = replace(INSTANCE, profile=None, lifecycle=None, tags=None)
    for path in ("iam/info", "autoscaling/target-lifecycle-state", "tags/instance"):
        assert service.read(f"meta-data/{path}").status == 404


def test_user_data_is_given_byte_for_byte(service):
    assert service.read("user-data").body == INSTANCE.user_data
    service.instance = replace(INSTANCE, user_data=b"")
    assert service.read("user-data").status == 404


def test_the_identity_document_says_where_it_runs(service):
    found = json.loads(service.read("dynamic/instance-identity/document").body)

    assert (found["region"], found["privateIp"]) == ("eu-central-1", "10.20.0.5")


@pytest.mark.parametrize(
    "path", ["meta-data/none", "meta-data/mac/more", "other", "meta-data/../../etc"]
)
def test_what_is_not_there_is_not_found(service, path):
    assert service.read(path).status == 404


def test_nobody_else_is_answered(service):
    service.instance = None
    assert service.ask("/latest/meta-data/mac").status == 404
    assert service.token().status == 404
    service.instance = replace(INSTANCE, enabled=False)
    assert service.token().status == 403


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
def test_nothing_can_be_written(service, method):
    assert service.read("meta-data/mac", method).status == 405
