"""Who may talk to whom on Azure, with real packets (tests/support/access.py)."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from components.runtimes.flows import Zone
from tests.support.access import *  # noqa: F403 - the same tests on each cloud
from tests.support.live import SECURITY_GROUP, Live, live
from tests.support.reaching import Run

pytestmark = [pytest.mark.engine, pytest.mark.root]

ENDPOINTS = (Zone.DATABASE, Zone.VAULT)
OPEN = {
    "name": "open", "priority": 100, "access": "Allow", "protocol": "*",
    "sourceAddressPrefix": "*", "sourcePortRange": "*",
    "destinationAddressPrefix": "*", "destinationPortRange": "*",
}  # fmt: skip


class Azure:
    """What is Azure's own."""

    artifacts = False
    platform = ("168.63.129.16",)

    def hosts(self, dev: Live) -> dict[Zone, str]:
        found = {
            endpoint["properties"]["privateLinkServiceConnections"][0]["groupIds"][0]: endpoint[
                "properties"
            ]["customDnsConfigs"][0]["ipAddresses"][0]
            for endpoint in dev.resources("azure-native:network:PrivateEndpoint")
        }
        return {Zone.DATABASE: found["postgresqlServer"], Zone.VAULT: found["vault"]}

    def beside(self, zone: Zone) -> tuple[Zone, ...]:
        """Rules name subnets, and the endpoints share one."""
        return ENDPOINTS if zone in ENDPOINTS else (zone,)

    def probe(self, dev: Live) -> Run:
        return dev.platform

    @contextmanager
    def clients_denied(self, dev: Live) -> Iterator[None]:
        (group,) = [found for found in dev.resources(SECURITY_GROUP) if "-web" in found["id"]]
        names = [rule["name"] for rule in group["properties"]["securityRules"]]
        access = f"securityRules[{names.index('allow-clients-to-web-12800')}].access"
        try:
            dev.tamper(group["id"], access, json.dumps("Deny"))
            yield
        finally:
            dev.tamper(group["id"], access, json.dumps("Allow"))

    def open(self, dev: Live) -> AbstractContextManager[None]:
        ways = ({"direction": "Inbound"}, {"name": "out", "direction": "Outbound"})
        return dev.security_rules([{**OPEN, **way} for way in ways])


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live("dev", tmp_path_factory.mktemp("access"), options=()) as running:
        yield running


@pytest.fixture(scope="module")
def place() -> Azure:
    return Azure()
