"""Who may log in to the product, and with what role (facts.md 12.4 to 12.6)."""

from components.runtimes.node import JsonValue
from components.runtimes.rserver.expressions import ABSENT, encrypted, secret
from components.runtimes.rserver.product import Product
from components.settings.server import DirectorySettings, LdapSettings

Json = dict[str, JsonValue]


def authentication(product: Product) -> Json:
    """Return both directories of section `Authentication`; at most one is on (R13)."""
    chosen = product.server.authentication
    ldap = chosen.ldap if chosen.method == "ldap" else None
    directory = chosen.azure_active_directory if chosen.method == "azureActiveDirectory" else None
    return {
        "AzureActiveDirectory": _section(product, _directory(product, directory)),
        "LDAP": _section(product, _ldap(product, ldap)),
    }


def authorization(product: Product) -> Json:
    """Return section `Authorization`, with the roles that the version knows.

    A role that is not declared must not be there: what a group could do once it could do for ever,
    since everything that nobody names stays in the file.
    """
    roles = product.server.authentication.roles
    declared = {"Owner": roles.owner, "Contributor": roles.contributor, "Reader": roles.reader}
    found: Json = {
        name: tuple(declared[name]) if declared[name] else ABSENT for name in product.version.roles
    }
    if "Reader" in product.version.roles:
        found["CacheLifeTimeInMinutes"] = roles.cache_minutes if roles.declared else ABSENT
    return _removable(product, found)


def _removable(product: Product, section: Json) -> Json:
    """Return *section* as the family's nodes take it: only those on Linux take a key out."""
    if product.family == "linux":
        return section
    return {key: value for key, value in section.items() if value != ABSENT}


def _section(product: Product, values: Json | None) -> Json:
    """Return *values* in the shape of the version: a flat object, or a list of one (9.3)."""
    if values is None:
        return {"Enabled": False}
    if product.version.directory_values:
        return {"Enabled": True, "Values": (values,)}
    return {"Enabled": True, **values}


def _directory(product: Product, directory: DirectorySettings | None) -> Json | None:
    if directory is None:
        return None
    found: Json = {"Authority": directory.authority, "Audience": directory.audience}
    if product.version.directory_values:
        return found
    if directory.client_id is not None:
        found["ClientId"] = directory.client_id
    return {**found, **_hidden(product, "Key", "aad-key")}


def _ldap(product: Product, ldap: LdapSettings | None) -> Json | None:
    if ldap is None:
        return None
    found: Json = {
        "Host": ldap.host,
        "UseLDAPS": str(ldap.use_ldaps),
        "QueryUserDn": ldap.query_user_dn,
        **_hidden(product, "QueryUserPassword", "ldap-password"),
        "SearchBase": ldap.search_base,
        "SearchFilter": ldap.search_filter,
    }
    if product.version.directory_values:
        return {**found, "BindFilter": ldap.bind_filter}
    found |= {
        "Port": ldap.port,
        "UniqueUserIdentifierAttributeName": ldap.unique_user_identifier_attribute_name,
        "DisplayNameAttributeName": ldap.display_name_attribute_name,
        "EmailAttributeName": ldap.email_attribute_name,
    }
    found["SkipCertificateValidation"] = True if ldap.skip_certificate_validation else ABSENT
    return _removable(product, found)


def _hidden(product: Product, key: str, name: str) -> Json:
    """Return *key* with the text of secret *name*, encrypted where the settings want it so."""
    if product.version.directory_values:
        return {key: secret(name)}
    if product.server.encrypt_secrets:
        return {key: encrypted(secret(name)), f"{key}Encrypted": True}
    return {key: secret(name), f"{key}Encrypted": False}
