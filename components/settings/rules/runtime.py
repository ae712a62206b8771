"""Rules of what runs on the nodes: versions, systems and images that belong together."""

import re
from collections.abc import Iterator, Mapping

from components.settings.catalogue.products import (
    DEPLOYR,
    FAMILY,
    UPSTART,
    USUAL_VERSION,
    VERSIONS,
    is_windows,
)
from components.settings.environment import NodesEnvironment, OneBoxEnvironment
from components.settings.problems import Problem, show

STOCK = ("debian-12",)
"""Systems that both clouds have a stock image of; the others are out of support (facts.md 2)."""

SSH = 22
"""What else listens on plumber's nodes: its own services meet in Unix sockets."""

_ID = r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[\w.()-]{1,90}/providers/Microsoft.Compute"
_IMAGES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "azure": (
        re.compile(
            _ID + r"/(images/[\w.-]+|galleries/[\w.]+/images/[\w.-]+(/versions/[0-9.]+)?)",
            re.IGNORECASE | re.ASCII,
        ),
        (
            "/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Compute/galleries/"
            "<gallery>/images/<image>/versions/<version>"
        ),
    ),
    "aws": (re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})"), "ami-<17 hexadecimal digits>"),
}


def version_is_supported(environment: NodesEnvironment) -> Iterator[Problem]:
    """The product has that version, and nodes of it run on that system."""
    runtime = environment.runtime
    product, version = runtime.product, runtime.version
    versions = VERSIONS[product]
    if version not in versions:
        yield _unknown_version(product, version)
        return
    known = versions[version]
    if runtime.operating_system not in known.systems:
        rule = f"must be a system that nodes of {product} {version} run on"
        usable = (
            name
            for name in known.systems
            if name not in UPSTART and (known.has_setup or not is_windows(name))
        )
        fix = f"choose {_either(tuple(usable))}"
        yield Problem("runtime.operatingSystem", show(runtime.operating_system), rule, fix)


def _unknown_version(product: str, version: str) -> Problem:
    choice = f"choose {_either(tuple(VERSIONS[product]))}"
    if product in FAMILY and version.startswith("8."):
        return Problem("runtime.version", show(version), DEPLOYR, choice)
    rule = f"must be a version of {product} that this project configures"
    for other, versions in VERSIONS.items():
        if version in versions:
            choice = f"write product: {other}, which has that version, or {choice}"
    return Problem("runtime.version", show(version), rule, choice)


def image_is_complete(environment: NodesEnvironment) -> Iterator[Problem]:
    """A complete image is named; nodes without egress have one."""
    runtime = environment.runtime
    if runtime.image == "complete" and runtime.image_id is None:
        rule = "is required with image: complete"
        yield Problem("runtime.imageId", "", rule, "name the image, or write image: packages")


def image_is_named(environment: NodesEnvironment) -> Iterator[Problem]:
    """A system that the clouds have no stock image of comes from an image of yours."""
    runtime = environment.runtime
    system = runtime.operating_system
    if system not in STOCK and runtime.image_id is None and runtime.image != "complete":
        rule = f"is required with operatingSystem: {system}, of which clouds have no stock image"
        _, example = _IMAGES[environment.cloud]
        yield Problem("runtime.imageId", "", rule, f"write it like {example}")


def egress_suits_the_image(environment: NodesEnvironment) -> Iterator[Problem]:
    """Nodes that install at boot can reach what they install."""
    if environment.access.egress == "none" and environment.runtime.image == "packages":
        rule = "must be packages, as nodes install at boot with runtime.image: packages"
        fix = "write packages, or set runtime.image to complete and runtime.imageId"
        yield Problem("access.egress", "none", rule, fix)


def image_id_is_of_the_cloud(environment: NodesEnvironment) -> Iterator[Problem]:
    """The image's id has the form of the cloud's ids."""
    image = environment.runtime.image_id
    pattern, example = _IMAGES[environment.cloud]
    if image is not None and not pattern.fullmatch(image):
        rule = f"must be the id of an image on {environment.cloud}"
        yield Problem("runtime.imageId", show(image), rule, f"write it like {example}")


def engine_suits_the_product(environment: NodesEnvironment) -> Iterator[Problem]:
    """The product's nodes can use the engine, and we can make their login in it."""
    runtime, engine = environment.runtime, environment.database.engine
    windows = runtime.product in FAMILY and is_windows(runtime.operating_system)
    server, other = ("sqlserver", "postgresql") if windows else ("postgresql", "sqlserver")
    if engine != other:
        return
    usable = server
    if isinstance(environment, OneBoxEnvironment):
        usable = f"sqlite or {server}"
    if runtime.product in FAMILY:
        rule = (
            f"must be {usable} with runtime.operatingSystem: {runtime.operating_system}: the login "
            f"of nodes in {other} is not built for that system"
        )
    else:
        rule = f"must be {usable} with runtime.product: {runtime.product}"
    yield Problem("database.engine", show(engine), rule, f"write {usable}")


def ports_are_of_the_open_runtime(environment: NodesEnvironment) -> Iterator[Problem]:
    """Only plumber's nodes have their ports there, and each port is for one thing."""
    runtime, ports = environment.runtime, environment.runtime.ports
    if ports is None:
        return
    if runtime.product in FAMILY:
        rule = f"must be left out with runtime.product: {runtime.product}, which has runtime.server"
        yield Problem("runtime.ports", "", rule, "write runtime.server.ports")
        return
    for name, port in (("web", ports.web), ("compute", ports.compute)):
        if port == SSH:
            rule = f"must leave {SSH} to SSH"
            yield Problem(f"runtime.ports.{name}", show(port), rule, "choose another port")
    if isinstance(environment, OneBoxEnvironment):
        if ports.compute != USUAL_VERSION.compute_port:
            rule = "must be left out with topology: one-box, where nothing listens on it"
            yield Problem("runtime.ports.compute", show(ports.compute), rule, "remove the key")
    elif ports.compute == ports.web:
        rule = "must differ from ports.web: clients may call the one, and nobody but web nodes this"
        apart = ports.web + 5 if ports.web < 60_000 else ports.web - 5
        yield Problem("runtime.ports.compute", show(ports.compute), rule, f"write {apart}")


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names)


RULES = (
    version_is_supported,
    ports_are_of_the_open_runtime,
    image_is_complete,
    image_is_named,
    image_id_is_of_the_cloud,
    egress_suits_the_image,
    engine_suits_the_product,
)
