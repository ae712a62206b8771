"""What deploys and is worth a thought: said for protected environments, never refused."""

from typing import Any

import pytest

from components.settings import cautions
from tests.support.environments import AWS, GONE, environment

CASES: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "nothing": ({}, []),
    "one web node": (
        {"web__count": 1},
        [("web.count", "leaves no node to answer while the only one is repaired")],
    ),
    "a minimum of one": (
        {"compute__autoscale": {"minimum": 1, "maximum": 9, "scaleIn": {"below": 20}}},
        [
            (
                "compute.autoscale.minimum",
                "leaves no node to answer while the only one is repaired",
            )
        ],
    ),
    "one zone": (
        {"web__zones": [2]},
        [("web.zones", "puts all nodes where one failure reaches them")],
    ),
    "no standby": (
        {"database__highAvailability": False},
        [
            (
                "database.highAvailability",
                "means minutes without a database when its machine fails",
            )
        ],
    ),
    "credits": (
        {"web__size": "Standard_B2s_v2"},
        [("web.size", "slows down when its credits are spent")],
    ),
    "credits of the database": (
        {"database__size": "Standard_B2s", "database__highAvailability": False},
        [
            (
                "database.highAvailability",
                "means minutes without a database when its machine fails",
            ),
            ("database.size", "slows down when its credits are spent"),
        ],
    ),
    "clients twice": (
        {"access__clients": ["203.0.113.0/24", "203.0.113.9/32"]},
        [("access.clients[1]", "overlaps with 203.0.113.0/24, which is there already")],
    ),
    "permission that nothing uses": (
        {"access__anyClient": True},
        [("access.anyClient", "allows ranges wider than a /8, and there is none")],
    ),
    "database given up": (
        {"database__discard": "operationalization"},
        [("database.discard", "leaves the database without protection")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_cautions(case: str) -> None:
    changes, expected = CASES[case]
    found = cautions(environment(**{"database__highAvailability": True, **changes}))
    assert [(caution.key, caution.rule) for caution in found] == expected


ON_AWS: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "nothing": ({}, []),
    "fixed machines": (
        {"web__nodes": "fixed"},
        [
            (
                "web.nodes",
                "has its machines replaced without waiting until each serves, on AWS",
            )
        ],
    ),
    "a pace of adding nodes": (
        {"compute__autoscale": {"minimum": 4, "maximum": 9, "scaleOut": {"step": 2, "minutes": 5}}},
        [
            (
                "compute.autoscale.scaleOut.step",
                "says nothing on AWS, which adds as many nodes as hold the CPU at scaleOut.above",
            )
        ],
    ),
    "public in three zones": (
        {"loadBalancer__exposure": "public"},
        [
            (
                "loadBalancer.exposure",
                (
                    "takes 6 Elastic IP addresses, 3 of the load balancer and 3 of NAT, while an "
                    "account has 5 a region at first"
                ),
            )
        ],
    ),
    "public in two zones": (
        {"loadBalancer__exposure": "public", "web__zones": [1, 2], "compute__zones": [1, 2]},
        [],
    ),
    "sessions on the stock image": (
        {"access__sessionManager": True},
        [
            (
                "access.sessionManager",
                "opens no session on the stock image, which lacks Session Manager's agent",
            )
        ],
    ),
    "sessions on an image of one's own": (
        {"access__sessionManager": True, "runtime__imageId": "ami-0123456789abcdef0"},
        [],
    ),
}


@pytest.mark.parametrize("case", ON_AWS)
def test_cautions_on_aws(case: str) -> None:
    changes, expected = ON_AWS[case]
    found = cautions(environment(AWS, **{"database__highAvailability": True, **changes}))
    assert [(caution.key, caution.rule) for caution in found] == expected


def test_a_throw_away_environment_may_be_small() -> None:
    small = environment(
        protection=False,
        web={"count": 1, "size": "Standard_B2s_v2", "zones": [1]},
        compute={"count": 1},
        tags=GONE,
    )
    assert cautions(small) == []
