"""The engine harness on a program without providers: what engine tests rely on."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.engine import QUICK_PIP, ROOT, Engine, require_engine

pytestmark = pytest.mark.engine

COMPONENT = "test:demo:Thing"
PROGRAM = f"""
import pulumi

config = pulumi.Config("demo")
if config.get_bool("broken"):
    raise pulumi.RunError("the program says no")
for index in range(config.require_int("things")):
    thing = pulumi.ComponentResource("{COMPONENT}", f"thing-{{index}}")
    thing.register_outputs({{}})
pulumi.export("things", config.require_int("things"))
pulumi.export("word", pulumi.Output.secret("hush"))
"""


@pytest.fixture
def demo(tmp_path: Path) -> Engine:
    require_engine()
    program = tmp_path / "program"
    program.mkdir()
    (program / "__main__.py").write_text(PROGRAM)
    (program / "Pulumi.yaml").write_text(
        "name: demo\nstackConfigDir: stacks\n"
        f"runtime: {{name: python, options: {{virtualenv: {ROOT}/.venv}}}}\n"
    )
    return Engine(tmp_path / "state", program)


def test_what_is_installed_is_told_as_pip_tells_it() -> None:
    def told(*pythonpath: str) -> set[tuple[str, str, str]]:
        done = subprocess.run(
            [str(ROOT / ".venv/bin/python"), "-m", "pip", "list", "-v", "--format", "json"],
            env={"PYTHONPATH": ":".join(pythonpath)},
            capture_output=True,
            text=True,
            check=True,
        )
        return {(e["name"], e["version"], e["location"]) for e in json.loads(done.stdout)}

    assert told(str(QUICK_PIP)) == told()


def test_a_stack_is_deployed_changed_and_destroyed(demo: Engine) -> None:
    first = demo.up("one", {"demo:things": 2})
    second = demo.up("one")
    wider = demo.preview("one", {"demo:things": 3})

    assert first.exit_code == 0, first.display
    assert sorted(first.changes) == [
        ("create", COMPONENT, "thing-0"),
        ("create", COMPONENT, "thing-1"),
    ]
    assert second.changes == []
    assert wider.changes == [("create", COMPONENT, "thing-2")]
    assert demo.outputs("one") == {"things": 2, "word": "[secret]"}
    assert demo.outputs("one", secrets=True)["word"] == "hush"
    assert len(demo.resources("one")) == 3
    assert not (demo.program / "stacks").exists()

    gone = demo.destroy("one")
    assert gone.summary == {"delete": 3}
    assert demo.resources("one") == {}


def test_what_a_program_refuses_is_told_as_the_user_sees_it(demo: Engine) -> None:
    result = demo.up("one", {"demo:things": 1, "demo:broken": True})

    assert result.exit_code != 0
    assert result.changes == []
    assert any("the program says no" in error for error in result.errors), result.display
