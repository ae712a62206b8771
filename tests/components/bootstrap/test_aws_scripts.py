"""The node scripts of AWS against a pretended AWS, which verifies every signature."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from components.aws import scaling_group
from components.bootstrap.bundle import bundle
from tests.support.aws_services import GROUP, INSTANCE, SECRET_KEY, SESSION, TOKEN, serving
from tests.support.aws_services import presigned_by_role as presigned
from tests.support.nodes import recipe_of

SCRIPTS = Path(__file__).resolve().parents[3] / "components" / "bootstrap" / "scripts"
CLOUD = SCRIPTS / "clouds" / "aws"
BUNDLE = bundle(recipe_of("compute", "aws"), "aws")
NODE = {
    "region": "eu-central-1",
    "egress": "packages",
    "packages": ["bash"],
    "port": 1,
    "health": {"live": "/live"},
    "vault": {"uri": "test-1a2b3c4d"},
    "database": {
        "host": "db.example",
        "port": 5432,
        "principal": "operationalization_migrator",
        "bootstrap": "arn:of-the-bootstrap",
    },
    "bundle": {"uri": "s3://artifacts/the-key", "sha256": BUNDLE.sha256},
}

pytestmark = pytest.mark.skipif(
    not (shutil.which("jq") and shutil.which("curl")), reason="needs jq and curl, as on a node"
)


class Node:
    """A folder with the scripts as a node has them, and what stands for its system."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.programs = folder / "bin"
        self.system = folder / "system"
        self.root = folder / "root"
        self.log = folder / "log" / "configure.log"
        self.runtime = folder / "run"
        self.replaced = {
            "/etc/operationalization/node.json": str(folder / "node.json"),
            "/var/log/operationalization/configure.log": str(self.log),
            "/run/operationalization": str(self.runtime),
            "/var/lib/operationalization": str(folder / "lib"),
            "http://169.254.169.254": address,
            "https://{service}.{region}.amazonaws.com": address,
            'unpack_bundle.py "$work/bundle" "$sha256" /': (
                f'unpack_bundle.py "$work/bundle" "$sha256" {self.root}'
            ),
        }
        for place in (self.programs, self.system, self.runtime):
            place.mkdir()
        (folder / "node.json").write_text(json.dumps(NODE))
        for source in (*SCRIPTS.glob("*.sh"), *CLOUD.glob("*.sh"), *CLOUD.glob("*.py")):
            self.copy(source, source.name)
        self.copy(CLOUD.with_suffix(".sh"), "cloud.sh")
        self.stub("systemctl", f'echo "$@" >>{folder}/systemctl')

    def copy(self, source: Path, name: str) -> None:
        """Lay a script down, with this machine's places in place of a node's."""
        text = source.read_text()
        for old, new in self.replaced.items():
            text = text.replace(old, new)
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def replace(self, **texts: str) -> None:
        """Replace what the node's JSON file says."""
        (self.folder / "node.json").write_text(json.dumps(NODE | texts))

    def stub(self, name: str, text: str) -> None:
        """Put a program of that name first on the path."""
        (self.system / name).write_text(f"#!/bin/bash\n{text}\n")
        (self.system / name).chmod(0o755)

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Run a script of the node's."""
        # Each wait of `retry` is counted, not waited for.
        self.stub("sleep", 'echo "slept $1" >&2')
        path = f"{self.system}:{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.run(
            ["bash", self.programs / script, *arguments],
            env={"PATH": path, "HOME": str(self.folder)} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def cloud(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Run cloud.sh."""
        return self.run("cloud.sh", *arguments, **environment)


@pytest.fixture
def served():
    with serving() as found:
        yield found


@pytest.fixture
def account(served):
    return served[1]


@pytest.fixture
def node(served, tmp_path):
    return Node(tmp_path, served[0])


def test_a_secret_comes_from_secrets_manager_as_it_is(node, account):
    account.secrets["test-1a2b3c4d/known"] = "line one\nline two"
    found = node.cloud("secret", "known")

    assert (found.returncode, found.stdout, found.stderr) == (0, "line one\nline two", "")
    assert account.asked == [("GetSecretValue", {"SecretId": "test-1a2b3c4d/known"})]
    assert account.unsigned == [], "every call is signed by the role, every look-up has a token"


def test_a_denial_is_said_in_the_clouds_words_and_without_a_secret(node, account):
    account.secrets["test-1a2b3c4d/known"] = "precious"
    account.denied.add("GetSecretValue")
    found = node.cloud("secret", "known")

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.endswith(
        "secret: An error occurred (AccessDeniedException) when calling the GetSecretValue "
        "operation: User: arn:aws:sts::123456789012:assumed-role/test-web/i-0123456789abcdef0 is "
        "not authorized to perform: secretsmanager:GetSecretValue because no identity-based "
        "policy allows the secretsmanager:GetSecretValue action\n"
    )
    assert not [word for word in (SECRET_KEY, SESSION, TOKEN, "precious") if word in found.stderr]


def test_environment_and_files_of_the_machine_decide_nothing(node, account, tmp_path):
    account.secrets["test-1a2b3c4d/known"] = "value"
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = other\naws_secret_access_key = other\n"
    )
    found = node.cloud(
        "secret",
        "known",
        AWS_ACCESS_KEY_ID="other",
        AWS_SECRET_ACCESS_KEY="other",
        AWS_PROFILE="other",
        AWS_EC2_METADATA_DISABLED="true",
        HTTP_PROXY="http://127.0.0.1:9",
        HTTPS_PROXY="http://127.0.0.1:9",
        http_proxy="http://127.0.0.1:9",
    )

    assert (found.stdout, found.stderr, account.unsigned) == ("value", "", [])


def test_a_machine_without_a_role_says_so(node, account):
    del account.metadata["iam/security-credentials/"]
    found = node.cloud("secret", "known")

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.endswith("secret: Unable to locate credentials\n")


def test_the_database_token_is_a_url_that_the_role_signed(node, account):
    token = node.cloud("database-token").stdout
    url = urlsplit(f"https://{token}")

    assert (url.hostname, url.port) == ("db.example", 5432)
    query = {name: value for name, [value] in parse_qs(url.query).items()}
    assert (query["Action"], query["DBUser"]) == ("connect", "operationalization_migrator")
    assert query["X-Amz-Expires"] == "900"
    assert presigned(f"https://{token}", "rds-db")
    assert not presigned(f"https://{token}".replace("migrator", "owner"), "rds-db")


def test_the_databases_first_login_is_asked_for_by_its_own_name(node, account):
    account.secrets["arn:of-the-bootstrap"] = '{"username": "a", "password": "b"}'

    assert node.cloud("database-bootstrap").stdout == '{"username": "a", "password": "b"}'


@pytest.mark.parametrize("state", ["InService", "Detached", None])
def test_a_machine_that_goes_on_has_no_notice(state, node, account):
    if state:
        account.metadata["autoscaling/target-lifecycle-state"] = state
    else:
        del account.metadata["autoscaling/target-lifecycle-state"]
    found = node.cloud("notices")

    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_the_end_of_the_machine_is_a_notice_that_is_acknowledged(node, account):
    account.metadata["autoscaling/target-lifecycle-state"] = "Terminated"
    account.hooks.add("draining")

    assert node.cloud("notices").stdout == "Terminated\n"
    assert node.cloud("acknowledge", "Terminated").returncode == 0
    [(action, asked)] = account.asked
    assert action == "CompleteLifecycleAction"
    assert (asked["LifecycleHookName"], asked["LifecycleActionResult"]) == ("draining", "CONTINUE")
    assert (asked["AutoScalingGroupName"], asked["InstanceId"]) == (GROUP, INSTANCE)
    assert account.hooks == set()


def test_a_metadata_service_that_refuses_is_no_machine_that_goes_on(node):
    node.copy(CLOUD.with_suffix(".sh"), "cloud.sh")
    text = (node.programs / "cloud.sh").read_text()
    # Version 1, which a node may not use.
    (node.programs / "cloud.sh").write_text(text.replace("X-aws-ec2-metadata-token:", "X-none:"))
    found = node.cloud("notices")

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.endswith(
        "the metadata service answered 401 for autoscaling/target-lifecycle-state\n"
    )


def test_a_ready_node_lets_its_group_go_on(node, account):
    account.hooks.add("serving")
    found = node.cloud("ready")

    assert (found.returncode, found.stderr) == (0, "")
    assert account.hooks == set()


def test_a_ready_node_that_nobody_waits_for_is_no_failure(node, account):
    found = node.cloud("ready")

    assert (found.returncode, found.stderr) == (0, f"{GROUP} does not wait for serving\n")


def test_scripts_complete_the_hooks_that_groups_have():
    text = CLOUD.with_suffix(".sh").read_text()

    assert f"readonly SERVING={scaling_group.SERVING} DRAINING={scaling_group.DRAINING}\n" in text


def test_a_group_that_may_not_be_told_is_a_failure(node, account):
    account.hooks.add("serving")
    account.denied.add("CompleteLifecycleAction")
    found = node.cloud("ready")

    assert found.returncode == 1
    assert "(AccessDenied) when calling the CompleteLifecycleAction operation" in found.stderr
    assert account.hooks == {"serving"}


def test_a_group_whose_name_is_not_known_yet_is_a_failure(node, account):
    del account.metadata["tags/instance/aws:autoscaling:groupName"]
    found = node.cloud("ready")

    assert found.returncode == 1
    assert found.stderr.endswith(
        "failed: the tag that names this machine's group is not there yet\n"
    )


def test_a_machine_of_its_own_has_nobody_to_tell(node, account):
    del account.metadata["tags/instance/aws:autoscaling:groupName"]
    del account.metadata["autoscaling/target-lifecycle-state"]
    found = [node.cloud(*call) for call in (["ready"], ["unhealthy"], ["acknowledge", "x"])]

    assert [each.returncode for each in found] == [0, 0, 0]
    assert found[0].stderr.endswith("this machine belongs to no group: nobody to tell\n")
    assert account.asked == []


def test_an_unknown_question_says_what_may_be_asked(node):
    found = node.cloud("everything")

    assert found.returncode == 1
    assert found.stderr.endswith(
        "failed: usage: cloud.sh secret NAME | database-token | database-bootstrap | bundle | "
        "notices | acknowledge EVENT | ready | unhealthy\n"
    )


def unpacked(node):
    return sorted(path.name for path in node.root.rglob("*") if path.is_file())


def test_the_bundle_is_fetched_verified_and_unpacked_once(node, account):
    account.objects["artifacts/the-key"] = BUNDLE.content
    first = node.run("fetch-bundle.sh")

    assert first.returncode == 0, first.stdout
    assert {"configure.sh", "role.sh", "operationalization-loader.service"} <= set(unpacked(node))
    assert (node.folder / "systemctl").read_text() == "daemon-reload\n"
    assert node.log.read_text() == first.stdout
    assert first.stdout.endswith(f"unpacked bundle {BUNDLE.sha256}\n")

    account.objects.clear()
    before = {path: path.stat().st_mtime_ns for path in node.root.rglob("*")}
    second = node.run("fetch-bundle.sh")
    assert second.returncode == 0
    assert second.stdout.endswith(f"the files of bundle {BUNDLE.sha256} are there\n")
    assert {path: path.stat().st_mtime_ns for path in node.root.rglob("*")} == before


def test_a_bundle_with_another_hash_is_not_unpacked(node, account):
    account.objects["artifacts/the-key"] = bundle(recipe_of("web", "aws"), "aws").content
    found = node.run("fetch-bundle.sh")

    assert found.returncode == 1
    assert re.search(r"refused: its sha256 is [0-9a-f]{64}, not " + BUNDLE.sha256, found.stdout)
    assert found.stdout.endswith("s3://artifacts/the-key is not what the user data names\n")
    assert unpacked(node) == []
    assert not (node.folder / "lib" / "bundle").exists()


def hurried(node):
    """Patience of a moment, so that a failure is not waited for."""
    text = (node.programs / "fetch-bundle.sh").read_text().replace("retry 600", "retry 0")
    (node.programs / "fetch-bundle.sh").write_text(text)


def test_a_bundle_that_breaks_off_is_not_unpacked(node, account):
    account.objects["artifacts/the-key"] = BUNDLE.content
    account.cut_short = True
    hurried(node)
    found = node.run("fetch-bundle.sh")

    assert found.returncode == 1
    assert "object: " in found.stdout
    assert found.stdout.endswith(
        "s3://artifacts/the-key could not be fetched; the lines above say why\n"
    )
    assert unpacked(node) == []


def test_a_bundle_that_may_not_be_read_yet_is_tried_again(node, account):
    account.objects["artifacts/the-key"] = BUNDLE.content
    account.denied.add("GetObject")
    account.denials = 2
    found = node.run("fetch-bundle.sh")

    assert found.returncode == 0
    assert found.stdout.count("(AccessDenied) when calling the GetObject operation") == 2
    assert found.stdout.count("slept") == 2


BUNDLE_PATH = "/eu-central-1/eu-central-1-bundle.pem"


@pytest.fixture
def authorities(tmp_path):
    """Two certificates in one text, with a remark before each, as Amazon's bundles have."""
    texts = []
    for name in ("one", "two"):
        made = subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-keyout", "/dev/null", "-subj", f"/CN={name}"],
            check=True,
            capture_output=True,
            text=True,
        )
        texts.append(f"# {name}\n{made.stdout}")
    return "".join(texts)


@pytest.fixture
def trusting(served, tmp_path):
    """A node whose trust store is a folder of the test."""
    local, store = tmp_path / "local", tmp_path / "store.crt"
    local.mkdir()
    node = Node(tmp_path, served[0])
    node.replaced |= {
        "https://truststore.pki.rds.amazonaws.com": served[0],
        "/usr/local/share/ca-certificates": str(local),
        "/etc/ssl/certs/ca-certificates.crt": str(store),
        "retry 600": "retry 0",
    }
    node.copy(CLOUD / "trust-database.sh", "trust-database.sh")
    node.stub("update-ca-certificates", f"cat {local}/*.crt >{store}.new; mv {store}.new {store}")
    node.local, node.store = local, store
    return node


def test_the_regions_authorities_are_trusted_each_in_a_file_of_its_own(
    trusting, account, authorities
):
    account.public[BUNDLE_PATH] = authorities.encode()
    found = trusting.run("trust-database.sh")

    assert found.returncode == 0, found.stdout
    assert found.stdout.endswith("trusting 2 authorities of databases in eu-central-1\n")
    assert sorted(path.name for path in trusting.local.iterdir()) == ["rds-001.crt", "rds-002.crt"]
    assert trusting.store.read_text().count("BEGIN CERTIFICATE") == 2

    account.public.clear()
    second = trusting.run("trust-database.sh")
    assert second.returncode == 0
    assert second.stdout.endswith("the authorities of the region's databases are trusted\n")


def test_a_machine_with_a_database_of_its_own_trusts_nobody_for_it(trusting, account):
    trusting.replace(egress="none", database={"host": ""})
    found = trusting.run("trust-database.sh")

    assert found.returncode == 0, found.stdout
    assert "there is no authority to trust for it" in found.stdout
    assert list(trusting.local.iterdir()) == []


def test_a_trust_store_that_was_not_renewed_is_renewed_at_the_next_boot(
    trusting, account, authorities
):
    account.public[BUNDLE_PATH] = authorities.encode()
    trusting.stub("update-ca-certificates", "exit 1")
    cut_short = trusting.run("trust-database.sh")
    trusting.stub("update-ca-certificates", f"cat {trusting.local}/*.crt >{trusting.store}")
    found = trusting.run("trust-database.sh")

    assert (cut_short.returncode, found.returncode) == (1, 0)
    assert trusting.store.read_text().count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize(
    "content", [b"<html>log in first</html>", b"-----BEGIN CERTIFICATE-----\nno\n"]
)
def test_what_is_no_certificate_is_not_trusted(content, trusting, account):
    account.public[BUNDLE_PATH] = content
    found = trusting.run("trust-database.sh")

    assert found.returncode == 1
    assert "is not a bundle of certificates\n" in found.stdout
    assert list(trusting.local.iterdir()) == []


def test_a_bundle_of_authorities_out_of_reach_is_a_failure(trusting):
    found = trusting.run("trust-database.sh")

    assert found.returncode == 1
    assert "the authorities of the region's databases could not be fetched from " in found.stdout


def test_without_egress_the_image_must_have_the_authorities(trusting):
    trusting.replace(egress="none")
    found = trusting.run("trust-database.sh")

    assert found.returncode == 1
    assert found.stdout.endswith(
        f"the image lacks the authorities of the region's databases ({trusting.local}/rds-*.crt) "
        "and access.egress is none: use an image that has them\n"
    )


def test_a_ready_node_is_announced_and_looked_after(node, account):
    account.hooks.add("serving")
    node.log.parent.mkdir()
    found = node.run("announce.sh")

    assert found.returncode == 0
    assert account.hooks == set()
    assert (node.folder / "systemctl").read_text() == (
        "enable --quiet --now operationalization-health.timer\n"
    )


@pytest.fixture
def checked(node, account):
    """Checks a node's health in a state, with or without an answer from its live path."""

    def check(state, *, live):
        if state:
            (node.runtime / "state.map").write_text(f"state {state}\n")
        # Only the live path is pretended: cloud.sh asks with curl too.
        node.stub(
            "curl", f'[[ "$*" != *localhost* ]] || exit {0 if live else 7}; /usr/bin/curl "$@"'
        )
        found = node.run("check-health.sh")
        assert found.returncode == 0
        return [action for action, _ in account.asked]

    return check


@pytest.mark.parametrize("state", ["ready", "failed"])
def test_a_node_whose_processes_are_down_for_three_checks_is_replaced(state, checked, account):
    assert checked(state, live=False) == []
    assert checked(state, live=False) == []
    assert checked(state, live=False) == ["SetInstanceHealth"]
    [(_, asked)] = account.asked
    assert (asked["InstanceId"], asked["HealthStatus"]) == (INSTANCE, "Unhealthy")
    assert asked["ShouldRespectGracePeriod"] == "true"


def test_a_node_that_recovers_begins_anew(checked):
    checked("ready", live=False)
    checked("ready", live=False)
    checked("ready", live=True)

    assert checked("ready", live=False) == []


@pytest.mark.parametrize("state", ["starting", "draining", None])
def test_a_node_that_starts_or_drains_is_left_alone(state, checked):
    for _ in range(4):
        assert checked(state, live=False) == []
