from tests.support.azure import GROUP, changed, deployed, world
from tests.support.cloud import Secret, World

VAULT = "azure-native:keyvault:Vault"
SECRET = "azure-native:keyvault:Secret"
GRANT = "azure-native:authorization:RoleAssignment"


def readers(deployment: World) -> dict[str, list[str]]:
    """Names of the secrets that each principal may read."""
    found: dict[str, list[str]] = {}
    for grant in deployment.of_type(GRANT).values():
        secret = grant["scope"].rpartition("/")[2].removeprefix("test-secrets-")
        found.setdefault(grant["principalId"], []).append(secret)
    return found


def test_the_vault_is_closed_and_keeps_what_was_deleted() -> None:
    vault = world("azure-production").only(VAULT)
    assert vault["vaultName"] == "test-abc123"
    # The SDK fills in that machines and deployments cannot read from it either.
    assert vault["properties"] == {
        "enabledForDeployment": False,
        "enabledForDiskEncryption": False,
        "enabledForTemplateDeployment": False,
        "tenantId": "tenant",
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "enablePurgeProtection": True,
        "publicNetworkAccess": "Disabled",
        "networkAcls": {
            "bypass": "None",
            "defaultAction": "Deny",
            "ipRules": [],
            "virtualNetworkRules": [],
        },
    }
    assert world("azure-production").options_of(VAULT)["test-secrets-vault"].protect


def test_a_throw_away_environment_can_forget_its_vault() -> None:
    vault = world("dev").only(VAULT)
    assert vault["properties"]["softDeleteRetentionInDays"] == 7
    assert "enablePurgeProtection" not in vault["properties"]
    assert not world("dev").options_of(VAULT)["test-secrets-vault"].protect


def test_protection_may_change_and_the_retention_that_azure_fixed_stays() -> None:
    options = world("dev").options_of(VAULT)["test-secrets-vault"]
    assert options.ignore_changes == ("properties.softDeleteRetentionInDays",)


def test_each_role_reads_what_its_recipe_names_and_nothing_else() -> None:
    assert readers(world("dev")) == {
        "test-compute-identity-principal": [
            "compute-server",
            "database-loader",
            "environment-ca",
        ],
        "test-web-identity-principal": [
            "admin-password",
            "database-api",
            "database-loader",
            "environment-ca",
            "token-signing-key",
            "web-client",
            "web-server",
        ],
    }


def test_no_node_reads_the_database_master_password() -> None:
    assert "test-secrets-database-master" in world("dev").of_type(SECRET)
    assert not [names for names in readers(world("dev")).values() if "database-master" in names]


def test_a_grant_is_for_one_secret_and_one_built_in_role() -> None:
    grant = world("dev").of_type(GRANT)["test-secrets-compute-reads-environment-ca"]
    assert grant["scope"] == f"{GROUP}/providers/keyvault/Secret/test-secrets-environment-ca"
    assert grant["roleDefinitionId"] == (
        "/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Authorization"
        "/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6"
    )
    assert grant["principalType"] == "ServicePrincipal"


def test_grants_keep_their_names_and_differ() -> None:
    names = [grant["roleAssignmentName"] for grant in world("dev").of_type(GRANT).values()]
    again = deployed(changed("dev")).of_type(GRANT).values()
    assert names == [grant["roleAssignmentName"] for grant in again]
    assert len(set(names)) == len(names) == 10


def test_secrets_have_a_type_and_certificates_their_real_end() -> None:
    found = world("dev").of_type(SECRET)
    described = {
        secret["secretName"]: (
            secret["properties"]["contentType"],
            secret["properties"]["attributes"].get("expires"),
        )
        for secret in found.values()
    }
    end = 1830297600
    assert described == {
        "admin-password": ("text/plain", None),
        "compute-server": ("application/x-pem-file", end),
        "database-api": ("text/plain", None),
        "database-loader": ("text/plain", None),
        "database-master": ("text/plain", None),
        "environment-ca": ("application/x-pem-file", end),
        "token-signing-key": ("application/x-pem-file", None),
        "web-client": ("application/x-pem-file", end),
        "web-server": ("application/x-pem-file", end),
    }


def test_values_are_secret_and_stay_with_the_vault() -> None:
    for name, secret in world("dev").of_type(SECRET).items():
        assert isinstance(secret["properties"]["value"], Secret)
        assert world("dev").options_of(SECRET)[name].retain_on_delete
