"""What a node of R Server or ML Server does to the product: its settings and its set-up.

usage: product.py merge PART first|overlay    merge the settings into the part's appsettings.json
       product.py setup                       run the product's own tool, where it has one
       product.py mark-idle                   say in the idle compute part that it is configured
       product.py path PART                   print the folder of a part

Everything comes from the node's JSON file and the secrets beside it; the expressions that stand in
it are those of components/runtimes/rserver/expressions.py. Python 3.4 and its standard library.
"""

import hashlib
import json
import os
import pwd
import re
import subprocess
import sys
from collections import OrderedDict

NODE = "/etc/operationalization/node.json"
KEPT = "/var/lib/operationalization/encrypted"
SETTINGS = "appsettings.json"
MARK = "\ufeff"


class Refused(Exception):  # noqa: N818 - the node is wrong, not the program
    """What cannot be done, and why."""


class Node:
    """The node's JSON file, the product's section of it, and the node's secrets."""

    def __init__(self, path: str = NODE) -> None:
        with open(path, encoding="utf-8") as stream:
            # In its order, which a dictionary of older Pythons would not keep: what is written into
            # a file must be the same at every boot.
            self.document = json.load(stream, object_pairs_hook=OrderedDict)
        self.section = self.document[self.document["role"]]
        self._paths = {use["name"]: use["path"] for use in self.document["secrets"]}

    def secret(self, name: "str") -> "str":
        """Return the text of a secret, without the line end behind it."""
        with open(self._paths[name], encoding="utf-8", newline="") as stream:
            return stream.read().rstrip("\r\n")

    def at(self, path: "str") -> "object":
        """Return the value at a dotted path of the document."""
        value = self.document
        for key in path.split("."):
            if not isinstance(value, dict) or key not in value:
                raise Refused("the node's JSON file has no {}".format(path))
            value = value[key]
        return value

    def home(self) -> "str":
        """Return the directory that the product is in: the first of the version's that is there."""
        homes = self.section["product"]["homes"]
        for home in homes:
            if os.path.isdir(home):
                return str(home)
        raise Refused("the product is in none of {}".format(", ".join(homes)))

    def folder(self, part: "str") -> "str":
        """Return the directory of a part."""
        return os.path.join(self.home(), self.section["product"]["folders"][part])


def value_of(node: "Node", value: "object") -> "object":
    """Return *value* with all of its expressions replaced by what they stand for."""
    if isinstance(value, list):
        return [value_of(node, each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(name, argument)] = value.items()
        if name in EXPRESSIONS:
            return EXPRESSIONS[name](node, argument)  # type: ignore[operator]
        if name.startswith("$"):
            raise Refused("{} is no expression that this node knows".format(name))
    return OrderedDict((key, value_of(node, each)) for key, each in value.items())


def text_of(node: "Node", value: "object") -> "str":
    """Return *value* as a text."""
    found = value_of(node, value)
    if isinstance(found, bool) or not isinstance(found, (str, int, float)):
        raise Refused("{} is no text".format(type(found).__name__))
    return str(found)


def uris(node: "Node", _: "object") -> "str":
    """Return all URIs and ranges of compute nodes, with commas and no blanks."""
    found = node.document["computeNodes"]
    return ",".join(found["values"] + found["ranges"])


def certificate(node: "Node", name: "str", *options: "str") -> "str":
    """Return what openssl says of the certificate that a secret begins with."""
    return subprocess.check_output(
        ["openssl", "x509", "-noout"] + list(options),
        input=node.secret(name),
        universal_newlines=True,
    ).strip()


def thumbprint(node: "Node", name: "str") -> "str":
    """Return the upper-case SHA-1 by which .NET knows a certificate."""
    found = certificate(node, name, "-fingerprint", "-sha1")
    return found.rpartition("=")[2].replace(":", "").upper()


def subject(node: "Node", name: "str") -> "str":
    """Return the subject of a certificate as .NET writes it: last part first, blanks behind."""
    found = certificate(node, name, "-subject", "-nameopt", "RFC2253,sep_comma_plus_space")
    return re.sub(r"^subject\s*=\s*", "", found)


def encrypted(node: "Node", value: "object") -> "str":
    """Return what the product's own tool makes of a text, the same at every boot.

    A text is encrypted once: each time gives another result, and a file that changes at every boot
    would restart the product for nothing.
    """
    text = text_of(node, value)
    name = "token-signing"
    kept = os.path.join(
        KEPT, hashlib.sha256("{}\n{}".format(thumbprint(node, name), text).encode()).hexdigest()
    )
    if os.path.exists(kept):
        with open(kept, encoding="utf-8") as stream:
            return stream.read()
    setup, store = node.section["setup"], node.section["product"]["store"]
    switches = [text, store["name"], store["location"], subject(node, name)]
    if setup["tool"] == "cli":
        names = ("--secret", "--cert-store-name", "--cert-store-location", "--cert-subject_name")
        switches = [each for pair in zip(names, switches) for each in pair]
    answer = run_tool(node, setup["encrypt"] + switches, {text}).split()
    if not answer:
        raise Refused("the product's tool printed no encrypted text")
    os.makedirs(KEPT, mode=0o700, exist_ok=True)
    replace(kept, answer[-1].encode("utf-8"), None)
    return answer[-1]


def joined(node: "Node", values: "list[object]") -> "str":
    """Return the texts of several values, one behind the other."""
    return "".join(text_of(node, each) for each in values)


ABSENT = object()
"""The value of a key that must not be there."""


def absent(_node: "Node", _argument: "object") -> "object":
    """Return what stands for no value at all."""
    return ABSENT


EXPRESSIONS = {
    "$secret": Node.secret,
    "$node": Node.at,
    "$join": joined,
    "$uris": uris,
    "$thumbprint": thumbprint,
    "$subject": subject,
    "$encrypted": encrypted,
    "$absent": absent,
}


def run_tool(node: "Node", arguments: "list[str]", hidden: "set[str]") -> "str":
    """Run the product's tool and return what it says; nothing hidden reaches the log.

    Its exit code is not documented and vendor scripts ignore it (facts.md 8.2): a failure is said,
    and whether the node is configured is looked for in its settings afterwards.
    """
    setup = node.section["setup"]
    if setup["tool"] == "utility":
        command = [_dotnet(node), os.path.join(node.home(), setup["utility"])]
    else:
        command = ["az"] + setup["group"]
    process = subprocess.Popen(
        command + arguments,
        cwd=node.home(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # The Azure CLI keeps its own files in the home of its user, which boot scripts lack.
        env=dict(os.environ, HOME="/root", AZURE_CORE_COLLECT_TELEMETRY="false"),
    )
    # Set-up asks one thing: whether to take over what an older version left (facts.md section 15).
    answer = process.communicate(b"y\n")[0].decode("utf-8", "replace")
    for text in sorted(hidden, key=len, reverse=True):
        answer = answer.replace(text, "***") if text else answer
    if process.returncode:
        sys.stderr.write(answer)
        raise Refused("{} ended with {}".format(command[0], process.returncode))
    return answer


def _dotnet(node: "Node") -> "str":
    places = node.section["product"]["dotnet"]
    for place in places:
        if os.access(place, os.X_OK):
            return str(place)
    raise Refused(".NET Core is in none of {}".format(", ".join(places)))


def merged(document: "dict[str, object]", overlay: "dict[str, object]") -> "dict[str, object]":
    """Return *document* with *overlay* in it: objects key by key, everything else as a whole.

    Keys keep the file's spelling, as .NET does not tell upper from lower case in them.
    """
    result = OrderedDict(document)
    for wanted, value in overlay.items():
        key = spelled(result, wanted.split("|"))
        if value is ABSENT:
            result.pop(key, None)
        elif not isinstance(value, dict):
            result[key] = value
        else:
            old = result.get(key)
            below = merged(old if isinstance(old, dict) else OrderedDict(), value)
            # Nothing is written only to say what is not there.
            if below or not value or key in result:
                result[key] = below
    return result


def spelled(document: "dict[str, object]", names: "list[str]") -> "str":
    """Return the first of *names* that the document has, as it is written there."""
    known = {key.lower(): key for key in reversed(list(document))}
    for name in names:
        if name in document:
            return name
        if name.lower() in known:
            return known[name.lower()]
    return names[0]


def changed(content: "bytes", overlay: "dict[str, object]") -> "bytes":
    """Return a settings file with *overlay* in it; its mark, line ends and order stay."""
    text = content.decode("utf-8")
    mark = MARK if text.startswith(MARK) else ""
    text = text[len(mark) :]
    try:
        document = json.loads(text, object_pairs_hook=OrderedDict) if text.strip() else {}
    except ValueError as error:
        raise Refused("it is not JSON: {}".format(error)) from None
    if not isinstance(document, dict):
        raise Refused("it is no JSON object")
    result = merged(document, overlay)
    if result == document and content:
        return content
    indent = re.search(r"\{\r?\n([ \t]+)\"", text)
    # A text may have half a character of UTF-16, which only its escape can say.
    written = json.dumps(result, indent=indent.group(1) if indent else 2, ensure_ascii=False)
    if re.search("[\ud800-\udfff]", written):
        written = json.dumps(result, indent=indent.group(1) if indent else 2)
    ends = "\r\n" if "\r\n" in text else "\n"
    tail = ends if not text or text.endswith("\n") else ""
    return (mark + written.replace("\n", ends) + tail).encode("utf-8")


def replace(path: "str", content: "bytes", like: "os.stat_result | None") -> "None":
    """Put a file in place at once, with owner and mode of what it replaces."""
    draft = path + ".new"
    if os.path.exists(draft):
        os.remove(draft)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        if like is not None:
            os.fchown(stream.fileno(), like.st_uid, like.st_gid)
            os.fchmod(stream.fileno(), like.st_mode & 0o7777)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(draft, path)


def merge(node: "Node", part: "str", which: "str") -> "bool":
    """Merge a part's settings into its file; return whether that changed it."""
    path = os.path.join(node.folder(part), SETTINGS)
    overlay = value_of(node, node.section["appsettings"][part][which])
    return rewrite(node, part, path, overlay)  # type: ignore[arg-type]


def rewrite(node: "Node", part: "str", path: "str", overlay: "dict[str, object]") -> "bool":
    """Put *overlay* into the file at *path*, which is for the part's own account to read."""
    exists = os.path.exists(path)
    content = b""
    if exists:
        with open(path, "rb") as stream:
            content = stream.read()
    try:
        wanted = changed(content, overlay)
    except (Refused, UnicodeDecodeError) as error:
        raise Refused("{}: {}".format(path, error)) from None
    if wanted != content:
        replace(path, wanted, os.stat(path) if exists else None)
    if part == "web":
        keep_private(path, node.section["product"]["webUser"])
    return wanted != content


def keep_private(path: "str", user: "str") -> "None":
    """Leave a file with secrets in it to its reader alone."""
    try:
        owner = pwd.getpwnam(user)
    except KeyError:
        raise Refused("the product made no account {}".format(user)) from None
    if os.geteuid() == 0:
        os.chown(path, owner.pw_uid, owner.pw_gid)
    os.chmod(path, 0o600)


def is_configured(node: "Node", part: "str") -> "bool":
    """Whether the part's settings say that it is set up (facts.md 14.2)."""
    path = os.path.join(node.folder(part), SETTINGS)
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8-sig") as stream:
        return bool(json.load(stream).get("configured") == "configured")


def setup(node: "Node") -> "None":
    """Run the product's tool, unless every part is set up already."""
    tool = node.section["setup"]["tool"]
    parts = node.section["parts"]
    if tool == "none" or all(is_configured(node, part) for part in parts):
        return
    password = node.secret("admin-password") if "web" in parts else ""
    arguments = [text_of(node, each) for each in node.section["setup"]["arguments"]]
    sys.stderr.write(run_tool(node, arguments, {password}))
    for part in parts:
        if not is_configured(node, part):
            raise Refused("set-up ended, and the {} part is not configured".format(part))


def mark_idle(node: "Node") -> "None":
    """Say in the idle compute part of a web node that it is configured (facts.md 8.5)."""
    if node.section["setup"]["marksIdleCompute"]:
        path = os.path.join(node.folder("compute"), SETTINGS)
        if os.path.exists(path):
            rewrite(node, "compute", path, {"configured": "configured"})


def path(node: "Node", part: "str") -> "None":
    """Print the folder of a part."""
    sys.stdout.write(node.folder(part) + "\n")


def say_merge(node: "Node", part: "str", which: "str") -> "None":
    """Merge a part's settings, and print `changed` where that changed the file."""
    sys.stdout.write("changed\n" if merge(node, part, which) else "")


COMMANDS = {"merge": say_merge, "setup": setup, "mark-idle": mark_idle, "path": path}


def main() -> "None":
    """Do what the arguments ask for, or say why not."""
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit("usage: product.py merge PART first|overlay | setup | mark-idle | path PART")
    try:
        COMMANDS[sys.argv[1]](Node(), *sys.argv[2:])  # type: ignore[operator]
    except (Refused, OSError, subprocess.CalledProcessError) as reason:
        # The error of a process names its command; openssl's, the only one, has no secret in it.
        sys.exit("failed: {}".format(reason))


if __name__ == "__main__":
    main()
