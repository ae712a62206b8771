"""Who listens where on one machine with Windows: no two on one port."""

import pytest

from components.runtimes import recipe
from components.settings import parse
from tests.support.environments import ONE_BOX, of_family


@pytest.mark.parametrize("version", ["9.1.0", "9.2.1", "9.3.0", "9.4.7"])
def test_both_parts_of_a_one_box_and_what_iis_shows_beside_them_are_apart(version: str) -> None:
    environment = parse(of_family(ONE_BOX, version, "windows-server-2016"), stack="test")
    made = recipe.for_role(environment, "one-box")
    parts = [made.data["listen"][part] for part in ("web", "compute")]
    used = [
        *(part["port"] or part["own"] for part in parts),
        made.health.port,
        made.data["windows"]["localPort"],
    ]
    assert len(set(used)) == len(used) == 4
