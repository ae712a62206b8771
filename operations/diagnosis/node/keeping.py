"""What a node keeps: files as they were rendered, certificates, secrets as the vault has them."""

import calendar
import functools
import glob
import os
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


STORE = ".dotnet/corefx/cryptography/x509stores/root"
"""Below the home of the web node's account: PFX files without a password, named by thumbprint
(facts.md 12.2)."""


def stored(node: "dict[str, object]") -> "dict[str, object]":
    """Return, by the names of secrets, how the product's own store has their certificates."""
    section = ground.section(node)
    product = section.get("product")
    names = ground.texts(section.get("certificates"))
    if node.get("product") == "plumber" or not isinstance(product, dict) or not names:
        return {}
    folder = os.path.join(str(product["webHome"]), STORE)
    found, subjects, ours = {}, {}, set()
    for name in names:
        with open(ground.place_of(node, name), "rb") as stream:
            pem = stream.read()
        mark = _print(pem)
        path = os.path.join(folder, mark + ".pfx")
        ours.add(path)
        subjects[_x509(pem, "-subject")] = name
        kept = _opened(path) if os.path.exists(path) else b""
        alike = bool(kept) and _print(kept) == mark and _public(kept) == _public(pem)
        found[name] = "same" if alike else "other" if kept else "absent"
    for path in sorted(set(glob.glob(os.path.join(folder, "*.pfx"))) - ours):
        # Most versions know a certificate by its subject alone.
        twin = subjects.get(_x509(_opened(path), "-subject"))
        if twin:
            found[twin] = "replaced" if found[twin] == "absent" else "twice"
    return dict(found)


def _opened(path: "str") -> "bytes":
    _, out, _ = ground.run(["openssl", "pkcs12", "-in", path, "-passin", "pass:", "-nodes"])
    return out or b"unreadable"


def _x509(pem: "bytes", what: "str") -> "str":
    _, out, _ = ground.run(["openssl", "x509", "-noout", what, "-sha1"], pem)
    return out.decode("utf-8", "replace").strip()


def _print(pem: "bytes") -> "str":
    return _x509(pem, "-fingerprint").rpartition("=")[2].replace(":", "").upper()


def _public(pem: "bytes") -> "bytes":
    _, out, _ = ground.run(["openssl", "pkey", "-pubout"], pem)
    return out


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
