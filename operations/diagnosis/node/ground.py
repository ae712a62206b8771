"""What all parts of the probe stand on: the node's own JSON file, and commands with a limit."""

import hashlib
import json
import subprocess
import threading

NODE = "/etc/operationalization/node.json"
RUNTIME = "/run/operationalization"
KEPT = "/var/lib/operationalization"
PROGRAMS = "/opt/operationalization/bin"
LONGEST = {"seconds": 12.0}
"""For one command: all parts run at the same time, within the time that is asked for."""
SHORT = 16
"""Hexadecimal digits of a digest: enough to tell two apart, short enough for Azure's answer."""
WORDS = 160
"""Characters of a reason."""


class Unknown(Exception):  # noqa: N818 - what could not be found out
    """What a part could not find out, and why."""


class Late(Unknown):
    """What could not be found out in time."""


LATE = 124
"""What `run` returns for a command that took too long, as timeout(1) does."""


def document(path: "str" = NODE) -> "dict[str, object]":
    """Return the node's JSON file."""
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError) as error:
        raise Unknown("{} cannot be read: {}".format(path, error)) from None
    if not isinstance(found, dict):
        raise Unknown("{} is no object".format(path))
    return found


def section(node: "dict[str, object]") -> "dict[str, object]":
    """Return the part of the file that is of the node's own role."""
    found = node.get(str(node.get("role")))
    return found if isinstance(found, dict) else {}


def texts(value: "object") -> "list[str]":
    """Return *value* where it is a list of texts."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def objects(value: "object") -> "list[dict[str, object]]":
    """Return *value* where it is a list of objects."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def place_of(node: "dict[str, object]", secret: "str") -> "str":
    """Return where the node keeps a secret; nothing where it has none of that name."""
    for use in objects(node.get("secrets")):
        if use.get("name") == secret:
            return str(use["path"])
    return ""


def secret_of(node: "dict[str, object]", name: "str") -> "str":
    """Return a secret's text, without the line end behind it."""
    try:
        with open(place_of(node, name), encoding="utf-8", newline="") as stream:
            return stream.read().rstrip("\r\n")
    except OSError as error:
        raise Unknown("secret {} is not here: {}".format(name, error)) from None


def short(content: "bytes") -> "str":
    """Return a short digest of *content*."""
    return hashlib.sha256(content).hexdigest()[:SHORT]


def cut(words: "object") -> "str":
    """Return the end of *words*, on one line."""
    line = " ".join(str(words).split())
    return line if len(line) <= WORDS else "..." + line[-WORDS:]


def run(
    command: "list[str]",
    text: "bytes" = b"",
    folder: "str | None" = None,
    variables: "dict[str, str] | None" = None,
) -> "tuple[int, bytes, str]":
    """Run a command; return its code and both outputs. 124: it took too long; 127: not there."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=variables,
        )
    except OSError as error:
        return 127, b"", str(error)
    late = threading.Event()

    def end() -> "None":
        late.set()
        process.kill()

    seconds = LONGEST["seconds"]
    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        out, err = process.communicate(text)
    finally:
        timer.cancel()
    if late.is_set():
        return LATE, out, "it took more than {:.0f} seconds".format(seconds)
    return process.returncode, out, err.decode("utf-8", "replace")


def at_once(work: "dict[str, object]", seconds: "float") -> "dict[str, object]":
    """Call all functions of *work* at the same time; return what each came to, by its name.

    What does not end in time is an `Unknown` of its own, and so is what fails.
    """
    found = {}  # type: dict[str, object]

    def call(name: "str", function: "object") -> "None":
        try:
            found[name] = function()  # type: ignore[operator]
        except Unknown as reason:
            found[name] = reason
        except Exception as error:  # one part must not take the others along
            found[name] = Unknown("{}: {}".format(type(error).__name__, error))

    threads = [
        threading.Thread(target=call, args=(name, function), daemon=True)
        for name, function in sorted(work.items())
    ]
    late = threading.Event()
    timer = threading.Timer(seconds, late.set)
    timer.daemon = True
    timer.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive() and not late.is_set():
            thread.join(0.1)
    timer.cancel()
    ended = dict(found)
    return {name: ended.get(name, Late("it took too long")) for name in work}
