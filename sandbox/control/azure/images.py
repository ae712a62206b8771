"""Platform images, custom ones (Microsoft.Compute/images), and those of the subscription's gallery.

The gallery `systems` in the resource group `images` is there without anybody's doing: a version
1.0.0 of each operating system that no marketplace has any more (`systems.py`).

Sources: Azure documentation, "Find and use Azure Marketplace VM images", "Endorsed Linux
distributions on Azure", "Store and share images in an Azure Compute Gallery" (an image without a
version is its latest); Debian's cloud team for its versions (`0.YYYYMMDD.BUILD`).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from sandbox.control import ids
from sandbox.control.azure.arm import not_emulated, one_of, provider, standard
from sandbox.control.kinds import Context, Kind, Name, Outputs, Problem, Values, World
from sandbox.control.reading import mapping, number, text
from sandbox.control.systems import SYSTEMS, System
from sandbox.control.world import SUBSCRIPTION

IMAGE = "Microsoft.Compute/images"
IMAGE_KIND = "azure-native:compute:Image"


class Platform(NamedTuple):
    """A marketplace image."""

    generation: int
    system: str
    disk: int
    """GiB of its operating system disk; a node's disk is not smaller."""
    versions: str
    """Regular expression of the versions that exist, beside `latest`."""


_DEBIAN = r"0\.20\d{6}\.\d{1,5}"

PLATFORM_IMAGES: dict[tuple[str, str, str], Platform] = {
    ("Debian", "debian-12", "12"): Platform(1, "Linux", 30, _DEBIAN),
    ("Debian", "debian-12", "12-gen2"): Platform(2, "Linux", 30, _DEBIAN),
    ("Debian", "debian-12", "12-backports"): Platform(1, "Linux", 30, _DEBIAN),
    ("Debian", "debian-12", "12-backports-gen2"): Platform(2, "Linux", 30, _DEBIAN),
}


GALLERY_TYPES = (
    "Microsoft.Compute/galleries/images",
    "Microsoft.Compute/galleries/images/versions",
)
IMAGE_TYPES = (IMAGE, *GALLERY_TYPES)
"""What the id of an image reference may be of."""
GALLERY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/images/providers/Microsoft.Compute/galleries/"
    "systems"
)
_VERSION = "1.0.0"


def gallery_id(system: str) -> str:
    """The id of the image of a system, as a stack file has it."""
    return f"{GALLERY}/images/{system}/versions/{_VERSION}"


_GALLERY = {
    ids.key(f"{GALLERY}/images/{name}{version}"): system
    for name, system in SYSTEMS.items()
    for version in ("", f"/versions/{_VERSION}", "/versions/latest")
}


def of_gallery(target: str) -> System | None:
    """The system of a gallery image's id; None when the gallery has no such image."""
    return _GALLERY.get(ids.key(target))


def is_windows(world: World, values: Values, path: str) -> bool | None:
    """Whether the image that is referred to is of Windows; None when it is not known."""
    if platform(values, path) is not None:
        return False
    target = text(values, f"{path}.id") or ""
    if (system := of_gallery(target)) is not None:
        return system.windows
    record = world.find(target) if target else None
    kind = text(record.inputs, "storageProfile.osDisk.osType") if record else None
    return None if kind is None else kind == "Windows"


_KEY = ("publisher", "offer", "sku")


def reference_rules(values: Values, path: str) -> Iterator[Problem]:
    """An image reference names an image of the table, or an id (checked as a reference)."""
    reference = mapping(values, path)
    for problem in not_emulated(
        reference,
        {
            "communityGalleryImageId": "use publisher, offer, sku and version, or id",
            "sharedGalleryImageId": "use publisher, offer, sku and version, or id",
        },
    ):
        yield problem._replace(path=f"{path}.{problem.path}")
    names = [text(reference, key) for key in _KEY]
    if text(reference, "id"):
        if any(names):
            yield Problem(
                path,
                "Cannot specify both an image id and publisher, offer, sku and version.",
                "InvalidParameter",
            )
        return
    if not reference or not all(names):
        return
    yield from _platform_rules(values, path)


def _platform_rules(values: Values, path: str) -> Iterator[Problem]:
    """The image and its version must exist."""
    reference = mapping(values, path)
    names = [text(reference, key) for key in _KEY]
    found = platform(values, path)
    if found is None:
        publisher, offer, sku = names
        known = ", ".join(":".join(key) for key in PLATFORM_IMAGES)
        yield Problem(
            path,
            f"The platform image '{publisher}:{offer}:{sku}:{text(reference, 'version')}' is not "
            "available. Verify that all fields in the storage profile are correct. (The sandbox "
            f"knows {known}.)",
            "PlatformImageNotFound",
        )
        return
    version = text(reference, "version")
    if version and version != "latest" and not re.fullmatch(found.versions, version):
        yield Problem(
            f"{path}.version",
            f"The platform image '{':'.join(str(name) for name in names)}:{version}' is not "
            "available. Verify that all fields in the storage profile are correct.",
            "PlatformImageNotFound",
        )


def platform(values: Values, path: str) -> Platform | None:
    """The platform image that a reference names, without case as in Azure."""
    wanted = [(text(values, f"{path}.{key}") or "").casefold() for key in _KEY]
    return next(
        (
            image
            for key, image in PLATFORM_IMAGES.items()
            if [part.casefold() for part in key] == wanted
        ),
        None,
    )


def generation(world: World, values: Values, path: str) -> int | None:
    """Hypervisor generation of the image that is referred to; None when it is not known."""
    if found := platform(values, path):
        return found.generation
    if of_gallery(text(values, f"{path}.id") or ""):
        return 2
    record = world.find(text(values, f"{path}.id") or "")
    if record is None:
        return None
    return 2 if text(record.inputs, "hyperVGeneration") == "V2" else 1


def _rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "hyperVGeneration", ("V1", "V2"))
    yield from one_of(values, "storageProfile.osDisk.osType", ("Linux", "Windows"))
    yield from one_of(values, "storageProfile.osDisk.osState", ("Generalized", "Specialized"))
    yield from not_emulated(
        values,
        {
            "sourceVirtualMachine": "give storageProfile.osDisk.blobUri",
            "storageProfile.dataDisks": "leave it out",
            "extendedLocation": "leave it out",
        },
    )


def _outputs(context: Context) -> Outputs:
    return {"hyperVGeneration": text(context.inputs, "hyperVGeneration") or "V1"}


def smallest_disk(values: Values, path: str) -> int:
    """GiB that an operating system disk from this image has at least."""
    if system := of_gallery(text(values, f"{path}.id") or ""):
        return system.gibibytes
    found = platform(values, path)
    return found.disk if found else 1


def disk_problems(values: Values, disk: str, image: str) -> Iterator[Problem]:
    """An operating system disk is at least as large as its image and has 4,095 GiB at most."""
    size, smallest = number(values, f"{disk}.diskSizeGB"), smallest_disk(values, image)
    if size is not None and size < smallest:
        yield Problem(
            f"{disk}.diskSizeGB",
            f"The specified disk size {size} GB is smaller than the size of the corresponding disk "
            f"in the VM image: {smallest} GB. This is not allowed. Please choose equal or greater "
            "size or do not specify an explicit size.",
            "ResizeDiskError",
        )
    elif size is not None and size > 4095:
        yield Problem(
            f"{disk}.diskSizeGB",
            f"must be {smallest} to 4095 GiB, got {size}",
            "InvalidParameter",
        )


KINDS = (
    Kind(
        type=IMAGE_KIND,
        id_template=provider(IMAGE, "imageName"),
        name=Name(
            pattern=r"[A-Za-z0-9]([\w.-]*\w)?",
            words="letters, digits, underscores, periods and hyphens",
        ),
        rules=standard(IMAGE, _rules),
        outputs=_outputs,
    ),
)
