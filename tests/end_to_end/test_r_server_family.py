"""R Server and ML Server, booted: every version on both clouds, as stand-ins (stand_ins/).

What is proven is what the project owns: that nodes install silently from what the settings name,
are configured for one another, and let nobody else in. The product itself is a stand-in, which says
so.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from components.runtimes import flows, recipe
from components.runtimes.flows import Zone
from components.settings import parse
from operations.patience import until
from tests.end_to_end.test_access import Azure
from tests.end_to_end.test_access_aws import Aws
from tests.support import r_repository
from tests.support.access import ALLOWED_CLIENT, FOREIGN_CLIENT, INTERNET, PORTS, Place
from tests.support.family import Case, Family, side_by_side, together
from tests.support.reaching import answers, every, reached
from tests.support.upgrading import SETTINGS

# Seven environments begin in one fixture: on two processors that others use too it takes minutes.
pytestmark = [pytest.mark.engine, pytest.mark.root, pytest.mark.timeout(900)]

CASES = {
    "azure": (
        Case(cloud="azure", version="9.0.1"),
        Case(cloud="azure", version="9.1.0", nodes="scaleSet"),
        Case(cloud="azure", version="9.3.0", nodes="scaleSet"),
        Case(cloud="azure", version="9.4.7", compute=2, packages=True),
        Case(cloud="azure", version="9.0-preview", compute=2),
        Case(cloud="azure", version="9.0.1", topology="one-box"),
        Case(cloud="azure", version="9.3.0", topology="one-box", private=True, ldap=True),
    ),
    "aws": (
        Case(cloud="aws", version="9.0.1"),
        Case(cloud="aws", version="9.1.0", compute=2, encrypted=True),
        Case(cloud="aws", version="9.3.0", encrypted=True),
        Case(cloud="aws", version="9.4.7", nodes="scaleSet"),
        Case(cloud="aws", version="9.1.0", topology="one-box"),
        Case(cloud="aws", version="9.4.7", topology="one-box", private=True),
    ),
}
PLACES: dict[str, Place] = {"azure": Azure(), "aws": Aws()}
WELL = ("pass", "green")
"""What the product says of itself when all is well: 9.0.1's own word differs (facts.md 13.4)."""
SERVICE = {
    "code": "answer <- slope * hp + wt",
    "initCode": "slope <- 2",
    "description": "a line",
    "runtimeType": "R",
    "inputParameterDefinitions": [
        {"name": "hp", "type": "numeric"},
        {"name": "wt", "type": "numeric"},
    ],
    "outputParameterDefinitions": [{"name": "answer", "type": "numeric"}],
}
BOOT = 180.0
"""Seconds in which machines must serve that nobody waits for, beside ten other things."""
REQUEST, ANSWER = {"hp": 120, "wt": 2.5}, 242.5
PORTS_TRIED = (*PORTS, 9000, 9002, 9001, 9003, 12801, 12806)


@pytest.fixture(scope="module", params=CASES)
def deployed(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[dict[Case, Family]]:
    cases = CASES[request.param]
    with side_by_side(cases, tmp_path_factory.mktemp(f"family-{request.param}")) as found:
        together(await_balancer, found.values())
        yield found


def await_balancer(each: Family) -> None:
    """On AWS nothing waits for a machine that is in no group."""
    doors = set(every(each.told["loadBalancerAddresses"], [each.port]))
    assert until(partial(reached, each.here, doors), doors.__eq__, BOOT) == doors


@pytest.fixture(scope="module")
def enterprises(deployed: dict[Case, Family]) -> list[Family]:
    return [each for case, each in deployed.items() if case.topology == "enterprise"]


@pytest.fixture(scope="module")
def boxes(deployed: dict[Case, Family]) -> list[Family]:
    return [each for case, each in deployed.items() if case.topology == "one-box"]


def test_a_service_runs_with_a_token_that_another_web_node_gave(
    deployed: dict[Case, Family],
) -> None:
    def check(each: Family) -> None:
        issued = {node: each.token(node) for node in each.web()}
        first, *_ = issued.values()
        if each.case.encrypted:
            for node in each.web():
                kept = each.on(node, "bash", "-c", f"cat {SETTINGS}").stdout
                assert '"Encrypted": true' in kept
                assert "Password=" not in kept
        service = SERVICE
        if each.case.packages:
            service = {**SERVICE, "initCode": f"slope <- {r_repository.CALL}"}
            for node in each.names("compute"):
                assert each.on(node, "Rscript", "-e", f"cat({r_repository.CALL})").stdout == "2"
        assert each.call("POST", "/services/line/1.0", service, first).status == 201
        for giver, token in issued.items():
            for node in each.web():
                reply = each.call_on(node, "POST", "/api/line/1.0", REQUEST, token)
                assert reply.body["outputParameters"] == {"answer": ANSWER}, (giver, node)
            reply = each.call("POST", "/api/line/1.0", REQUEST, token)
            assert reply.body["success"] is True, reply
            assert reply.body["outputParameters"] == {"answer": ANSWER}, reply

    together(check, deployed.values())


def test_every_web_node_and_the_balancer_say_that_all_is_well(
    deployed: dict[Case, Family],
) -> None:
    def check(each: Family) -> None:
        token = each.token()
        for ask in (*(partial(each.call_on, node) for node in each.web()), each.call):
            reply = ask("GET", "/status", None, token)
            assert reply.status == 200, reply
            if each.case.nodes == "fixed":
                # In a range, addresses that nobody has count as failed.
                assert reply.body["statusCode"] in WELL, reply
            backends = reply.body["components"]["backends"]["components"]
            well = [uri for uri, found in backends.items() if found["statusCode"] in WELL]
            assert len(well) == each.case.compute, backends
            assert reply.headers["X-Stand-In"] == f"{each.case.product} {each.case.version}"

    together(check, deployed.values())


def test_nobody_comes_in_without_the_password(deployed: dict[Case, Family]) -> None:
    def check(each: Family) -> None:
        wrong = {"username": each.account, "password": "Wr0ng-one."}
        assert each.call("POST", "/login", wrong).status == 401
        if each.case.ldap:
            local = {"username": "admin", "password": each.told["adminPassword"]}
            assert each.call("POST", "/login", local).status == 401
        assert each.call("GET", "/status").status == 401
        assert each.call("POST", "/api/line/1.0", REQUEST).status == 401

    together(check, deployed.values())


def test_clients_reach_the_balancers_port_and_no_node(deployed: dict[Case, Family]) -> None:
    with visiting(deployed, ALLOWED_CLIENT) as allowed, visiting(deployed, FOREIGN_CLIENT) as not_:

        def check(each: Family) -> None:
            balancers = each.told["loadBalancerAddresses"]
            private = [str(node["address"]) for node in each.nodes]
            places = every([*balancers, *private], PORTS_TRIED)
            assert reached(partial(each.within, allowed), places) == set(
                every(balancers, [each.port])
            )
            assert reached(partial(each.within, not_), places) == set()

        together(check, deployed.values())


@contextmanager
def visiting(deployed: dict[Case, Family], address: str) -> Iterator[str]:
    """A machine of the internet, for all environments of a sandbox."""
    first, *_ = deployed.values()
    with first.visitor(address) as namespace:
        yield namespace


@pytest.mark.parametrize("zone", [Zone.WEB, Zone.COMPUTE])
def test_a_node_reaches_what_the_table_says_and_nothing_else(
    deployed: dict[Case, Family], enterprises: list[Family], zone: Zone
) -> None:
    """Above all: compute nodes from web nodes alone, and the database from web nodes alone."""

    def check(each: Family) -> None:
        environment = parse(each.settings, stack=each.stack)
        recipes = {role: recipe.for_role(environment, role) for role in environment.groups}
        place = PLACES[each.case.cloud]
        table = {
            (flow.destination, flow.port)
            for flow in flows.allowed(environment, recipes, artifacts=place.artifacts)
            if flow.source == zone
        }
        asker, *_ = sorted(each.names(zone.value))
        hosts = {**neighbours(each, asker), **place.hosts(each), Zone.INTERNET: INTERNET}

        heard = answers(partial(each.on, asker), every(hosts.values(), PORTS_TRIED))

        passages = {
            f"{hosts[beside]}:{port}"
            for to, port in table
            for beside in place.beside(to)
            if beside in hosts
        }
        services = {
            f"{hosts[to]}:{port}" for to, port in table if to in hosts and to is not Zone.INTERNET
        }
        assert set(heard) == passages
        assert {where for where in heard if heard[where] == "accepted"} == services
        assert (f"{hosts[Zone.DATABASE]}:5432" in heard) == (zone is Zone.WEB)

    with visiting(deployed, INTERNET):
        together(check, enterprises)


def neighbours(each: Family, asker: str) -> dict[Zone, str]:
    """An address of each kind of nodes that is not the asker's own."""
    others = {
        zone: sorted(
            str(node["address"])
            for node in each.nodes
            if f"-{zone.value}-" in node["name"] and node["name"] != asker
        )
        for zone in (Zone.WEB, Zone.COMPUTE)
    }
    return {zone: found[0] for zone, found in others.items() if found}


def test_a_one_box_lets_in_on_one_port_whatever_the_product_listens_on(
    boxes: list[Family],
) -> None:
    """The balancer's probe is the one neighbour that it has."""

    def check(each: Family) -> None:
        (node,) = each.nodes
        places = every([str(node["address"])], PORTS_TRIED)
        found = reached(PLACES[each.case.cloud].probe(each), places)
        assert found == {f"{node['address']}:{each.port}"}

    together(check, boxes)


def test_the_form_of_the_draft_has_its_own_ports_and_account(
    deployed: dict[Case, Family],
) -> None:
    for case, each in deployed.items():
        if case.ldap:
            continue  # the local account is off
        wanted = (9000, "administrator") if case.version == "9.0-preview" else (12800, "admin")
        assert (each.port, each.account) == wanted, each.stack


def diagnosed(each: Family) -> dict[str, set[str]]:
    """What scripts/diagnose finds wrong: places by id."""
    done = each.script("diagnose", "--format", "json", "--seconds", "100")
    assert done.returncode in (0, 2), done.stderr
    found: dict[str, set[str]] = {}
    for finding in json.loads(done.stdout)["findings"]:
        found.setdefault(finding["id"], set()).add(finding["place"])
    return found


def test_diagnose_finds_nothing_where_all_is_well(enterprises: list[Family]) -> None:
    def check(each: Family) -> None:
        assert diagnosed(each) == {}

    together(check, enterprises)


WRONG_URI = """
set -eu
file=$(python3 -c 'import glob, json
product = json.load(open("/etc/operationalization/node.json"))["web"]["product"]
for home in product["homes"]:
    print(*glob.glob("/".join((home, product["folders"]["web"], "appsettings.json"))))')
file=$(echo $file)
cp -a "$file" /run/appsettings.json
sed -i 's/:12805/:12806/' "$file"
! cmp -s "$file" /run/appsettings.json
echo "$file"
"""
OTHER_PFX = """
set -eu
cd /run
ours=operationalization/secrets/token-signing
mark() { openssl x509 -in "$1" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g'; }
openssl genrsa -out key 2048 2>/dev/null
openssl x509 -x509toreq -in $ours -signkey key -out asked 2>/dev/null
openssl x509 -req -in asked -signkey key -out other 2>/dev/null
right=$(find / -xdev -path "*x509stores/root/$(mark $ours).pfx")
wrong=${right%/*}/$(mark other).pfx
mv "$right" "$right.kept"
openssl pkcs12 -export -passout pass: -in other -inkey key -out "$wrong"
echo "$right" "$wrong"
"""


def test_diagnose_names_a_wrong_compute_uri_and_another_certificate_for_tokens(
    enterprises: list[Family],
) -> None:
    """On two web nodes of R Server, which keeps its compute nodes in appsettings.json."""
    each = next(
        each
        for each in enterprises
        if each.case.version in ("9.0.1", "9.1.0") and each.case.nodes == "fixed"
    )
    first, second = each.web()
    file = each.on(first, "bash", "-c", WRONG_URI).stdout.strip()
    right, wrong = each.on(second, "bash", "-c", OTHER_PFX).stdout.split()
    try:
        assert diagnosed(each) == {
            "compute-uri-wrong": {f"web node {first}"},
            "token-key-differs": {f"web node {second}"},
        }
    finally:
        each.on(first, "mv", "/run/appsettings.json", file)
        each.on(second, "rm", wrong)
        each.on(second, "mv", f"{right}.kept", right)
