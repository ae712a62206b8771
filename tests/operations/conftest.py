"""An environment to work on, and a model folder of its own for each test."""

import pytest

from operations.client import Client
from server.api.migrate import API
from tests.model_folders.conftest import iris as iris
from tests.server.conftest import PASSWORDS
from tests.server.conftest import database as database
from tests.server.conftest import migrated as migrated
from tests.server.conftest import server as server
from tests.support import web as environments


@pytest.fixture
def conninfo(server, database):
    """How the API reaches the database."""
    return server.conninfo(API, database, PASSWORDS[API])


@pytest.fixture
def web(tmp_path, conninfo):
    """A running environment."""
    with environments.environment(tmp_path, conninfo) as running:
        yield running


@pytest.fixture
def client(web):
    """A client of it."""
    with Client(web.environment) as client:
        yield client
