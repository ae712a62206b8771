"""Key vaults and their secrets (Microsoft.KeyVault/vaults).

A deleted vault stays behind as a note (`deleted-vault/NAME`): its name can't be used again until it
is purged or recovered, together with its secrets.

Sources: Azure documentation, "Azure Key Vault soft-delete overview", "Azure Key Vault recovery
management with soft delete and purge protection", "About Azure Key Vault secrets" (25 KB a value).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_network
from uuid import UUID

from sandbox.control.azure.arm import (
    name_of,
    not_emulated,
    one_of,
    parent_of,
    provider,
    same,
    standard,
    within,
)
from sandbox.control.kinds import (
    CloudError,
    Context,
    Kind,
    Name,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
)
from sandbox.control.reading import flag, mapping, number, text, texts

VAULT = "Microsoft.KeyVault/vaults"
VAULT_KIND = "azure-native:keyvault:Vault"
SECRET_KIND = "azure-native:keyvault:Secret"  # noqa: S105 (a resource type)

MAX_SECRET_BYTES = 25_600


def deleted_vault_note(name: str) -> str:
    """Where a soft-deleted vault is kept."""
    return f"deleted-vault/{name.casefold()}"


def deleted_secret_note(vault: str, name: str) -> str:
    """Where a soft-deleted secret of an existing vault is kept."""
    return f"deleted-secret/{vault.casefold()}/{name.casefold()}"


_ACCESS_POLICIES = Problem(
    "properties.enableRbacAuthorization",
    "the sandbox does not emulate access policies: set it to true and assign roles",
)


def _vault_rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "properties.sku.family", ("A",), "BadRequest")
    yield from one_of(values, "properties.sku.name", ("standard", "premium"), "BadRequest")
    yield from within(values, "properties.softDeleteRetentionInDays", 7, 90, "BadRequest")
    yield from one_of(values, "properties.publicNetworkAccess", ("Enabled", "Disabled"))
    yield from one_of(values, "properties.networkAcls.bypass", ("AzureServices", "None"))
    yield from one_of(values, "properties.networkAcls.defaultAction", ("Allow", "Deny"))
    if flag(values, "properties.enableSoftDelete") is False:
        yield Problem(
            "properties.enableSoftDelete",
            'The property "enableSoftDelete" can no longer be set to false: every vault has soft '
            "delete.",
            "BadRequest",
        )
    if flag(values, "properties.enablePurgeProtection") is False:
        yield Problem(
            "properties.enablePurgeProtection",
            'The property "enablePurgeProtection" cannot be set to false. Enabling the purge '
            "protection for a vault is an irreversible action. Leave it out instead.",
            "BadRequest",
        )
    if flag(values, "properties.enableRbacAuthorization") is False:
        yield _ACCESS_POLICIES
    for path, written in texts(values, "properties.networkAcls.ipRules[*].value"):
        try:
            ip_network(written, strict=False)
        except ValueError:
            yield Problem(path, f"{written!r} is neither an address nor a range", "BadRequest")
    yield from not_emulated(
        values,
        {
            "properties.accessPolicies": "set enableRbacAuthorization and assign roles",
            "properties.networkAcls.virtualNetworkRules": "use a private endpoint",
        },
    )


def _verify_vault(context: Context) -> Iterator[Problem]:
    yield from _verify_tenant(context)
    if not flag(context.inputs, "properties.enableRbacAuthorization"):
        yield _ACCESS_POLICIES
    if context.previous is None:
        yield from _verify_vault_name(context)
        return
    before, now = context.previous.inputs, context.inputs
    kept = number(before, "properties.softDeleteRetentionInDays") or 90
    if (number(now, "properties.softDeleteRetentionInDays") or kept) != kept:
        yield Problem(
            "properties.softDeleteRetentionInDays",
            'The property "softDeleteRetentionInDays" has been set already and it can\'t be '
            "modified.",
            "BadRequest",
        )


def _verify_tenant(context: Context) -> Iterator[Problem]:
    tenant = text(context.inputs, "properties.tenantId")
    if tenant is not None and tenant.casefold() != context.world.tenant.casefold():
        yield Problem(
            "properties.tenantId",
            f"The tenant '{tenant}' is not the subscription's tenant, {context.world.tenant}.",
            "BadRequest",
        )


def _verify_vault_name(context: Context) -> Iterator[Problem]:
    """Names are global; a deleted vault keeps its own until it is purged or recovered."""
    recovering = text(context.inputs, "properties.createMode") == "recover"
    note = context.world.note(deleted_vault_note(context.name))
    deleted = note if isinstance(note, Mapping) else None
    for other in context.world.of(VAULT_KIND):
        if name_of(other.id).casefold() == context.name.casefold() and not same(
            other.id, context.id
        ):
            yield Problem(
                "vaultName",
                f"The vault name '{context.name}' is already in use. Vault names are globally "
                "unique so it is possible that the name is already taken. If you are sure that the "
                "vault name was not taken then it is possible that a vault with the same name was "
                "recently deleted but not purged after being placed in a recoverable state.",
                "VaultAlreadyExists",
            )
    if deleted is not None and not recovering:
        yield Problem(
            "vaultName",
            "A vault with the same name already exists in deleted state. You need to either "
            "recover "
            "or purge existing key vault.",
            "ConflictError",
        )
    if recovering and (deleted is None or not same(str(deleted.get("id")), context.id)):
        yield Problem(
            "properties.createMode",
            f"There is no deleted vault {context.id} to recover.",
            "VaultNotFound",
        )


def _vault_outputs(context: Context) -> Outputs:
    given = dict(mapping(context.inputs, "properties"))
    given.pop("createMode", None)
    before = mapping(context.previous.outputs, "properties") if context.previous else {}
    if before.get("enablePurgeProtection"):
        given["enablePurgeProtection"] = True
    defaults: dict[str, object] = {
        "enabledForDeployment": False,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "publicNetworkAccess": "Enabled",
    }
    return {
        "properties": {
            **defaults,
            **given,
            "vaultUri": f"https://{context.name.casefold()}.vault.azure.net/",
            "provisioningState": "Succeeded",
        }
    }


def _vault_created(context: Context, transaction: Transaction) -> None:
    """Recovery brings the secrets back."""
    note = transaction.note(deleted_vault_note(context.name))
    if not isinstance(note, Mapping):
        return
    for kept in note.get("secrets", ()):
        transaction.put(Record(**kept))
    transaction.remember(deleted_vault_note(context.name), None)


def _vault_deleting(record: Record, transaction: Transaction) -> None:
    deleted = datetime.now().astimezone()
    days = number(record.outputs, "properties.softDeleteRetentionInDays") or 90
    secrets = [
        {
            "id": child.id,
            "type": child.type,
            "inputs": dict(child.inputs),
            "outputs": dict(child.outputs),
            "incarnation": child.incarnation,
            "urn": child.urn,
            "created": child.created,
        }
        for child in transaction.children(record.id)
        if child.type == SECRET_KIND
    ]
    transaction.remember(
        deleted_vault_note(name_of(record.id)),
        {
            "id": record.id,
            "location": text(record.inputs, "location"),
            "purgeProtection": bool(flag(record.outputs, "properties.enablePurgeProtection")),
            "deletionDate": deleted.isoformat(timespec="seconds"),
            "scheduledPurgeDate": (deleted + timedelta(days=days)).isoformat(timespec="seconds"),
            "secrets": secrets,
        },
    )


def purge(name: str, transaction: Transaction) -> None:
    """Remove a soft-deleted vault for good. Raises CloudError."""
    note = transaction.note(deleted_vault_note(name))
    if not isinstance(note, Mapping):
        raise CloudError("VaultNotFound", f"There is no deleted vault {name}.")
    if note.get("purgeProtection"):
        raise CloudError(
            "MethodNotAllowed",
            f"Operation 'DeletedVaultPurge' is not allowed: vault {name} has purge protection and "
            f"goes on {note.get('scheduledPurgeDate')}.",
        )
    transaction.remember(deleted_vault_note(name), None)


def _secret_rules(values: Values) -> Iterator[Problem]:
    value = text(values, "properties.value")
    if value is not None and len(value.encode()) > MAX_SECRET_BYTES:
        yield Problem(
            "properties.value",
            f"has {len(value.encode())} bytes; a secret holds up to {MAX_SECRET_BYTES}",
            "BadParameter",
        )
    if len(text(values, "properties.contentType") or "") > 255:
        yield Problem("properties.contentType", "has more than 255 characters", "BadParameter")
    start = number(values, "properties.attributes.notBefore")
    end = number(values, "properties.attributes.expires")
    if start is not None and end is not None and end <= start:
        yield Problem(
            "properties.attributes.expires", "must be later than notBefore", "BadParameter"
        )


def _verify_secret(context: Context) -> Iterator[Problem]:
    vault = context.world.find(parent_of(context.id))
    if context.previous is not None or vault is None:
        return
    note = context.world.note(deleted_secret_note(vault.id, context.name))
    if isinstance(note, Mapping) and note.get("vault") == vault.incarnation:
        yield Problem(
            "secretName",
            f"Secret {context.name} is currently in a deleted but recoverable state, and its name "
            "cannot be reused; in this state, the secret can only be recovered or purged.",
            "ObjectIsDeletedButRecoverable",
        )


def _version(context: Context) -> str:
    """32 hex digits; a new one whenever the secret is written with something else."""
    properties = mapping(context.inputs, "properties")
    before = ""
    if context.previous is not None:
        uri = text(context.previous.outputs, "properties.secretUriWithVersion") or ""
        before = name_of(uri)
        if mapping(context.previous.inputs, "properties") == properties:
            return before
    digest = sha256(repr(sorted(properties.items())).encode()).hexdigest()
    return UUID(context.identifier(f"version/{before}/{digest}")).hex


def _secret_outputs(context: Context) -> Outputs:
    vault = name_of(parent_of(context.id)).casefold()
    uri = f"https://{vault}.vault.azure.net/secrets/{context.name}"
    created = int(datetime.fromisoformat(context.created).timestamp()) if context.created else 0
    attributes: dict[str, object] = {"enabled": True, "created": created, "updated": created}
    properties: dict[str, object] = {
        "attributes": {**attributes, **mapping(context.inputs, "properties.attributes")},
        "secretUri": uri,
        "secretUriWithVersion": f"{uri}/{_version(context)}",
    }
    if content := text(context.inputs, "properties.contentType"):
        properties["contentType"] = content
    record = context.world.find(parent_of(context.id))
    return {
        "properties": properties,
        "location": text(record.inputs, "location") if record else None,
    }


def _secret_deleting(record: Record, transaction: Transaction) -> None:
    """azure-native deletes a secret through the vault's own endpoint, not through ARM."""
    vault = transaction.find(parent_of(record.id))
    if vault is None or transaction.note(deleted_vault_note(name_of(vault.id))):
        return
    if text(vault.outputs, "properties.publicNetworkAccess") == "Disabled":
        raise CloudError(
            "Forbidden",
            "Public network access is disabled and request is not from a trusted service nor via "
            f"an approved private link. Vault: {name_of(vault.id)}; secret: {name_of(record.id)}. "
            "Secrets of a closed vault go with the vault: set retain_on_delete on them.",
        )
    note = deleted_secret_note(vault.id, name_of(record.id))
    transaction.remember(note, {"id": record.id, "vault": vault.incarnation})


KINDS = (
    Kind(
        type=VAULT_KIND,
        id_template=provider(VAULT, "vaultName"),
        name=Name(
            pattern=r"[A-Za-z](-?[A-Za-z0-9])*",
            minimum=3,
            maximum=24,
            words="letters, digits and single hyphens; starts with a letter, ends with no hyphen",
        ),
        owns_children=True,
        rules=standard(VAULT, _vault_rules),
        verify=_verify_vault,
        outputs=_vault_outputs,
        created=_vault_created,
        deleting=_vault_deleting,
    ),
    Kind(
        type=SECRET_KIND,
        id_template=provider(f"{VAULT}/secrets", "vaultName", "secretName"),
        name=Name(pattern=r"[A-Za-z0-9-]+", maximum=127, words="letters, digits and hyphens"),
        write_only=("properties.value",),
        rules=_secret_rules,
        verify=_verify_secret,
        outputs=_secret_outputs,
        deleting=_secret_deleting,
    ),
)
