"""Each kind of fault, planted alone in recorded facts, is named with its place.

Where one fault has a second sign, both are listed: that is what a person sees.
"""

from dataclasses import replace
from typing import Any

import pytest

from operations.diagnosis.endpoint import kinds as endpoint_kinds
from operations.diagnosis.front import Certificate, Step
from operations.diagnosis.kinds import KINDS
from tests.support.diagnosed import ADDRESS, COMPUTE, DAY, NOW, REPORT, Case, Plant

WEB, WEB2, ONE = "web-4", "web-5", "compute-4"
LB = "load balancer"


@pytest.mark.parametrize("product", ["plumber", "rserver"])
def test_an_environment_that_is_well_has_no_finding(product: str) -> None:
    assert Case(product).found() == []


def at(node: str, *path: Any) -> Any:
    """Change one fact of a node."""
    *where, key, value = path

    def plant(case: Case) -> None:
        found = case.facts[node]
        for each in where:
            found = found[each]
        found[key] = value

    return plant


def gone(node: str, part: str) -> Plant:
    def plant(case: Case) -> None:
        del case.facts[node][part]

    return plant


def seen(**changes: Any) -> Plant:
    return lambda case: case.see(**changes)


def certificate(until: float, refused: str = "") -> Plant:
    return seen(certificates={ADDRESS: Certificate(until=until, refused=refused)})


def report(name: str, word: str) -> dict[str, Any]:
    return {"components": {**REPORT["components"], name: {"statusCode": word}}}


def lacks(role: str, name: str) -> Plant:
    """A compute node that web nodes know no more."""

    def plant(case: Case) -> None:
        del case.facts[role]["workers"]["known"][name]

    return plant


def blocked(case: Case) -> None:
    way = case.way(WEB, COMPUTE[1], 12805)
    case.facts[WEB]["passed"].remove(way)
    case.facts[WEB]["workers"]["known"][f"{COMPUTE[1]}:12805"] = "DOWN L4TOUT"


def opened(case: Case) -> None:
    case.facts[ONE]["passed"].append(case.way(ONE, COMPUTE[1], 12805))


def down(case: Case) -> None:
    case.states[ONE] = "deallocated"


def silent(case: Case) -> None:
    case.silent[ONE] = "Azure did not run a command on a node: its agent does not answer"


def unfinished(case: Case) -> None:
    facts = case.facts[WEB]
    facts["boot"]["state"] = "starting"
    facts["units"]["states"] = dict.fromkeys(facts["units"]["states"], "inactive")
    facts["status"] = {"code": 0, "step": "login", "words": "Connection refused"}
    facts["unknown"] = {"workers": "the proxy does not answer"}
    facts["vault"]["database-api"] = "refused: 403"
    del facts["workers"]


FULL = "Azure did not run a command on a node: [Errno 28] No space left on device: 'script.sh'"


def full(case: Case) -> None:
    case.silent[ONE] = FULL


def missing(case: Case) -> None:
    case.nodes = case.nodes[:-1]
    for name in (WEB, WEB2):
        del case.facts[name]["workers"]["known"][f"{COMPUTE[1]}:12805"]


def behind(case: Case) -> None:
    groups = dict(case.intended.groups)
    groups["web"] = replace(groups["web"], behind=(WEB,))
    case.intended = replace(case.intended, groups=groups)


SLOW = Step(name="log in", seconds=0.5)
FAULTS: list[tuple[str, Plant, list[tuple[str, str, str]]]] = [
    (
        "the name of the endpoint is unknown",
        seen(host="r.example", resolved=(), unresolved="Name or service not known"),
        [("dns-unresolved", LB, "r.example: Name or service not known")],
    ),
    (
        "the name leads elsewhere",
        seen(host="r.example", resolved=("192.0.2.1",)),
        [
            (
                "dns-elsewhere",
                LB,
                f"r.example leads to 192.0.2.1, and the balancer has {ADDRESS}",
            )
        ],
    ),
    (
        "the way in is closed",
        seen(closed={ADDRESS: "timed out"}, certificates={}, pings=(), steps=(), reports=()),
        [("endpoint-closed", LB, f"{ADDRESS}:12800 takes none: timed out")],
    ),
    (
        "an expired certificate",
        certificate(NOW - DAY, "certificate has expired"),
        [("tls-expired", LB, f"at {ADDRESS}, on 2027-01-14")],
    ),
    (
        "a certificate that is about to expire",
        certificate(NOW + 5 * DAY),
        [("tls-expiring", LB, f"at {ADDRESS}, on 2027-01-20")],
    ),
    (
        "an authority that is about to expire",
        seen(authority=NOW + DAY),
        [("tls-expiring", LB, "the environment's authority itself, on 2027-01-16")],
    ),
    (
        "a certificate of somebody else",
        certificate(NOW + 300 * DAY, "self-signed certificate"),
        [("tls-untrusted", LB, f"at {ADDRESS}: self-signed certificate")],
    ),
    (
        "a web node behind the balancer that is not ready",
        seen(pings=(200, 503, 200, 503)),
        [("endpoint-not-ready", LB, "2 of 4 connections: 503")],
    ),
    (
        "another password on the nodes",
        seen(steps=(replace(SLOW, failed="the login as admin is refused: the stack's"),)),
        [
            (
                "login-refused",
                LB,
                "step 'log in' after 0.5 s: the login as admin is refused: the stack's",
            )
        ],
    ),
    (
        "a caller that may not call",
        seen(steps=(replace(SLOW, failed="the environment did not log in: 403: no", status=403),)),
        [
            (
                "caller-refused",
                LB,
                "step 'log in' after 0.5 s: the environment did not log in: 403: no",
            )
        ],
    ),
    (
        "a traced execution that fails",
        seen(steps=(Step(name="execute code", seconds=2.0, failed="no R shell"),)),
        [("trace-failed", LB, "step 'execute code' after 2.0 s: no R shell")],
    ),
    (
        "a report that is not well",
        seen(reports=(report("database", "fail"), REPORT)),
        [("status-failed", LB, "database: fail")],
    ),
    (
        "the wrong certificate for tokens on one web node",
        lambda case: (
            at(WEB2, "certificates", "token-signing-key", {"key": "ffff"})(case),
            at(WEB2, "vault", "token-signing-key", "other")(case),
            seen(refusals=(401, 401), reports=(REPORT, REPORT))(case),
        ),
        [
            ("token-refused", LB, "2 of 4 calls with one token"),
            ("secret-stale", f"web node {WEB2}", "token-signing-key"),
            (
                "token-key-differs",
                f"web node {WEB2}",
                "its key is ffff, and that of other web nodes 0123456789abcdef",
            ),
        ],
    ),
    (
        "a node that the cloud has stopped",
        down,
        [
            ("node-down", f"compute node {ONE}", "it is deallocated"),
        ],
    ),
    (
        "a node that nobody reaches",
        silent,
        [
            (
                "node-unreachable",
                f"compute node {ONE}",
                "Azure did not run a command on a node: its agent does not answer",
            )
        ],
    ),
    (
        "a node too full for a command to get there",
        full,
        [("disk-full", f"compute node {ONE}", FULL)],
    ),
    (
        "fewer nodes than should be",
        missing,
        [
            ("node-missing", "compute nodes", "1 run, and there should be 2 at least"),
        ],
    ),
    (
        "a node that could not be configured",
        lambda case: (
            at(ONE, "boot", {"state": "failed", "words": "failed: no package haproxy"})(case),
            at(ONE, "health", {"live": [200, ""], "ready": [503, "not ready"]})(case),
        ),
        [("node-unconfigured", f"compute node {ONE}", "failed: no package haproxy")],
    ),
    (
        "a node that is still being configured",
        at(ONE, "boot", "state", "starting"),
        [("node-starting", f"compute node {ONE}", "its state is starting")],
    ),
    (
        "a node that has not started its services yet, and whose vault refuses",
        unfinished,
        [
            ("vault-refused", f"web node {WEB}", "database-api: 403"),
            ("node-starting", f"web node {WEB}", "its state is starting"),
        ],
    ),
    (
        "a node that drains",
        at(ONE, "boot", "state", "draining"),
        [("node-draining", f"compute node {ONE}", "its ready path says so to the balancer")],
    ),
    (
        "a node whose processes are down",
        at(WEB, "health", "live", [503, '"the API is down"']),
        [("node-not-live", f"web node {WEB}", '503: "the API is down"')],
    ),
    (
        "a node that says that it is not ready",
        at(WEB, "health", "ready", [503, '"not ready"']),
        [("node-not-ready", f"web node {WEB}", '503: "not ready"')],
    ),
    (
        "a part that could not be looked into",
        lambda case: (
            gone(ONE, "firewall")(case),
            at(ONE, "unknown", {"firewall": "took too long"})(case),
        ),
        [("probe-incomplete", f"compute node {ONE}", "firewall: took too long")],
    ),
    (
        "a stopped service",
        at(WEB, "units", "states", "operationalization-api.service", "inactive"),
        [("service-stopped", f"web node {WEB}", "operationalization-api.service is inactive")],
    ),
    (
        "a failed unit",
        at(WEB, "units", "failed", ["operationalization-migrate.service"]),
        [("service-failed", f"web node {WEB}", "operationalization-migrate.service")],
    ),
    (
        "workers that crash",
        at(ONE, "workers", "down", ["worker2"]),
        [("workers-down", f"compute node {ONE}", "worker2")],
    ),
    (
        "a full disk",
        at(ONE, "disks", "/", [0, 3, 60]),
        [
            (
                "disk-full",
                f"compute node {ONE}",
                "/ has 0 % (3 MB) and 60 % of its inodes free",
            )
        ],
    ),
    (
        "a disk without inodes",
        at(ONE, "disks", "/", [50, 9_000, 0]),
        [
            (
                "disk-full",
                f"compute node {ONE}",
                "/ has 50 % (9000 MB) and 0 % of its inodes free",
            )
        ],
    ),
    (
        "a disk that fills",
        at(ONE, "disks", "/", [5, 600, 60]),
        [
            (
                "disk-filling",
                f"compute node {ONE}",
                "/ has 5 % (600 MB) and 60 % of its inodes free",
            )
        ],
    ),
    (
        "no memory",
        at(ONE, "memory", "available", 100),
        [("memory-short", f"compute node {ONE}", "100 of 7900 MB are available")],
    ),
    (
        "a process that was ended for memory",
        at(ONE, "memory", "killed", 3),
        [("memory-killed", f"compute node {ONE}", "3 in the last hour")],
    ),
    (
        "a clock that is behind",
        at(WEB, "clock", "time", NOW - 602.0),
        [("clock-off", f"web node {WEB}", "it is 600 seconds behind this machine's")],
    ),
    (
        "a clock that is ahead",
        at(WEB, "clock", "time", NOW + 605.0),
        [("clock-off", f"web node {WEB}", "it is 600 seconds ahead of this machine's")],
    ),
    (
        "a clock that is another one than the database's",
        at(WEB, "database", "ahead", -90.0),
        [("clock-off", f"web node {WEB}", "the database's is -90 seconds from it")],
    ),
    (
        "a clock that nobody sets",
        at(WEB, "clock", "set", False),
        [
            (
                "clock-alone",
                f"web node {WEB}",
                "its time service says that it is not synchronized",
            )
        ],
    ),
    (
        "an expired certificate between nodes",
        at(ONE, "certificates", "compute-server", "until", NOW - DAY),
        [("certificate-expired", f"compute node {ONE}", "compute-server, on 2027-01-14")],
    ),
    (
        "a certificate between nodes that is about to expire",
        at(ONE, "certificates", "compute-server", "until", NOW + DAY),
        [("certificate-expiring", f"compute node {ONE}", "compute-server, on 2027-01-16")],
    ),
    (
        "a certificate with another key",
        at(WEB, "certificates", "web-client", "pair", False),
        [("certificate-broken", f"web node {WEB}", "web-client does not belong to its key")],
    ),
    (
        "a certificate of another authority",
        at(WEB, "certificates", "web-client", "ours", False),
        [
            (
                "certificate-broken",
                f"web node {WEB}",
                "web-client is not signed by the environment's authority",
            )
        ],
    ),
    (
        "a secret that was changed in the vault",
        at(WEB, "vault", "database-api", "other"),
        [("secret-stale", f"web node {WEB}", "database-api")],
    ),
    (
        "a vault that refuses",
        at(WEB, "vault", "database-api", "refused: 403 ForbiddenByRbac"),
        [("vault-refused", f"web node {WEB}", "database-api: 403 ForbiddenByRbac")],
    ),
    (
        "another certificate for tokens in the store of the product",
        at(WEB, "stored", {"token-signing": "replaced"}),
        [
            (
                "token-key-differs",
                f"web node {WEB}",
                "another certificate is in the store of the product where token-signing should be",
            )
        ],
    ),
    (
        "a certificate that the store of the product lacks, and one that it has twice",
        at(WEB, "stored", {"web-client": "absent", "token-signing": "twice"}),
        [
            (
                "certificate-broken",
                f"web node {WEB}",
                "web-client is not in the store of the product",
            ),
            (
                "certificate-broken",
                f"web node {WEB}",
                "the product's store has two certificates with the subject of token-signing",
            ),
        ],
    ),
    (
        "a vault that a busy node did not hear from in time",
        at(WEB, "vault", "database-api", "late"),
        [
            (
                "probe-incomplete",
                f"web node {WEB}",
                "vault: no answer in time about database-api",
            )
        ],
    ),
    (
        "a database that is away",
        at(WEB, "database", {"state": "unreachable", "words": "timed out"}),
        [("database-unreachable", f"web node {WEB}", "timed out")],
    ),
    (
        "another password in the database",
        at(WEB, "database", {"state": "login", "words": "password authentication failed"}),
        [("database-login-refused", f"web node {WEB}", "password authentication failed")],
    ),
    (
        "a database that is another one",
        at(WEB, "database", {"state": "untrusted", "words": "certificate verify failed"}),
        [("database-untrusted", f"web node {WEB}", "certificate verify failed")],
    ),
    (
        "a database without our tables",
        at(WEB, "database", "tables", [["migration", False, False]]),
        [
            (
                "database-schema",
                f"web node {WEB}",
                "catalogue, listed_service, service, serving_node",
            )
        ],
    ),
    (
        "a right that was taken",
        at(ONE, "database", "tables", 5, ["service", False, False]),
        [
            (
                "database-rights",
                f"compute node {ONE}",
                "operationalization_loader may not read service",
            )
        ],
    ),
    (
        "a role that may not log in",
        at(WEB, "database", "roles", 1, ["operationalization_loader", False, False]),
        [("database-rights", f"web node {WEB}", "operationalization_loader may not log in")],
    ),
    (
        "a role that became powerful",
        at(WEB, "database", "roles", 0, ["operationalization_api", True, True]),
        [
            (
                "database-role",
                f"web node {WEB}",
                "operationalization_api is more than a user of one schema",
            )
        ],
    ),
    (
        "migrations that were not run",
        at(WEB, "migrated", False),
        [("migrations-behind", f"web node {WEB}", "its mark is not that of its own migrations")],
    ),
    (
        "a packet filter that is not loaded",
        at(ONE, "firewall", {"loaded": False, "words": "No such file or directory"}),
        [("firewall-off", f"compute node {ONE}", "No such file or directory")],
    ),
    (
        "a rule of the node's own filter is missing",
        at(ONE, "firewall", "missing", ["input 10.20.0.0/24 12805"]),
        [("firewall-missing", f"compute node {ONE}", "input 10.20.0.0/24 12805")],
    ),
    (
        "a rule of the node's own filter too many",
        at(ONE, "firewall", "extra", ["input 0.0.0.0/0 22"]),
        [("firewall-extra", f"compute node {ONE}", "input 0.0.0.0/0 22")],
    ),
    (
        "a packet rule of the cloud is missing",
        blocked,
        [
            (
                "path-blocked",
                f"web node {WEB}",
                "to compute node compute-5 (10.20.16.5), port 12805",
            ),
            ("compute-down", f"web node {WEB}", "10.20.16.5:12805: DOWN L4TOUT"),
        ],
    ),
    (
        "a packet rule of the cloud too many",
        opened,
        [
            (
                "path-open",
                f"compute node {ONE}",
                "to compute node compute-5 (10.20.16.5), port 12805",
            ),
        ],
    ),
    (
        "a changed configuration",
        at(ONE, "files", "differ", ["/etc/operationalization/node.json"]),
        [("configuration-differs", f"compute node {ONE}", "/etc/operationalization/node.json")],
    ),
    (
        "changed files",
        lambda case: (
            at(ONE, "files", "differ", ["/etc/operationalization/haproxy.cfg"])(case),
            at(ONE, "files", "missing", ["/opt/operationalization/bin/drain.sh"])(case),
        ),
        [
            (
                "files-differ",
                f"compute node {ONE}",
                "/etc/operationalization/haproxy.cfg, /opt/operationalization/bin/drain.sh is gone",
            )
        ],
    ),
    (
        "an old version on one node",
        at(ONE, "node", "version", "1.1"),
        [("version-differs", f"compute node {ONE}", "it has 1.1, and the stack says 1.2")],
    ),
    (
        "an old package on one node",
        lambda case: (
            at(WEB, "packages", "haproxy", "2.6.8-2")(case),
            at(WEB, "packages", "jq", "1")(case),
            at(WEB2, "packages", "jq", "1")(case),
        ),
        [
            (
                "packages-differ",
                f"web node {WEB2}",
                "haproxy 2.6.12-1+deb12u2; other nodes have 2.6.8-2",
            )
        ],
    ),
    (
        "a fixed node of older settings",
        behind,
        [
            (
                "settings-behind",
                f"web node {WEB}",
                "it was made from other settings than were deployed last",
            )
        ],
    ),
    (
        "a compute node that a web node does not know",
        lacks(WEB, f"{COMPUTE[0]}:12805"),
        [
            (
                "compute-unknown",
                f"web node {WEB}",
                "compute node compute-4 (10.20.16.4:12805) is not among its 1",
            )
        ],
    ),
    (
        "a compute node that nobody has",
        at(WEB, "workers", "known", "10.20.16.9:12805", ""),
        [
            (
                "compute-stale",
                f"web node {WEB}",
                "10.20.16.9:12805, which no node of the environment has",
            )
        ],
    ),
    (
        "a compute node that a web node does not get through to",
        at(WEB, "workers", "known", "10.20.16.4:12805", "DOWN L6RSP"),
        [("compute-down", f"web node {WEB}", "10.20.16.4:12805: DOWN L6RSP")],
    ),
    (
        "a compute node that does not say that it serves",
        lambda case: [
            at(each, "database", "nodes", ["10.20.16.5:12805"])(case) for each in (WEB, WEB2)
        ],
        [("compute-silent", f"compute node {ONE}", "10.20.16.4:12805 is not in serving_node")],
    ),
]


@pytest.mark.parametrize(("plant", "expected"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_is_named_with_its_place(plant: Plant, expected: list[Any]) -> None:
    case = Case()
    plant(case)

    assert case.found() == expected


FAMILY: list[tuple[str, Plant, list[tuple[str, str, str]]]] = [
    (
        "a wrong compute URI in the product's own file",
        lambda case: (
            at(WEB, "settings", "differ", ["web.ComputeNodesConfiguration.Uris.Values"])(case),
            at(
                WEB,
                "status",
                "backends",
                {"https://10.20.16.4:12805/": "pass", "https://10.20.16.99:12805/": "fail"},
            )(case),
        ),
        [
            (
                "compute-uri-wrong",
                f"web node {WEB}",
                "appsettings.json, web.ComputeNodesConfiguration.Uris.Values",
            ),
            (
                "compute-unknown",
                f"web node {WEB}",
                "compute node compute-5 (10.20.16.5:12805) is not among its 2",
            ),
            (
                "compute-stale",
                f"web node {WEB}",
                "10.20.16.99:12805, which no node of the environment has",
            ),
        ],
    ),
    (
        "another setting in the product's own file",
        at(WEB, "settings", "differ", ["web.Kestrel.Port"]),
        [("configuration-differs", f"web node {WEB}", "appsettings.json, web.Kestrel.Port")],
    ),
    (
        "a product of another installer",
        at(WEB, "installed", False),
        [
            (
                "version-differs",
                f"web node {WEB}",
                "its product is from another installer than its settings name",
            )
        ],
    ),
    (
        "another certificate for tokens",
        at(WEB2, "certificates", "token-signing", {"key": "ffff"}),
        [
            (
                "token-key-differs",
                f"web node {WEB2}",
                "its key is ffff, and that of other web nodes 0123456789abcdef",
            )
        ],
    ),
    (
        "a report on one node that is not well",
        at(WEB, "status", "parts", "database", "fail"),
        [("status-failed", f"web node {WEB}", "database: fail")],
    ),
]


@pytest.mark.parametrize(("plant", "expected"), [f[1:] for f in FAMILY], ids=[f[0] for f in FAMILY])
def test_a_fault_of_the_family_is_named_with_its_place(plant: Plant, expected: list[Any]) -> None:
    case = Case("rserver")
    plant(case)

    assert case.found() == expected


def test_every_kind_of_finding_has_a_fault_that_shows_it() -> None:
    planted = {each[0] for _, _, expected in (*FAULTS, *FAMILY) for each in expected}

    # Those of managed endpoints are planted in test_endpoint.py.
    assert planted == KINDS.keys() - endpoint_kinds.KINDS.keys()
    assert len(planted) > 20


def test_a_certificate_that_the_owner_brought_may_be_of_another_authority() -> None:
    case = Case()
    at(WEB, "certificates", "web-server", "ours", False)(case)
    assert [each[0] for each in case.found()] == ["certificate-broken"]

    case.intended = replace(case.intended, brought=True)
    assert case.found() == []


def test_addresses_of_a_range_that_nobody_has_are_no_fault() -> None:
    case = Case("rserver")
    groups = {role: replace(each, fixed=False) for role, each in case.intended.groups.items()}
    case.intended = replace(case.intended, groups=groups)
    at(WEB, "status", "backends", "http://10.20.16.77:12805/", "fail")(case)

    assert case.found() == []


def test_the_worst_comes_first_and_nothing_twice() -> None:
    case = Case()
    at(WEB, "memory", "killed", 1)(case)
    at(WEB2, "units", "states", "operationalization-api.service", "failed")(case)
    case.see(reports=(report("database", "fail"),) * 8)

    assert [each[0] for each in case.found()] == [
        "status-failed",
        "service-stopped",
        "memory-killed",
    ]
