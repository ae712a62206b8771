"""Recipes and facts of made-up nodes, for tests."""

from typing import Any

from components.bootstrap.facts import Cloud, NodeFacts
from components.runtimes import flows, recipe
from components.runtimes.node import NodeRecipe, Role
from tests.support.environments import AWS, AZURE, environment

ROLES: tuple[Role, ...] = ("web", "compute")
BASES: dict[Cloud, dict[str, Any]] = {"azure": AZURE, "aws": AWS}


def recipe_of(role: Role, cloud: Cloud = "azure", **changes: Any) -> NodeRecipe:
    """Return the recipe of *role* in a small environment with *changes* (see `environment`)."""
    return recipe.for_role(environment(BASES[cloud], **changes), role)


def facts(**changes: Any) -> NodeFacts:
    """Return where a node on Azure stands; *changes* replace fields."""
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
        "flows": _flows(AZURE, artifacts=False),
    }
    return NodeFacts(**(fields | changes))


def aws_facts(**changes: Any) -> NodeFacts:
    """Return where a node on AWS stands; *changes* replace fields."""
    fields: dict[str, Any] = {
        "cloud": "aws",
        "environment": "test",
        "location": "eu-central-1",
        "vault_uri": "test-1a2b3c4d",
        "identity_client_id": "test-web-1a2b3c4d",
        "database_host": "test-1a2b3c4d.cabcdefghijk.eu-central-1.rds.amazonaws.com",
        "database_name": "operationalization",
        "database_principal": "operationalization_migrator",
        "database_bootstrap_secret": (
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-1a2b3c4d-a1B2c3"
        ),
        "clients": ("203.0.113.0/24",),
        "probe_sources": ("10.20.8.0/26", "10.20.8.64/26"),
        "web_subnet": "10.20.0.0/24",
        "compute_subnet": "10.20.16.0/24",
        "endpoints_subnet": "10.20.32.0/26",
        "bundle_uri": "s3://test-artifacts-1a2b3c4d/the-key",
        "flows": _flows(AWS, artifacts=True),
    }
    return NodeFacts(**(fields | changes))


def _flows(base: dict[str, Any], *, artifacts: bool) -> tuple[flows.Flow, ...]:
    chosen = environment(base)
    recipes = {role: recipe.for_role(chosen, role) for role in ROLES}
    return flows.allowed(chosen, recipes, artifacts=artifacts)
