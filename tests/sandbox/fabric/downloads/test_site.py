"""The download site on real networks: who reaches it, and what it says."""

import http.client
import ssl
from ipaddress import IPv4Address

import pytest

from sandbox.fabric import downloads
from sandbox.fabric.contract import Blueprint
from sandbox.fabric.downloads import HOST, Shelf
from sandbox.fabric.downloads.site import Site
from sandbox.fabric.downloads.site import network as network_of
from tests.sandbox.fabric.azure.conftest import Authority
from tests.sandbox.fabric.network.conftest import town  # noqa: F401 -- a fixture
from tests.sandbox.fabric.network.town import (
    CLIENT,
    answers,
    blueprint,
    denied,
    everyone,
    network,
    port,
    reach,
)

pytestmark = pytest.mark.root

STRANGER = IPv4Address("198.51.100.7")
LARGE = bytes(range(256)) * (8 << 12)
"""8 MiB: more than anybody's buffers hold."""


@pytest.fixture
def site(town, tmp_path):  # noqa: F811
    shelf, authority = Shelf(tmp_path / "downloads"), Authority(tmp_path)
    made = Site(shelf, town.networks, authority, network_of(town.pool, CLIENT))

    def settle(*networks):
        wanted = made.added(blueprint(*networks))
        town.networks.settle(wanted, everyone)
        made.settle(wanted)

    def get(namespace, path, method="GET"):
        context = ssl.create_default_context(cafile=str(authority.certificate))
        raw = reach(namespace, downloads.address_in(town.pool), 443, timeout=10)
        connection = http.client.HTTPConnection(HOST)
        connection.sock = context.wrap_socket(raw, server_hostname=HOST)
        connection.request(method, path)
        answer = connection.getresponse()
        found = answer.status, answer.read(), answer.headers
        connection.close()
        return found

    made.fetch, made.arrange = get, settle
    made.shelf, made.address = shelf, downloads.address_in(town.pool)
    yield made
    made.stop()


def offer(site, folder, name="installer.tar", content=LARGE):
    (folder / name).write_bytes(content)
    site.shelf.add(folder / name)


def test_nodes_with_a_way_out_and_the_user_download_and_nobody_else(site, town, tmp_path):  # noqa: F811
    offer(site, tmp_path)
    web = port("web", "10.0.1.4", nat=town.pool[300])
    compute = port("compute", "10.0.1.5")
    site.arrange(network(web, compute))

    assert site.fetch(town.place(web.owner), "/installer.tar")[:2] == (200, LARGE)
    assert site.fetch("", "/installer.tar")[:2] == (200, LARGE)
    assert denied(town.place(compute.owner), site.address, 443)
    with town.networks.visit(STRANGER) as elsewhere:
        assert denied(elsewhere, site.address, 443)
    assert denied("", site.address, 80)


def test_what_is_asked_for_in_other_ways(site, tmp_path):
    offer(site, tmp_path)
    site.arrange()
    head = site.fetch("", "/installer.tar", "HEAD")

    assert (head[0], head[1], head[2]["Content-Length"]) == (200, b"", str(len(LARGE)))
    assert site.fetch("", "/")[0] == 404
    assert site.fetch("", "/other.tar")[0] == 404
    assert site.fetch("", "/..%2Fca.pem")[0] == 404
    assert site.fetch("", "/installer.tar", "POST")[0] == 405


def test_it_is_there_as_long_as_something_is_offered(site, town, tmp_path):  # noqa: F811
    assert site.added(Blueprint()) == Blueprint()

    offer(site, tmp_path)
    site.arrange()
    offer(site, tmp_path, "second.tar", b"more")
    assert site.fetch("", "/second.tar")[1] == b"more"
    town.another().clear()
    site.arrange()
    assert answers("", site.address, 443)

    for name in site.shelf.names():
        site.shelf.remove(name)
    site.arrange(network(port("web", "10.0.1.4")))
    with pytest.raises(OSError, match=r"unreachable|No route"):
        reach("", site.address, 443)
