from tests.support.aws import PREFIX, deployed, policies, world
from tests.support.azure import changed
from tests.support.cloud import Secret, World

SECRET = "aws:secretsmanager/secret:Secret"
VALUE = "aws:secretsmanager/secretVersion:SecretVersion"
KEY = "arn:aws:kms:eu-central-1:111122223333:Key/test-foundation-key"


def readable(deployment: World, role: str) -> list[str]:
    """Names of the secrets that nodes of a role may read."""
    reads, _ = policies(deployment, role)["reads-secrets"]
    assert reads["Action"] == ["secretsmanager:GetSecretValue"]
    return [arn.rpartition("/")[2] for arn in reads["Resource"]]


def test_secrets_are_named_like_those_of_one_vault_and_encrypted_with_our_key() -> None:
    found = world("dev-aws").of_type(SECRET)
    assert sorted(secret["name"] for secret in found.values()) == [
        f"{PREFIX}/admin-password",
        f"{PREFIX}/compute-server",
        f"{PREFIX}/database-api",
        f"{PREFIX}/database-loader",
        f"{PREFIX}/environment-ca",
        f"{PREFIX}/token-signing-key",
        f"{PREFIX}/web-client",
        f"{PREFIX}/web-server",
    ]
    assert {secret["kmsKeyId"] for secret in found.values()} == {KEY}


def test_deleted_secrets_of_production_can_be_brought_back() -> None:
    kept = deployed(changed("dev-aws", protection=True))
    assert {s["recoveryWindowInDays"] for s in kept.of_type(SECRET).values()} == {30}
    assert all(options.protect for options in kept.options_of(SECRET).values())


def test_a_throw_away_environment_can_be_made_anew_at_once() -> None:
    assert {s["recoveryWindowInDays"] for s in world("dev-aws").of_type(SECRET).values()} == {0}
    assert not any(options.protect for options in world("dev-aws").options_of(SECRET).values())


def test_each_role_reads_what_its_recipe_names_and_nothing_else() -> None:
    assert readable(world("dev-aws"), "web") == [
        "environment-ca",
        "web-server",
        "web-client",
        "token-signing-key",
        "admin-password",
        "database-api",
        "database-loader",
    ]
    assert readable(world("dev-aws"), "compute") == [
        "environment-ca",
        "compute-server",
        "database-loader",
    ]


def test_a_key_opens_secrets_only_through_their_service() -> None:
    for role in ("web", "compute"):
        _, decrypts = policies(world("dev-aws"), role)["reads-secrets"]
        assert decrypts == {
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": [KEY],
            "Condition": {
                "StringEquals": {"kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com"}
            },
        }


def test_no_password_of_the_databases_first_login_is_ours() -> None:
    assert not [name for name in world("dev-aws").of_type(SECRET) if "master" in name]
    passwords = world("dev-aws").of_type("random:index/randomPassword:RandomPassword")
    assert not [name for name in passwords if "master" in name]


def test_secrets_have_a_type_and_certificates_their_real_end() -> None:
    tags = {
        secret["name"].rpartition("/")[2]: (
            secret["tags"]["content-type"],
            secret["tags"].get("expires"),
        )
        for secret in world("dev-aws").of_type(SECRET).values()
    }
    end = "1830297600"
    assert tags == {
        "admin-password": ("text/plain", None),
        "compute-server": ("application/x-pem-file", end),
        "database-api": ("text/plain", None),
        "database-loader": ("text/plain", None),
        "environment-ca": ("application/x-pem-file", end),
        "token-signing-key": ("application/x-pem-file", None),
        "web-client": ("application/x-pem-file", end),
        "web-server": ("application/x-pem-file", end),
    }


def test_values_are_secret() -> None:
    values = world("dev-aws").of_type(VALUE)
    assert len(values) == 8
    assert all(isinstance(value["secretString"], Secret) for value in values.values())


def test_nodes_wait_until_their_secrets_have_values() -> None:
    options = world("dev-aws").options_of("operationalization:aws:NodeGroup")

    def waits_for(role: str) -> set[str]:
        return {urn.partition("::")[2] for urn in options[f"test-{role}-nodes"].depends_on}

    assert {
        "test-secrets-web-reads",
        "test-secrets-web-server-value",
        "test-secrets-database-api-value",
    } <= waits_for("web")
    assert {"test-secrets-compute-reads", "test-secrets-compute-server-value"} <= waits_for(
        "compute"
    )
    assert "test-secrets-admin-password-value" not in waits_for("compute")
