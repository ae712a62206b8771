from dataclasses import replace

import pytest

from sandbox.control.azure.key_vaults import purge
from sandbox.control.kinds import CloudError
from tests.support.world import PRINCIPAL, SUBSCRIPTION, TENANT, RefusedError, problems

CLOSED = {
    "tenantId": TENANT,
    "sku": {"family": "A", "name": "standard"},
    "enableRbacAuthorization": True,
    "publicNetworkAccess": "Disabled",
}
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
ROLES = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"


def vault(world, name="models-abc123", **properties):
    return world.create("keyvault:Vault", vaultName=name, properties={**CLOSED, **properties})


def secret(world, name="admin", vault_name="models-abc123", **properties):
    return world.create(
        "keyvault:Secret",
        vaultName=vault_name,
        secretName=name,
        properties={"value": "s3cret", **properties},
    )


def test_a_vault_answers_at_its_own_address(world):
    made = vault(world)

    assert made.outputs["properties"]["vaultUri"] == "https://models-abc123.vault.azure.net/"
    assert made.outputs["properties"]["softDeleteRetentionInDays"] == 90


def test_a_secret_has_a_version_that_changes_with_it(world):
    vault(world)
    made = secret(world)
    same = world.update(made, tags={"a": "b"})
    other = world.update(made, properties={"value": "another"})

    uri = "https://models-abc123.vault.azure.net/secrets/admin"
    versions = [
        r.outputs["properties"]["secretUriWithVersion"].removeprefix(uri + "/")
        for r in (made, same, other)
    ]
    assert made.outputs["properties"]["secretUri"] == uri
    assert versions[0] == versions[1] != versions[2]
    assert all(len(version) == 32 for version in versions)
    assert "value" not in made.outputs["properties"]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            {"softDeleteRetentionInDays": 6},
            "softDeleteRetentionInDays: must be 7 to 90, got 6 (BadRequest)",
        ),
        (
            {"enablePurgeProtection": False},
            (
                'enablePurgeProtection: The property "enablePurgeProtection" cannot be set to '
                "false. Enabling the purge protection for a vault is an irreversible action. "
                "Leave it out "
                "instead. (BadRequest)"
            ),
        ),
        (
            {"enableRbacAuthorization": False},
            (
                "enableRbacAuthorization: the sandbox does not emulate access policies: set it to "
                "true "
                "and assign roles"
            ),
        ),
    ],
)
def test_a_vault_that_azure_refuses(properties, expected):
    found = problems("keyvault:Vault", properties={**CLOSED, **properties})

    assert found == [f"properties.{expected}"]


def test_a_vault_belongs_to_the_tenant(world):
    with pytest.raises(RefusedError, match=f"is not the subscription's tenant, {TENANT}"):
        vault(world, tenantId="00000000-0000-0000-0000-000000000000")


def test_retention_is_decided_once(world):
    made = vault(world, softDeleteRetentionInDays=7)

    with pytest.raises(RefusedError) as refused:
        world.update(made, properties={**CLOSED, "softDeleteRetentionInDays": 30})

    assert str(refused.value) == (
        'properties.softDeleteRetentionInDays: The property "softDeleteRetentionInDays" has been '
        "set already and it can't be modified. (BadRequest)"
    )


def test_purge_protection_stays_on_when_it_is_left_out(world):
    made = vault(world, enablePurgeProtection=True)
    changed = world.update(made, properties=CLOSED)

    assert changed.outputs["properties"]["enablePurgeProtection"] is True


def test_vault_names_are_global(world):
    world.create("resources:ResourceGroup", resourceGroupName="other", location="westeurope")
    vault(world)

    with pytest.raises(RefusedError, match=r"The vault name 'models-abc123' is already in use\."):
        world.create(
            "keyvault:Vault",
            resourceGroupName="other",
            vaultName="models-abc123",
            properties=CLOSED,
        )


def test_a_deleted_vault_keeps_its_name_until_it_is_purged(world):
    world.delete(vault(world))

    with pytest.raises(RefusedError) as refused:
        vault(world)
    assert str(refused.value) == (
        "vaultName: A vault with the same name already exists in deleted state. You need to either "
        "recover or purge existing key vault. (ConflictError)"
    )

    purge("models-abc123", world)
    assert vault(world).outputs["properties"]["provisioningState"] == "Succeeded"


def test_purge_protection_forbids_the_purge(world):
    world.delete(vault(world, enablePurgeProtection=True))

    with pytest.raises(CloudError, match="vault models-abc123 has purge protection and goes on"):
        purge("models-abc123", world)


def test_recovery_brings_the_secrets_back(world):
    made = vault(world)
    kept = secret(world)
    world.delete(made)

    vault(world, createMode="recover")

    assert world.find(kept.id).inputs["properties"]["value"] == "s3cret"


def test_there_must_be_something_to_recover(world):
    with pytest.raises(RefusedError, match=r"There is no deleted vault .*models-abc123 to recover"):
        vault(world, createMode="recover")


def test_a_secret_of_a_closed_vault_cannot_be_deleted_by_itself(world):
    vault(world)
    made = secret(world)

    with pytest.raises(CloudError) as refused:
        world.delete(made)

    assert refused.value.message == (
        "Public network access is disabled and request is not from a trusted service nor via an "
        "approved private link. Vault: models-abc123; secret: admin. Secrets of a closed vault go "
        "with the vault: set retain_on_delete on them."
    )


def test_a_deleted_secret_keeps_its_name(world):
    vault(world, publicNetworkAccess="Enabled")
    world.delete(secret(world))

    with pytest.raises(RefusedError) as refused:
        secret(world)

    assert str(refused.value) == (
        "secretName: Secret admin is currently in a deleted but recoverable state, and its name "
        "cannot be reused; in this state, the secret can only be recovered or purged. "
        "(ObjectIsDeletedButRecoverable)"
    )


def test_a_secret_holds_25_kilobytes():
    assert problems("keyvault:Secret", properties={"value": "x" * 25600}) == []
    assert problems("keyvault:Secret", properties={"value": "x" * 25601}) == [
        "properties.value: has 25601 bytes; a secret holds up to 25600 (BadParameter)"
    ]


@pytest.fixture
def reader(world):
    return world.create("managedidentity:UserAssignedIdentity", resourceName="web")


def assign(world, scope, principal, name="11111111-1111-4111-8111-111111111111", role=None):
    return world.create(
        "authorization:RoleAssignment",
        roleAssignmentName=name,
        scope=scope,
        principalId=principal,
        principalType="ServicePrincipal",
        roleDefinitionId=f"{ROLES}/{role or SECRETS_USER}",
    )


def test_an_identity_may_read_one_secret(world, reader):
    vault(world)
    made = assign(world, secret(world).id, reader.outputs["principalId"])

    assert made.id.startswith(f"{world.find(made.inputs['scope']).id}/providers/")
    assert made.outputs["createdBy"] == PRINCIPAL


def test_an_assignment_exists_once(world, reader):
    vault(world)
    scope = secret(world).id
    assign(world, scope, reader.outputs["principalId"])

    with pytest.raises(RefusedError) as refused:
        assign(
            world,
            scope,
            reader.outputs["principalId"],
            name="22222222-2222-4222-8222-222222222222",
        )

    assert str(refused.value) == (
        ": The role assignment already exists. The ID of the conflicting role assignment is "
        "11111111111141118111111111111111. (RoleAssignmentExists)"
    )


def test_an_assignment_needs_a_principal_and_a_role_that_exist(world):
    vault(world)
    unknown = "99999999-9999-4999-8999-999999999999"

    with pytest.raises(RefusedError) as refused:
        assign(world, secret(world).id, unknown, role=unknown)

    assert str(refused.value) == (
        f"roleDefinitionId: The specified role definition with ID '{unknown}' does not exist. "
        "(RoleDefinitionDoesNotExist)\n"
        f"principalId: Principal {unknown.replace('-', '')} does not exist in the directory "
        f"{TENANT}. Check that you have the correct principal ID. If you are creating this "
        "principal and then immediately assigning a role, this error might be related to a "
        "replication delay. (PrincipalNotFound)"
    )


def test_the_role_of_an_assignment_does_not_change(world, reader):
    vault(world)
    made = assign(world, secret(world).id, reader.outputs["principalId"])

    with pytest.raises(RefusedError, match="RoleAssignmentUpdateNotPermitted"):
        world.update(made, roleDefinitionId=f"{ROLES}/21090545-7ca7-4776-b22c-e363652d74d2")


def test_an_identity_made_again_is_somebody_else(world, reader):
    world.delete(reader)
    again = world.create("managedidentity:UserAssignedIdentity", resourceName="web")

    assert again.outputs["principalId"] != reader.outputs["principalId"]
    assert replace(again, outputs={}).id == reader.id
