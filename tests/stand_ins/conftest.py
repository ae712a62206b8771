from tests.sandbox.fabric.hosts.conftest import (  # noqa: F401 - fixtures
    images,
    namespace,
    room,
)
