"""What is known of the clouds: figures from their documents, and that it fits together."""

import zoneinfo

import pytest

from components.settings.catalogue.databases import SIZES, STORAGE, VERSIONS
from components.settings.catalogue.locations import LOCATIONS
from components.settings.catalogue.machines import MACHINES, is_arm
from components.settings.catalogue.timezones import WINDOWS_NAMES
from components.settings.defaults import DATABASE_SIZES, DATABASE_VERSIONS
from components.settings.defaults import SIZES as DEFAULT_SIZES
from tests.support.environments import AWS, environment


@pytest.mark.parametrize(
    ("size", "connections"),
    [
        ("Standard_B1ms", 35),
        ("Standard_B2s", 414),
        ("Standard_B2ms", 844),
        ("Standard_D2ds_v5", 844),
        ("Standard_D4ds_v5", 1703),
        ("Standard_D8ds_v5", 3422),
        ("Standard_D16ds_v5", 4985),
        ("Standard_E2ds_v5", 1703),
        ("Standard_E8ds_v5", 4985),
    ],
)
def test_connections_of_flexible_server(size: str, connections: int) -> None:
    """ "Limits in Azure Database for PostgreSQL flexible server", maximum user connections."""
    assert SIZES["azure", "postgresql"][size].connections == connections


def test_connections_of_rds_stay_under_the_formula() -> None:
    """8 GiB / 9531392 are 901, and 16 GiB 1802, of which the system takes some."""
    assert SIZES["aws", "postgresql"]["db.m6i.large"].connections == 796
    assert SIZES["aws", "postgresql"]["db.m6i.xlarge"].connections == 1607
    assert SIZES["aws", "postgresql"]["db.r6i.8xlarge"].connections == 4985


@pytest.mark.parametrize(
    ("cloud", "size", "vcpus", "memory"),
    [
        ("azure", "Standard_D2s_v5", 2, 8),
        ("azure", "Standard_E20s_v5", 20, 160),
        ("azure", "Standard_F4s_v2", 4, 8),
        ("azure", "Standard_B2s", 2, 4),
        ("aws", "m6i.large", 2, 8),
        ("aws", "c7i.24xlarge", 96, 192),
        ("aws", "r6i.xlarge", 4, 32),
        ("aws", "t3.medium", 2, 4),
    ],
)
def test_machines(cloud: str, size: str, vcpus: int, memory: float) -> None:
    known = MACHINES[cloud][size]
    assert (known.vcpus, known.memory) == (vcpus, memory)


@pytest.mark.parametrize(
    ("cloud", "size"),
    [
        ("azure", "Standard_D4ps_v5"),
        ("azure", "Standard_D4plds_v6"),
        ("azure", "Standard_E2ps_v6"),
        ("aws", "m7g.large"),
        ("aws", "c6gn.xlarge"),
        ("aws", "t4g.small"),
        ("aws", "a1.large"),
    ],
)
def test_arm_sizes_are_told_by_their_names(cloud: str, size: str) -> None:
    assert is_arm(cloud, size)


def test_no_known_size_is_arm() -> None:
    assert [s for cloud, sizes in MACHINES.items() for s in sizes if is_arm(cloud, s)] == []


def test_every_time_zone_is_one() -> None:
    available = zoneinfo.available_timezones()
    if not available:
        pytest.skip("this machine has no time zone data")
    assert set(WINDOWS_NAMES) - available == set()


def test_defaults_are_known() -> None:
    for cloud, sizes in DEFAULT_SIZES.items():
        assert set(sizes.values()) <= set(MACHINES[cloud])
    for server, size in DATABASE_SIZES.items():
        assert size in SIZES[server]
    for server, version in DATABASE_VERSIONS.items():
        assert version in VERSIONS[server]
    assert set(SIZES) == set(STORAGE)
    assert {cloud for cloud, _ in VERSIONS} == set(LOCATIONS)


def test_zones_have_the_names_of_the_cloud() -> None:
    assert environment().zone_names("web") == ("1", "2", "3")
    assert environment(location="westus").zone_names("web") == ()
    assert environment(AWS).zone_names("compute") == (
        "eu-central-1a",
        "eu-central-1b",
        "eu-central-1c",
    )
    tokyo = environment(AWS, location="ap-northeast-1", web__zones=[2, 3], compute__zones=[3, 2])
    assert tokyo.zone_names("web") == ("ap-northeast-1c", "ap-northeast-1d")
