"""EC2 launch templates. Each change of content is a version more; versions never change.

A version is a note (`template/ARN/NUMBER`) with the content that it was made with, so that a group
that names version 1 goes on launching that after the template has a version 2.

Sources: Amazon EC2 User Guide, "Store instance launch parameters in Amazon EC2 launch templates",
"Manage launch template versions"; Amazon EC2 API Reference, "CreateLaunchTemplate".
"""

from collections.abc import Iterator, Mapping

from sandbox.control.aws import images, machines
from sandbox.control.aws.keys import KEY_OR_ALIAS
from sandbox.control.aws.roles import PROFILE
from sandbox.control.aws.rules import ec2, not_emulated, one_of, standard
from sandbox.control.aws.security_groups import SECURITY_GROUP
from sandbox.control.kinds import (
    Context,
    Kind,
    Name,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
    World,
)
from sandbox.control.reading import elements, flag, mapping, number, text, texts

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"

_TAGGED = ("instance", "volume", "network-interface", "spot-instances-request")
_NO_CONTENT = frozenset(
    {"name", "namePrefix", "tags", "tagsAll", "defaultVersion", "updateDefaultVersion", "region"}
)
"""Inputs that are the template's own and no version's."""


def _note(arn: str, version: int) -> str:
    return f"template/{arn}/{version}"


def content(values: Values) -> dict[str, object]:
    """What a version is made of."""
    return {name: value for name, value in values.items() if name not in _NO_CONTENT}


def find(world: World, reference: Values, region: str) -> Record | None:
    """The template that a group's `launchTemplate` refers to, by id or by name."""
    if target := text(reference, "id"):
        return world.named(TEMPLATE, target, region)
    name = text(reference, "name")
    return next(
        (each for each in world.of(TEMPLATE) if name and text(each.outputs, "name") == name), None
    )


def number_of(record: Record, written: str | None) -> int | None:
    """The version that `$Default`, `$Latest` or a number stands for; None for another text."""
    if written in (None, "", "$Default"):
        return number(record.outputs, "defaultVersion")
    if written == "$Latest":
        return number(record.outputs, "latestVersion")
    return int(written) if written.isdecimal() else None


def version(world: World, record: Record, wanted: int) -> Values | None:
    """The content of a version; None when there is no such version."""
    noted = world.note(_note(record.id, wanted))
    return noted if isinstance(noted, Mapping) else None


def security_groups(data: Values) -> tuple[str, ...]:
    """The security groups of what is launched from a version."""
    own = texts(data, "vpcSecurityGroupIds[*]")
    chosen = own or texts(data, "networkInterfaces[0].securityGroups[*]")
    return tuple(group for _, group in chosen)


def _rules(values: Values) -> Iterator[Problem]:
    yield from machines.type_rules(values, "instanceType")
    yield from machines.encoded_rules(values, "userData")
    yield from machines.metadata_rules(values)
    for path, _ in elements(values, "blockDeviceMappings"):
        yield from machines.volume_rules(values, f"{path}.ebs")
    yield from machines.not_public(values, "networkInterfaces[*].associatePublicIpAddress")
    yield from one_of(values, "instanceInitiatedShutdownBehavior", ("stop", "terminate"))
    yield from one_of(values, "tagSpecifications[*].resourceType", _TAGGED)
    yield from _interfaces(values)
    if machines.shows_tags(values):
        tags = machines.tags_for(values, "instance")
        yield from machines.tag_key_problems("tagSpecifications", tags)
    profile = mapping(values, "iamInstanceProfile")
    if text(profile, "name") and text(profile, "arn"):
        yield Problem(
            "iamInstanceProfile",
            "The parameter 'iamInstanceProfile.name' may not be used in combination with "
            "'iamInstanceProfile.arn'",
            "InvalidParameterCombination",
        )
    if len(text(values, "description") or "") > 255:
        yield Problem("description", "has more than 255 characters", "InvalidParameterValue")
    yield from not_emulated(values, _NOT_EMULATED)


def _interfaces(values: Values) -> Iterator[Problem]:
    interfaces = elements(values, "networkInterfaces")
    if len(interfaces) > 1:
        yield Problem("networkInterfaces", "the sandbox gives each machine one interface")
    if interfaces and values.get("vpcSecurityGroupIds"):
        yield Problem(
            "vpcSecurityGroupIds",
            "Network interfaces and an instance-level security groups may not be specified on the "
            "same request",
            "InvalidParameterCombination",
        )
    for path, found in interfaces:
        if number(found, "deviceIndex") not in (None, 0):
            yield Problem(
                f"{path}.deviceIndex", "must be 0: the primary interface", machines.INVALID
            )


_NOT_EMULATED = {
    "capacityReservationSpecification": "leave it out",
    "cpuOptions": "leave it out",
    "enclaveOptions": "leave it out",
    "hibernationOptions": "leave it out",
    "instanceMarketOptions": "the sandbox has no spot instances",
    "instanceRequirements": "name one instanceType",
    "kernelId": "leave it out",
    "keyName": "use Session Manager",
    "licenseSpecifications": "leave it out",
    "maintenanceOptions": "leave it out",
    "networkInterfaces[*].networkInterfaceId": "leave it out",
    "networkInterfaces[*].privateIpAddress": "leave it out",
    "networkInterfaces[*].ipv4Addresses": "leave it out",
    "networkInterfaces[*].ipv6Addresses": "the sandbox knows IPv4 only",
    "networkInterfaces[*].subnetId": "name subnets in the group",
    "networkPerformanceOptions": "leave it out",
    "placement": "the group's subnets say where",
    "privateDnsNameOptions": "leave it out",
    "ramDiskId": "leave it out",
    "secondaryInterfaces": "leave it out",
    "securityGroupNames": "use vpcSecurityGroupIds",
}


def _verify(context: Context) -> Iterator[Problem]:
    if images.find(ami := text(context.inputs, "imageId") or "") is None and ami:
        yield Problem("imageId", f"The image id '[{ami}]' does not exist", "InvalidAMIID.NotFound")
    for path, each in elements(context.inputs, "blockDeviceMappings"):
        yield from machines.verify_size(
            f"{path}.ebs.volumeSize", number(each, "ebs.volumeSize"), ami
        )
    wanted, latest = number(context.inputs, "defaultVersion"), _latest(context)
    if wanted is not None and wanted > latest:
        yield Problem(
            "defaultVersion",
            f"Could not find the specified version {wanted} for the launch template with ID "
            f"{context.short}.",
            "InvalidLaunchTemplateId.VersionNotFound",
        )
    for other in context.world.of(TEMPLATE):
        if text(other.outputs, "name") == context.name and other.id != context.id:
            yield Problem(
                "name",
                "Launch template name already in use.",
                "InvalidLaunchTemplateName.AlreadyExistsException",
            )


def _latest(context: Context) -> int:
    if context.previous is None:
        return 1
    before = number(context.previous.outputs, "latestVersion") or 1
    same = content(context.previous.inputs) == content(context.inputs)
    return before if same else before + 1


def _outputs(context: Context) -> Outputs:
    latest = _latest(context)
    before = number(context.previous.outputs, "defaultVersion") if context.previous else None
    chosen = number(context.inputs, "defaultVersion")
    default = latest if flag(context.inputs, "updateDefaultVersion") else chosen or before or 1
    return {
        "arn": context.id,
        "name": context.name,
        "latestVersion": latest,
        "defaultVersion": default,
    }


def _keep(context: Context, transaction: Transaction) -> None:
    transaction.remember(_note(context.id, _latest(context)), content(context.inputs))


def _forget(record: Record, transaction: Transaction) -> None:
    for each in range(1, (number(record.outputs, "latestVersion") or 1) + 1):
        transaction.remember(_note(record.id, each), None)


KINDS = (
    Kind(
        type=TEMPLATE,
        identity=ec2("launch-template", "lt"),
        name_property="name",
        name=Name(
            pattern=r"[\w()./-]+",
            minimum=3,
            maximum=128,
            words="letters, digits and ( ) . / _ -",
        ),
        not_found=(
            "InvalidLaunchTemplateId.NotFound",
            "The specified launch template, with template ID {id}, does not exist.",
        ),
        exists=(
            "InvalidLaunchTemplateName.AlreadyExistsException",
            "Launch template name already in use.",
        ),
        references={
            "vpcSecurityGroupIds[*]": (SECURITY_GROUP,),
            "networkInterfaces[*].securityGroups[*]": (SECURITY_GROUP,),
            "blockDeviceMappings[*].ebs.kmsKeyId": KEY_OR_ALIAS,
            "iamInstanceProfile.name": (PROFILE,),
            "iamInstanceProfile.arn": (PROFILE,),
        },
        # A template holds nothing: it only says what to launch with.
        weak=(
            "vpcSecurityGroupIds",
            "networkInterfaces",
            "blockDeviceMappings",
            "iamInstanceProfile",
        ),
        unchecked=("imageId", "userData"),
        unordered=("vpcSecurityGroupIds", "networkInterfaces[*].securityGroups"),
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        created=_keep,
        updated=_keep,
        deleting=_forget,
    ),
)
