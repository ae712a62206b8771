"""Builds what is valid of an invalid environment, so that one error does not hide the others."""

from collections.abc import Mapping, Set
from functools import cache
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter

from components.settings.model import FILLED, Model

M = TypeVar("M", bound=Model)
Path = tuple[int | str, ...]


def build(model: type[M], value: Mapping[str, Any], bad: Set[Path], here: Path = ()) -> M:
    """Return a *model* with the fields of *value* that are valid; the others are absent.

    Paths in *bad* are those that validation of the whole refused. Asking the result for an absent
    field raises AbsentError.
    """
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        alias = field.alias or name
        path = (*here, alias)
        if path in bad:
            continue
        inner = _model_of(model, name)
        if alias not in value:
            if not field.is_required() and field.default is not FILLED:
                fields[name] = field.get_default(call_default_factory=True, validated_data={})
        elif inner and isinstance(value[alias], dict):
            fields[name] = build(inner, value[alias], bad, path)
        elif (each := _model_of_entries(model, name)) and isinstance(value[alias], dict):
            fields[name] = {
                key: build(each, entry, bad, (*path, key))
                for key, entry in value[alias].items()
                if isinstance(entry, dict) and (*path, key) not in bad
            }
        elif not any(each[: len(path)] == path for each in bad):
            fields[name] = _adapter(model, name).validate_python(value[alias])
    # mypy sees the bound in place of M, for the plug-in of pydantic says so.
    made = cast("M", model.model_construct())
    made.__dict__.clear()
    made.__dict__.update(fields)
    return made


@cache
def _model_of(model: type[Model], name: str) -> type[Model] | None:
    """Return the model that a field holds, if it holds one."""
    annotation = model.model_fields[name].annotation
    if get_origin(annotation) is dict:
        return None
    for option in get_args(annotation) or (annotation,):
        if isinstance(option, type) and issubclass(option, Model):
            return option
    return None


@cache
def _model_of_entries(model: type[Model], name: str) -> type[Model] | None:
    """Return the model that the entries of a field are by name, if they are of one."""
    annotation = model.model_fields[name].annotation
    _, *entries = get_args(annotation) if get_origin(annotation) is dict else (None,)
    return next(
        (each for each in entries if isinstance(each, type) and issubclass(each, Model)), None
    )


@cache
def _adapter(model: type[Model], name: str) -> TypeAdapter[Any]:
    field = model.model_fields[name]
    kind: Any = field.annotation
    if field.metadata:
        kind = Annotated[kind, *field.metadata]
    return TypeAdapter(kind, config=ConfigDict(strict=True, allow_inf_nan=False))
