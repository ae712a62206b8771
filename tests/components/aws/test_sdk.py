"""The SDK that loads class by class (tests/components/azure/test_sdk.py has the rest)."""

import json
import subprocess
import sys

from tests.support.stacks import STACKS


def run(program: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\nimport components.aws\n{program}"],
        cwd=STACKS.parent,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_one_class_loads_few_modules() -> None:
    loaded = run(
        "from pulumi_aws import ec2\n"
        "ec2.Vpc, ec2.Eip\n"
        "modules = [m for m in sys.modules if m.startswith('pulumi_aws.ec2.')]\n"
        "print(json.dumps({'modules': sorted(modules)}))"
    )
    assert [name.rpartition(".")[2] for name in loaded["modules"]] == ["eip", "vpc"]


def test_a_function_for_outputs_is_found_beside_its_twin() -> None:
    found = run(
        "from pulumi_aws import ec2\n"
        "same = ec2.get_ami_output.__module__ == ec2.get_ami.__module__\n"
        "print(json.dumps({'same': same, 'complete': 'Vpc' in vars(ec2)}))"
    )
    assert found == {"same": True, "complete": False}
