"""The figures of scripts/benchmark: what the engine takes for environments of growing size.

Every operation is timed as a whole process, from the start of `pulumi` to its end, on a sandbox
and a backend of its own. The program's own share is what a preview of production takes
over one of an empty program, run in turn so that a slower moment of the machine meets both.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import yaml
from rich.console import Console
from rich.table import Table

from scripts.lib import benchmark_nodes
from scripts.lib.benchmark_clouds import CLOUDS, Name
from tests.support.engine import Engine, Result, on_sandbox

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = "operationalization:environment"
GOAL = 2.0
"""Seconds that a preview of production may take over an empty program's (issue 3, acceptance 4)."""

REPORT_GOAL = 10.0
"""Seconds that a preview of production may take with the policy pack and its report (issue 8)."""

LARGEST_GROUP = 500
"""Nodes of each role at the most."""

LARGEST_FIXED = 200
"""Fixed nodes in all at the most: the settings refuse larger groups."""

MANY_FIXED = 100
"""Fixed nodes from which on the engine writes its state at the end only. It else writes all of it
to the file backend at every step, which for 904 resources takes over four minutes by itself."""


class Shape(NamedTuple):
    """One environment to measure."""

    cloud: Name
    kind: str
    nodes: int
    """Web and compute nodes together."""


class Figures(NamedTuple):
    """What one environment took; seconds."""

    shape: Shape
    resources: int
    preview: float
    up: float
    unchanged: float
    destroy: float
    memory: int
    """Resident memory of the daemon when all is deployed, in MB."""


def main(arguments: list[str]) -> int:
    """Measure, show, and write what was asked for."""
    options = _options(arguments)
    console = Console()
    report: dict[str, Any] = {}
    if options.only != "control":
        report["nodes"] = []
        for cloud in options.clouds:
            with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
                nodes = benchmark_nodes.measure(cloud, Path(folder), console)
            benchmark_nodes.show(console, nodes)
            report["nodes"].append(nodes._asdict())
    if options.only != "nodes":
        report |= _control(options, console)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0


def _control(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """The control plane's figures: no node boots."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        baseline = {}
        for cloud in options.clouds:
            baseline[cloud] = _over_empty(Path(folder) / cloud, cloud, options.runs, console)
            _show_preview(console, CLOUDS[cloud].production, baseline[cloud])
        shapes = [
            Shape(cloud, kind, n)
            for cloud in options.clouds
            for kind in ("scaleSet", "fixed")
            for n in options.nodes
        ]
        figures = []
        for shape in shapes:
            if shape.kind == "fixed" and shape.nodes > LARGEST_FIXED:
                console.print(f"not measured: {shape.nodes} fixed nodes, which settings refuse")
                continue
            console.print(
                f"measuring {shape.nodes} nodes, {shape.cloud}, {shape.kind} ...", style="dim"
            )
            figures.append(_measure(Path(folder) / "-".join(map(str, shape)), shape))
            console.print(_line(figures[-1]), style="dim")
    _show(console, figures)
    rows = [{**each._asdict(), "shape": each.shape._asdict()} for each in figures]
    return {"preview": baseline, "environments": rows}


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/benchmark")
    parser.add_argument("--only", choices=("nodes", "control"))
    parser.add_argument("--cloud", choices=tuple(CLOUDS), action="append", dest="clouds")
    parser.add_argument("--nodes", type=_numbers, default=[2, 20, 200, 1000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    options.clouds = options.clouds or list(CLOUDS)
    return options


def _numbers(text: str) -> list[int]:
    found = [int(part) for part in text.split(",")]
    if any(not 2 <= each <= 2 * LARGEST_GROUP for each in found):
        raise argparse.ArgumentTypeError(f"each must be 2 to {2 * LARGEST_GROUP}, got {text}")
    return found


def _over_empty(folder: Path, cloud: Name, runs: int, console: Console) -> dict[str, float]:
    """Return the median seconds of a preview: of an empty program, of production, and between."""
    empty_program = folder / "program"
    empty_program.mkdir(parents=True)
    (empty_program / "__main__.py").write_text('"""Declares nothing."""\n')
    # The same project but for the program, so that the engine does the same before it.
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    project["runtime"]["options"]["virtualenv"] = str(ROOT / ".venv")
    (empty_program / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    stack = CLOUDS[cloud].production
    config = yaml.safe_load((ROOT / f"stacks/Pulumi.{stack}.yaml").read_text())["config"]
    with on_sandbox(folder) as engine:
        empty = Engine(folder / "empty", empty_program, engine.variables)
        pairs = []
        for run in range(runs + 1):
            console.print(f"preview {run} of {runs} (0 warms up) ...", style="dim")
            nothing, _ = _timed(lambda: empty.preview("empty", {}))
            production, _ = _timed(lambda: engine.preview(stack, config))
            pairs.append((nothing, production))
        reports = [_report(engine, stack, config) for _ in range(runs)]
    return {
        "report": statistics.median(reports),
        "empty": statistics.median(pair[0] for pair in pairs[1:]),
        "production": statistics.median(pair[1] for pair in pairs[1:]),
        "difference": statistics.median(pair[1] - pair[0] for pair in pairs[1:]),
    }


def _report(engine: Engine, stack: str, config: Mapping[str, Any]) -> float:
    """Return the seconds of a whole report: the engine, the policies, and what is made of both."""
    options = ["--stack", stack, "--format", "markdown", "--", "--policy-pack", f"{ROOT}/policies"]
    file = engine.stack_file(stack, config)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "operations.preview", *options, "--config-file", str(file)],
        cwd=ROOT,
        env=engine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the preview failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def _measure(folder: Path, shape: Shape) -> Figures:
    folder.mkdir(parents=True)
    with on_sandbox(folder) as engine:
        if not _writes_once(shape):
            engine.write_at_each_step()
        config = {ENVIRONMENT: _environment(shape)}
        preview, _ = _timed(lambda: engine.preview("bench", config))
        up, _ = _timed(lambda: engine.up("bench"))
        unchanged, again = _timed(lambda: engine.up("bench"))
        if again.changes:
            raise SystemExit(f"{shape}: a second up changed {again.changes}")
        resources = len(engine.resources("bench"))
        memory = _daemon(Path(engine.variables["OPERATIONALIZATION_SANDBOX_HOME"]))
        destroy, _ = _timed(lambda: engine.destroy("bench"))
    return Figures(shape, resources, preview, up, unchanged, destroy, memory)


def _writes_once(shape: Shape) -> bool:
    return shape.kind == "fixed" and shape.nodes >= MANY_FIXED


def _environment(shape: Shape) -> Mapping[str, Any]:
    web = min(max(shape.nodes // 5, 1), LARGEST_GROUP)
    compute = shape.nodes - web
    if compute > LARGEST_GROUP:
        web, compute = shape.nodes - LARGEST_GROUP, LARGEST_GROUP
    cloud = CLOUDS[shape.cloud]
    nodes = {"nodes": shape.kind, "size": cloud.node_size}
    return {
        "topology": "enterprise",
        **cloud.environment,
        "protection": False,
        "runtime": {"product": "plumber"},
        "web": {**nodes, "count": web},
        "compute": {**nodes, "count": compute},
        "database": {
            **cloud.environment["database"],
            "connectionsPerWebNode": 2,
            "connectionsPerComputeNode": 1,
        },
        "access": {"clients": ["203.0.113.0/24"]},
        "network": {"addressSpace": "10.20.0.0/16"},
    }


def _timed(operation: Callable[[], Result]) -> tuple[float, Result]:
    start = time.perf_counter()
    result = operation()
    seconds = time.perf_counter() - start
    if result.exit_code:
        raise SystemExit(f"the engine failed:\n{result.display}")
    return seconds, result


def _daemon(home: Path) -> int:
    """Return the resident memory of the daemon of *home*, in MB."""
    process = psutil.Process(json.loads((home / "daemon.json").read_text())["pid"])
    return int(process.memory_info().rss // 2**20)


def _line(each: Figures) -> str:
    return (
        f"{each.resources} resources: preview {each.preview:.1f} s, up {each.up:.1f} s, "
        f"up again {each.unchanged:.1f} s, destroy {each.destroy:.1f} s, daemon {each.memory} MB"
    )


def _show_preview(console: Console, stack: str, baseline: Mapping[str, float]) -> None:
    over = baseline["difference"]
    verdict = "within" if over <= GOAL else "over"
    console.print(
        f"preview of {stack}: {baseline['production']:.2f} s, of an empty program "
        f"{baseline['empty']:.2f} s; {over:.2f} s more, {verdict} the goal of {GOAL:.1f} s"
    )
    whole = baseline["report"]
    verdict = "within" if whole <= REPORT_GOAL else "over"
    console.print(
        f"with the policy pack and the report: {whole:.2f} s, {verdict} the goal of "
        f"{REPORT_GOAL:.0f} s"
    )


def _show(console: Console, figures: list[Figures]) -> None:
    table = Table(
        "cloud", "nodes", "kind", "resources", "preview", "up", "up again", "destroy", "daemon"
    )
    for each in figures:
        table.add_row(
            each.shape.cloud,
            str(each.shape.nodes),
            each.shape.kind + (" *" if _writes_once(each.shape) else ""),
            str(each.resources),
            *(f"{s:.1f} s" for s in (each.preview, each.up, each.unchanged, each.destroy)),
            f"{each.memory} MB",
        )
    console.print(table)
    console.print("* the engine writes its state once, at the end")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
