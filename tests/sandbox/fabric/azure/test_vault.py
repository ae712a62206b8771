import time

import httpx
import pytest

from sandbox.control.world import TENANT
from tests.sandbox.fabric.azure.conftest import COMPUTE, VALUE, VAULT_ADDRESS

READER = "21090545-7ca7-4776-b22c-e363652d74d2"


@pytest.fixture
def principal(running):
    return running.site.web_identity.outputs["principalId"]


@pytest.fixture
def secret(running):
    return running.site.cloud.secret("admin", contentType="text/plain")


@pytest.fixture
def allowed(running, secret, principal):
    return running.site.cloud.assign(secret.id, principal)


@pytest.fixture
def everything(running, principal):
    return running.site.cloud.assign(running.site.vault.id, principal)


def error(answer):
    return answer.status_code, answer.json()["error"]["code"]


# Who may read.


def test_a_secret_is_given_to_who_may_read_it(running, secret, allowed):
    answer = running.vault("secrets/admin", running.token())

    assert answer.status_code == 200
    found = answer.json()
    assert found["value"] == VALUE
    assert found["id"] == secret.outputs["properties"]["secretUriWithVersion"]
    assert found["contentType"] == "text/plain"
    assert found["attributes"]["enabled"] is True
    assert found["attributes"]["recoveryLevel"] == "Recoverable+Purgeable"
    assert answer.headers["cache-control"] == "no-cache"


def test_a_caller_without_permission_gets_azures_denial(running, secret, principal):
    answer = running.vault("secrets/admin", running.token())

    assert answer.status_code == 403
    found = answer.json()["error"]
    assert (found["code"], found["innererror"]) == ("Forbidden", {"code": "ForbiddenByRbac"})
    assert found["message"].startswith("Caller is not authorized to perform action on resource.")
    assert f"oid={principal};" in found["message"]
    assert "Microsoft.KeyVault/vaults/secrets/getSecret/action" in found["message"]
    assert VALUE not in answer.text


def test_a_change_of_an_assignment_holds_at_the_next_request(running, allowed):
    token = running.token()
    assert running.vault("secrets/admin", token).status_code == 200

    running.site.cloud.delete(allowed)

    assert running.vault("secrets/admin", token).status_code == 403


def test_the_other_nodes_identity_may_not(running, allowed):
    assert running.vault("secrets/admin", running.token(source=COMPUTE)).status_code == 403


def test_who_may_not_read_a_secret_does_not_learn_whether_there_is_one(running, allowed):
    assert error(running.vault("secrets/unknown", running.token())) == (403, "Forbidden")


def test_access_policies_decide_where_roles_do_not(running, secret, principal):
    running.site.cloud.force(running.site.vault, at="enableRbacAuthorization", value=False)
    denied = running.vault("secrets/admin", running.token())
    policy = {"objectId": principal, "permissions": {"secrets": ["get"]}}
    vault = running.site.cloud.find(running.site.vault.id)
    running.site.cloud.force(vault, at="accessPolicies", value=[policy])

    assert denied.json()["error"]["innererror"] == {"code": "ForbiddenByPolicy"}
    assert running.vault("secrets/admin", running.token()).json()["value"] == VALUE
    assert running.vault("secrets", running.token()).status_code == 403


# Tokens.


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Bearer"},
    ],
    ids=str,
)
def test_without_a_token_the_caller_is_told_where_to_get_one(running, allowed, headers):
    answer = running.vault("secrets/admin", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == (
        f'Bearer authorization="https://login.windows.net/{TENANT}", '
        'resource="https://vault.azure.net"'
    )
    assert answer.json() == {
        "error": {
            "code": "Unauthorized",
            "message": "AKV10000: Request is missing a Bearer or PoP token.",
        }
    }


def test_a_token_for_something_else_is_refused(running, allowed):
    answer = running.vault("secrets/admin", running.token("https://management.azure.com"))

    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == (
        "AKV10022: Invalid audience. Expected https://vault.azure.net, found: "
        "https://management.azure.com."
    )
    assert "www-authenticate" in answer.headers


def test_a_token_that_is_none_is_refused_and_not_repeated(running, allowed):
    answer = running.vault("secrets/admin", "abc.def.ghi")

    assert answer.status_code == 401
    assert "abc.def" not in answer.text


def test_a_token_that_was_changed_is_refused(running, allowed):
    head, body, signature = running.token().split(".")
    middle = "A" if signature[50] != "A" else "B"
    changed = ".".join([head, body, signature[:50] + middle + signature[51:]])

    assert running.vault("secrets/admin", changed).status_code == 401


# Requests.


def test_a_version_of_a_secret_can_be_named(running, secret, allowed):
    version = secret.outputs["properties"]["secretUriWithVersion"].rpartition("/")[2]
    token = running.token()

    assert running.vault(f"secrets/admin/{version}", token).json()["value"] == VALUE
    assert error(running.vault("secrets/admin/0123", token)) == (404, "SecretNotFound")


def test_a_new_value_is_read_at_once(running, secret, allowed):
    token = running.token()
    running.site.cloud.update(secret, properties={"value": "another"})

    assert running.vault("secrets/admin", token).json()["value"] == "another"


def test_names_are_compared_without_case_and_a_slash_counts_for_nothing(running, allowed):
    assert running.vault("Secrets/ADMIN/", running.token()).status_code == 200


@pytest.mark.parametrize("path", ["unknown", "admin/x/y"])
def test_what_is_not_there_is_not_found(running, secret, everything, path):
    assert running.vault(f"secrets/{path}", running.token()).status_code == 404


def test_a_missing_secret_has_azures_words(running, everything):
    answer = running.vault("secrets/unknown", running.token())

    assert error(answer) == (404, "SecretNotFound")
    expected = "A secret with (name/id) unknown was not found in this key vault."
    assert answer.json()["error"]["message"].startswith(expected)


def test_a_disabled_secret_is_refused(running, everything):
    running.site.cloud.secret("off", attributes={"enabled": False})
    answer = running.vault("secrets/off", running.token())

    assert answer.json() == {
        "error": {
            "code": "Forbidden",
            "message": "Operation get is not allowed on a disabled secret.",
            "innererror": {"code": "SecretDisabled"},
        }
    }


def test_one_that_has_expired_is_given_as_azure_does(running, everything):
    running.site.cloud.secret("old", attributes={"expires": int(time.time()) - 60})
    answer = running.vault("secrets/old", running.token())

    assert answer.json()["attributes"]["exp"] < time.time()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "api-version must be specified"),
        ("?api-version=", "api-version must be specified"),
        ("?api-version=9.9", "not recognized"),
        ("?api-version=7.4&api-version=7.4", "there twice"),
        ("?api-version=%ff", "can't be read"),
    ],
)
def test_a_version_of_the_interface_is_required(running, allowed, query, words):
    answer = running.vault("secrets/admin", running.token(), query=query)

    assert error(answer) == (400, "BadParameter")
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["a_b", "..", "a%2fb", "x" * 128, "%00", "%0d%0a"])
def test_a_name_that_is_none_is_refused(running, everything, name):
    answer = running.vault(f"secrets/{name}", running.token())

    assert answer.status_code in (400, 404)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST"])
def test_writing_is_refused_with_what_to_do(running, allowed, method):
    answer = running.vault("secrets/admin", running.token(), method=method)

    assert error(answer) == (405, "MethodNotAllowed")
    assert "azure-native:keyvault:Secret" in answer.json()["error"]["message"]
    assert running.vault("secrets/admin", running.token()).json()["value"] == VALUE


@pytest.mark.parametrize("path", ["keys/admin", "certificates/admin", "deletedsecrets", ""])
def test_other_things_of_a_vault_are_refused_by_name(running, everything, path):
    answer = running.vault(path, running.token())

    assert answer.status_code == 404
    assert "the sandbox emulates secrets" in answer.json()["error"]["message"]


# Lists.


def test_the_list_has_all_secrets_and_no_value(running, everything, secret):
    running.site.cloud.secret("other", "hidden-value")
    answer = running.vault("secrets", running.token())

    names = [each["id"].rpartition("/")[2] for each in answer.json()["value"]]
    assert names == ["admin", "other"]
    assert answer.json()["nextLink"] is None
    assert VALUE not in answer.text
    assert "hidden-value" not in answer.text


def test_a_long_list_comes_in_pages(running, everything):
    for index in range(5):
        running.site.cloud.secret(f"s{index}")
    path, query, names = "secrets", "?api-version=7.4&maxresults=2", []
    while query:
        answer = running.vault(path, running.token(), query=query).json()
        names += [each["id"].rpartition("/")[2] for each in answer["value"]]
        query = "?" + answer["nextLink"].partition("?")[2] if answer["nextLink"] else ""

    assert names == [f"s{index}" for index in range(5)]


@pytest.mark.parametrize("more", ["maxresults=0", "maxresults=26", "maxresults=x", "$skiptoken=é"])
def test_a_bad_page_is_refused(running, everything, more):
    answer = running.vault("secrets", running.token(), query=f"?api-version=7.4&{more}")

    assert error(answer) == (400, "BadParameter")


def test_a_permission_for_one_secret_is_none_for_the_list(running, allowed):
    assert running.vault("secrets", running.token()).status_code == 403
    versions = running.vault("secrets/admin/versions", running.token())
    assert len(versions.json()["value"]) == 1
    assert VALUE not in versions.text


def test_a_reader_lists_and_does_not_read(running, secret, principal):
    running.site.cloud.assign(running.site.vault.id, principal, READER)

    assert running.vault("secrets", running.token()).status_code == 200
    assert running.vault("secrets/admin", running.token()).status_code == 403


# The endpoint.


def test_a_vault_that_was_deleted_gives_nothing(running, secret, everything):
    running.site.cloud.delete(running.site.vault)

    assert error(running.vault("secrets/admin", running.token())) == (404, "VaultNotFound")


def test_another_vaults_name_is_refused_in_the_handshake(running, allowed):
    with pytest.raises(httpx.ConnectError):
        running.vault("secrets/admin", running.token(), sni="another.vault.azure.net")


def test_another_vaults_host_is_refused(running, allowed):
    headers = {"Host": "another.vault.azure.net"}
    answer = running.vault("secrets/admin", running.token(), headers=headers)

    assert error(answer) == (400, "BadRequest")


def test_a_client_that_does_not_trust_the_authority_refuses(running, allowed):
    port = running.networks.port(str(VAULT_ADDRESS), 443)

    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://127.0.0.1:{port}/secrets/admin")


def test_the_certificate_is_for_the_vaults_public_names(running):
    assert running.authority.issued == [
        ("models-abc123.vault.azure.net", "models-abc123.vaultcore.azure.net")
    ]
    answer = running.vault(
        "secrets",
        sni="models-abc123.vaultcore.azure.net",
        headers={"Host": "models-abc123.vaultcore.azure.net"},
    )
    assert answer.status_code == 401
