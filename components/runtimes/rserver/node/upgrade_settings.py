"""Reads and compares JSON files for upgrade.sh: the node's own, and the product's appsettings.json.

usage: upgrade_settings.py get FILE PATH...               values at dotted paths, a line each
       upgrade_settings.py merge NODE MOVE                the node's file for the new version
       upgrade_settings.py carry MOVE PART OLD NEW        the new settings, with old ones kept
       upgrade_settings.py report MOVE (PART OLD NEW)...  what became of the settings, as JSON

Keys change their place with the versions (facts.md sections 9.3 and 15): 9.1 has LDAP and AAD as
one object each in place of a list, without BindFilter; 9.3 has ComputeNodesConfiguration in place
of BackEndConfiguration, and the installed file says which one it has. No value of a setting is
ever printed: some are secrets. Python 3.4 and its standard library.
"""

import json
import sys
from collections import OrderedDict

MARK = "\ufeff"
URIS = ("BackEndConfiguration", "ComputeNodesConfiguration")
MADE = (
    ("AdminPassword",),
    ("Authentication", "AdminPassword"),
    ("Authentication", "JWTKey"),
    ("ConnectionStrings", "defaultDb", "Connection"),
    ("configured",),
)
"""What each version makes for itself."""

WORDLESS = ("Description", "AllowedLogLevels")
"""Keys without effect (facts.md 9.2)."""


def read(path: "str") -> "tuple[dict[str, object], str]":
    """Return the object in a JSON file, and the file's text."""
    with open(path, encoding="utf-8", newline="") as stream:
        text = stream.read()
    return json.loads(text.lstrip(MARK), object_pairs_hook=OrderedDict), text


def written(document: "dict[str, object]", like: "str") -> "str":
    """Return a file's text, with the mark and the line ends that it had."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    ends = "\r\n" if "\r\n" in like else "\n"
    return (MARK if like.startswith(MARK) else "") + text.replace("\n", ends)


def at(value: "object", path: "str") -> "object":
    """Return what is at a dotted path; None where there is nothing."""
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value


def get(path: "str", places: "list[str]") -> "str":
    """Return values, one a line: a list's elements, an object's keys."""
    document, _ = read(path)
    lines = []  # type: list[object]
    for place in places:
        found = at(document, place)
        if found is None:
            sys.exit("{} says nothing of {}".format(path, place))
        lines.extend(found if isinstance(found, (list, dict)) else [found])
    return "".join("{}\n".format(line) for line in lines)


def merge(node: "str", move: "str") -> "str":
    """Return the node's file with all that the new version says in it."""
    document, changes = read(node)[0], read(move)[0]["document"]
    old = document.get("bundle")
    document.update(changes)  # type: ignore[call-overload]
    new = document.get("bundle")
    if isinstance(old, dict) and isinstance(new, dict):
        # The same bucket, another object: objects are named by the sum of what they hold.
        uri = old["uri"].replace(old["sha256"], new["sha256"])
        document["bundle"] = {"sha256": new["sha256"], "uri": uri}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def leaves(value: "object", path: "tuple[str, ...]" = ()) -> "list[tuple[tuple[str, ...], object]]":
    """Return all values below objects, by path; a list is one value."""
    if not isinstance(value, dict):
        return [(path, value)]
    found = []
    for key, below in value.items():
        found.extend(leaves(below, path + (key,)))
    return found


def moved(
    old: "dict[str, object]", new: "dict[str, object]", flatten: "bool"
) -> "dict[str, object]":
    """Return the old file's settings where the new version has them."""
    result = json.loads(json.dumps(old), object_pairs_hook=OrderedDict)
    if flatten:
        for name in ("AzureActiveDirectory", "LDAP"):
            section = result.get("Authentication", {}).get(name)
            if isinstance(section, dict) and isinstance(section.get("Values"), list):
                for values in section.pop("Values")[:1]:
                    section.update(values)
                section.pop("BindFilter", None)
    for here, there in (URIS, URIS[::-1]):
        if here in result and there in new and here not in new:
            result[there] = result.pop(here)
    return result  # type: ignore[no-any-return]


def ours(overlay: "object", new: "dict[str, object]") -> "set[tuple[str, ...]]":
    """Return the paths that our own settings say, `A|B` as the file has it."""
    found = set()
    for path, _ in leaves(overlay):
        keys = []
        for key in path:
            if key.startswith("$"):
                break  # an expression, which stands for a value
            names = key.split("|")
            keys.append(next((name for name in names if name in new), names[0]))
        found.add(tuple(keys))
    return found


class Compared:
    """Two versions' settings: what stayed, and what of the old one is not in the new one."""

    def __init__(
        self, move: "dict[str, object]", part: "str", old: "dict[str, object]",
        new: "dict[str, object]",
    ) -> None:  # fmt: skip
        flatten = bool(at(move, "of.directoryValues")) and not at(move, "to.directoryValues")
        overlay = at(move, "document.{}.appsettings.{}.overlay".format(move["role"], part))
        said = ours(overlay, new)
        after = dict(leaves(new))
        self.left = []  # type: list[tuple[tuple[str, ...], object]]
        self.ours = []  # type: list[tuple[str, ...]]
        self.made = []  # type: list[tuple[str, ...]]
        for path, value in leaves(moved(old, new, flatten)):
            if path[-1:] and path[-1] in WORDLESS:
                continue
            if path in after and after[path] == value:
                continue
            if path in MADE:
                self.made.append(path)
            elif any(path[: len(each)] == each for each in said):
                self.ours.append(path)
            elif value != OrderedDict():
                self.left.append((path, value))


def put(document: "dict[str, object]", path: "tuple[str, ...]", value: "object") -> "None":
    """Set a value, and make the objects on the way."""
    for key in path[:-1]:
        below = document.get(key)
        if not isinstance(below, dict):
            below = document[key] = OrderedDict()
        document = below
    document[path[-1]] = value


def carry(move: "str", part: "str", old: "str", new: "str") -> "str":
    """Return the new file with those values of the old one that nobody else says."""
    document, text = read(new)
    left = Compared(read(move)[0], part, read(old)[0], document).left
    for path, value in left:
        put(document, path, value)
    return written(document, text) if left else text


def report(move: "str", files: "list[str]") -> "str":
    """Return what became of the settings, by names alone."""
    found = {"ours": [], "made anew": [], "lost": []}  # type: dict[str, list[str]]
    for part, old, new in zip(files[::3], files[1::3], files[2::3]):
        compared = Compared(read(move)[0], part, read(old)[0], read(new)[0])
        found["ours"] += [".".join(path) for path in compared.ours]
        found["made anew"] += [".".join(path) for path in compared.made]
        found["lost"] += [".".join(path) for path, _ in compared.left]
    return json.dumps({name: sorted(paths) for name, paths in found.items()}, sort_keys=True) + "\n"


def main(what: "str", *arguments: "str") -> "None":
    """Print what was asked for, byte for byte."""
    if what == "get":
        text = get(arguments[0], list(arguments[1:]))
    elif what == "merge":
        text = merge(*arguments)
    elif what == "carry":
        text = carry(*arguments)
    elif what == "report":
        text = report(arguments[0], list(arguments[1:]))
    else:
        sys.exit("usage: upgrade_settings.py get | merge | carry | report ...")
    sys.stdout.buffer.write(text.encode("utf-8"))


if __name__ == "__main__":
    main(*sys.argv[1:])
