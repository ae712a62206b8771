"""The application of a web node, whose database is a server: what its uvicorn calls."""

from starlette.applications import Starlette

from server.api.postgresql import PostgresqlStore, connections
from server.api.routes import application, handlers_of_this_node
from server.common.database import connection_string
from server.common.node import credential, read_node

ROLE = "operationalization_api"


def create() -> Starlette:
    """Return the application over the environment's server."""
    node = read_node()
    conninfo = connection_string(node.database, user=ROLE, password=credential("database-api"))
    store = PostgresqlStore(connections(conninfo, node.settings["connections"]))
    return application(handlers_of_this_node(store, node.database.name), store)
