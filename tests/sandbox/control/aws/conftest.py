"""Worlds that tests of AWS's kinds begin with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.control.kinds import Record
from tests.support.account import Aws, account


@dataclass(frozen=True)
class Site:
    """A VPC 10.30.0.0/16 with an internet gateway, and a subnet in each of two zones."""

    aws: Aws
    vpc: Record
    gateway: Record
    subnets: tuple[Record, Record]
    """10.30.0.0/24 in eu-central-1a, 10.30.1.0/24 in eu-central-1b."""
    group: Record
    """A security group."""

    @property
    def subnet(self) -> Record:
        """The first one."""
        return self.subnets[0]


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    """An empty account, from eu-central-1."""
    made = account(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def site(aws: Aws) -> Site:
    vpc = aws.create("ec2:Vpc", "vpc", cidrBlock="10.30.0.0/16", enableDnsHostnames=True)
    gateway = aws.create("ec2:InternetGateway", "igw", vpcId=vpc.short)
    first, second = (
        aws.create(
            "ec2:Subnet",
            f"subnet-{zone}",
            vpcId=vpc.short,
            cidrBlock=f"10.30.{number}.0/24",
            availabilityZone=f"eu-central-1{zone}",
        )
        for number, zone in enumerate("ab")
    )
    group = aws.create("ec2:SecurityGroup", "group", vpcId=vpc.short)
    return Site(aws, vpc, gateway, (first, second), group)
