"""Recipes and facts of made-up nodes, for tests."""

from typing import Any

from components.bootstrap.facts import Cloud, NodeFacts
from components.runtimes import flows, recipe
from components.runtimes.node import NodeRecipe, Role
from tests.support.environments import SMALLEST, environment

ROLES: tuple[Role, ...] = ("web", "compute")
ONE_BOXES = {"one-box-sqlite": "sqlite", "one-box-postgresql": "postgresql"}
"""Kinds of a one-box, with the engine of its database."""
KINDS = (*ROLES, *ONE_BOXES)
"""All kinds of nodes that differ in what they are made of."""


def environment_of(kind: str, cloud: Cloud = "azure", **changes: Any) -> Any:
    """Return a small environment that has a node of *kind*, with *changes* (see `environment`)."""
    if kind in ONE_BOXES:
        changes = {"database__engine": ONE_BOXES[kind], **changes}
        return environment(SMALLEST["one-box", cloud], **changes)
    return environment(SMALLEST["enterprise", cloud], **changes)


def recipe_of(kind: str, cloud: Cloud = "azure", **changes: Any) -> NodeRecipe:
    """Return the recipe of a node of *kind* in a small environment with *changes*."""
    role: Role = "one-box" if kind in ONE_BOXES else "web" if kind == "web" else "compute"
    return recipe.for_role(environment_of(kind, cloud, **changes), role)


def facts_of(kind: str, cloud: Cloud = "azure", **changes: Any) -> NodeFacts:
    """Return where a node of *kind* stands; *changes* replace fields."""
    made = aws_facts if cloud == "aws" else facts
    if kind not in ONE_BOXES:
        return made(**changes)
    own: dict[str, Any] = {
        "web_subnet": "",
        "compute_subnet": "",
        "one_box_subnet": "10.20.0.0/28",
        "flows": flows.allowed(
            environment_of(kind, cloud),
            {"one-box": recipe_of(kind, cloud)},
            artifacts=cloud == "aws",
        ),
    }
    if kind == "one-box-sqlite":
        server = ("host", "name", "principal", "bootstrap_secret")
        own |= {f"database_{name}": "" for name in server}
    return made(**(own | changes))


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
        "flows": _flows("azure"),
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
        "flows": _flows("aws"),
    }
    return NodeFacts(**(fields | changes))


def _flows(cloud: Cloud) -> tuple[flows.Flow, ...]:
    recipes: dict[Role, NodeRecipe] = {role: recipe_of(role, cloud) for role in ROLES}
    return flows.allowed(environment_of("web", cloud), recipes, artifacts=cloud == "aws")
