"""AWS's services on real sockets, asked by the SDK that nodes have."""

import json
import socket
import subprocess
import urllib.request
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import botocore.config
import botocore.exceptions
import botocore.session
import dns.message
import dns.query
import pytest

from sandbox.control.world import StoreTransaction
from sandbox.fabric.aws.services import Services
from sandbox.fabric.contract import Machine, Place
from sandbox.fabric.network import inside
from sandbox.fabric.notices import Notices
from tests.sandbox.fabric.aws import conftest
from tests.sandbox.fabric.aws.conftest import EVERYTHING, REGION
from tests.sandbox.fabric.aws.test_blueprint import balancer, database, endpoint, site, web
from tests.sandbox.fabric.azure.conftest import Authority, Loopback
from tests.sandbox.fabric.azure.test_services import network_namespaces
from tests.support.account import AWS

__all__ = ["balancer", "site", "web"]


class Running:
    """The services of a site on loopback addresses, with one instance at 127.0.0.21."""

    def __init__(self, site, folder):
        self.site, self.folder = site, folder
        self.networks, self.authority = Loopback(), Authority(folder)
        self.account = conftest.Account(site.aws.store, conftest.Sessions(folder))
        self.services = Services(
            store=site.aws.store,
            networks=self.networks,
            authority=self.authority,
            certificate=self.authority.certificate,
            notices=Notices(),
            sessions=self.account.sessions,
            machines=self.machine_at,
            change=self.change,
            upstream=list,
        )

    @contextmanager
    def change(self):
        with self.site.aws.store.change() as rows:
            yield StoreTransaction(rows, changes=rows, kinds=AWS.kinds.get)

    def machine_at(self, network, address) -> Machine | None:
        return self.site.blueprint().machines[0] if address == IPv4Address("127.0.0.1") else None

    def settle(self):
        self.services.settle(self.site.blueprint())

    def metadata(self, path, method="GET", **headers):
        port = self.networks.port("169.254.169.254", 80)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", method=method, headers=given
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.read().decode()

    def credentials(self):
        token = self.metadata("/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
        path = "/latest/meta-data/iam/security-credentials/"
        name = self.metadata(path, X_aws_ec2_metadata_token=token)
        return json.loads(self.metadata(path + name, X_aws_ec2_metadata_token=token))

    def client(self, service, address):
        found = self.credentials()
        session = botocore.session.Session()
        session.set_credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
        return session.create_client(
            service,
            region_name=REGION,
            endpoint_url=f"https://127.0.0.1:{self.networks.port(address, 443)}",
            verify=False,
            config=botocore.config.Config(retries={"max_attempts": 0}),
        )

    def allow(self, *statements):
        self.site.aws.create(
            "iam:RolePolicy", "own", name="own", role="web", policy=conftest.policy(*statements)
        )


@pytest.fixture
def running(site, web, tmp_path):
    made = Running(site, tmp_path)
    try:
        made.settle()
        yield made
    finally:
        made.services.stop()


def test_each_vpc_has_metadata_names_and_the_public_services(running):
    places = {(address, port) for _, address, port in running.networks.opened}

    assert {
        ("169.254.169.254", 80),
        ("10.30.0.2", 53),
        ("10.30.0.2", -53),
        ("169.254.169.253", 53),
        ("192.0.2.1", 443),
    } <= places
    assert ("169.254.169.253", 15432) not in places


def test_endpoints_come_and_go(running):
    made = endpoint(running.site, "secretsmanager")
    running.settle()
    addresses = {
        str(port.address) for port in running.site.ports(Place.PLATFORM) if port.owner == made.id
    }
    opened = {address for _, address, port in running.networks.opened if port == 443}
    assert addresses <= opened

    running.site.aws.delete(made)
    running.settle()
    port = running.networks.port(next(iter(addresses)), 443)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


@pytest.mark.filterwarnings("ignore")
def test_the_nodes_sdk_reads_a_secret_through_an_endpoint(running):
    made = endpoint(running.site, "secretsmanager")
    running.settle()
    address = next(
        str(port.address) for port in running.site.ports(Place.PLATFORM) if port.owner == made.id
    )
    secret = running.site.aws.create("secretsmanager:Secret", "jwt", name="dev/jwt")
    running.site.aws.create(
        "secretsmanager:SecretVersion", "jwt", secretId=secret.short, secretString="the value"
    )
    client = running.client("secretsmanager", address)
    with pytest.raises(botocore.exceptions.ClientError, match="not authorized to perform"):
        client.get_secret_value(SecretId="dev/jwt")

    running.allow(
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret.id}
    )
    found = client.get_secret_value(SecretId="dev/jwt")
    assert (found["ARN"], found["SecretString"]) == (secret.id, "the value")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        client.list_secrets()
    assert refused.value.response["Error"]["Code"] == "UnknownOperationException"


@pytest.mark.filterwarnings("ignore")
def test_the_nodes_sdk_reads_an_object_and_knows_who_it_is(running):
    running.site.aws.create("s3:Bucket", "files", bucket="dev-files")
    running.site.aws.create(
        "s3:BucketObjectv2",
        "file",
        bucket="dev-files",
        key="web/bundle",
        contentBase64="H4sI",
    )
    running.allow(EVERYTHING)
    found = running.client("s3", "192.0.2.1").get_object(Bucket="dev-files", Key="web/bundle")
    assert found["Body"].read() == b"\x1f\x8b\x08"

    (address,) = running.site.look_up("sts.eu-central-1.amazonaws.com")
    who = running.client("sts", address).get_caller_identity()
    assert who["Arn"].startswith("arn:aws:sts::500000000005:assumed-role/web/i-")


@pytest.mark.filterwarnings("ignore")
def test_a_gateway_endpoint_that_comes_later_judges_who_goes_through_it(running):
    running.site.aws.create("s3:Bucket", "files", bucket="dev-files")
    for key in ("web", "other"):
        running.site.aws.create(
            "s3:BucketObjectv2", key, bucket="dev-files", key=key, content="text"
        )
    running.allow(EVERYTHING)
    client = running.client("s3", "192.0.2.1")
    assert client.get_object(Bucket="dev-files", Key="other")["Body"].read() == b"text"

    (route,) = [
        each
        for each in running.site.aws.world.of("aws:ec2/route:Route")
        if "natGatewayId" in each.inputs
    ]
    only = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    endpoint(
        running.site,
        "s3",
        "Gateway",
        routeTableIds=[route.inputs["routeTableId"]],
        policy=conftest.policy({**only, "Resource": "arn:aws:s3:::dev-files/web"}),
    )
    assert client.get_object(Bucket="dev-files", Key="web")["Body"].read() == b"text"
    with pytest.raises(botocore.exceptions.ClientError, match="no VPC endpoint policy allows"):
        client.get_object(Bucket="dev-files", Key="other")


@pytest.mark.filterwarnings("ignore")
def test_the_nodes_sdk_says_that_an_instance_is_ready(running):
    running.allow(EVERYTHING)
    machine = running.site.blueprint().machines[0]
    (address,) = running.site.look_up("autoscaling.eu-central-1.amazonaws.com")
    client = running.client("autoscaling", address)
    words = {
        "LifecycleHookName": "serving",
        "AutoScalingGroupName": "web",
        "InstanceId": machine.id.rpartition("/")[2],
        "LifecycleActionResult": "CONTINUE",
    }
    client.complete_lifecycle_action(**words)
    assert running.site.blueprint().machines[0].held is None
    with pytest.raises(botocore.exceptions.ClientError, match="No active Lifecycle Action"):
        client.complete_lifecycle_action(**{**words, "LifecycleHookName": "none"})


def test_names_are_answered_over_udp_and_tcp(running):
    for number, ask in ((-53, dns.query.udp), (53, dns.query.tcp)):
        port = running.networks.port("10.30.0.2", number)
        question = dns.message.make_query("any.s3.eu-central-1.amazonaws.com.", "A")
        answer = ask(question, "127.0.0.1", port=port, timeout=5)
        assert [str(each) for each in answer.answer[0]] == ["192.0.2.1"]


def test_databases_are_judged_where_there_is_one(running):
    database(running.site)
    running.settle()

    assert running.networks.port("169.254.169.253", 15432)


@contextmanager
def chain(*subnets):
    """Namespaces one behind the other: the platform, the network's router, an instance, what is in
    a container there."""
    with network_namespaces(len(subnets) + 1) as places:
        for number, (subnet, left, right) in enumerate(
            zip(subnets, places, places[1:], strict=False)
        ):
            near, far = f"l{number}", f"r{number}"
            ip("-n", left, "link", "add", near, "type", "veth", "peer", "name", far, "netns", right)
            for place, name, last in ((left, near, 1), (right, far, 2)):
                ip("-n", place, "addr", "add", f"{subnet}.{last}/24", "dev", name)
                ip("-n", place, "link", "set", name, "up")
            ip("-n", right, "route", "add", "default", "via", f"{subnet}.1")
            for later in subnets[number + 1 :]:
                ip("-n", left, "route", "add", f"{later}.0/24", "via", f"{subnet}.2")
        for place in places[1:-1]:
            with inside(place):
                Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        yield places


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@pytest.mark.root
def test_the_token_does_not_pass_a_second_router(running, monkeypatch):
    """Behind the network's own router, a container's bridge is one router more."""
    monkeypatch.setattr(running, "machine_at", lambda *_: running.site.blueprint().machines[0])
    running.services._machines = running.machine_at
    ask = ("curl", "-s", "-m", "2", "-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 9")
    with chain("10.0.0", "10.0.1", "10.0.2") as (platform, _, instance, container):

        def opened(network, address, port, kind=socket.SOCK_STREAM):
            with inside(platform):
                made = socket.socket(socket.AF_INET, kind)
                made.bind(("0.0.0.0", 8000 if port == 80 else 0))
                if kind == socket.SOCK_STREAM:
                    made.listen(8)
                return made

        monkeypatch.setattr(running.networks, "open", opened)
        running.settle()
        told = {
            where: subprocess.run(
                ["ip", "netns", "exec", where, *ask, "http://10.0.0.1:8000/latest/api/token"],
                capture_output=True,
                check=False,
            ).stdout
            for where in (instance, container)
        }
    assert told[instance]
    assert not told[container]
