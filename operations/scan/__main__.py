"""The commands behind scripts/scan: write the exports, and judge what Checkov found in them."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from operations.errors import OperationError
from operations.export import arm, state, terraform
from operations.scan import report, waivers


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 when nothing is wrong."""
    parser = argparse.ArgumentParser(prog="operations.scan")
    commands = parser.add_subparsers(required=True)
    export = commands.add_parser("export")
    export.add_argument("states", type=Path)
    export.add_argument("exports", type=Path)
    export.set_defaults(run=_export)
    verdict = commands.add_parser("verdict")
    verdict.add_argument("report", type=Path)
    verdict.add_argument("waivers", type=Path)
    verdict.add_argument("--exports", type=Path, required=True)
    verdict.add_argument("--only", action="append", default=[])
    verdict.set_defaults(run=_verdict)
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except OperationError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _export(options: argparse.Namespace) -> int:
    """Write each state in every format that its cloud has: STACK.FORMAT.json."""
    for path in sorted(options.states.glob("*.json")):
        deployment = state.parse(path.read_text(), path.stem)
        made = {"terraform": terraform.plan(deployment, deployed=False)}
        if deployment.cloud == arm.PACKAGE:
            made["arm"] = arm.template(deployment)
        for name, export in made.items():
            target = options.exports / f"{path.stem}.{name}.json"
            target.write_text(json.dumps(export, indent=1))
    return 0


def _verdict(options: argparse.Namespace) -> int:
    """Say what is wrong, if anything is."""
    exports = len(list(options.exports.glob("*.json")))
    found = report.read(options.report, exports)
    known = waivers.read(options.waivers)
    if options.only:
        known = tuple(
            each for each in known if any(fnmatchcase(stack, each.stacks) for stack in options.only)
        )
    unwaived, unused, waived = waivers.judge(found.findings, known)
    if options.only:
        # Another stack may need them.
        unused = []
    for finding in unwaived:
        print(f"{finding.stack} ({finding.format}): {finding.check} {finding.resource}")  # noqa: T201
        print(f"    {finding.words}")  # noqa: T201
    for waiver in unused:
        print(f"{options.waivers.name}: nothing needs the waiver of {waiver}")  # noqa: T201
    print(  # noqa: T201
        f"Checkov: {found.passed} passed, {len(unwaived)} failed, {waived} waived "
        f"by {len(known) - len(unused)} waivers, in {exports} exports"
    )
    return 1 if unwaived or unused else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
