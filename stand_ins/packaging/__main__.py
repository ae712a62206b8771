"""`stand_ins/build`: makes an archive, or the hash of a password."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from stand_ins.packaging.archives import make, name_of, sha256
from stand_ins.product.passwords import PasswordError, hashed


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="stand_ins/build", add_help=False)
    parser.add_argument("product", nargs="?")
    parser.add_argument("version", nargs="?")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--hash", action="store_true")
    given = parser.parse_args(arguments)
    if given.hash:
        return _hash()
    if given.product is None or given.version is None or given.output is None:
        parser.error("PRODUCT, VERSION and --output are needed")
    return _build(given.product, given.version, given.output)


def _hash() -> int:
    try:
        sys.stdout.write(f"{hashed(sys.stdin.readline().rstrip(chr(10)))}\n")
    except PasswordError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _build(product: str, version: str, output: Path) -> int:
    if shutil.which("dpkg-deb") is None:
        sys.stderr.write("stand-ins need dpkg-deb: they are Debian packages\n")
        return 1
    try:
        content = make(product, version)
    except KeyError as error:
        sys.stderr.write(f"{error.args[0]}\n")
        return 1
    output.mkdir(parents=True, exist_ok=True)
    target = output / name_of(product, version)
    partial = target.with_suffix(".part")
    partial.write_bytes(content)
    partial.replace(target)
    sys.stdout.write(f"{sha256(content)}  {target}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
