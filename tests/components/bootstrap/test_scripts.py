"""The node scripts themselves, where no node is needed; the sandbox runs them all."""

import json
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[3] / "components" / "bootstrap" / "scripts"


def bash(text, function=":", **environment):
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"cd {SCRIPTS}; . ./library.sh; {function}; {text}"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
    )


def test_retry_goes_on_until_the_command_succeeds(tmp_path):
    counter = tmp_path / "counter"
    found = bash(
        "sleep() { :; }; retry 60 try",
        function='try() { echo x >>"$COUNTER"; (($(wc -l <"$COUNTER") > 2)); }',
        COUNTER=str(counter),
    )

    assert (found.returncode, counter.read_text()) == (0, "x\nx\nx\n")


def test_retry_gives_up_and_says_what_it_tried():
    found = bash("retry 0 false")

    assert found.returncode == 1
    assert found.stderr.endswith("bash: given up after 0 seconds: false\n")


def test_a_script_without_its_argument_says_how_it_is_called():
    found = bash("./state.sh")

    assert found.returncode != 0
    assert found.stderr.endswith("usage: state.sh starting|ready|draining|failed\n")


def test_an_image_that_has_everything_installs_nothing(tmp_path):
    node = tmp_path / "node.json"
    node.write_text(json.dumps({"packages": ["bash", "dpkg"], "egress": "none"}))
    found = run_with_node("install-packages.sh", node, tmp_path)

    assert found.returncode == 0
    assert found.stderr.endswith("all 2 packages are there\n")


def test_without_egress_a_missing_package_is_named(tmp_path):
    node = tmp_path / "node.json"
    node.write_text(json.dumps({"packages": ["bash", "no-such-package"], "egress": "none"}))
    found = run_with_node("install-packages.sh", node, tmp_path)

    assert found.returncode == 1
    assert found.stderr.endswith(
        "failed: the image lacks no-such-package and access.egress is none: "
        "use an image that has them\n"
    )


def run_with_node(script, node, folder):
    """Run *script* as it is, with *node* in place of the node's own file."""
    for name in ("library.sh", script):
        text = (SCRIPTS / name).read_text()
        (folder / name).write_text(text.replace("/etc/operationalization/node.json", str(node)))
    return subprocess.run(
        ["bash", str(folder / script)], capture_output=True, text=True, check=False
    )
