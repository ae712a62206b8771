"""Who may talk to whom on AWS, with real packets (tests/support/access.py)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from components.runtimes.flows import Zone
from tests.support.access import *  # noqa: F403 - the same tests on each cloud
from tests.support.deployed import succeeded
from tests.support.engine import ROOT, Engine
from tests.support.live import Live, live
from tests.support.reaching import Run

pytestmark = [pytest.mark.engine, pytest.mark.root]

GROUP = "aws:ec2/securityGroup:SecurityGroup"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
INTERFACE = "aws:ec2/networkInterface:NetworkInterface"
RESOLVER = "169.254.169.253"
PROJECT = f"""\
name: opening
runtime:
  name: python
  options:
    virtualenv: {ROOT}/.venv
"""
PROGRAM = """\
import pulumi
from pulumi_aws import Provider, vpc

opts = pulumi.ResourceOptions(provider=Provider("here", region="eu-central-1"))
for group in pulumi.Config().require_object("groups"):
    for kind in (vpc.SecurityGroupIngressRule, vpc.SecurityGroupEgressRule):
        kind(
            f"{group}-{kind.__name__}",
            security_group_id=group,
            ip_protocol="-1",
            cidr_ipv4="0.0.0.0/0",
            opts=opts,
        )
"""
"""What another team adds to our groups, by a program of its own."""


class Aws:
    """What is AWS's own."""

    artifacts = True
    platform = (RESOLVER,)

    def hosts(self, dev: Live) -> dict[Zone, str]:
        outputs, region = dev.outputs(), "eu-central-1.amazonaws.com"
        names = {
            Zone.DATABASE: outputs["database"]["host"],
            Zone.VAULT: f"secretsmanager.{region}",
            Zone.ARTIFACTS: f"{outputs['vault']['name']}-artifacts.s3.{region}",
        }
        (node, *_) = sorted(dev.names("web"))
        return {
            zone: min(dev.on(node, "getent", "ahostsv4", name).stdout.splitlines()).split()[0]
            for zone, name in names.items()
        }

    def beside(self, zone: Zone) -> tuple[Zone, ...]:
        """Rules name groups; the store's addresses are some of the internet's."""
        return (Zone.ARTIFACTS, zone) if zone is Zone.INTERNET else (zone,)

    def probe(self, dev: Live) -> Run:
        """Return what asks from an address of the balancer's own."""
        own = [
            found["properties"]["privateIp"]
            for found in dev.resources(INTERFACE)
            if found["properties"]["description"].startswith("ELB net/")
        ]
        return partial(dev.platform, "env", f"SOURCE={min(own)}")

    @contextmanager
    def clients_denied(self, dev: Live) -> Iterator[None]:
        (rule,) = [found for found in dev.resources(RULE) if "cidrIpv4" in found["properties"]]
        clients = rule["properties"]["cidrIpv4"]
        try:
            dev.tamper(rule["id"], "cidrIpv4", json.dumps("192.0.2.0/24"))
            yield
        finally:
            dev.tamper(rule["id"], "cidrIpv4", json.dumps(clients))

    @contextmanager
    def open(self, dev: Live) -> Iterator[None]:
        program = dev.engine.folder / "opening"
        program.mkdir()
        (program / "Pulumi.yaml").write_text(PROJECT)
        (program / "__main__.py").write_text(PROGRAM)
        engine = Engine(dev.engine.folder / "other", program, dev.engine.variables)
        groups = [found["id"].rpartition("/")[2] for found in dev.resources(GROUP)]
        try:
            succeeded(engine.up("opening", {"opening:groups": groups}))
            yield
        finally:
            succeeded(engine.destroy("opening"))


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live("dev-aws", tmp_path_factory.mktemp("access"), options=()) as running:
        yield running


@pytest.fixture(scope="module")
def place() -> Aws:
    return Aws()
