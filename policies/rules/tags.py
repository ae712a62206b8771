"""Tags: whose a resource is can be read on the bill."""

from collections.abc import Iterator, Mapping

from policies.ground import TAGS, Ground
from policies.reading import UNKNOWN, Resource
from policies.rule import Finding, Rule, Severity, Stance, undecided

TAGGED: tuple[str, ...] = (
    *(
        f"azure-native:{name}"
        for name in (
            "applicationinsights:Component",
            "compute:Disk",
            "compute:VirtualMachine",
            "compute:VirtualMachineScaleSet",
            "containerregistry:Registry",
            "dbforpostgresql:Server",
            "keyvault:Vault",
            "machinelearningservices:OnlineEndpoint",
            "machinelearningservices:Workspace",
            "managedidentity:UserAssignedIdentity",
            "monitor:AutoscaleSetting",
            "monitor:MetricAlert",
            "network:LoadBalancer",
            "network:NatGateway",
            "network:NetworkInterface",
            "network:NetworkSecurityGroup",
            "network:PrivateEndpoint",
            "network:PublicIPAddress",
            "network:VirtualNetwork",
            "operationalinsights:Workspace",
            "portal:Dashboard",
            "resources:ResourceGroup",
            "sql:Database",
            "sql:Server",
            "storage:StorageAccount",
        )
    ),
    *(
        f"aws:{name}"
        for name in (
            "cloudwatch/logGroup:LogGroup",
            "cloudwatch/metricAlarm:MetricAlarm",
            "ebs/volume:Volume",
            "ec2/eip:Eip",
            "ec2/instance:Instance",
            "ec2/launchTemplate:LaunchTemplate",
            "ec2/natGateway:NatGateway",
            "ec2/securityGroup:SecurityGroup",
            "ec2/subnet:Subnet",
            "ec2/vpc:Vpc",
            "iam/role:Role",
            "kms/key:Key",
            "lb/loadBalancer:LoadBalancer",
            "lb/targetGroup:TargetGroup",
            "rds/instance:Instance",
            "s3/bucket:Bucket",
            "secretsmanager/secret:Secret",
            "sns/topic:Topic",
        )
    ),
)
"""Types that cost something or hold something, and can have tags."""


def _tagged(resource: Resource, _: Ground) -> Iterator[Finding]:
    # AWS's provider adds its own default tags: what the resource will have is in `tagsAll`.
    found = resource("tagsAll", resource("tags"))
    if found is UNKNOWN:
        yield undecided("tags")
        return
    known: Mapping[str, object] = found or {}
    missing = [name for name in TAGS if not known.get(name)]
    if missing:
        yield Finding(f"it lacks {', '.join(missing)}")


RULES = (
    Rule(
        id="tags-required",
        why=f"Whose a resource is can be read on the bill: {', '.join(TAGS)}",
        severity=Severity.LOW,
        stance=Stance.PROTECTS,
        fix="take the tags of the environment (site.tags), and add the stack's",
        checks=dict.fromkeys(TAGGED, _tagged),
    ),
)
