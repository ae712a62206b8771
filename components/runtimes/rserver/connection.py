"""The product's database: which of its three connection strings is on, and what it says.

facts.md 10. The account is one of ours with rights on this database alone; its password is a secret
of its own, of letters and digits, which no connection string and no shell changes.
"""

from typing import Final

from components.runtimes.node import JsonValue
from components.runtimes.rserver.expressions import encrypted, joined, node, secret
from components.runtimes.rserver.product import Product

LOGIN: Final = "operationalization_product"
PASSWORD: Final = "database-product"  # noqa: S105 - the name of a secret

Json = dict[str, JsonValue]


def connection_strings(product: Product) -> Json:
    """Return section `ConnectionStrings`: exactly one of the three is on."""
    engine = product.engine
    off: Json = {"Enabled": False}
    version = product.version
    embedded: Json = {"Enabled": engine == "sqlite"}
    if version.default_database:
        off["Connection"] = ""
        embedded["Connection"] = version.default_database
    return {
        "sqlserver": _on(product, _sqlserver(product)) if engine == "sqlserver" else off,
        "postgresql": _on(product, _postgresql(product)) if engine == "postgresql" else off,
        "defaultDb": embedded,
    }


def _on(product: Product, connection: JsonValue) -> Json:
    if product.server.encrypt_secrets:
        return {"Enabled": True, "Connection": encrypted(connection), "Encrypted": True}
    return {"Enabled": True, "Connection": connection, "Encrypted": False}


def _postgresql(product: Product) -> JsonValue:
    """Return an Npgsql string; its server is verified through the system's trust store."""
    most = product.environment.database.connections_per_web_node
    return joined(
        f"User ID={LOGIN};Password=",
        secret(PASSWORD),
        ";Host=",
        node("database.host"),
        ";Port=",
        node("database.port"),
        ";Database=",
        node("database.name"),
        f";Pooling=true;MinPoolSize=0;MaxPoolSize={most};"
        "SSL Mode=Require;Trust Server Certificate=false;",
    )


def _sqlserver(product: Product) -> JsonValue:
    most = product.environment.database.connections_per_web_node
    return joined(
        "Data Source=tcp:",
        node("database.host"),
        ",",
        node("database.port"),
        ";Initial Catalog=",
        node("database.name"),
        f";Integrated Security=False;User Id={LOGIN};Password=",
        secret(PASSWORD),
        f";Encrypt=True;TrustServerCertificate=False;Max Pool Size={most};",
    )
