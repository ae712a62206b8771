"""What nodes on AWS hold: what test_secrets.py says of nodes on Azure, and AWS's own."""

import base64
import hashlib
import json

import pytest

from tests.end_to_end.test_secrets import (
    API,
    CLOUD,
    DATABASE,
    ask_database,
    compute,
    dev,
    first_boots,
    search,
    second_boots,
    test_a_client_refuses_a_database_that_proves_another_name,
    test_a_client_that_trusts_another_authority_refuses_the_database,
    test_a_node_fetches_its_own_secrets_and_no_others,
    test_a_node_received_the_user_data_that_the_engine_passed_byte_for_byte,
    test_a_second_boot_asks_the_database_for_no_migration,
    test_a_second_boot_changes_nothing_and_serves_again,
    test_every_unit_of_a_node_works,
    test_in_memory_secrets_lie_where_their_reader_looks_and_nobody_else,
    test_no_process_of_a_booting_node_shows_a_secret,
    test_no_secret_is_on_a_disk_in_a_log_or_in_what_anybody_is_shown,
    test_no_token_is_on_a_disk_or_in_a_log,
    test_only_the_web_nodes_identity_owns_the_database,
    test_the_database_refuses_clients_without_tls,
    test_the_search_finds_what_is_there,
    web,
)
from tests.support.live import Live
from tests.support.places import AWS, Place
from tests.support.searching import Search

__all__ = [
    "compute",
    "dev",
    "first_boots",
    "search",
    "second_boots",
    "test_a_client_refuses_a_database_that_proves_another_name",
    "test_a_client_that_trusts_another_authority_refuses_the_database",
    "test_a_node_fetches_its_own_secrets_and_no_others",
    "test_a_node_received_the_user_data_that_the_engine_passed_byte_for_byte",
    "test_a_second_boot_asks_the_database_for_no_migration",
    "test_a_second_boot_changes_nothing_and_serves_again",
    "test_every_unit_of_a_node_works",
    "test_in_memory_secrets_lie_where_their_reader_looks_and_nobody_else",
    "test_no_process_of_a_booting_node_shows_a_secret",
    "test_no_secret_is_on_a_disk_in_a_log_or_in_what_anybody_is_shown",
    "test_no_token_is_on_a_disk_or_in_a_log",
    "test_only_the_web_nodes_identity_owns_the_database",
    "test_the_database_refuses_clients_without_tls",
    "test_the_search_finds_what_is_there",
    "web",
]

pytestmark = [pytest.mark.engine, pytest.mark.root]

TRUST = {"sslmode": "verify-full", "sslrootcert": "/etc/ssl/certs/ca-certificates.crt"}
MIGRATOR = "operationalization_migrator"


@pytest.fixture(scope="module")
def place() -> Place:
    return AWS


def test_a_node_runs_the_bundle_that_its_user_data_names(dev: Live, web: str) -> None:
    node = json.loads(dev.on(web, "cat", "/etc/operationalization/node.json").stdout)
    (stored,) = [
        base64.b64decode(each["inputs"]["contentBase64"])
        for urn, each in dev.engine.resources(dev.stack).items()
        if "BucketObject" in urn and "web" in urn.rpartition("::")[2]
    ]

    unpacked = dev.on(web, "cat", "/var/lib/operationalization/bundle").stdout.strip()

    assert hashlib.sha256(stored).hexdigest() == node["bundle"]["sha256"] == unpacked


def test_the_masters_password_opens_nothing_after_the_first_boot(dev: Live, web: str) -> None:
    log_in = (
        'login=$("$0" database-bootstrap); jq -rj .password <<<"$login" |'
        ' python3 -c "$1" "$(jq -r .username <<<"$login")" - "" "$2"'
    )

    said = dev.on(web, "bash", "-c", log_in, CLOUD, DATABASE, json.dumps(TRUST)).stdout

    assert said.startswith("refused:")
    assert "authentication failed" in said
    assert ask_database(dev, web, API) == ["connected"], "but others are let in"


def test_a_token_that_a_compute_node_signs_for_the_migrator_opens_nothing(
    dev: Live, web: str, compute: str
) -> None:
    sign = (
        'cd "${0%/*}"; host=$(jq -r .database.host /etc/operationalization/node.json);'
        ' python3 -I signed_call.py "$(jq -r .region /etc/operationalization/node.json)"'
        ' database-token "$host" 5432 "$3" | python3 -c "$1" "$3" - "" "$2"'
    )
    command = ["bash", "-c", sign, CLOUD, DATABASE, json.dumps(TRUST), MIGRATOR]

    assert dev.on(web, *command).stdout == "connected\n"
    assert "authentication failed" in dev.on(compute, *command).stdout


def test_only_a_web_node_may_read_the_databases_first_login(
    dev: Live, web: str, compute: str
) -> None:
    node = json.loads(dev.on(web, "cat", "/etc/operationalization/node.json").stdout)
    program = f"{CLOUD.rpartition('/')[0]}/signed_call.py"
    ask = ("python3", "-I", program, node["region"], "secret", node["database"]["bootstrap"])

    assert "password" in json.loads(dev.on(web, *ask).stdout)
    denied = dev.on(compute, *ask, check=False)
    assert denied.returncode == 1
    assert "AccessDeniedException" in denied.stdout + denied.stderr


def test_the_metadata_service_answers_nobody_without_a_token(dev: Live, web: str) -> None:
    ask = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}")

    found = dev.on(web, *ask, "http://169.254.169.254/latest/meta-data/instance-id")

    assert found.stdout == "401"


def test_no_user_but_root_reaches_the_metadata_service(dev: Live, web: str) -> None:
    ask = "curl -s --max-time 3 http://169.254.169.254/latest/meta-data/"

    assert dev.on(web, "setpriv", "--reuid=65534", "bash", "-c", ask, check=False).returncode == 28


def test_what_a_node_cannot_get_is_said_without_a_secret(
    dev: Live, search: Search, compute: str
) -> None:
    done = dev.on(compute, CLOUD, "secret", "admin-password", check=False)
    said = done.stdout + done.stderr

    assert "AccessDeniedException" in said
    assert search.among(said.encode()) == set()
