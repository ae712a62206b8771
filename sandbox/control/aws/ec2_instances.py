"""EC2 instances that are declared one by one.

Each has one network interface, whose address stays as long as the instance does. What is launched
from a group is in `instances.py`.

Sources: Amazon EC2 API Reference, "RunInstances", "Error codes for the Amazon EC2 API"; Amazon EC2
User Guide, "EC2 instance hostnames and domains", "Change instance termination protection",
"Modify the user data of an instance" (it has to stop, and cloud-init doesn't run again).
"""

from collections.abc import Iterator

from sandbox.control.aws import addresses, images, machines, network_interfaces
from sandbox.control.aws.addresses import SUBNET
from sandbox.control.aws.keys import KEY_OR_ALIAS
from sandbox.control.aws.roles import PROFILE, role_of_profile
from sandbox.control.aws.rules import ec2, not_emulated, one_of, required, standard
from sandbox.control.aws.security_groups import SECURITY_GROUP
from sandbox.control.kinds import (
    ApiError,
    Context,
    Kind,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
    World,
)
from sandbox.control.reading import elements, flag, mapping, number, present, text, texts

INSTANCE = "aws:ec2/instance:Instance"


def _rules(values: Values) -> Iterator[Problem]:
    yield from machines.type_rules(values, "instanceType")
    yield from machines.encoded_rules(values, "userDataBase64")
    yield from machines.plain_rules(values, "userData")
    yield from machines.metadata_rules(values)
    yield from machines.volume_rules(values, "rootBlockDevice")
    yield from machines.not_public(values, "associatePublicIpAddress")
    yield from one_of(values, "instanceInitiatedShutdownBehavior", ("stop", "terminate"))
    yield from one_of(values, "tenancy", ("default",))
    tags = values.get("tagsAll") if "tagsAll" in values else values.get("tags")
    if machines.shows_tags(values) and tags is not None:
        yield from machines.tag_key_problems("tags", mapping({"tags": tags}, "tags"))
    if text(values, "userData") and text(values, "userDataBase64"):
        yield Problem("userDataBase64", "conflicts with userData", "InvalidParameterCombination")
    if elements(values, "networkInterfaces"):
        yield Problem(
            "networkInterfaces",
            "the sandbox does not emulate this: give subnetId and vpcSecurityGroupIds",
        )
    yield from not_emulated(values, _NOT_EMULATED)


_NOT_EMULATED = {
    "capacityReservationSpecification": "leave it out",
    "cpuOptions": "leave it out",
    "ebsBlockDevices": "the sandbox gives each machine one disk",
    "enablePrimaryIpv6": "the sandbox knows IPv4 only",
    "enclaveOptions": "leave it out",
    "ephemeralBlockDevices": "leave it out",
    "getPasswordData": "leave it out",
    "hibernation": "leave it out",
    "hostId": "leave it out",
    "hostResourceGroupArn": "leave it out",
    "instanceMarketOptions": "the sandbox has no spot instances",
    "ipv6AddressCount": "the sandbox knows IPv4 only",
    "ipv6Addresses": "the sandbox knows IPv4 only",
    "keyName": "use Session Manager",
    "launchTemplate": "say here what to launch",
    "placementGroup": "leave it out",
    "placementGroupId": "leave it out",
    "primaryNetworkInterface": "give subnetId",
    "privateDnsNameOptions": "leave it out",
    "secondaryNetworkInterfaces": "leave it out",
    "secondaryPrivateIps": "leave it out",
    "securityGroups": "use vpcSecurityGroupIds",
    "volumeTags": "use rootBlockDevice.tags",
}


def _verify(context: Context) -> Iterator[Problem]:
    values = context.inputs
    yield from required(values, "subnetId")
    yield from machines.verify_launch(context, values, "ami", "instanceType", "")
    yield from machines.verify_size(
        "rootBlockDevice.volumeSize",
        number(values, "rootBlockDevice.volumeSize"),
        text(values, "ami"),
    )
    yield from _verify_network(context)
    profile = text(values, "iamInstanceProfile")
    if profile and role_of_profile(context.world, profile) is None:
        yield Problem(
            "iamInstanceProfile",
            f"the instance profile {profile} has no role: the machine would have no identity",
        )
    yield from _verify_change(context)


def _verify_network(context: Context) -> Iterator[Problem]:
    subnet = text(context.inputs, "subnetId") or ""
    record = _subnet(context, context.world)
    if record is None:
        return
    network = text(record.inputs, "vpcId")
    for path, target in texts(context.inputs, "vpcSecurityGroupIds[*]"):
        group = context.world.named(SECURITY_GROUP, target, context.region)
        if group is not None and text(group.inputs, "vpcId") != network:
            yield Problem(
                path,
                f"Security group {target} and subnet {subnet} belong to different networks.",
                "InvalidParameter",
            )
    zone = text(context.inputs, "availabilityZone")
    if zone is not None and zone != text(record.outputs, "availabilityZone"):
        yield Problem(
            "availabilityZone",
            f"The availability zone {zone} does not match the subnet's, "
            f"{text(record.outputs, 'availabilityZone')}.",
            "InvalidParameterValue",
        )
    wanted = text(context.inputs, "privateIp")
    if wanted is not None:
        yield from addresses.verify(context, "privateIp", record, wanted)


def _verify_change(context: Context) -> Iterator[Problem]:
    """User data of a machine that exists can change only while it is stopped."""
    previous = context.previous
    if previous is None or flag(context.inputs, "userDataReplaceOnChange"):
        return
    for name in ("userData", "userDataBase64"):
        if previous.inputs.get(name) != context.inputs.get(name):
            yield Problem(
                name,
                "the sandbox does not emulate this: a machine is not stopped for new user data, "
                "which cloud-init would not read again; set userDataReplaceOnChange",
            )


def _address(context: Context) -> str:
    if context.previous is not None:
        return text(context.previous.outputs, "privateIp") or ""
    if wanted := text(context.inputs, "privateIp"):
        return wanted
    subnet = _subnet(context, context.world)
    return addresses.next_free(context.world, subnet) if subnet else ""


def _subnet(context: Context, world: World) -> Record | None:
    return world.named(SUBNET, text(context.inputs, "subnetId") or "", context.region)


def _outputs(context: Context) -> Outputs:
    values = context.inputs
    address = _address(context)
    subnet = _subnet(context, context.world)
    image = images.find(text(values, "ami") or "")
    volume: dict[str, object] = {
        "deviceName": image.root if image else "/dev/xvda",
        "volumeId": f"vol-{context.hexadecimal('volume', 17)}",
        "volumeType": "gp2",
        "volumeSize": 8,
        "encrypted": False,
        "deleteOnTermination": True,
        **mapping(values, "rootBlockDevice"),
    }
    return {
        "arn": context.id,
        "privateIp": address,
        "privateDns": f"ip-{address.replace('.', '-')}.{context.region}.compute.internal",
        "publicIp": "",
        "publicDns": "",
        "primaryNetworkInterfaceId": network_interfaces.short_of(context, subnet.short)
        if subnet
        else None,
        "availabilityZone": text(subnet.outputs, "availabilityZone") if subnet else None,
        "instanceState": "running",
        "instanceLifecycle": "",
        "rootBlockDevice": volume,
        "sourceDestCheck": flag(values, "sourceDestCheck") is not False,
        "tenancy": "default",
        "monitoring": bool(flag(values, "monitoring")),
        "ebsOptimized": bool(flag(values, "ebsOptimized")),
        "disableApiTermination": bool(flag(values, "disableApiTermination")),
        "instanceInitiatedShutdownBehavior": text(values, "instanceInitiatedShutdownBehavior")
        or "stop",
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpTokens": "optional",
            "httpPutResponseHopLimit": 1,
            "instanceMetadataTags": "disabled",
            "httpProtocolIpv6": "disabled",
            **mapping(values, "metadataOptions"),
        },
        "userData": text(values, "userData") if present(values, "userData") else None,
    }


def _attach(context: Context, transaction: Transaction) -> None:
    record, subnet = transaction.find(context.id), _subnet(context, transaction)
    address = text(record.outputs, "privateIp") if record else None
    if subnet is not None and address:
        groups = [group for _, group in texts(context.inputs, "vpcSecurityGroupIds[*]")]
        network_interfaces.place(
            context, transaction, subnet, address, groups, kind="interface", description=""
        )


def _deleting(record: Record, _: Transaction) -> None:
    if flag(record.inputs, "disableApiTermination"):
        raise ApiError(
            "OperationNotPermitted",
            f"The instance '{record.short}' may not be terminated. Modify its "
            "'disableApiTermination' instance attribute and try again.",
        )


KINDS = (
    Kind(
        type=INSTANCE,
        identity=ec2("instance", "i"),
        not_found=("InvalidInstanceID.NotFound", "The instance ID '{id}' does not exist"),
        in_use=("DependencyViolation", "The instance '{id}' has dependencies: {by}."),
        references={
            "subnetId": (SUBNET,),
            "vpcSecurityGroupIds[*]": (SECURITY_GROUP,),
            "iamInstanceProfile": (PROFILE,),
            "rootBlockDevice.kmsKeyId": KEY_OR_ALIAS,
        },
        weak=("iamInstanceProfile", "rootBlockDevice"),
        unchecked=("ami", "userData", "userDataBase64"),
        unordered=("vpcSecurityGroupIds",),
        replace_on=(
            "ami",
            "associatePublicIpAddress",
            "availabilityZone",
            "keyName",
            "privateIp",
            "rootBlockDevice.encrypted",
            "rootBlockDevice.kmsKeyId",
            "subnetId",
            "tenancy",
        ),
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        created=_attach,
        updated=_attach,
        deleting=_deleting,
    ),
)
