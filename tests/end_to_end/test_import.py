"""What exists comes into a program by import, by `import_=` and by `.get()`, on both clouds.

A first program makes them. A second one takes them over, a third one only looks at them.
"""

import shutil
from collections.abc import Iterator

import pytest

from tests.support.engine import ROOT, Engine, on_sandbox

pytestmark = pytest.mark.engine

AZURE = """
import json
import pulumi
from pulumi import ResourceOptions
from pulumi_azure_native import Provider, keyvault, managedidentity, network, resources

config = pulumi.Config()
ids = config.get_object("ids") or {}
west = Provider("west", location="westeurope")


def options(name):
    return ResourceOptions(provider=west, import_=ids.get(name))


group = resources.ResourceGroup("group", resource_group_name="g", opts=options("group"))
vnet = network.VirtualNetwork(
    "vnet",
    virtual_network_name="vnet",
    resource_group_name=group.name,
    address_space={"address_prefixes": ["10.0.0.0/16"]},
    opts=options("vnet"),
)
subnet = network.Subnet(
    "subnet",
    subnet_name="web",
    resource_group_name=group.name,
    virtual_network_name=vnet.name,
    address_prefix="10.0.1.0/24",
    opts=options("subnet"),
)
firewall = network.NetworkSecurityGroup(
    "firewall",
    network_security_group_name="firewall",
    resource_group_name=group.name,
    security_rules=[
        {
            "name": "web", "priority": 100, "direction": "Inbound", "access": "Allow",
            "protocol": "Tcp", "source_address_prefix": "*", "source_port_range": "*",
            "destination_address_prefix": "*", "destination_port_range": "443",
        }
    ],
    opts=options("firewall"),
)
identity = managedidentity.UserAssignedIdentity(
    "identity", resource_name_="identity", resource_group_name=group.name, opts=options("identity")
)
for name, each in (
    ("group", group), ("vnet", vnet), ("subnet", subnet), ("firewall", firewall),
    ("identity", identity),
):
    pulumi.export(name, each.id)
"""
AWS = """
import json
import pulumi
from pulumi import ResourceOptions
import pulumi_aws as aws

config = pulumi.Config()
ids = config.get_object("ids") or {}
region = aws.Provider("frankfurt", region="eu-central-1")


def options(name):
    return ResourceOptions(provider=region, import_=ids.get(name))


vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", opts=options("vpc"))
subnet = aws.ec2.Subnet(
    "subnet", vpc_id=vpc.id, cidr_block="10.0.1.0/24", availability_zone="eu-central-1a",
    opts=options("subnet"),
)
firewall = aws.ec2.SecurityGroup(
    "firewall", vpc_id=vpc.id, name="firewall", description="web", opts=options("firewall")
)
role = aws.iam.Role(
    "role",
    name="role",
    assume_role_policy=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": "ec2.amazonaws.com"},
        }],
    }),
    opts=options("role"),
)
logs = aws.cloudwatch.LogGroup("logs", name="logs", retention_in_days=7, opts=options("logs"))
for name, each in (
    ("vpc", vpc), ("subnet", subnet), ("firewall", firewall), ("role", role), ("logs", logs)
):
    pulumi.export(name, each.id)
"""
PROGRAMS = {"azure-native": AZURE, "aws": AWS}
LOOK = """
import pulumi
import {module} as cloud

config = pulumi.Config()
provider = cloud.Provider("provider", {provider})
options = pulumi.ResourceOptions(provider=provider)
for kind in {kinds}:
    module, name = kind.split(".")
    if target := config.get(name):
        found = getattr(getattr(cloud, module), name).get(name, target, opts=options)
        pulumi.export(name, found.id)
"""
KINDS = {
    "azure-native": {
        "vnet": "azure-native:network:VirtualNetwork",
        "firewall": "azure-native:network:NetworkSecurityGroup",
        "identity": "azure-native:managedidentity:UserAssignedIdentity",
    },
    "aws": {
        "vpc": "aws:ec2/vpc:Vpc",
        "firewall": "aws:ec2/securityGroup:SecurityGroup",
        "role": "aws:iam/role:Role",
    },
}
MISSING = {
    "azure-native": "/subscriptions/5a9d0b0e-0000-4000-8000-000000000002/resourceGroups/g/providers"
    "/Microsoft.Network/virtualNetworks/none",
    "aws": "vpc-0123456789abcdef0",
}
REFUSED = {
    "azure-native": "The Resource 'Microsoft.Network/virtualNetworks/none' under resource group "
    "'g' was not found.",
    "aws": "api error InvalidVpcID.NotFound: The vpc ID 'vpc-0123456789abcdef0' does not exist",
}
OTHER = {
    "azure-native": "is the id of a Microsoft.Network/virtualNetworks/subnets, not of a "
    "Microsoft.Network/virtualNetworks.",
    "aws": "api error InvalidVpcID.NotFound",
}
PROVIDERS = {"azure-native": 'location="westeurope"', "aws": 'region="eu-central-1"'}


@pytest.fixture(scope="module", params=list(PROGRAMS))
def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """An engine on which the first program is up, the cloud's name, and the ids of what it made."""
    folder = tmp_path_factory.mktemp(request.param)
    program = folder / "program"
    program.mkdir()
    runtime = f"{{name: python, options: {{virtualenv: {ROOT / '.venv'}}}}}"
    (program / "Pulumi.yaml").write_text(
        f"name: tiny\nruntime: {runtime}\nstackConfigDir: stacks\noptions: {{refresh: always}}\n"
    )
    (program / "__main__.py").write_text(PROGRAMS[request.param])
    with on_sandbox(folder, program) as engine:
        made = engine.up("maker")
        assert made.exit_code == 0, made.display
        yield engine, request.param, engine.outputs("maker")


def test_a_program_takes_over_what_another_one_made(cloud):
    engine, _, ids = cloud
    imported = engine.up("taker", {"tiny:ids": ids})

    assert imported.exit_code == 0, imported.display
    assert {op for op, kind, _ in imported.changes if "pulumi:providers" not in kind} == {"import"}
    assert engine.up("taker").changes == []
    # Without import_ in the program nothing changes either.
    assert engine.up("taker", {}).changes == []
    assert engine.outputs("taker") == ids


def test_pulumi_import_brings_what_exists_into_a_state_and_nothing_else(cloud):
    engine, name, ids = cloud
    engine.up("importer", {"tiny:ids": ids})
    for each, token in KINDS[name].items():
        done = importing(engine, token, f"{each}-again", ids[each])
        assert done.returncode == 0, done.stdout + done.stderr
    found = {urn.rpartition("::")[2]: kept for urn, kept in engine.resources("importer").items()}
    for each in KINDS[name]:
        assert found[f"{each}-again"]["id"] == ids[each]
        assert found[f"{each}-again"]["outputs"] == found[each]["outputs"]
    for target, words in ((MISSING[name], REFUSED[name]), (ids["subnet"], OTHER[name])):
        refused = importing(engine, next(iter(KINDS[name].values())), "refused", target)
        assert refused.returncode != 0
        assert words in refused.stdout + refused.stderr


def importing(engine, token, name, target):
    chosen = ["--stack", "importer", "--config-file", str(engine.stack_file("importer", None))]
    how = ["--yes", "--skip-preview", "--generate-code=false", "--protect=false"]
    return engine.pulumi("import", token, name, target, *chosen, *how, check=False)


def test_a_program_reads_what_it_does_not_own(cloud, tmp_path):
    engine, name, ids = cloud
    program = tmp_path / "program"
    shutil.copytree(engine.program, program)
    kinds = [
        token.split(":")[1].split("/")[0] + "." + token.split(":")[2]
        for token in KINDS[name].values()
    ]
    module = "pulumi_" + name.replace("-", "_")
    (program / "__main__.py").write_text(
        LOOK.format(module=module, provider=PROVIDERS[name], kinds=kinds)
    )
    looker = Engine(tmp_path / "state", program, engine.variables)
    wanted = {
        f"tiny:{kind.partition('.')[2]}": ids[each]
        for kind, each in zip(kinds, KINDS[name], strict=True)
    }

    read = looker.up("looker", wanted)
    assert read.exit_code == 0, read.display
    assert sorted(looker.outputs("looker").values()) == sorted(ids[each] for each in KINDS[name])
    first = kinds[0].partition(".")[2]
    missing = looker.up("looker", {f"tiny:{first}": MISSING[name]})
    assert missing.exit_code != 0
    assert REFUSED[name] in missing.display
    assert looker.destroy("looker").exit_code == 0
    assert engine.up("maker", {}).changes == [], "what is only read stays"
