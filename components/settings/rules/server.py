"""Rules of R Server and Machine Learning Server nodes (`runtime.server`)."""

from collections.abc import Iterator

from components.settings.environment import NodesEnvironment
from components.settings.problems import Problem, show

FAMILY = ("rserver", "mlserver")
"""The commercial products, whose nodes have `runtime.server`."""

_EXAMPLE = (
    "runtime.server: { licenseAccepted: true, installers: { server: { url: ..., sha256: ... } } }"
)


def server_is_of_the_family(environment: NodesEnvironment) -> Iterator[Problem]:
    """The section is there for the products that read it, and for no other."""
    product, server = environment.runtime.product, environment.runtime.server
    if product in FAMILY and server is None:
        rule = f"is required with runtime.product: {product}, which nodes install from your media"
        yield Problem("runtime.server", "", rule, f"add {_EXAMPLE}")
    elif product not in FAMILY and server is not None:
        rule = f"must be left out with runtime.product: {product}, which has no such settings"
        fix = f"remove the section, or write product: {' or '.join(FAMILY)}"
        yield Problem("runtime.server", "", rule, fix)


def license_is_accepted(environment: NodesEnvironment) -> Iterator[Problem]:
    """Nodes accept the vendor's terms in your name, so you say that you do."""
    server = environment.runtime.server
    if server and not server.license_accepted:
        rule = "must be true: set-up accepts the product's licence in your name"
        fix = "write true once you have a licence, or runtime.product: plumber, which needs none"
        yield Problem("runtime.server.licenseAccepted", show(False), rule, fix)


RULES = (server_is_of_the_family, license_is_accepted)
