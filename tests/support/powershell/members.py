"""Members of values: properties, methods and elements, in whatever case they are written."""

from typing import Any

from tests.support.powershell import dotnet
from tests.support.powershell.values import VOID, Property, Table, Thing, Thrown


def member(owner: Any, name: str) -> Any:
    """A property of a value; under strict mode one that is not there is an error."""
    lower = name.lower()
    if isinstance(owner, Thing):
        found = _of_thing(owner, lower)
    elif isinstance(owner, Table):
        found = _of_table(owner, lower)
    elif isinstance(owner, str | list | tuple | bytes | bytearray):
        counted = lower == "length" or (lower == "count" and not isinstance(owner, str))
        found = len(owner) if counted else NONE
    else:
        found = NONE if owner is None else getattr(owner, _find(owner, name) or "", NONE)
    if found is NONE:
        raise Thrown(f"The property '{name}' cannot be found on this object.")
    return found


NONE = object()


def _of_thing(owner: Thing, name: str) -> Any:
    if name == "psobject":
        return Thing(Properties=_Properties(owner))
    key = owner.key(name)
    return NONE if key is None else owner.values[key]


def _of_table(owner: Table, name: str) -> Any:
    if owner.key(name) in owner:
        return owner[owner.key(name)]
    own = {"keys": list(owner), "values": list(owner.values()), "count": len(owner)}
    return own.get(name, NONE)


def set_member(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, Thing):
        owner.values[owner.key(name) or name] = value
    elif isinstance(owner, Table):
        owner[owner.key(name)] = value
    else:
        setattr(owner, _find(owner, name) or name, value)


def item(owner: Any, index: Any) -> Any:
    if isinstance(owner, _Properties):
        return owner.named(index)
    if isinstance(owner, Table | dict):
        return owner.get(owner.key(index) if isinstance(owner, Table) else index)
    if owner is None:
        raise Thrown("Cannot index into a null array.")
    return owner[index]


def set_item(owner: Any, index: Any, value: Any) -> None:
    owner[owner.key(index) if isinstance(owner, Table) else index] = value


def invoked(owner: Any, name: str, given: list[Any]) -> Any:
    """What a method gives."""
    if isinstance(owner, str):
        return dotnet.TEXTS[name](owner, *given)
    if isinstance(owner, Table) and name == "ContainsKey":
        return owner.key(given[0]) in owner
    found = _find(owner, name)
    if owner is None or found is None:
        raise Thrown(f"Method invocation failed because it has no method named '{name}'.")
    made = getattr(owner, found)(*given)
    return VOID if made is None and found not in NULLS else made


NULLS = ("ExecuteScalar", "get_FirstChild", "GetProperty")
"""Methods whose answer may be `$null`."""


class _Properties(list[Property]):
    """An object's properties, one by one or by name."""

    def __init__(self, owner: Thing) -> None:
        super().__init__(Property(name, value) for name, value in owner.values.items())

    def named(self, name: str) -> Property | None:
        return next((each for each in self if each.Name.lower() == name.lower()), None)


def _find(owner: Any, name: str) -> str | None:
    if hasattr(owner, name):
        return name
    return next((each for each in dir(owner) if each.lower() == name.lower()), None)
