"""Rules of what runs on the nodes: versions, systems and images that belong together."""

import re
from collections.abc import Iterator, Mapping

from components.settings.environment import NodesEnvironment, OneBoxEnvironment
from components.settings.problems import Problem, show

_NODES_SINCE_9 = (
    "windows-server-2012-r2",
    "windows-server-2016",
    "ubuntu-14.04",
    "ubuntu-16.04",
    "centos-7",
    "rhel-7",
)

SYSTEMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "plumber": {"1.2": ("debian-12",)},
    "rserver": {
        "9.0-preview": _NODES_SINCE_9,
        "9.0.1": _NODES_SINCE_9,
        "9.1.0": _NODES_SINCE_9,
    },
    "mlserver": {
        "9.2.1": _NODES_SINCE_9,
        "9.3.0": _NODES_SINCE_9,
        # Pages disagree on Ubuntu 14.04 and 18.04 (facts.md 22, Q4): the one all agree on.
        "9.4.7": tuple(name for name in _NODES_SINCE_9 if name != "ubuntu-14.04"),
    },
}
"""Operating systems that a node can have, by product and version (facts.md 1 and 4)."""

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
    versions = SYSTEMS[product]
    if version not in versions:
        rule = f"must be a version of {product} that this project configures"
        yield Problem("runtime.version", show(version), rule, f"choose {_either(versions)}")
        return
    systems = versions[version]
    if runtime.operating_system not in systems:
        rule = f"must be a system that nodes of {product} {version} run on"
        fix = f"choose {_either(systems)}"
        yield Problem("runtime.operatingSystem", show(runtime.operating_system), rule, fix)


def image_is_complete(environment: NodesEnvironment) -> Iterator[Problem]:
    """A complete image is named; nodes without egress have one."""
    runtime = environment.runtime
    if runtime.image == "complete" and runtime.image_id is None:
        rule = "is required with image: complete"
        yield Problem("runtime.imageId", "", rule, "name the image, or write image: packages")


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
    """The product's nodes can use the engine."""
    product, engine = environment.runtime.product, environment.database.engine
    if product == "plumber" and engine == "sqlserver":
        usable = "postgresql"
        if isinstance(environment, OneBoxEnvironment):
            usable = "sqlite or postgresql"
        rule = f"must be {usable} with runtime.product: plumber"
        yield Problem("database.engine", show(engine), rule, f"write {usable}")


def _either(names: Mapping[str, object] | tuple[str, ...]) -> str:
    return " or ".join(names)


RULES = (
    version_is_supported,
    image_is_complete,
    image_id_is_of_the_cloud,
    egress_suits_the_image,
    engine_suits_the_product,
)
