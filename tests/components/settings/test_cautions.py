"""What deploys and is worth a thought: said for protected environments, never refused."""

from typing import Any

import pytest

from components.settings import cautions
from tests.support.environments import (
    AWS,
    AZURE,
    GONE,
    ONE_BOX,
    changed,
    environment,
    of_family,
)

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


SUPPORT = {
    version: ("runtime.version", f"has had no fixes from its vendor since {ended}")
    for version, ended in (
        ("9.0-preview", "2019-01-01"),
        ("9.0.1", "2019-01-01"),
        ("9.1.0", "2019-05-01"),
        ("9.2.1", "2019-10-01"),
        ("9.3.0", "2020-03-01"),
        ("9.4.7", "2022-07-01"),
    )
}
LDAP = {
    "host": "10.9.8.7",
    "queryUserDn": "CN=lookup",
    "searchBase": "OU=people",
    "searchFilter": "userPrincipalName={0}",
}
KEY = "runtime.server"

OF_THE_FAMILY: dict[str, tuple[str, dict[str, Any], list[tuple[str, str]]]] = {
    "nothing but age": ("9.1.0", {}, []),
    "nothing but age, of the preview": ("9.0-preview", {}, []),
    "compute nodes in a scale set": (
        "9.4.7",
        {"compute": {"count": 2}},
        [
            (
                f"{KEY}.https.compute",
                "leaves requests and answers between web and compute nodes readable in the network",
            )
        ],
    ),
    "no https at all": (
        "9.3.0",
        {f"{KEY}.https": {"web": False, "compute": False}},
        [
            (
                f"{KEY}.https.compute",
                "leaves requests and answers between web and compute nodes readable in the network",
            ),
            (
                f"{KEY}.https.web",
                "shows passwords and tokens to whoever is between clients and nodes",
            ),
        ],
    ),
    "more processes than memory": (
        "9.2.1",
        {f"{KEY}.pool.maximum": 500},
        [
            (
                f"{KEY}.pool.maximum",
                (
                    "is more R processes than Standard_D4s_v5 holds: its 16 GiB are enough for "
                    "about 140 of 100 MB each"
                ),
            )
        ],
    ),
    "directory whose password is in a file": (
        "9.3.0",
        {f"{KEY}.authentication": {"method": "ldap", "ldap": LDAP}},
        [
            (
                f"{KEY}.encryptSecrets",
                "leaves the password of ldap.queryUserDn readable in the product's file",
            )
        ],
    ),
    "directory whose password nothing can encrypt": (
        "9.0.1",
        {
            f"{KEY}.authentication": {
                "method": "ldap",
                "ldap": {**LDAP, "bindFilter": "CN={0},DC=example"},
            }
        },
        [],
    ),
    "directory in the clear": (
        "9.4.7",
        {
            f"{KEY}.encryptSecrets": True,
            f"{KEY}.authentication": {"method": "ldap", "ldap": {**LDAP, "useLdaps": False}},
        },
        [
            (
                f"{KEY}.authentication.ldap.useLdaps",
                "sends the users' passwords in the clear",
            )
        ],
    ),
    "directory unknown, and its root": (
        "9.4.7",
        {
            f"{KEY}.encryptSecrets": True,
            f"{KEY}.authentication": {
                "method": "ldap",
                "ldap": {
                    **LDAP,
                    "skipCertificateValidation": True,
                    "searchBase": "DC=example, DC=com",
                },
            },
        },
        [
            (
                f"{KEY}.authentication.ldap.skipCertificateValidation",
                "sends the users' passwords to whoever says that it is the directory",
            ),
            (
                f"{KEY}.authentication.ldap.searchBase",
                ("is a root, whose referrals the product does not follow (LDAPReferralException)"),
            ),
        ],
    ),
    "the global catalog's root, and users that roles miss": (
        "9.4.7",
        {
            f"{KEY}.encryptSecrets": True,
            f"{KEY}.authentication": {
                "method": "ldap",
                "ldap": {
                    **LDAP,
                    "port": 3269,
                    "searchBase": "DC=example",
                    "searchFilter": "cn={0}",
                },
                "roles": {"owner": ["Administrators"]},
            },
        },
        [
            (
                f"{KEY}.authentication.ldap.searchFilter",
                (
                    "must find users by a value that equals their userPrincipalName, or they are "
                    "in no group: roles go by that attribute"
                ),
            )
        ],
    ),
    "azure active directory": (
        "9.0.1",
        {
            f"{KEY}.authentication": {
                "method": "azureActiveDirectory",
                "azureActiveDirectory": {
                    "authority": "https://login.windows.net/example",
                    "audience": "app",
                },
            }
        },
        [
            (
                f"{KEY}.authentication.method",
                (
                    "rests on ADAL and the Azure AD Graph, which Microsoft has ended: try it "
                    "before you rely; and 9.0 has no diagnostics with it"
                ),
            )
        ],
    ),
}


@pytest.mark.parametrize("case", OF_THE_FAMILY)
def test_cautions_of_the_family(case: str) -> None:
    version, changes, expected = OF_THE_FAMILY[case]
    value = changed(of_family(AZURE, version), {"database.highAvailability": True, **changes})
    found = [(caution.key, caution.rule) for caution in cautions(environment(value))]
    assert SUPPORT[version] in found
    assert [each for each in found if each != SUPPORT[version]] == expected


def test_a_one_box_of_the_family() -> None:
    value = of_family(ONE_BOX, "9.1.0", "windows-server-2016")
    found = cautions(environment(changed(value, {"machine.size": "Standard_B2s"})))
    assert [(caution.key, caution.fix) for caution in found][1:] == [
        (
            "database.engine",
            "write sqlserver before there is data, or keep what was published",
        ),
        ("machine.size", "choose a size without credits"),
        ("runtime.version", "plan the way to plumber, which serves the same API"),
        (
            f"{KEY}.pool.maximum",
            "write 20 or less, or choose a machine.size with more memory",
        ),
    ]


def test_fixed_nodes_of_the_family_are_upgraded_one_by_one_on_aws() -> None:
    value = changed(of_family(AWS, "9.1.0"), {"database.highAvailability": True})
    assert [caution.key for caution in cautions(environment(value))] == ["runtime.version"]
