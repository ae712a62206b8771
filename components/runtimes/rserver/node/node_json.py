"""Reads the node's JSON file for the shell scripts, on systems that have no jq.

usage: node_json.py FILE get PATH          a text, a number, or the items of a list, one a line
       node_json.py FILE value PATH        the same without a line end behind it
       node_json.py FILE rows PATH [KEY..] a line for each item of a list, its parts behind tabs

A PATH is like jq's: `.database.host`; one that begins with `@` is in the section of the node's
role. Ends with 1 where there is nothing. Runs on Python 2.7 and 3: CentOS 7 brings no other at
first.
"""

import io
import json
import sys


def found(document, path):
    """Return the value at a path; None where there is nothing."""
    keys = path.lstrip(".@").split(".") if path.strip(".@") else []
    if path.startswith("@"):
        keys.insert(0, document["role"])
    value = document
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value):
    """Return a scalar as jq writes it raw, anything else as JSON."""
    if isinstance(value, (bool, dict, list)) or value is None:
        return json.dumps(value, sort_keys=True)
    # The same words make a text of Python 2 and of Python 3.
    return "{0}".format(value) if not hasattr(value, "encode") else value


def lines(document, command, path, keys):
    """Return what the arguments ask for."""
    value = found(document, path)
    if value is None or value is False:
        return None
    if command == "value":
        return [text(value)]
    if command == "get":
        return [text(each) for each in value] if isinstance(value, list) else [text(value)]
    rows = [[each[key] for key in keys] if keys else each for each in value]
    return ["\t".join(text(part) for part in row) for row in rows]


def main():
    """Print, or end with 1."""
    with io.open(sys.argv[1], encoding="utf-8") as stream:
        document = json.load(stream)
    result = lines(document, sys.argv[2], sys.argv[3], sys.argv[4:])
    if result is None:
        sys.exit(1)
    out = getattr(sys.stdout, "buffer", sys.stdout)
    end = "" if sys.argv[2] == "value" else "\n"
    out.write("".join(line + end for line in result).encode("utf-8"))


if __name__ == "__main__":
    main()
