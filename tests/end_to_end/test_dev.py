"""Stack `dev` under the real engine, on the sandbox's control plane: the life of an environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployed import Deployed, copy_of, deploy
from tests.support.engine import Engine, on_sandbox

pytestmark = pytest.mark.engine

SCALE_SET = "azure-native:compute:VirtualMachineScaleSet"
SECURITY_GROUP = "azure-native:network:NetworkSecurityGroup"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy("dev", tmp_path_factory.mktemp("dev"))


@pytest.fixture
def dev(template: Path, tmp_path: Path) -> Iterator[Deployed]:
    with copy_of(template, "dev", tmp_path / "copy") as deployed:
        yield deployed


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with on_sandbox(tmp_path / "new") as engine:
        yield engine


def scale_set(dev: Deployed, role: str) -> dict:
    (found,) = [each for each in dev.resources(SCALE_SET) if f"-{role}-" in each["id"]]
    return found


def test_outputs_say_where_to_call_and_keep_secrets(dev: Deployed) -> None:
    outputs = dev.engine.outputs("dev")

    assert outputs["endpoint"] == f"https://{outputs['loadBalancerAddress']}:12800"
    assert outputs["adminPassword"] == "[secret]"
    assert outputs["certificateAuthority"].startswith("-----BEGIN CERTIFICATE-----")
    assert outputs["database"]["host"].endswith(".postgres.database.azure.com")
    assert outputs["groups"]["compute"]["minimum"] == 2


def test_no_secret_is_in_the_state_in_clear(dev: Deployed) -> None:
    state = dev.engine.pulumi("stack", "export", "--stack", "dev").stdout
    password = dev.engine.outputs("dev", secrets=True)["adminPassword"]

    assert password not in state
    assert "PRIVATE KEY" not in state


def test_a_second_up_changes_nothing(dev: Deployed) -> None:
    assert dev.up().changes == []


def test_a_tag_is_changed_in_place(dev: Deployed) -> None:
    changes = dev.up({"tags": {"owner": "platform"}}).changes

    assert changes
    assert {op for op, _, _ in changes} == {"update"}


def test_one_more_client_opens_the_port_and_replaces_only_nodes_that_are_called(
    dev: Deployed,
) -> None:
    changes = dev.up({"access.clients": ["203.0.113.0/24", "198.51.100.0/24"]}).changes

    assert ("update", SECURITY_GROUP, "dev-network-firewall-web") in changes
    assert not [name for _, _, name in changes if "compute" in name]


def test_new_content_replaces_its_group_before_the_old_one_goes(dev: Deployed) -> None:
    before = scale_set(dev, "compute")

    steps = [s for s in dev.up({"compute.disk.size": 64}).steps if s.type == SCALE_SET]
    by_name = [(s.op, s.name) for s in steps if s.op not in {"same", "refresh", "replace"}]

    assert by_name == [
        ("create-replacement", "dev-compute-nodes"),
        ("delete-replaced", "dev-compute-nodes"),
    ]
    assert scale_set(dev, "compute")["id"] != before["id"]


def test_a_new_group_begins_with_as_many_nodes_as_the_old_one_runs(dev: Deployed) -> None:
    dev.tamper(scale_set(dev, "compute")["id"], "sku.capacity", "4")

    dev.up({"compute.disk.size": 64})

    assert scale_set(dev, "compute")["properties"]["sku"]["capacity"] == 4


def test_a_count_that_was_scaled_by_hand_stays(dev: Deployed) -> None:
    dev.tamper(scale_set(dev, "compute")["id"], "sku.capacity", "3")

    dev.up({"tags": {"owner": "platform"}})

    assert scale_set(dev, "compute")["properties"]["sku"]["capacity"] == 3
    assert dev.preview({"tags": {"owner": "platform"}}).changes == []


def test_a_count_that_is_declared_is_restored(dev: Deployed) -> None:
    dev.tamper(scale_set(dev, "web")["id"], "sku.capacity", "1")

    changes = dev.up().changes

    assert changes == [("update", SCALE_SET, "dev-web-nodes")]
    assert scale_set(dev, "web")["properties"]["sku"]["capacity"] == 2


def test_drift_is_shown_without_noise_and_changes_nothing_and_up_mends_it(dev: Deployed) -> None:
    (group,) = dev.resources("azure-native:resources:ResourceGroup")
    dev.tamper(scale_set(dev, "compute")["id"], "sku.capacity", "3")
    dev.tamper(group["id"], "tags.cost", '"7"')

    noise = dev.drift()

    (web,) = [g for g in dev.resources(SECURITY_GROUP) if "-web" in g["id"]]
    (vault,) = dev.resources("azure-native:keyvault:Vault")
    dev.tamper(web["id"], "securityRules[0].sourceAddressPrefix", '"*"')
    dev.tamper(vault["id"], "properties.publicNetworkAccess", '"Enabled"')
    dev.sandbox("delete", dev.resources("azure-native:monitor:AutoscaleSetting")[0]["id"])
    before = dev.engine.pulumi("stack", "export", "--stack", "dev").stdout

    ended, report = dev.drift()

    assert dev.engine.pulumi("stack", "export", "--stack", "dev").stdout == before
    assert noise[0] == 0
    assert noise[1]["drift"] == []
    assert [each["path"] for each in noise[1]["leftOut"]] == ["tags.cost"]
    found = [(each["severity"], each["name"], each["gone"]) for each in report["drift"]]
    assert ended == 2
    assert found == [
        ("security", "dev-secrets-vault", False),
        ("security", "dev-network-firewall-web", False),
        ("gone", "dev-compute-autoscaling-setting", True),
    ]
    (rule,) = report["drift"][1]["properties"]
    assert rule["path"].startswith("securityRules[allow-")
    assert rule["path"].endswith("].sourceAddressPrefix")
    assert (rule["before"], rule["after"]) == ("203.0.113.0/24", "*")

    mended = {name for _, _, name in dev.up().changes}

    assert mended >= {name for _, name, _ in found}


def test_destroy_leaves_nothing(dev: Deployed) -> None:
    result = dev.engine.destroy("dev")

    assert result.exit_code == 0, result.display
    assert dev.resources() == []
    assert dev.engine.resources("dev") == {}


def test_bad_settings_are_all_named_before_anything_is_declared(engine: Engine) -> None:
    config = {
        "operationalization:environment": {
            "topology": "enterprise",
            "cloud": "azure",
            "location": "westeurop",
            "runtime": {"product": "plumber"},
            "web": {"cuont": 2},
            "compute": {"autoscale": {"minimum": 5, "maximum": 4}},
            "database": {"engine": "postgresql"},
            "access": {"clients": ["203.0.113.0/24"]},
        }
    }

    result = engine.up("bad", config)

    assert [s for s in result.steps if s.type != "pulumi:pulumi:Stack"] == []
    assert result.errors[0].splitlines() == [
        "stack 'bad' cannot be deployed:",
        "  web.cuont: is not a known setting",
        "    fix: did you mean count?",
        '  location: must be a location of azure that this project knows (got "westeurop")',
        "    fix: did you mean westeurope?",
        "  web: must have either count or autoscale",
        "    fix: add web.count: 2",
        "  compute.autoscale.maximum: must be at least the minimum, 5 (got 4)",
        "    fix: raise it to 5, or lower compute.autoscale.minimum",
    ]
