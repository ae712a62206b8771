"""What a stack says of its environment, from the sandbox's backend or the user's own."""

import json
import os
from urllib.parse import unquote

import pytest

from operations import stack as stacks
from operations.errors import OperationError
from operations.stack import Cloud, Reading, Sandbox
from sandbox.home import Home
from tests.support.engine import Engine, require_engine

OUTPUTS = {
    "endpoint": "https://198.18.0.1:12800",
    "certificateAuthority": "-----BEGIN CERTIFICATE-----",
    "adminPassword": "hush-hush",
}
PROGRAM = """
import pulumi

pulumi.export("endpoint", "https://198.18.0.1:12800")
pulumi.export("certificateAuthority", "-----BEGIN CERTIFICATE-----")
if pulumi.Config("demo").get_bool("whole"):
    pulumi.export("adminPassword", pulumi.Output.secret("hush-hush"))
"""


@pytest.fixture
def home(tmp_path):
    """A sandbox's folder with a stack `dev`, in which nobody looks."""
    home = Home(tmp_path / "sand box")
    home.prepare()
    folder = home.stacks / ".pulumi" / "stacks" / "operationalization"
    folder.mkdir(parents=True)
    (folder / "dev.json").write_text("{}")
    return home


@pytest.fixture
def pulumi(tmp_path, monkeypatch):
    """A stand-in for Pulumi that says what it is told to, and notes how it was called."""
    monkeypatch.setattr(stacks, "ENGINE", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def say(output, words="", code=0):
        (tmp_path / "output").write_text(output)
        (tmp_path / "words").write_text(words)
        program = tmp_path / "pulumi"
        program.write_text(
            "#!/bin/sh\n"
            f'echo "$@" >{tmp_path}/called\n'
            f"cat {tmp_path}/output\ncat {tmp_path}/words >&2\nexit {code}\n"
        )
        program.chmod(0o755)
        return tmp_path / "called"

    return say


def refusal(backend, stack="dev"):
    with pytest.raises(OperationError) as refused:
        Reading(stack, backend).environment()
    return refused.value


def test_the_outputs_become_an_environment(home, pulumi):
    called = pulumi(json.dumps({**OUTPUTS, "location": "westeurope"}))

    found = Reading("dev", Sandbox(home.root)).environment()

    assert found.endpoint == OUTPUTS["endpoint"]
    assert found.authority == OUTPUTS["certificateAuthority"]
    assert (found.username, found.password) == ("admin", OUTPUTS["adminPassword"])
    assert called.read_text().split() == [
        *("stack", "output", "--json", "--show-secrets", "--non-interactive", "--stack", "dev")
    ]
    assert found.certificate is None
    assert "hush-hush" not in repr(found)


def test_the_addresses_of_the_endpoint_are_known_where_the_stack_says_them(home, pulumi):
    pulumi(json.dumps({**OUTPUTS, "loadBalancerAddresses": ["198.51.100.7", "198.51.100.8"]}))
    said = Reading("dev", Sandbox(home.root)).environment()
    pulumi(json.dumps(OUTPUTS))
    silent = Reading("dev", Sandbox(home.root)).environment()

    assert said.addresses == ("198.51.100.7", "198.51.100.8")
    assert silent.addresses == ()


def test_a_certificate_that_the_owner_brought_is_known(home, pulumi):
    pulumi(json.dumps({**OUTPUTS, "certificate": "chain"}))

    assert Reading("dev", Sandbox(home.root)).environment().certificate == "chain"


def test_a_product_is_known_with_the_account_of_its_version(home, pulumi):
    runtime = {
        "product": "rserver",
        "version": "9.0-preview",
        "rVersion": "3.3.2",
        "account": "administrator",
        "statusWords": ["pass", "green"],
        "authentication": "local",
    }
    pulumi(json.dumps({**OUTPUTS, "runtime": runtime}))

    found = Reading("dev", Sandbox(home.root)).environment()

    assert found.username == "administrator"
    assert found.product.title == "rserver 9.0-preview"


def test_the_sandbox_is_read_with_the_variables_that_it_names_itself(home, monkeypatch):
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://elsewhere")
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "token")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "other")
    own = home.environment({})

    found = Sandbox(home.root).variables("dev")

    # No provider takes part in reading, and Pulumi downloads none for it.
    del own["PULUMI_DEBUG_PROVIDERS"], own["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"]
    assert {name: found[name] for name in own} == own
    assert unquote(found["PULUMI_BACKEND_URL"]) == f"file://{home.stacks}"
    assert "PULUMI_ACCESS_TOKEN" not in found
    assert "PULUMI_CONFIG_PASSPHRASE" not in found


def test_the_cloud_is_read_with_the_user_s_own_variables(monkeypatch):
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://ours")

    found = Cloud().variables("production")

    assert found["PULUMI_BACKEND_URL"] == "s3://ours"
    assert found["PATH"].startswith(os.environ["PATH"])


def test_a_stack_that_is_not_on_the_sandbox_is_refused_with_both_ways(home):
    refused = refusal(Sandbox(home.root), "production")

    assert refused.what == "stack 'production' is not on the sandbox"
    assert refused.fix == (
        "scripts/up --stack production, or add --cloud for the stack on your own backend"
    )


def test_what_pulumi_says_is_passed_on(home, pulumi):
    pulumi("", "error: no stack named 'dev' found\n", 255)

    refused = refusal(Sandbox(home.root))

    assert refused.what == "the outputs of the stack cannot be read"
    assert refused.where == "stack 'dev'"
    assert refused.why == "no stack named 'dev' found"


@pytest.mark.parametrize(
    ("backend", "fix"), [("sandbox", "scripts/up --stack dev"), ("cloud", "pulumi up -s dev")]
)
def test_an_environment_that_is_half_deployed_is_told_how_to_go_on(home, pulumi, backend, fix):
    pulumi(json.dumps({"endpoint": OUTPUTS["endpoint"], "adminPassword": None}))

    refused = refusal(Sandbox(home.root) if backend == "sandbox" else Cloud())

    assert refused.why == (
        "it has no output certificateAuthority, adminPassword: it was not deployed to its end"
    )
    assert refused.fix == fix


def test_a_pulumi_that_hangs_is_given_up(home, pulumi, monkeypatch, tmp_path):
    pulumi("{}")
    (tmp_path / "pulumi").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(stacks, "SECONDS", 0.1)

    assert refusal(Sandbox(home.root)).why == "Pulumi did not answer within 0 seconds"


def test_without_an_engine_set_up_is_asked_for(home, monkeypatch, tmp_path):
    monkeypatch.setattr(stacks, "ENGINE", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert refusal(Sandbox(home.root)).fix == "run scripts/setup"


@pytest.mark.engine
def test_the_real_pulumi_gives_the_secret_and_says_what_it_lacks(tmp_path):
    require_engine()
    home = Home(tmp_path / "home")
    home.prepare()
    program = tmp_path / "program"
    program.mkdir()
    (program / "__main__.py").write_text(PROGRAM)
    (program / "Pulumi.yaml").write_text(
        "name: operationalization\nstackConfigDir: stacks\n"
        f"runtime: {{name: python, options: {{virtualenv: {stacks.PROJECT}/.venv}}}}\n"
    )
    engine = Engine(tmp_path / "state", program, home.environment({}))
    assert engine.up("dev", {"demo:whole": True}).exit_code == 0
    assert engine.up("half", {}).exit_code == 0

    found = Reading("dev", Sandbox(home.root)).environment()

    assert found.password == "hush-hush"
    assert "it has no output adminPassword" in refusal(Sandbox(home.root), "half").why
