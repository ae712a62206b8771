"""Recipes and facts of made-up nodes, for tests."""

from typing import Any

from components.bootstrap.facts import NodeFacts
from components.runtimes import flows, recipe
from components.runtimes.node import NodeRecipe, Role
from tests.support.environments import environment

ROLES: tuple[Role, ...] = ("web", "compute")


def recipe_of(role: Role, **changes: Any) -> NodeRecipe:
    """Return the recipe of *role* in a small environment with *changes* (see `environment`)."""
    return recipe.for_role(environment(**changes), role)


def facts(**changes: Any) -> NodeFacts:
    """Return where a node stands; *changes* replace fields."""
    chosen = environment()
    recipes = {role: recipe.for_role(chosen, role) for role in ROLES}
    fields: dict[str, Any] = {
        "cloud": "azure",
        "environment": "test",
        "location": "westeurope",
        "vault_uri": "https://kv-test-1a2b3c.vault.azure.net/",
        "identity_client_id": "00000000-1111-2222-3333-444444444444",
        "database_host": "psql-test-1a2b3c.postgres.database.azure.com",
        "database_name": "operationalization",
        "database_principal": "id-test-web",
        "clients": ("203.0.113.0/24",),
        "probe_sources": ("168.63.129.16/32",),
        "web_subnet": "10.20.0.0/24",
        "compute_subnet": "10.20.16.0/24",
        "endpoints_subnet": "10.20.32.0/27",
        "flows": flows.allowed(chosen, recipes),
    }
    return NodeFacts(**(fields | changes))
