"""Cautions of R Server and Machine Learning Server nodes: what deploys and may be regretted."""

import re
from collections.abc import Iterator

from components.settings.catalogue.machines import MACHINES
from components.settings.environment import EnterpriseEnvironment, NodesEnvironment
from components.settings.problems import Problem, show
from components.settings.rules.server import server_of

SHELL = 0.1
"""GiB of an R process that has loaded a model: a guess that is right for small ones."""

SYSTEM = 2
"""GiB that a node needs without any R process (facts.md 14.3)."""

_KEY = "runtime.server"
_ROOT = re.compile(r"\s*DC=[^,]+(\s*,\s*DC=[^,]+)*\s*", re.IGNORECASE)


def support_has_ended(environment: NodesEnvironment) -> Iterator[Problem]:
    """Who runs these products in earnest knows that nobody mends them."""
    found = server_of(environment)
    if found and environment.protection:
        rule = f"has had no fixes from its vendor since {found[1].support_ended}"
        fix = "plan the way to plumber, which serves the same API"
        yield Problem("runtime.version", show(environment.runtime.version), rule, fix)


def pool_fits_the_memory(environment: NodesEnvironment) -> Iterator[Problem]:
    """R processes fit into the memory of the machine that runs them (facts.md 14.3)."""
    server = environment.runtime.server
    if server is None or not environment.protection:
        return
    role, group = list(environment.groups.items())[-1]
    memory = MACHINES[environment.cloud][group.size].memory
    fit = int((memory - SYSTEM) / SHELL)
    if server.pool.maximum > fit:
        key = "machine" if role == "one-box" else role
        rule = (
            f"is more R processes than {group.size} holds: its {memory:g} GiB are enough for "
            f"about {fit} of {SHELL * 1000:g} MB each"
        )
        fix = f"write {fit} or less, or choose a {key}.size with more memory"
        yield Problem(f"{_KEY}.pool.maximum", show(server.pool.maximum), rule, fix)


def compute_traffic_is_readable(environment: EnterpriseEnvironment) -> Iterator[Problem]:
    """A protected environment encrypts what web nodes send to compute nodes."""
    server = environment.runtime.server
    if server and environment.protection and not server.https.compute:
        rule = "leaves requests and answers between web and compute nodes readable in the network"
        fix = "write compute.nodes: fixed, and https.compute: true"
        if environment.compute.is_fixed:
            fix = "remove the line"
        yield Problem(f"{_KEY}.https.compute", show(False), rule, fix)


def clients_traffic_is_readable(environment: NodesEnvironment) -> Iterator[Problem]:
    """Passwords and tokens are not for everyone in the client's network (facts.md 3, R10)."""
    server = environment.runtime.server
    if server and not server.https.web:
        rule = "shows passwords and tokens to whoever is between clients and nodes"
        yield Problem(f"{_KEY}.https.web", show(False), rule, "remove the line")


def directory_traffic_is_readable(environment: NodesEnvironment) -> Iterator[Problem]:
    """The directory is known to be the right one, and passwords reach it unread."""
    server = environment.runtime.server
    if server is None or (ldap := server.authentication.ldap) is None:
        return
    if not ldap.use_ldaps:
        rule = "sends the users' passwords in the clear"
        key = f"{_KEY}.authentication.ldap.useLdaps"
        yield Problem(key, show(False), rule, "write true")
    elif ldap.skip_certificate_validation:
        rule = "sends the users' passwords to whoever says that it is the directory"
        key = f"{_KEY}.authentication.ldap.skipCertificateValidation"
        yield Problem(key, show(True), rule, "remove the line")


def query_password_is_readable(environment: NodesEnvironment) -> Iterator[Problem]:
    """The documents want the look-up account's password encrypted in the file (12.4)."""
    found = server_of(environment)
    if found is None or not environment.protection:
        return
    server, known = found
    if server.authentication.method == "ldap" and known.encrypts and not server.encrypt_secrets:
        rule = "leaves the password of ldap.queryUserDn readable in the product's file"
        yield Problem(f"{_KEY}.encryptSecrets", show(False), rule, "write true")


def search_meets_referrals(environment: NodesEnvironment) -> Iterator[Problem]:
    """The root of a directory refers to others, which the product does not follow (12.4)."""
    server = environment.runtime.server
    if server is None or (ldap := server.authentication.ldap) is None:
        return
    if _ROOT.fullmatch(ldap.search_base) and ldap.port in (389, 636):
        catalog = 3269 if ldap.use_ldaps else 3268
        rule = "is a root, whose referrals the product does not follow (LDAPReferralException)"
        fix = f"name a folder below it, or write port: {catalog} for the global catalog"
        key = f"{_KEY}.authentication.ldap.searchBase"
        yield Problem(key, show(ldap.search_base), rule, fix)


def roles_find_the_user(environment: NodesEnvironment) -> Iterator[Problem]:
    """Users are known by the value that they log in with, where groups give them roles (12.4)."""
    server = environment.runtime.server
    if server is None or (ldap := server.authentication.ldap) is None:
        return
    unique = ldap.unique_user_identifier_attribute_name
    if server.authentication.roles.declared and f"{unique}={{0}}" not in ldap.search_filter:
        rule = (
            f"must find users by a value that equals their {unique}, or they are in no group: "
            "roles go by that attribute"
        )
        fix = f"write {unique}={{0}}, or name the filter's attribute as the unique one"
        key = f"{_KEY}.authentication.ldap.searchFilter"
        yield Problem(key, show(ldap.search_filter), rule, fix)


def directory_of_azure_has_moved_on(environment: NodesEnvironment) -> Iterator[Problem]:
    """What the product asks of Azure Active Directory has ended (facts.md 2)."""
    found = server_of(environment)
    if found is None or found[0].authentication.method != "azureActiveDirectory":
        return
    rule = "rests on ADAL and the Azure AD Graph, which Microsoft has ended: try it before you rely"
    if not found[1].flat_directories:
        rule += "; and 9.0 has no diagnostics with it"
    fix = "write ldap, or try it with one node first"
    key = f"{_KEY}.authentication.method"
    yield Problem(key, show("azureActiveDirectory"), rule, fix)


NODES = (
    support_has_ended,
    pool_fits_the_memory,
    clients_traffic_is_readable,
    directory_traffic_is_readable,
    query_password_is_readable,
    search_meets_referrals,
    roles_find_the_user,
    directory_of_azure_has_moved_on,
)
"""Of all topologies with nodes."""

RULES = (compute_traffic_is_readable, *NODES)
"""Of the enterprise topology."""
