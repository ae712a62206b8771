"""The application of a one-box whose database is a file: what its uvicorn calls."""

from starlette.applications import Starlette

from server.api.routes import application, handlers_of_this_node
from server.common.node import read_node
from server.embedded.database import DATABASE
from server.embedded.store import SqliteStore


def create() -> Starlette:
    """Return the application over this machine's own database."""
    store = SqliteStore(DATABASE, read_node().port)
    return application(handlers_of_this_node(store, DATABASE.stem), store)
