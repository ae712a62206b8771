"""R Server and ML Server as node recipes: web nodes, compute nodes, and both on one machine."""

from components.runtimes.node import HealthProbe, NodeRecipe, Role
from components.runtimes.rserver import linux, windows
from components.runtimes.rserver.ports import ports
from components.runtimes.rserver.product import Product
from components.runtimes.rserver.secrets import secrets
from components.runtimes.rserver.section import section
from components.settings import NodesEnvironment


def recipe(environment: NodesEnvironment, role: Role) -> NodeRecipe:
    """Return what a *role* node runs."""
    product = Product.of(environment)
    if product.family == "windows":
        return _on_windows(product, role)
    shown = ports(product.server, product.family, role).shown
    port = shown.compute if role == "compute" else shown.web
    https = product.server.https
    encrypted = https.compute if role == "compute" else https.web
    return NodeRecipe(
        role=role,
        product=product.version.product,
        version=product.version.version,
        port=port,
        health=HealthProbe(port=port, protocol="Https" if encrypted else "Http"),
        packages=linux.packages(product, role),
        files=linux.files(product, role),
        services=linux.services(product, role),
        secrets=secrets(product, role),
        uses_database=role != "compute" and environment.has_server,
        # Set-up of a web node without a compute node that answers is refused (facts.md 8.5, R8).
        starts_after=("compute",) if role == "web" else (),
        brings_cloud_scripts=True,
        data=section(product, role),
    )


def _on_windows(product: Product, role: Role) -> NodeRecipe:
    return NodeRecipe(
        role=role,
        product=product.version.product,
        version=product.version.version,
        port=windows.port(product, role),
        health=windows.health(product, role),
        packages=(),
        files=windows.files(product, role),
        services=(),
        secrets=windows.secrets(product, role),
        uses_database=role != "compute" and product.environment.has_server,
        starts_after=("compute",) if role == "web" else (),
        family="windows",
        data={**section(product, role), **windows.section(product, role)},
    )
