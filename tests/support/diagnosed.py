"""A small environment that is well, as facts: what `scripts/diagnose` has when it begins to judge.

Two web and two compute nodes of the open runtime on Azure, and the same of R Server 9.1. The shapes
are those of operations/diagnosis/node, which tests of its own hold to them.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from operations.channel import Node
from operations.channel.instances import Instance
from operations.diagnosis.asking import Target, Told, targets
from operations.diagnosis.front import Certificate, Front, Step
from operations.diagnosis.intended import Group, Intended
from operations.diagnosis.judging import Evidence, judge

NOW = 1_800_000_000.0
DAY = 24 * 60 * 60.0
ADDRESS = "198.18.51.127"
KEY = "0123456789abcdef"
WEB = ("10.20.0.4", "10.20.0.5")
COMPUTE = ("10.20.16.4", "10.20.16.5")
PORTS = {"web": 12800, "compute": 12805}
REPORT = {
    "statusCode": "pass",
    "components": {
        "authentication": {"statusCode": "pass"},
        "backends": {
            "statusCode": "pass",
            "components": {f"https://{each}:12805/": {"statusCode": "pass"} for each in COMPUTE},
        },
        "database": {"statusCode": "pass"},
    },
}
SERVICES = {
    "web": ("operationalization-api.service", "operationalization-proxy.service"),
    "compute": ("operationalization-loader.service", "operationalization-proxy.service"),
}
SECRETS = {
    "web": ("environment-ca", "web-server", "web-client", "token-signing-key", "database-api"),
    "compute": ("environment-ca", "compute-server", "database-loader"),
}
TABLES = {
    "web": [
        ["catalogue", True, False],
        ["compute_node", False, False],
        ["listed_service", True, False],
        ["migration", False, False],
        ["refresh_token", True, True],
        ["service", True, True],
        ["serving_node", True, False],
    ],
    "compute": [
        ["catalogue", True, False],
        ["compute_node", False, False],
        ["listed_service", False, False],
        ["migration", False, False],
        ["refresh_token", False, False],
        ["service", True, False],
        ["serving_node", False, False],
    ],
}
ROLES = [
    ["operationalization_api", True, False],
    ["operationalization_loader", True, False],
    ["operationalization_owner", False, False],
]

Facts = dict[str, Any]


def intended(product: str = "plumber") -> Intended:
    """What should be."""
    version = "1.2" if product == "plumber" else "9.1.0"
    paths = {("web", "compute", 12805), ("web", "database", 5432), ("web", "vault", 443)}
    return Intended(
        stack="dev",
        groups={
            role: Group(
                role=role,
                fewest=2,
                port=PORTS[role],
                fixed=product != "plumber",
                files={"/etc/operationalization/node.json": KEY},
                node={"version": version},
            )
            for role in PORTS
        },
        paths=frozenset(paths),
        brought=False,
        addresses=(ADDRESS,),
    )


def front() -> Front:
    """The way in, well."""
    return Front(
        host=ADDRESS,
        port=12800,
        resolved=(ADDRESS,),
        certificates={ADDRESS: Certificate(until=NOW + 300 * DAY, refused="")},
        pings=(200,) * 8,
        steps=(
            Step(name="log in", seconds=0.1),
            Step(name="raw status", seconds=0.2),
            Step(name="list services", seconds=0.1),
        ),
        reports=(REPORT,) * 8,
    )


def facts(role: str, product: str = "plumber") -> Facts:
    """What a node says that is well."""
    found: Facts = {
        "node": {"role": role, "product": product, "version": "1.2", "port": PORTS[role]},
        "boot": {"state": "ready", "words": ""},
        "units": {"states": dict.fromkeys(SERVICES[role], "active"), "failed": []},
        "disks": {"/": [71, 21_000, 93], "/run": [98, 780, 99]},
        "memory": {"total": 7_900, "available": 5_100, "killed": 0},
        "clock": {"set": True, "time": NOW + 1.0},
        "packages": {"haproxy": "2.6.12-1+deb12u2"},
        "files": {"differ": [], "missing": []},
        "certificates": {
            name: {"until": int(NOW + 300 * DAY), "key": f"{name:.16}", "pair": True, "ours": True}
            for name in SECRETS[role]
            if name.startswith(("web", "compute"))
        },
        "vault": dict.fromkeys(SECRETS[role], "same"),
        "database": {
            "kind": "server",
            "state": "open",
            "login": f"operationalization_{'api' if role == 'web' else 'loader'}",
            "ahead": 0.1,
            "tables": deepcopy(TABLES[role]),
            "roles": deepcopy(ROLES),
        },
        "migrated": True if role == "web" else None,
        "firewall": {"loaded": True, "missing": [], "extra": []},
        "passed": [],
        "health": {"live": [200, '"alive"'], "ready": [200, '"ready"']},
        "workers": {"up": 2, "down": []},
        "status": {},
        "settings": {},
        "installed": None,
        "computeNodes": [],
    }
    if role == "web":
        places = [f"{each}:12805" for each in COMPUTE]
        found["workers"] = {"up": 0, "down": [], "known": dict.fromkeys(places, "")}
        found["database"]["nodes"] = places
        found["certificates"]["token-signing-key"] = {"key": KEY}
        backends = {f"https://{place}/": "pass" for place in places}
        parts = dict.fromkeys(("authentication", "backends", "database"), "pass")
        found["status"] = {"code": 200, "parts": parts, "backends": backends}
    return found if product == "plumber" else _of_the_family(found, role)


def _of_the_family(found: Facts, role: str) -> Facts:
    found["node"]["version"] = "9.1.0"
    found["workers"] = {}
    found["settings"] = {"differ": []}
    found["installed"] = True
    found["migrated"] = None
    found["database"] = {"kind": "server", "state": "open"} if role == "web" else {"kind": "file"}
    if role == "web":
        found["certificates"]["token-signing"] = found["certificates"].pop("token-signing-key")
        found["vault"]["token-signing"] = found["vault"].pop("token-signing-key")
    return found


class Case:
    """An environment that is well, to be spoilt."""

    def __init__(self, product: str = "plumber") -> None:
        self.intended = intended(product)
        self.front = front()
        every = [(role, address) for role, those in zip(PORTS, (WEB, COMPUTE), strict=True)
                 for address in those]  # fmt: skip
        self.nodes = [
            Node(name=f"{role}-{address[-1]}", id=f"i-{address}", role=role, address=address)
            for role, address in every
        ]
        self.facts = {node.name: facts(node.role, product) for node in self.nodes}
        self.targets = {each.name: targets(each, self.nodes, self.intended) for each in self.nodes}
        for name, ways in self.targets.items():
            self.facts[name]["passed"] = [i for i, way in enumerate(ways) if way.allowed]
        self.silent: dict[str, str] = {}
        self.states = {node.name: "running" for node in self.nodes}

    def way(self, source: str, address: str, port: int) -> int:
        """Where in the list of *source* the way to an address is."""
        ways: tuple[Target, ...] = self.targets[source]
        (found,) = [i for i, w in enumerate(ways) if (w.host, w.port) == (address, port)]
        return found

    def told(self) -> list[Told]:
        """What all nodes said."""
        return [
            Told(
                instance=Instance(
                    node=node,
                    state=self.states[node.name],
                    running=self.states[node.name] == "running",
                ),
                facts={} if node.name in self.silent else self.facts[node.name],
                why=self.silent.get(node.name, ""),
                targets=self.targets[node.name],
                asked=NOW,
                answered=NOW + 3,
            )
            for node in self.nodes
        ]

    def see(self, **changes: Any) -> None:
        """Change what the way in answers."""
        self.front = replace(self.front, **changes)

    def found(self) -> list[tuple[str, str, str]]:
        """Id, place and words of every finding."""
        evidence = Evidence(intended=self.intended, front=self.front, nodes=self.told(), now=NOW)
        return [(each.id, each.place, each.what) for each in judge(evidence)]


Plant = Callable[[Case], None]
"""Something that goes wrong."""
