"""What a product's report must say for an environment to be well."""

from collections.abc import Mapping
from typing import Any

import pytest

from operations import patience, product
from operations.diagnose import examine, examine_open, open_problems, problems
from operations.errors import OperationError

GROUPS: dict[str, Any] = {
    "web": {
        "kind": "fixed",
        "names": ["web-1", "web-2"],
        "addresses": ["10.20.0.4", "10.20.0.5"],
        "port": 12800,
        "minimum": 2,
        "content": {"rendered": "new", "machines": ["new", "old"]},
    },
    "compute": {
        "kind": "fixed",
        "names": ["compute-1", "compute-2"],
        "addresses": ["10.20.128.4", "10.20.128.5"],
        "port": 12805,
        "minimum": 2,
        "content": {"rendered": "new", "machines": ["new", "new"]},
    },
}
RUNTIME = {
    "product": "rserver",
    "version": "9.0.1",
    "rVersion": "3.3.2",
    "account": "administrator",
    "statusWords": ["pass", "green"],
    "computeNodesApi": False,
    "authentication": "local",
}


def read(**changes: Any) -> product.Product:
    found = product.read({"runtime": RUNTIME, "groups": {**GROUPS, **changes}})
    assert found is not None
    return found


FIXED = read()
SCALED = read(compute={"kind": "scaleSet", "addresses": [], "port": 12805, "minimum": 2})


def report(nodes: Mapping[str, str], word: str = "green", **components: str) -> dict[str, Any]:
    return {
        "statusCode": word,
        "components": {
            "backends": {
                "statusCode": word,
                "components": {
                    uri: {"statusCode": each, "components": None} for uri, each in nodes.items()
                },
            },
            **{name: {"statusCode": each} for name, each in components.items()},
        },
        "details": {"logPath": "/var/log"},
    }


BOTH = {"https://10.20.128.4:12805/": "green", "https://10.20.128.5:12805/": "pass"}


def test_outputs_say_what_to_expect() -> None:
    assert FIXED.compute.addresses == ("10.20.128.4:12805", "10.20.128.5:12805")
    assert (FIXED.account, FIXED.title, FIXED.web) == ("administrator", "rserver 9.0.1", 2)
    assert FIXED.stale == ("web-2",)
    assert (SCALED.compute.addresses, SCALED.compute.fewest) == ((), 2)
    assert product.read({"groups": GROUPS}) is None


def test_either_word_of_the_version_is_good() -> None:
    good = report(BOTH, database="pass", authentication="green")
    assert problems(good, FIXED) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            report({"https://10.20.128.4:12805/": "green"}),
            ["compute node 10.20.128.5:12805: is not in its list"],
        ),
        (
            report({**BOTH, "https://10.20.128.5:12805/": "fail"}, word="warn"),
            ["compute node 10.20.128.5:12805: fail", "the server as a whole: warn"],
        ),
        (report(BOTH, database="fail"), ["database: fail"]),
        (
            {},
            [
                "compute node 10.20.128.4:12805: is not in its list",
                "compute node 10.20.128.5:12805: is not in its list",
                "the server as a whole: None",
            ],
        ),
    ],
)
def test_what_is_not_well_is_named(found: dict[str, Any], words: list[str]) -> None:
    assert problems(found, FIXED) == words


def test_addresses_that_nobody_has_are_no_fault_of_a_range() -> None:
    nodes = {f"http://10.20.128.{last}:12805/": "fail" for last in range(6, 20)}
    few = report({**nodes, "http://10.20.128.4:12805/": "pass"}, word="warn")
    assert problems(few, SCALED) == ["1 compute nodes are well, and there should be 2"]
    enough = {**nodes, "http://10.20.128.4:12805/": "pass", "http://10.20.128.5:12805/": "pass"}
    assert problems(report(enough, word="warn"), SCALED) == []


class Environment:
    """A client whose reports come one after another."""

    endpoint = "https://198.18.17.1:12800"

    def __init__(self, *reports: dict[str, Any]) -> None:
        self.reports = list(reports)
        self.connections = 1

    def status(self) -> dict[str, Any]:
        return self.reports.pop(0) if len(self.reports) > 1 else self.reports[0]

    def reconnect(self) -> None:
        self.connections += 1


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr("operations.diagnose.SECONDS", 0.05)


def test_it_waits_for_what_gets_well_and_asks_several_web_nodes() -> None:
    client = Environment(report({}), report(BOTH))
    assert examine(client, FIXED) == "rserver 9.0.1 says that it is well, with 2 compute nodes"
    assert client.connections == 1 + 4 * FIXED.web


def test_what_does_not_get_well_is_an_error() -> None:
    with pytest.raises(OperationError) as refused:
        examine(Environment(report(BOTH, database="fail")), FIXED)
    assert refused.value.what == "rserver 9.0.1 says that it is not well"
    assert refused.value.why == "database: fail"


def open_report(*uris: str, **codes: str) -> dict[str, Any]:
    """What a web node of the open runtime says (server/api/status.py)."""
    return {
        "statusCode": "pass",
        "components": {
            "backends": {
                "statusCode": "pass" if uris else "fail",
                "components": {uri: {"statusCode": "pass"} for uri in uris},
            },
            "authentication": {"statusCode": "pass", "components": {}},
            "database": {"statusCode": codes.get("database", "pass"), "components": None},
        },
    }


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (open_report("https://10.20.128.4:9450/", "https://10.20.128.5:9450/"), []),
        (
            open_report("https://10.20.128.4:9450/", "https://10.20.128.5:12805/"),
            ["1 compute nodes serve on 9450, and there should be 2"],
        ),
        (
            open_report(database="fail"),
            ["0 compute nodes serve on 9450, and there should be 2", "database: fail"],
        ),
    ],
)
def test_the_open_runtime_lists_its_compute_nodes_and_their_port(
    found: dict[str, Any], words: list[str]
) -> None:
    assert open_problems(found, 9450, 2) == words


def test_the_open_runtime_is_waited_for_too() -> None:
    client = Environment(open_report(), open_report("https://10.20.128.4:12805/"))
    assert examine_open(client, port=12805, fewest=1) == (
        "the environment says that it is well, with 1 compute nodes or more on 12805"
    )
    with pytest.raises(OperationError, match="the environment says that it is not well") as refused:
        examine_open(Environment(open_report()), port=12805, fewest=1)
    assert refused.value.why == "0 compute nodes serve on 12805, and there should be 1"
