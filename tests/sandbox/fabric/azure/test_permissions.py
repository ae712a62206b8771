import pytest

from sandbox.control import ids
from sandbox.control.azure.authorization import BUILT_IN_ROLES
from sandbox.control.world import SUBSCRIPTION
from sandbox.fabric.azure.permissions import (
    BUILT_IN_DATA_ACTIONS,
    GET_SECRET,
    READ_METADATA,
    allowed,
    allowed_by_policy,
)
from tests.sandbox.fabric.azure.conftest import SECRETS_USER

IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
READER = "21090545-7ca7-4776-b22c-e363652d74d2"
OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
CRYPTO_USER = "12338af0-0e69-4776-bea7-57ae8d297424"


@pytest.fixture
def secret(cloud):
    return cloud.secret("admin")


@pytest.fixture
def web(cloud):
    return cloud.get(f"{IDENTITIES}/web-id").outputs["principalId"]


def may(cloud, principal, secret, action=GET_SECRET):
    return allowed(cloud.world, principal, secret.id, action)


def test_without_an_assignment_nobody_may(cloud, secret, web):
    assert not may(cloud, web, secret)


@pytest.mark.parametrize("levels", [0, 1, 2, 3], ids=["secret", "vault", "group", "subscription"])
def test_an_assignment_holds_at_its_scope_and_below(cloud, secret, web, levels):
    scope = [secret.id, *ids.ancestors(secret.id)][levels]
    assert levels < 3 or scope == f"/subscriptions/{SUBSCRIPTION}"
    made = cloud.assign(scope, web)

    assert may(cloud, web, secret)
    assert may(cloud, web.upper(), secret)

    cloud.delete(made)
    assert not may(cloud, web, secret)


def test_it_holds_neither_beside_nor_above_nor_for_others(cloud, secret, web):
    other = cloud.secret("other")
    compute = cloud.get(f"{IDENTITIES}/compute-id").outputs["principalId"]
    cloud.assign(secret.id, web)

    assert not may(cloud, web, other)
    assert not allowed(cloud.world, web, ids.parent_of(secret.id), READ_METADATA)
    assert not may(cloud, compute, secret)


@pytest.mark.parametrize(
    ("role", "reads", "lists"),
    [
        (SECRETS_USER, True, True),
        (OFFICER, True, True),
        (ADMINISTRATOR, True, True),
        (READER, False, True),
        (CRYPTO_USER, False, False),
        (OWNER, False, False),
    ],
)
def test_a_role_allows_what_azure_says(cloud, secret, web, role, reads, lists):
    cloud.assign(secret.id, web, role)

    assert may(cloud, web, secret) is reads
    assert may(cloud, web, secret, READ_METADATA) is lists


@pytest.mark.parametrize("action", ["Microsoft.KeyVault/vaults/keys/sign/action", "*", ""])
def test_a_role_for_secrets_allows_nothing_else(cloud, secret, web, action):
    cloud.assign(secret.id, web)

    assert not may(cloud, web, secret, action)


def definition(cloud, **permission):
    return cloud.create(
        "authorization:RoleDefinition",
        "own",
        scope=cloud.group.id,
        roleName="Own reader",
        roleType="CustomRole",
        assignableScopes=[cloud.group.id],
        permissions=[{"actions": [], **permission}],
        roleDefinitionId="77777777-7777-4777-8777-777777777777",
    )


@pytest.mark.parametrize(
    ("data_actions", "not_data_actions", "expected"),
    [
        (["Microsoft.KeyVault/vaults/secrets/*"], [], True),
        (["microsoft.keyvault/vaults/*/ACTION"], [], True),
        (["*"], [GET_SECRET], False),
        (["Microsoft.KeyVault/vaults/secrets/readMetadata/action"], [], False),
        (["Microsoft.KeyVault.vaults.secrets.getSecret.action"], [], False),
        ([], [], False),
    ],
)
def test_a_custom_role_allows_its_data_actions(
    cloud, secret, web, data_actions, not_data_actions, expected
):
    role = definition(cloud, dataActions=data_actions, notDataActions=not_data_actions)
    cloud.assign(secret.id, web, role.id)

    assert may(cloud, web, secret) is expected


def test_actions_of_the_control_plane_are_none_of_data(cloud, secret, web):
    role = definition(cloud, actions=["*"], dataActions=[])
    cloud.assign(secret.id, web, role.id)

    assert not may(cloud, web, secret)


def test_every_role_of_the_table_is_one_that_can_be_assigned():
    assert set(BUILT_IN_DATA_ACTIONS) <= set(BUILT_IN_ROLES)


def test_an_access_policy_allows_its_words_to_its_principal(cloud, secret, web):
    vault = cloud.find(ids.parent_of(secret.id))
    policy = {"objectId": web.upper(), "permissions": {"secrets": ["Get"]}}
    cloud.force(vault, at="accessPolicies", value=[policy])
    vault = cloud.find(vault.id)

    assert allowed_by_policy(vault, web, GET_SECRET)
    assert not allowed_by_policy(vault, web, READ_METADATA)
    assert not allowed_by_policy(vault, "somebody", GET_SECRET)
