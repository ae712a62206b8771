"""What a node keeps: files as they were rendered, certificates, secrets as the vault has them."""

import calendar
import functools
import time

from operations.diagnosis.node import ground

MOST = 20
PAUSE = 1.0
"""Seconds between two attempts at a secret."""
BEGIN = "-----BEGIN CERTIFICATE-----"


def files(wanted: "object") -> "dict[str, object]":
    """Return which files are not what their digests say, and which are not there."""
    differ, missing = [], []
    pairs = wanted.items() if isinstance(wanted, dict) else ()
    for path, digest in sorted(pairs):
        try:
            with open(path, "rb") as stream:
                if ground.short(stream.read()) != digest:
                    differ.append(path)
        except OSError:
            missing.append(path)
    return {"differ": differ[:MOST], "missing": missing[:MOST]}


def certificates(node: "dict[str, object]") -> "dict[str, object]":
    """Return of each certificate its end, and of each key the digest of its public half."""
    authority = ground.place_of(node, "environment-ca")
    found = {}  # type: dict[str, object]
    for use in ground.objects(node.get("secrets")):
        name, path = str(use["name"]), str(use["path"])
        try:
            with open(path, encoding="utf-8") as stream:
                text = stream.read()
        except (OSError, ValueError):
            continue  # that it is not here, the vault's part says
        facts = {}  # type: dict[str, object]
        if BEGIN in text:
            facts.update(_certificate(path, text, "" if name == "environment-ca" else authority))
        if "PRIVATE KEY-----" in text:
            _, public, _ = ground.run(["openssl", "pkey", "-in", path, "-pubout"])
            facts["key"] = ground.short(public) if public else ""
            if "public" in facts:
                facts["pair"] = facts["key"] == facts.pop("public")
        facts.pop("public", None)
        if facts:
            found[name] = facts
    return found


def _certificate(path: "str", text: "str", authority: "str") -> "dict[str, object]":
    code, out, error = ground.run(["openssl", "x509", "-in", path, "-noout", "-enddate"])
    if code:
        raise ground.Unknown("{}: {}".format(path, ground.cut(error)))
    end = out.decode("ascii").partition("=")[2].strip()
    _, public, _ = ground.run(["openssl", "x509", "-in", path, "-noout", "-pubkey"])
    facts = {
        "until": calendar.timegm(time.strptime(end, "%b %d %H:%M:%S %Y GMT")),
        "mark": ground.short(text.encode("utf-8")),
        "public": ground.short(public),
    }  # type: dict[str, object]
    if authority:
        # Whether it is of the environment; one that its owner brought is of another authority.
        # Early versions end with 0 whatever they say; that it has expired is another question.
        _, out, error = ground.run(["openssl", "verify", "-CAfile", authority, path])
        lines = (out.decode("utf-8", "replace") + error).split("\n")
        facts["ours"] = not [each for each in lines if "error " in each and "expired" not in each]
    return facts


def vault(node: "dict[str, object]", seconds: "float") -> "dict[str, object]":
    """Return, by the names of the node's secrets, whether the vault has what the node keeps."""
    work = {}  # type: dict[str, object]
    for use in ground.objects(node.get("secrets")):
        work[str(use["name"])] = functools.partial(_compared, str(use["name"]), str(use["path"]))
    ended = ground.at_once(work, seconds)
    return {name: _said(each) for name, each in ended.items()}


def _said(compared: "object") -> "object":
    """Return a word; a node that is busy must not look like one that is refused."""
    if isinstance(compared, ground.Late):
        return "late"
    if isinstance(compared, ground.Unknown):
        return "refused: {}".format(ground.cut(compared))
    return compared


def _compared(name: "str", path: "str") -> "str":
    """Fetch a secret as the node's own boot does; nothing of it leaves this function."""
    program = ground.PROGRAMS + "/cloud.sh"
    command = [program, "secret", name]
    code, value, error = ground.run(command, folder=ground.PROGRAMS)
    if code not in (0, ground.LATE):
        # The node's own boot tries again, too: a connection that was lost refuses nothing.
        time.sleep(PAUSE)
        code, value, error = ground.run(command, folder=ground.PROGRAMS)
    if code == ground.LATE:
        raise ground.Late(error)
    if code:
        raise ground.Unknown(error.strip() or "status {}".format(code))
    try:
        with open(path, "rb") as stream:
            return "same" if stream.read() == value else "other"
    except OSError:
        return "absent"
