"""How a new resource of AWS comes to be called: its name, its id and its ARN."""

import re
from collections.abc import Callable
from dataclasses import replace

from sandbox.control.kinds import Context, Kind, Record, World

PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
"""By the beginning of a region's name; all others are in `aws`."""

_PLACE = re.compile(r"\{(\w+)\}")
_HEXADECIMAL = re.compile(r"hex(\d+)")


def partition_of(region: str) -> str:
    """The partition that a region lies in."""
    found = (name for start, name in PARTITIONS.items() if region.startswith(f"{start}-"))
    return next(found, "aws")


def named(kind: Kind, context: Context) -> Context:
    """*context* with the resource's name, as it was given, or made from a prefix."""
    if not kind.name_property:
        return context
    given = context.inputs.get(kind.name_property)
    if isinstance(given, str) and given:
        return replace(context, name=given)
    if context.previous is not None:
        kept = context.previous.outputs.get(kind.name_property)
        return replace(context, name=kept if isinstance(kept, str) else "")
    prefix = context.inputs.get(kind.prefix_property)
    return replace(context, name=f"{prefix or 'terraform-'}{_suffix(context)}")


def _suffix(context: Context) -> str:
    """What terraform-provider-aws adds to a prefix: a time to 0.1 ms, and 8 characters."""
    digits = re.sub(r"\D", "", context.created)
    return digits[:18].ljust(18, "0") + context.hexadecimal("suffix", 8)


def identified(kind: Kind, context: Context) -> Context:
    """*context* of a new resource with its name, id and ARN.

    Raises KeyError with the name of an input that is missing.
    """
    if kind.identity is None:
        raise ValueError(f"{kind.type} has no identity")
    context = named(kind, context)
    arn, short = kind.identity.arn, kind.identity.id
    if short == "{arn}":
        made = _made(arn, context)
        return replace(context, id=made, short=made)
    context = replace(context, short=_made(short, context))
    return replace(context, id=_made(arn, context))


def meant(kind: Kind, target: str, region: object, world: World) -> Record | None:
    """What the engine calls *target*: in *region* if that is one, else in the provider's.

    An import may name another region than these: `vpc-0f...@eu-west-1`.
    """
    short, _, place = target.rpartition("@")
    record = world.named(kind.type, target, region if isinstance(region, str) else world.region)
    if record is None and short:
        record = world.named(kind.type, short, place)
    return record or imported(kind, target, world)


def imported(kind: Kind, target: str, world: World) -> Record | None:
    """The resource that `pulumi import` calls so."""
    template = kind.identity.imported if kind.identity else ""

    def written(record: Record) -> str:
        return _PLACE.sub(lambda match: str(record.inputs.get(match[1], "")), template)

    found = (each for each in world.of(kind.type) if written(each) == target)
    return next(found, None) if template else None


def _made(template: str | Callable[[Context], str], context: Context) -> str:
    return fill(template, context) if isinstance(template, str) else template(context)


def fill(template: str, context: Context) -> str:
    """A template of `kinds.Identity` filled in. Raises KeyError for an input that is missing."""

    def value(match: re.Match[str]) -> str:
        word = match[1]
        fixed = {
            "partition": partition_of(context.region or context.world.region),
            "region": context.region,
            "account": context.world.subscription,
            "name": context.name,
            "id": context.short,
        }
        if word in fixed:
            return fixed[word]
        if length := _HEXADECIMAL.fullmatch(word):
            return context.hexadecimal("id", int(length[1]))
        found = context.inputs.get(word)
        if not isinstance(found, str) or not found:
            raise KeyError(word)
        return found

    return _PLACE.sub(value, template)
