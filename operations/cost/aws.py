"""What a deployment on AWS uses all the time, by meter.

Left out is what is charged by use: traffic, capacity units of load balancers, requests, logs,
metrics, snapshots beyond what is included, and CPU credits.
"""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from operations.cost.counting import on_aws
from operations.cost.meters import Amount, Meter, Use
from operations.export.state import Deployment, Resource
from operations.links import Links, UnclearError, is_unknown
from operations.reach.places import nodes_name
from operations.values import at, maps, number, text

GP3_IOPS = 3000
GP3_MIBPS = 125
"""What the price of a gp3 volume has in it ("Amazon EBS General Purpose SSD volumes")."""

RDS_GP3_MORE = 400
"""GiB from which RDS gives a volume more, and charges for more than that ("RDS storage")."""

WINDOWS = b"<powershell>"
"""How user data of a machine with Windows begins ("Run commands when you launch")."""

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def uses(deployment: Deployment, doubts: list[tuple[str, str]]) -> Iterator[Use]:
    """Yield what *deployment* uses; add to *doubts* what only a deployment tells."""
    region = _region(deployment)
    links = Links(deployment)
    reader = _Reader(deployment, links, region, doubts)
    readers: Mapping[str, Callable[[Resource], Iterator[Use]]] = {
        "aws:autoscaling/group:Group": reader.group,
        "aws:ec2/instance:Instance": reader.instance,
        "aws:ec2/natGateway:NatGateway": reader.one("NAT gateway", "nat gateway", "hour"),
        "aws:lb/loadBalancer:LoadBalancer": reader.balancer,
        "aws:ec2/eip:Eip": reader.one("public addresses", "public address", "hour"),
        "aws:ec2/vpcEndpoint:VpcEndpoint": reader.endpoint,
        "aws:rds/instance:Instance": reader.database,
        "aws:secretsmanager/secret:Secret": reader.one("secrets", "secret", "month"),
        "aws:kms/key:Key": reader.one("encryption keys", "key", "month"),
        "aws:cloudwatch/metricAlarm:MetricAlarm": reader.one("alarms", "alarm", "month"),
    }
    for each in deployment.resources:
        if read := readers.get(each.type):
            try:
                yield from read(each)
            except UnclearError as unclear:
                doubts.append((each.name, f"not counted: {unclear}"))


def _region(deployment: Deployment) -> str:
    """Return where the deployment is: every resource says so, or its provider does."""
    for each in deployment.resources:
        region = each.inputs.get("region")
        if each.package == "aws" and isinstance(region, str) and not is_unknown(region):
            return region
    for each in deployment.resources:
        if each.type == "pulumi:providers:aws" and isinstance(each.inputs.get("region"), str):
            return str(each.inputs["region"])
    return ""


class _Reader:
    def __init__(
        self,
        deployment: Deployment,
        links: Links,
        region: str,
        doubts: list[tuple[str, str]],
    ) -> None:
        self._deployment = deployment
        self._links = links
        self._region = region
        self._doubts = doubts

    def _system(self, part: str, user_data: Any) -> str:
        """Return the system of a machine, which how its user data begins tells."""
        if is_unknown(user_data):
            self._doubts.append((part, "priced as Linux: only a deployment tells the system"))
        if not isinstance(user_data, str) or is_unknown(user_data):
            return "linux"
        try:
            begun = base64.b64decode(user_data[:64], validate=True)
        except (binascii.Error, ValueError):
            begun = user_data[:64].encode()
        return "windows" if begun.lstrip().startswith(WINDOWS) else "linux"

    def _meter(self, resource: Resource, name: str, unit: str) -> Meter:
        region = resource.inputs.get("region")
        found = region if isinstance(region, str) and not is_unknown(region) else self._region
        if not found:
            raise UnclearError(f"'{resource.name}' does not say where it is")
        return Meter("aws", found, name, unit)

    def one(self, part: str, meter: str, unit: str) -> Callable[[Resource], Iterator[Use]]:
        """Return a reader of what costs the same, whatever it is."""

        def read(resource: Resource) -> Iterator[Use]:
            yield Use(part, self._meter(resource, meter, unit), Amount.of(1))

        return read

    def group(self, group: Resource) -> Iterator[Use]:
        """Yield what the machines of an Auto Scaling group use."""
        if at(group.inputs, "mixedInstancesPolicy") is not None:
            raise UnclearError(f"'{group.name}' may have machines of several sizes")
        given = at(group.inputs, "launchTemplate")
        name = at(given, "id") or at(given, "name")
        template = self._links.one(group, "launchTemplate", name, TEMPLATE)
        if template is None:
            raise UnclearError(f"'{group.name}' says no launch template")
        part = nodes_name(self._links, group)
        count = on_aws(self._deployment, self._links, group)
        size = text(template.inputs.get("instanceType"), f"the size of '{template.name}'")
        system = self._system(part, template.inputs.get("userData"))
        yield Use(part, self._meter(group, f"machine {size} {system}", "hour"), count)
        for mapping in maps(template.inputs.get("blockDeviceMappings")):
            yield from self._volume(group, part, at(mapping, "ebs"), count)

    def instance(self, machine: Resource) -> Iterator[Use]:
        """Yield what one machine uses."""
        part = nodes_name(self._links, machine)
        size = text(machine.inputs.get("instanceType"), f"the size of '{machine.name}'")
        given = machine.inputs.get("userDataBase64") or machine.inputs.get("userData")
        system = self._system(part, given)
        yield Use(part, self._meter(machine, f"machine {size} {system}", "hour"), Amount.of(1))
        volumes = (
            at(machine.inputs, "rootBlockDevice"),
            *maps(machine.inputs.get("ebsBlockDevices")),
        )
        for volume in volumes:
            yield from self._volume(machine, part, volume, Amount.of(1))

    def _volume(self, owner: Resource, part: str, volume: Any, count: Amount) -> Iterator[Use]:
        if volume is None:
            return
        what = f"a volume of '{owner.name}'"
        kind = text(at(volume, "volumeType"), f"the kind of {what}")
        gib = number(at(volume, "volumeSize"), f"the size of {what}")
        yield Use(
            part, self._meter(owner, f"volume {kind}", "GB-month"), count * Amount.of(gib).low
        )
        if kind != "gp3":
            return
        asked = (
            ("iops", "volume gp3 IOPS", "IOPS-month", GP3_IOPS),
            ("throughput", "volume gp3 throughput", "MiBps-month", GP3_MIBPS),
        )
        for key, name, unit, included in asked:
            value = at(volume, key)
            more = number(value, f"{key} of {what}") - included if value is not None else 0
            if more > 0:
                yield Use(part, self._meter(owner, name, unit), count * Amount.of(more).low)

    def balancer(self, resource: Resource) -> Iterator[Use]:
        """Yield what a load balancer uses."""
        kind = resource.inputs.get("loadBalancerType") or "application"
        meter = self._meter(resource, f"{kind} load balancer", "hour")
        yield Use("load balancer", meter, Amount.of(1))

    def endpoint(self, resource: Resource) -> Iterator[Use]:
        """Yield what a private endpoint uses: it is charged in each subnet."""
        if resource.inputs.get("vpcEndpointType") != "Interface":
            return
        subnets = resource.inputs.get("subnetIds")
        count = Amount.of(len(subnets) if isinstance(subnets, list) else 1)
        yield Use("private endpoints", self._meter(resource, "private endpoint", "hour"), count)

    def database(self, resource: Resource) -> Iterator[Use]:
        """Yield what a database server uses, with its standby."""
        part, what = "database", f"of '{resource.name}'"
        size = text(resource.inputs.get("instanceClass"), f"the size {what}")
        engine = text(resource.inputs.get("engine"), f"the engine {what}")
        storage = text(resource.inputs.get("storageType"), f"the kind of storage {what}")
        gib = number(resource.inputs.get("allocatedStorage"), f"the storage {what}")
        zones = "multi-az" if resource.inputs.get("multiAz") is True else "single-az"
        server = self._meter(resource, f"rds {engine} {size} {zones}", "hour")
        yield Use(part, server, Amount.of(1))
        volume = self._meter(resource, f"rds storage {storage} {zones}", "GB-month")
        yield Use(part, volume, Amount.of(gib))
        if resource.inputs.get("iops") and (storage != "gp3" or gib >= RDS_GP3_MORE):
            raise UnclearError(f"the extra IOPS {what} are not counted")
