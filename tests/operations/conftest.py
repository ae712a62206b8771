"""An environment to work on, and a model folder of its own for each test."""

import json
import shutil

import pytest

from operations.client import Client
from server.api.migrate import API
from tests.server.conftest import PASSWORDS
from tests.server.conftest import database as database
from tests.server.conftest import migrated as migrated
from tests.server.conftest import server as server
from tests.support import web as environments
from tests.support.r import ROOT


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


class Folder:
    """A copy of the iris folder that a test may spoil."""

    def __init__(self, path):
        self.path = path

    def write(self, name, content):
        """Put *content* (bytes, text or what becomes JSON) in the place of a part."""
        if not isinstance(content, bytes):
            text = content if isinstance(content, str) else json.dumps(content)
            content = text.encode()
        (self.path / name).write_bytes(content)

    def change(self, part, /, **values):
        """Change values of a JSON part; None removes one."""
        found = json.loads((self.path / part).read_text()) | values
        self.write(part, {key: value for key, value in found.items() if value is not None})


@pytest.fixture
def iris(tmp_path):
    """The sample."""
    return Folder(shutil.copytree(ROOT / "models" / "iris", tmp_path / "iris"))
