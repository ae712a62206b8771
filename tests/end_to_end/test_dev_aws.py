"""Stack `dev-aws` with nodes that run: booted, published to and scored through its balancer; and
`dev` beside it on the same sandbox."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.engine import ROOT
from tests.support.live import Live, live
from tests.support.reaching import answers, every, reached
from tests.support.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.root]

GROUP = "aws:autoscaling/group:Group"
INTERFACE = "aws:ec2/networkInterface:NetworkInterface"
DATABASE = "aws:rds/instance:Instance"
SECRET = "aws:secretsmanager/secret:Secret"
METADATA = "http://169.254.169.254/latest"
ALLOWED_CLIENT = "203.0.113.77"
FOREIGN_CLIENT = "198.51.100.7"
CALL = ("python3", "/opt/operationalization/bin/signed_call.py", "eu-central-1")

CONNECT = """
import sys, psycopg
try:
    psycopg.connect(sys.stdin.read(), connect_timeout=10).close()
except psycopg.Error as error:
    sys.exit(str(error))
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live("dev-aws", tmp_path_factory.mktemp("aws")) as running:
        yield running


def publish(environment: Live) -> None:
    done = environment.script("publish", str(ROOT / "models/iris"))
    assert done.returncode == 0, done.stderr


def score(environment: Live) -> Any:
    done = environment.script("score", "iris", str(ROOT / "models/iris/request.json"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["species"]


def addresses(environment: Live, role: str) -> dict[str, str]:
    nodes = environment.nodes
    return {node["name"]: node["address"] for node in nodes if f"-{role}-" in node["name"]}


def private(environment: Live, kind: str, part: str = "") -> str:
    """The private address of what AWS itself runs."""
    owners = [found for found in environment.resources(kind) if part in json.dumps(found)]
    found = [
        each["properties"]["privateIp"]
        for each in environment.resources(INTERFACE)
        if any(_serves(each, owner) for owner in owners)
    ]
    assert found, (kind, part)
    return str(found[0])


def _serves(interface: dict[str, Any], owner: dict[str, Any]) -> bool:
    if owner["type"] == DATABASE:
        return "RDS" in str(interface["properties"].get("description"))
    shown = str(interface["properties"].get("description"))
    return owner["id"].rpartition("/")[2] in shown


def group(environment: Live, role: str) -> dict[str, Any]:
    (found,) = [each for each in environment.resources(GROUP) if f"-{role}-" in each["id"]]
    return found


def test_a_model_is_published_and_scored_through_the_balancer(aws: Live) -> None:
    publish(aws)

    assert score(aws) == "virginica"


def test_a_second_up_changes_nothing(aws: Live) -> None:
    assert aws.up().changes == []


def test_the_metadata_service_tells_nothing_without_a_token(aws: Live) -> None:
    node = aws.names("web")[0]
    show = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "5")

    assert aws.on(node, *show, f"{METADATA}/meta-data/instance-id").stdout == "401"
    ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60"
    token = aws.on(node, "curl", "-sXPUT", "-H", ttl, f"{METADATA}/api/token").stdout
    header = f"X-aws-ec2-metadata-token: {token}"
    told = aws.on(node, "curl", "-s", "-H", header, f"{METADATA}/meta-data/local-ipv4").stdout
    assert told == addresses(aws, "web")[node]


def test_a_role_reads_its_own_secrets_and_no_others(aws: Live) -> None:
    web, compute = aws.names("web")[0], aws.names("compute")[0]
    names = [str(each["properties"]["name"]) for each in aws.resources(SECRET)]
    (signing,) = [name for name in names if name.endswith("/token-signing-key")]

    assert aws.on(web, *CALL, "secret", signing).stdout
    refused = aws.on(compute, *CALL, "secret", signing, check=False)
    assert refused.returncode != 0
    assert "AccessDeniedException" in refused.stderr + refused.stdout
    assert "secretsmanager:GetSecretValue" in refused.stderr + refused.stdout


def test_who_reaches_whom_is_as_the_security_groups_say(aws: Live) -> None:
    web, compute = addresses(aws, "web"), addresses(aws, "compute")
    first_web, other_web = sorted(web)
    first_compute, other_compute = sorted(compute)[:2]
    database = private(aws, DATABASE)
    targets = every(
        (web[other_web], compute[other_compute], database), (22, 80, 443, 5432, 12800, 12805)
    )

    from_web = reached(lambda *command: aws.on(first_web, *command), targets)
    from_compute = reached(lambda *command: aws.on(first_compute, *command), targets)

    assert from_web == {f"{compute[other_compute]}:12805", f"{database}:5432"}
    assert from_compute == {f"{database}:5432"}


def test_clients_reach_the_balancer_and_others_do_not(aws: Live) -> None:
    front = f"{aws.outputs()['loadBalancerAddress']}:12800"

    def allowed(*command: str) -> Any:
        return aws.coming_from(ALLOWED_CLIENT, *command)

    def foreign(*command: str) -> Any:
        return aws.coming_from(FOREIGN_CLIENT, *command)

    assert answers(allowed, [front]) == {front: "accepted"}
    assert reached(foreign, [front]) == set()


def test_the_masters_password_opens_nothing_after_the_first_boot(aws: Live) -> None:
    node = aws.names("web")[0]
    (instance,) = aws.resources(DATABASE)
    secret = instance["properties"]["masterUserSecrets"][0]["secretArn"]
    known = json.loads(aws.on(node, *CALL, "secret", secret).stdout)
    words = {
        "host": instance["properties"]["address"],
        "user": known["username"],
        "password": "'" + known["password"].replace("\\", "\\\\").replace("'", "\\'") + "'",
        "dbname": "postgres",
        "sslmode": "require",
    }
    line = " ".join(f"{name}={value}" for name, value in words.items())
    script = f"printf %s \"$1\" | python3 -c '{CONNECT}'"
    refused = aws.on(node, "sh", "-c", script, "sh", line, check=False)

    assert refused.returncode != 0
    assert "authentication failed" in refused.stderr + refused.stdout


def test_one_more_compute_node_is_let_in_and_found(aws: Live) -> None:
    found = group(aws, "compute")
    aws.tamper(found["id"], "desiredCapacity", "3")
    until(
        lambda: [n["phase"] for n in aws.nodes if "-compute-" in n["name"]] == ["ready"] * 3,
        "the third compute node is not ready",
    )
    web = aws.names("web")[0]
    wanted = {f"{address}:12805" for address in addresses(aws, "compute").values()}

    until(
        lambda: reached(lambda *command: aws.on(web, *command), wanted) == wanted,
        "the new node is not reached by web nodes",
    )
    aws.tamper(found["id"], "desiredCapacity", "2")
    until(lambda: len(aws.names("compute")) == 2, "nobody leaves")
    assert score(aws) == "virginica"


def test_dev_runs_beside_it_and_neither_reaches_the_other(aws: Live) -> None:
    azure = Live("dev", aws.engine)
    before = set(aws.names())
    azure.up()
    publish(azure)

    assert (score(azure), score(aws)) == ("virginica", "virginica")
    assert before < set(azure.names())
    node = next(name for name in before if "-web-" in name)
    other = f"{azure.outputs()['loadBalancerAddress']}:12800"
    assert reached(lambda *command: aws.on(node, *command), [other]) == set()
