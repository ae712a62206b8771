"""Rules of who may log in to R Server and Machine Learning Server nodes (facts.md 12.4 to 12.6)."""

from collections.abc import Iterator

from components.settings.environment import NodesEnvironment
from components.settings.problems import Problem, show
from components.settings.rules.server import server_of, versions_with
from components.settings.server import LdapSettings, RolesSettings

_KEY = "runtime.server.authentication"

SECTIONS = {"ldap": "ldap", "azureActiveDirectory": "azure_active_directory"}
"""The section that a method reads, by its name in the stack file."""

WIDEST_DIRECTORY = 16
"""Prefix of the widest range that may be a directory's."""

LDAP_PORTS = {False: 389, True: 636}
"""By whether it is LDAPS."""

SINCE_9_1 = (
    "unique_user_identifier_attribute_name",
    "display_name_attribute_name",
    "email_attribute_name",
)
"""Keys of LDAP that 9.0 does not have."""


def method_has_its_section(environment: NodesEnvironment) -> Iterator[Problem]:
    """One directory at most, and that of the method: LDAP and AAD exclude each other (R13)."""
    server = environment.runtime.server
    if server is None:
        return
    authentication = server.authentication
    method = authentication.method
    for name, field in SECTIONS.items():
        section = getattr(authentication, field)
        key = f"{_KEY}.{name}"
        if section is None and method == name:
            yield Problem(key, "", f"is required with method: {name}", f"add the section {key}")
        elif section is not None and method != name:
            rule = f"must be left out with method: {method}: only one way to log in is on at a time"
            yield Problem(key, "", rule, f"remove the section, or write method: {name}")


def ldap_suits_the_version(environment: NodesEnvironment) -> Iterator[Problem]:
    """9.0 has other keys for LDAP than later versions (facts.md 9.3)."""
    found = server_of(environment)
    if found is None or (ldap := found[0].authentication.ldap) is None:
        return
    known = found[1]
    version = f"{environment.runtime.product} {environment.runtime.version}"
    key = f"{_KEY}.ldap"
    if known.flat_directories and ldap.bind_filter is not None:
        rule = f"must be left out with {version}, as 9.0 alone has it"
        yield Problem(f"{key}.bindFilter", show(ldap.bind_filter), rule, "remove the line")
    if not known.flat_directories:
        yield from _ldap_of_9_0(ldap, version, versions_with("flat_directories"))
    if ldap.skip_certificate_validation and not known.skips_validation:
        rule = f"must be false with {version}, which does not know it"
        yield Problem(f"{key}.skipCertificateValidation", show(True), rule, "remove the line")


def _ldap_of_9_0(ldap: LdapSettings, version: str, later: str) -> Iterator[Problem]:
    key = f"{_KEY}.ldap"
    if ldap.bind_filter is None:
        rule = f"is required with {version}"
        yield Problem(f"{key}.bindFilter", "", rule, f"add {key}.bindFilter: CN={{0}},DC=...")
    usual = LDAP_PORTS[ldap.use_ldaps]
    if ldap.port != usual:
        rule = f"must be {usual} with {version}, which has no setting of the port"
        yield Problem(f"{key}.port", show(ldap.port), rule, f"remove the line, or take {later}")
    for name in SINCE_9_1:
        field = LdapSettings.model_fields[name]
        value = getattr(ldap, name)
        if value != field.default:
            rule = f"must be {field.default} with {version}, which has no setting of it"
            fix = f"remove the line, or take {later}"
            yield Problem(f"{key}.{field.alias}", show(value), rule, fix)


def ldap_filters_have_the_name(environment: NodesEnvironment) -> Iterator[Problem]:
    """Filters say where the name of who logs in goes."""
    server = environment.runtime.server
    if server is None or (ldap := server.authentication.ldap) is None:
        return
    for name, value, example in (
        ("searchFilter", ldap.search_filter, "sAMAccountName={0}"),
        ("bindFilter", ldap.bind_filter, "CN={0},DC=example,DC=com"),
    ):
        if value is not None and "{0}" not in value:
            rule = "must have {0} where the name of who logs in goes"
            yield Problem(f"{_KEY}.ldap.{name}", show(value), rule, f"write it like {example}")


def directory_has_addresses(environment: NodesEnvironment) -> Iterator[Problem]:
    """Firewalls let web nodes out to the directory's servers, and to nobody beside them."""
    server = environment.runtime.server
    if server is None or (ldap := server.authentication.ldap) is None:
        return
    key = f"{_KEY}.ldap.addresses"
    if not ldap.addresses:
        rule = f"is required with the name {ldap.host}: firewalls know addresses only"
        yield Problem(key, "", rule, "name the ranges of the directory's servers")
    space = environment.network.address_space
    for index, address in enumerate(ldap.addresses):
        at = f"{key}[{index}]"
        if address.prefixlen < WIDEST_DIRECTORY:
            rule = f"must be a /{WIDEST_DIRECTORY} or narrower: only the directory's servers"
            yield Problem(at, show(str(address)), rule, "name the servers' own ranges")
        elif address.overlaps(space):
            rule = f"must not overlap with network.addressSpace, {space}"
            yield Problem(at, show(str(address)), rule, "name where the directory's servers are")
        elif environment.access.egress == "none" and address.is_global:
            rule = "must be within private ranges with access.egress: none, which has no way out"
            yield Problem(at, show(str(address)), rule, "write egress: packages")


def directory_suits_the_version(environment: NodesEnvironment) -> Iterator[Problem]:
    """9.0 has no native application's id."""
    found = server_of(environment)
    if found is None or (directory := found[0].authentication.azure_active_directory) is None:
        return
    if directory.client_id is not None and not found[1].flat_directories:
        version = f"{environment.runtime.product} {environment.runtime.version}"
        rule = f"must be left out with {version}, as 9.1 brought it"
        key = f"{_KEY}.azureActiveDirectory.clientId"
        yield Problem(key, show(directory.client_id), rule, "remove the line")


def directory_can_be_reached(environment: NodesEnvironment) -> Iterator[Problem]:
    """Web nodes call Azure Active Directory on the internet."""
    server = environment.runtime.server
    if server is None or environment.access.egress != "none":
        return
    if server.authentication.method == "azureActiveDirectory":
        rule = "must be packages with method: azureActiveDirectory, which web nodes call"
        yield Problem("access.egress", show("none"), rule, "write packages, or method: ldap")


def roles_are_known(environment: NodesEnvironment) -> Iterator[Problem]:
    """Roles are of a directory's groups, and some that the version declares."""
    found = server_of(environment)
    if found is None:
        return
    server, known = found
    roles = server.authentication.roles
    version = f"{environment.runtime.product} {environment.runtime.version}"
    if roles.declared and server.authentication.method == "local":
        rule = "must be left out with method: local, whose only account is the owner of everything"
        yield Problem(f"{_KEY}.roles", "", rule, "remove the section, or name a directory")
    for name in ("owner", "contributor", "reader"):
        if getattr(roles, name) and name not in known.roles:
            declares = " and ".join(known.roles) or "no roles"
            rule = f"must be left out with {version}, which declares {declares}"
            later = f"take a version that declares it: {_versions_with_role(name)}"
            yield Problem(f"{_KEY}.roles.{name}", "", rule, f"remove the line, or {later}")
    if roles.cache_minutes != RolesSettings().cache_minutes and "reader" not in known.roles:
        rule = f"must be left out with {version}, as 9.2 brought it"
        yield Problem(
            f"{_KEY}.roles.cacheMinutes", show(roles.cache_minutes), rule, "remove the line"
        )


def _versions_with_role(name: str) -> str:
    return "rserver 9.1.0 or mlserver" if name != "reader" else "mlserver"


def groups_are_plain_names(environment: NodesEnvironment) -> Iterator[Problem]:
    """Groups are called by their plain name, each in one role: the highest would win anyway."""
    server = environment.runtime.server
    if server is None:
        return
    roles = server.authentication.roles
    seen: dict[str, str] = {}
    for name in ("owner", "contributor", "reader"):
        for index, group in enumerate(getattr(roles, name)):
            key = f"{_KEY}.roles.{name}[{index}]"
            if "=" in group or group != group.strip() or not group.isprintable():
                rule = "must be the plain name of a group, without CN= and what else leads to it"
                yield Problem(key, show(group), rule, "write the name alone, such as Analysts")
            elif (first := seen.setdefault(group, name)) != name:
                rule = f"must have one role, and has {first} already, which is the higher one"
                yield Problem(key, show(group), rule, "keep it in the role that you mean")


RULES = (
    method_has_its_section,
    ldap_suits_the_version,
    ldap_filters_have_the_name,
    directory_has_addresses,
    directory_suits_the_version,
    directory_can_be_reached,
    roles_are_known,
    groups_are_plain_names,
)
