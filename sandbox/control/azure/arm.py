"""Azure Resource Manager: ids, and the rules that it applies to every resource.

Sources: Azure documentation, "Naming rules and restrictions for Azure resources", "Use tags to
organize your Azure resources and management hierarchy", "Resolve errors for resource type
location".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from sandbox.control.azure.locations import LOCATIONS, normal
from sandbox.control.kinds import Context, Problem, Values
from sandbox.control.paths import find, get
from sandbox.control.reading import present, text, texts
from sandbox.control.rules import combine as combine
from sandbox.control.rules import not_emulated as not_emulated

GROUP = "/subscriptions/{subscription}/resourceGroups/{resourceGroupName}"

_TAG_CHARACTERS = set("<>%&\\?/")


def provider(arm_type: str, *parameters: str) -> str:
    """The id template of an ARM type in a resource group, one parameter a type segment."""
    namespace, *segments = arm_type.split("/")
    pairs = "".join(f"/{s}/{{{p}}}" for s, p in zip(segments, parameters, strict=True))
    return f"{GROUP}/providers/{namespace}{pairs}"


def same(one: str, other: str) -> bool:
    """Whether two ids name one resource: ARM compares ids without case."""
    return one.rstrip("/").casefold() == other.rstrip("/").casefold()


def name_of(target: str) -> str:
    """The last segment of an id."""
    return target.rstrip("/").rpartition("/")[2]


def parent_of(target: str) -> str:
    """The id without its last type and name: the network of a subnet, the vault of a secret."""
    return "/".join(target.rstrip("/").split("/")[:-2])


def type_of(target: str) -> str:
    """The resource type that an id is of (`Microsoft.Network/virtualNetworks/subnets`), or ""."""
    _, found, rest = target.rpartition("/providers/")
    if not found:
        group = target.strip("/").split("/")
        return "Microsoft.Resources/resourceGroups" if len(group) == 4 else ""
    segments = rest.strip("/").split("/")
    return "/".join([segments[0], *segments[1::2]])


def group_of(target: str) -> str:
    """The name of the resource group that an id lies in, or ""."""
    segments = target.strip("/").split("/")
    return segments[3] if len(segments) > 3 and segments[2].casefold() == "resourcegroups" else ""


def standard(
    arm_type: str, *rules: Callable[[Values], Iterable[Problem]]
) -> Callable[[Values], Iterator[Problem]]:
    """*rules*, and what ARM asks of every regional resource: location, zones and tags."""

    def location(values: Values) -> Iterator[Problem]:
        yield from known_location(values, arm_type)

    return combine(location, known_zones, valid_tags, *rules)


def global_only(
    arm_type: str, *rules: Callable[[Values], Iterable[Problem]]
) -> Callable[[Values], Iterator[Problem]]:
    """*rules* for a type that lives in no region: its location must be `global`."""

    def location(values: Values) -> Iterator[Problem]:
        found = text(values, "location")
        if found is not None and normal(found) != "global":
            yield Problem("location", _not_available(found, arm_type, ["global"]), _LOCATION_CODE)

    return combine(location, valid_tags, *rules)


_LOCATION_CODE = "LocationNotAvailableForResourceType"


def _not_available(location: str, arm_type: str, regions: Iterable[str]) -> str:
    return (
        f"The provided location '{location}' is not available for resource type '{arm_type}'. "
        f"List of available regions for the resource type is '{','.join(regions)}'."
    )


def known_location(values: Values, arm_type: str) -> Iterator[Problem]:
    """The location must be an Azure region (`locations.py`)."""
    location = text(values, "location")
    if location is not None and normal(location) not in LOCATIONS:
        yield Problem(
            "location", _not_available(location, arm_type, sorted(LOCATIONS)), _LOCATION_CODE
        )


def known_zones(values: Values) -> Iterator[Problem]:
    """Zones must be among the region's, none twice ("Azure regions with availability zones")."""
    location = LOCATIONS.get(normal(text(values, "location") or ""))
    given = texts(values, "zones[*]")
    if location is None:
        return
    for path, zone in given:
        if zone not in location.zones:
            supported = ",".join(location.zones) or "none"
            yield Problem(
                path,
                f"The zone(s) '{zone}' is not supported. The supported zones for location "
                f"'{text(values, 'location')}' are '{supported}'.",
                "AvailabilityZoneNotSupported",
            )
    if len({zone for _, zone in given}) < len(given):
        yield Problem("zones", "names a zone twice", "InvalidParameter")


def valid_tags(values: Values) -> Iterator[Problem]:
    """At most 50 tags; names of 512 characters without the reserved ones; values of 256."""
    tags = get(values, "tags")
    if not isinstance(tags, Mapping):
        return
    if len(tags) > 50:
        yield Problem("tags", f"has {len(tags)} tags; at most 50 are allowed", "InvalidTags")
    if len({str(name).casefold() for name in tags}) < len(tags):
        yield Problem("tags", "has two names that differ in case only", "InvalidTags")
    for path, value in find(values, "tags.*"):
        name = path.partition(".")[2]
        if len(name) > 512 or _TAG_CHARACTERS & set(name):
            yield Problem(
                path, "a tag's name has up to 512 characters and none of <>%&\\?/", "InvalidTagName"
            )
        if isinstance(value, str) and len(value) > 256:
            yield Problem(
                path, f"a tag's value has up to 256 characters, not {len(value)}", "InvalidTags"
            )


def unchangeable(context: Context, properties: Mapping[str, str]) -> Iterator[Problem]:
    """The properties (path -> ARM's name for it) that ARM refuses to change in place.

    azure-native replaces only for what its metadata marks; everything else reaches ARM as an
    update, and ARM's refusal is what the user sees.
    """
    if context.previous is None:
        return
    for path, target in properties.items():
        if get(context.previous.inputs, path) != get(context.inputs, path):
            yield Problem(
                path,
                f"Changing property '{target}' is not allowed.",
                "PropertyChangeNotAllowed",
            )


def zones_are_fixed(context: Context) -> Iterator[Problem]:
    """Network resources keep the zones that they were created with."""
    before = (
        sorted(z for _, z in texts(context.previous.inputs, "zones[*]"))
        if (context.previous)
        else []
    )
    now = sorted(z for _, z in texts(context.inputs, "zones[*]"))
    if context.previous is not None and before != now:
        yield Problem(
            "zones",
            f"Resource {context.id} has an existing availability zone constraint "
            f"{', '.join(before) or 'none'} and the request has availability zone constraint "
            f"{', '.join(now) or 'none'}, which do not match. Zones cannot be "
            f"added/updated/removed "
            "once the resource is created. The resource cannot be updated from regional to zonal "
            "or vice-versa.",
            "ResourceAvailabilityZonesCannotBeModified",
        )


def verify_region(context: Context, location: str | None, *patterns: str) -> Iterator[Problem]:
    """What *patterns* refer to must be in the same region; a subnet is where its network is."""
    for pattern in patterns:
        for path, target in texts(context.inputs, pattern):
            record = context.world.find(target)
            if record is not None and "location" not in record.inputs:
                record = context.world.find(parent_of(target))
            other = text(record.inputs, "location") if record else None
            if location and other and normal(location) != normal(other):
                yield Problem(
                    path,
                    f"Resource {target} referenced by resource {context.id} was not found. Please "
                    "make sure that the referenced resource exists, and that both resources are in "
                    f"the same region: one is in {normal(other)}, the other in "
                    f"{normal(location)}.",
                    "InvalidResourceReference",
                )


def required(values: Values, *paths: str, code: str = "InvalidRequestFormat") -> Iterator[Problem]:
    """What must be given; asked in `verify`, because at check an unknown is absent too."""
    for path in paths:
        if not present(values, path):
            yield Problem(path, "is missing", code)


def named_once(values: Values, pattern: str) -> Iterator[Problem]:
    """The elements of a list have different names."""
    seen: set[str] = set()
    for path, name in texts(values, f"{pattern}[*].name"):
        if name.casefold() in seen:
            yield Problem(path, f"{name} is there twice", "DuplicateResourceName")
        seen.add(name.casefold())


def within(
    values: Values, pattern: str, minimum: int, maximum: int, code: str = "InvalidParameter"
) -> Iterator[Problem]:
    """The numbers that *pattern* names must lie in a range, both ends included."""
    for path, found in find(values, pattern):
        if (
            isinstance(found, int | float)
            and not isinstance(found, bool)
            and not minimum <= found <= maximum
        ):
            yield Problem(path, f"must be {minimum} to {maximum}, got {found}", code)


def one_of(
    values: Values, pattern: str, allowed: Iterable[str], code: str = "InvalidParameter"
) -> Iterator[Problem]:
    """The strings that *pattern* names must be among *allowed*, compared without case as in ARM."""
    choices = list(allowed)
    known = {choice.casefold() for choice in choices}
    for path, found in texts(values, pattern):
        if found.casefold() not in known:
            yield Problem(path, f"must be one of {', '.join(choices)}, got {found!r}", code)
