"""The SDK that loads class by class, in a process of its own: this one may have it all already."""

import json
import subprocess
import sys

from tests.support.azure import ROOT


def run(program: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\nimport components.azure\n{program}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_one_class_loads_few_modules() -> None:
    loaded = run(
        "from pulumi_azure_native import network\n"
        "network.LoadBalancer, network.ProbeArgs\n"
        "modules = [m for m in sys.modules if m.startswith('pulumi_azure_native.network.')]\n"
        "print(json.dumps({'modules': sorted(modules)}))"
    )
    assert [name.rpartition(".")[2] for name in loaded["modules"]] == [
        "_enums",
        "_inputs",
        "load_balancer",
        "outputs",
    ]


def test_classes_are_the_same_as_when_everything_is_loaded() -> None:
    same = run(
        "from pulumi_azure_native import network\n"
        "one = network.PublicIPAddress, network.ProbeArgs, network.ProbeProtocol\n"
        "network._load_as_before('Subnet')\n"
        "all = vars(network)\n"
        "again = all['PublicIPAddress'], all['ProbeArgs'], all['ProbeProtocol']\n"
        "print(json.dumps({'same': one == again, 'complete': 'VirtualWan' in all}))"
    )
    assert same == {"same": True, "complete": True}


def test_a_function_is_a_function_and_not_its_module() -> None:
    found = run(
        "from pulumi_azure_native import network\n"
        "kind = type(network.get_load_balancer).__name__\n"
        "again = type(network.get_load_balancer).__name__\n"
        "print(json.dumps({'kinds': [kind, again]}))"
    )
    assert found == {"kinds": ["function", "function"]}


def test_a_name_that_the_sdk_has_not_is_an_error_as_ever() -> None:
    refused = run(
        "from pulumi_azure_native import network\n"
        "try:\n"
        "    network.Nonsense\n"
        "except AttributeError as error:\n"
        "    print(json.dumps({'error': str(error)}))"
    )
    assert refused == {"error": "module 'pulumi_azure_native.network' has no attribute 'Nonsense'"}


def test_an_sdk_that_is_loaded_already_stays_as_it_is() -> None:
    program = (
        "import json\n"
        "from pulumi_azure_native import network\n"
        "network.Subnet\n"
        "import components.azure\n"
        "from pulumi_azure_native import network as after\n"
        "print(json.dumps({'same': network is after, 'complete': 'VirtualWan' in vars(after)}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == {"same": True, "complete": True}


def test_no_clouds_sdk_is_loaded_for_settings_and_topologies() -> None:
    program = (
        "import sys, components.settings, components.topologies.enterprise\n"
        "clouds = ('pulumi_azure', 'pulumi_aws', 'components.azure', 'components.aws')\n"
        "print([m for m in sys.modules if m.startswith(clouds)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
