"""Environments that an earlier commit deployed, kept to be upgraded by today's.

A file of tests/golden/states is one deployment as it was: the engine's state, and all that the
sandbox's cloud held then. Restored, it is what today's program finds when somebody upgrades.

It was made by a commit that the file names, and **it stays as long as it can**: a golden state that
is renewed together with a change proves nothing about that change. Renew one only

- for a stack that has none, or whose settings now mean another environment;
- after a change whose replacements are meant, with what they cost said in the commit;
- when the sandbox's store has another format (VERSION in sandbox/control/store.py).

To renew: rm tests/golden/states/STACK.bin, then
UPDATE_GOLDEN=1 scripts/test tests/end_to_end/test_upgrade.py -k STACK

Every secret in it is of an environment that never was. All of it is encrypted, with the passphrase
below, so that no scanner takes it for more; the bytes follow from the content alone.
"""

import hashlib
import json
import lzma
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.deployed import Deployed, stack_config, succeeded
from tests.support.engine import ROOT, Engine, on_sandbox

GOLDEN = ROOT / "tests" / "golden" / "states"
PASSPHRASE = "of an environment that never was"
NONCE = 12
FORMAT = 1


def path_of(stack: str) -> Path:
    """The golden state of *stack*."""
    return GOLDEN / f"{stack}.bin"


def record(stack: str, folder: Path) -> None:
    """Deploy *stack* and keep it."""
    _prepare(folder)
    with on_sandbox(folder) as engine:
        config = stack_config(stack)
        succeeded(engine.up(stack, config))
        exported = json.loads(engine.pulumi("stack", "export", "--stack", stack).stdout)
        file = yaml.safe_load((folder / f"project/stacks/Pulumi.{stack}.yaml").read_text())
    head = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    commit = subprocess.run(head, capture_output=True, text=True, check=False).stdout.strip()
    kept = {
        "format": FORMAT,
        "stack": stack,
        "commit": commit,
        "salt": file["encryptionsalt"],
        "state": exported,
        "world": _dump(folder / "sandbox" / "cloud.sqlite"),
    }
    GOLDEN.mkdir(parents=True, exist_ok=True)
    path_of(stack).write_bytes(seal(kept))


def restore(stack: str, folder: Path) -> dict[str, Any]:
    """Put the golden state of *stack* into *folder*, as `record` found it; return what is kept."""
    kept = unseal(path_of(stack).read_bytes())
    _prepare(folder)
    _load(folder / "sandbox" / "cloud.sqlite", kept["world"])
    return kept


def take_over(kept: dict[str, Any], engine: Engine) -> Deployed:
    """Give the engine's own part of *kept* to a backend without stacks."""
    stack, project = kept["stack"], engine.folder / "project"
    (project / "stacks").mkdir(parents=True)
    (project / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    file = project / f"stacks/Pulumi.{stack}.yaml"
    file.write_text(yaml.safe_dump({"encryptionsalt": kept["salt"]}))
    (engine.folder / "state.json").write_text(json.dumps(kept["state"]))
    engine.pulumi("stack", "init", stack, cwd=project)
    engine.pulumi(
        "stack", "import", "--stack", stack, "--file", str(engine.folder / "state.json"),
        cwd=project,
    )  # fmt: skip
    return Deployed(stack, engine)


def _prepare(folder: Path) -> None:
    """Make the sandbox's folder, with our passphrase in place of one that it would make."""
    home = folder / "sandbox"
    home.mkdir(parents=True, mode=0o700)
    (home / "passphrase").write_text(PASSPHRASE)
    (home / "passphrase").chmod(0o600)


def _dump(path: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as store:
        (version,) = store.execute("PRAGMA user_version").fetchone()
        return {"version": version, "script": "\n".join(store.iterdump())}


def _load(path: Path, world: dict[str, Any]) -> None:
    with closing(sqlite3.connect(path)) as store:
        store.executescript(world["script"])
        store.execute(f"PRAGMA user_version = {int(world['version'])}")
        store.commit()
    path.chmod(0o600)


def seal(kept: dict[str, Any]) -> bytes:
    """The file's bytes: the same for the same content."""
    packed = lzma.compress(json.dumps(kept, sort_keys=True).encode(), preset=9)
    nonce = hashlib.sha256(packed).digest()[:NONCE]
    return nonce + _cipher().encrypt(nonce, packed, None)


def unseal(content: bytes) -> dict[str, Any]:
    """What *content* holds."""
    packed = _cipher().decrypt(content[:NONCE], content[NONCE:], None)
    kept: dict[str, Any] = json.loads(lzma.decompress(packed))
    assert kept["format"] == FORMAT, "renew the golden state: see tests/support/old_world.py"
    return kept


def _cipher() -> AESGCM:
    return AESGCM(hashlib.sha256(PASSPHRASE.encode()).digest())
