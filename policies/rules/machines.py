"""Nodes: their addresses, who logs in to them, and what they may do."""

from collections.abc import Iterator

from policies.ground import Ground
from policies.kinds import (
    INSTANCE,
    INTERFACE,
    SCALE_SET,
    SUBNET,
    TEMPLATE,
    VM,
)
from policies.reading import UNKNOWN, Resource, at, is_true, items, text
from policies.rule import Check, Finding, Rule, Severity, Stance, given, must, not_true, undecided

WINDOWS = "osProfile.windowsConfiguration"
PROFILE = "virtualMachineProfile"
UEFI = ("secureBootEnabled", "vTpmEnabled")
WITHOUT_TRUSTED_LAUNCH = (
    "ubuntu-14.04", "ubuntu-16.04", "centos-7", "rhel-7", "windows-server-2012-r2",
)  # fmt: skip
"""Systems that are too old for it ("Trusted Launch for Azure virtual machines")."""


def _address_of_interface(resource: Resource, _: Ground) -> Iterator[Finding]:
    for each in items(resource("ipConfigurations"))[0]:
        if at(each, "publicIPAddress") is not None:
            yield Finding("its interface has a public address")


def _address_of_scale_set(resource: Resource, _: Ground) -> Iterator[Finding]:
    path = f"{PROFILE}.networkProfile.networkInterfaceConfigurations"
    interfaces, whole = items(resource(path))
    for interface in interfaces:
        for each in items(at(interface, "ipConfigurations"))[0]:
            if at(each, "publicIPAddressConfiguration") is not None:
                yield Finding("each of its nodes has a public address")
    if not whole:
        yield undecided(path)


def _address_of_machine(resource: Resource, _: Ground) -> Iterator[Finding]:
    """A machine may also say what interfaces Azure makes with it."""
    interfaces, _whole = items(resource("networkProfile.networkInterfaceConfigurations"))
    for interface in interfaces:
        for each in items(at(interface, "ipConfigurations"))[0]:
            if at(each, "publicIPAddressConfiguration") is not None:
                yield Finding("it has a public address")


def _forwards(resource: Resource, _: Ground) -> Iterator[Finding]:
    path = f"{PROFILE}.networkProfile.networkInterfaceConfigurations"
    if any(is_true(at(each, "enableIPForwarding")) for each in items(resource(path))[0]):
        yield Finding("its nodes forward packets")


def _trusted(path: str) -> Check:
    """Return the check of Trusted launch, where the nodes' system can have it."""

    def check(resource: Resource, ground: Ground) -> Iterator[Finding]:
        if not ground.systems.isdisjoint(WITHOUT_TRUSTED_LAUNCH):
            return
        profile = resource(path)
        kind = at(profile, "securityType")
        switches = [at(profile, f"uefiSettings.{name}") for name in UEFI]
        if UNKNOWN in (kind, *switches):
            yield undecided(path)
        elif kind not in ("TrustedLaunch", "ConfidentialVM") or not all(map(is_true, switches)):
            yield Finding("it starts whatever its disk says, signed or not")

    return check


def _address_of_template(resource: Resource, _: Ground) -> Iterator[Finding]:
    for each in items(resource("networkInterfaces"))[0]:
        if is_true(at(each, "associatePublicIpAddress")):
            yield Finding("each of its nodes has a public address")


def _address_of_node(resource: Resource, _: Ground) -> Iterator[Finding]:
    for path in ("instance", "instanceId", "networkInterface", "networkInterfaceId"):
        if resource(path) is not None:
            yield Finding("it is the public address of a node")


def _metadata(resource: Resource, _: Ground) -> Iterator[Finding]:
    options = resource("metadataOptions")
    if options is UNKNOWN:
        yield undecided("metadataOptions")
        return
    if at(options, "httpEndpoint") == "disabled":
        return
    tokens, hops = at(options, "httpTokens"), at(options, "httpPutResponseHopLimit")
    if tokens is UNKNOWN or hops is UNKNOWN:
        yield undecided("metadataOptions")
    elif tokens != "required":
        yield Finding("its metadata service answers without a session token (IMDSv1)")
    elif hops is None or int(hops) != 1:
        yield Finding(f"its metadata service answers over {text(hops)} hops, not 1")


def _login(path: str) -> Check:
    def check(resource: Resource, _: Ground) -> Iterator[Finding]:
        profile = resource(path)
        if profile is None or at(profile, "windowsConfiguration") is not None:
            return
        closed = at(profile, "linuxConfiguration.disablePasswordAuthentication")
        if closed is UNKNOWN:
            yield undecided(f"{path}.linuxConfiguration.disablePasswordAuthentication")
        elif closed is not True:
            yield Finding("people log in to it with a password")

    return check


RULES = (
    Rule(
        id="node-public-address",
        why="No node has an address of the internet: what calls it comes through the balancer",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        ids=(
            "CKV_AZURE_119",
            "CKV_AWS_88",
            "CKV_AWS_130",
            "EC2.9",
            "EC2.15",
            "EC2.25",
            "AutoScaling.5",
        ),
        fix="take the address away; nodes go out through NAT",
        checks={
            INTERFACE: _address_of_interface,
            VM: _address_of_machine,
            SCALE_SET: _address_of_scale_set,
            TEMPLATE: _address_of_template,
            INSTANCE: must("associatePublicIpAddress", not_true, "it has a public address"),
            SUBNET: must("mapPublicIpOnLaunch", not_true, "its machines get public addresses"),
            "aws:ec2/eip:Eip": _address_of_node,
            "aws:ec2/eipAssociation:EipAssociation": _address_of_node,
        },
    ),
    Rule(
        id="node-ip-forwarding",
        why="A node is an end of a connection, and no way around the packet filter",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_118",),
        fix="switch enableIPForwarding off, or leave sourceDestCheck on",
        checks={
            INTERFACE: must("enableIPForwarding", not_true, "its interface forwards packets"),
            SCALE_SET: _forwards,
            INSTANCE: must(
                "sourceDestCheck",
                lambda value: value is None or is_true(value),
                "it forwards packets",
            ),
        },
    ),
    Rule(
        id="node-metadata-tokens",
        why="A request that a node is tricked into gets no credentials: IMDSv2, one hop",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV_AWS_79", "CKV_AWS_341", "EC2.8", "EC2.170", "AutoScaling.3"),
        fix="set metadataOptions: httpTokens required, httpPutResponseHopLimit 1",
        checks={INSTANCE: _metadata, TEMPLATE: _metadata},
    ),
    Rule(
        id="node-password-login",
        why="Nobody guesses a password to a Linux node: keys only",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_1", "CKV_AZURE_49", "CKV_AZURE_149", "CKV_AZURE_178"),
        fix="set linuxConfiguration.disablePasswordAuthentication, with an SSH key",
        checks={VM: _login("osProfile"), SCALE_SET: _login(f"{PROFILE}.osProfile")},
    ),
    Rule(
        id="node-trusted-launch",
        why="Nothing runs before a node's own system, and nobody can have changed that",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        ids=("CKV_AZURE_151",),
        fix="set securityProfile.securityType: TrustedLaunch, with secure boot and vTPM",
        checks={
            VM: _trusted("securityProfile"),
            SCALE_SET: _trusted(f"{PROFILE}.securityProfile"),
        },
    ),
    Rule(
        id="node-identity",
        why="A node has an identity of its own, so that no credential is put on it",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        ids=("CKV2_AWS_41",),
        fix="give it a managed identity, or an instance profile",
        checks={
            VM: given("identity", "it has no identity"),
            SCALE_SET: given("identity", "it has no identity"),
            INSTANCE: given("iamInstanceProfile", "it has no instance profile"),
            TEMPLATE: given("iamInstanceProfile", "it has no instance profile"),
        },
    ),
)
