"""Whether what answers is well, by its own report (facts.md 13.4, 13.6, 14.2).

The report names each compute node that a web node was told of. Every web node answers for itself
and nobody outside of the network reaches one by its own address, so that the load balancer is asked
over several connections, with one token: what one web node signs, the others take.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from operations.client import Client
from operations.errors import OperationError
from operations.patience import until
from operations.product import Product

SECONDS = 300.0
"""How long a restarted product may take until it is well again (facts.md 8.5)."""

ASKED = 4
"""Connections for each web node: the balancer spreads them as it likes."""

MOST = 16

SLOW = 2
"""Connections where each report waits for addresses of a range that nobody has."""


def examine(client: Client, product: Product) -> str:
    """Return, in a line for a person, that the environment is well.

    Raises:
        OperationError: with all that is not, in the report's words.
    """
    for _ in range(_connections(product)):
        found = until(lambda: problems(client.status(), product), lambda each: not each, SECONDS)
        if found:
            raise OperationError(
                f"{product.title} says that it is not well",
                client.endpoint,
                "; ".join(found),
                "the nodes' journals say why: scripts/sandbox logs NODE, or the cloud's own way",
            )
        client.reconnect()
    nodes = len(product.compute.addresses) or f"at least {product.compute.fewest}"
    return f"{product.title} says that it is well, with {nodes} compute nodes"


def examine_open(client: Client, *, port: int, fewest: int) -> str:
    """Return, in a line for a person, that the open runtime is well.

    It lists the compute nodes that have told the database lately that they are ready, and the port
    of each; there should be *fewest* or more on *port*.

    Raises:
        OperationError: with all that is not, in the report's words.
    """
    found = until(
        lambda: open_problems(client.status(), port, fewest), lambda each: not each, SECONDS
    )
    if found:
        raise OperationError(
            "the environment says that it is not well",
            client.endpoint,
            "; ".join(found),
            "scripts/diagnose says what is wrong, and where",
        )
    return f"the environment says that it is well, with {fewest} compute nodes or more on {port}"


def open_problems(report: Mapping[str, Any], port: int, fewest: int) -> list[str]:
    """Return what the open runtime's *report* says that is not well."""
    components: Mapping[str, Any] = report.get("components") or {}
    backends: Mapping[str, Any] = components.get("backends") or {}
    known = [uri for uri in backends.get("components") or {} if urlsplit(uri).port == port]
    wrong = []
    if len(known) < fewest:
        wrong.append(f"{len(known)} compute nodes serve on {port}, and there should be {fewest}")
    named = (
        (name, (component or {}).get("statusCode"))
        for name, component in components.items()
        if name != "backends"
    )
    return wrong + [f"{name}: {code}" for name, code in named if code != "pass"]


def _connections(product: Product) -> int:
    if not product.compute.addresses:
        return min(product.web, SLOW)
    return min(ASKED * product.web, MOST)


def problems(report: Mapping[str, Any], product: Product) -> list[str]:
    """Return what *report* says of the server that is not well."""
    return list(_problems(report, product))


def _problems(report: Mapping[str, Any], product: Product) -> Iterator[str]:
    words = product.status_words
    components: Mapping[str, Any] = report.get("components") or {}
    backends: Mapping[str, Any] = components.get("backends") or {}
    nodes: Mapping[str, Any] = backends.get("components") or {}
    well = {_place(uri) for uri, node in nodes.items() if node.get("statusCode") in words}
    if product.compute.addresses:
        for address in product.compute.addresses:
            if address not in well:
                yield f"compute node {address}: {_word(nodes, address)}"
    elif len(well) < product.compute.fewest:
        yield f"{len(well)} compute nodes are well, and there should be {product.compute.fewest}"
    for name, component in components.items():
        if name != "backends" and component.get("statusCode") not in words:
            yield f"{name}: {component.get('statusCode')}"
    # Addresses in a range that nobody has count as failed nodes (facts.md 11).
    if product.compute.addresses and report.get("statusCode") not in words:
        yield f"the server as a whole: {report.get('statusCode')}"


def _word(nodes: Mapping[str, Any], address: str) -> str:
    found = (node for uri, node in nodes.items() if _place(uri) == address)
    return next((str(node.get("statusCode")) for node in found), "is not in its list")


def _place(uri: str) -> str:
    return urlsplit(uri).netloc
