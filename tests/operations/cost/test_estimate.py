"""What a deployment costs, by made-up prices: the table that is shipped has no figure of ours."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from operations import cost
from operations.cost.meters import Meter
from operations.cost.table import Price
from operations.export.state import UNKNOWN
from tests.support.golden_states import Resources, changed, deployment, named, planned

SOURCE = "https://prices.example/list"
BASIS = "(prices of 2026-11-01 or later; without traffic, requests, logs, backups and discounts)"


def priced(stack: str, amount: str = "1", **but: str) -> dict[Meter, Price]:
    """A price for all that *stack* uses: *amount*, or what *but* says by the part of its name."""
    found = {}
    for line in cost.estimate(deployment(stack), {}).lines:
        own = [price for words, price in but.items() if words.replace("_", " ") in line.meter.name]
        found[line.meter] = Price(
            Decimal(own[0] if own else amount), "USD", SOURCE, date(2026, 11, 1)
        )
    return found


def lines(stack: str) -> list[str]:
    found = cost.estimate(deployment(stack), {})
    assert found.doubts == ()
    return [
        f"{line.part}: {line.amount} {line.meter.name} ({line.meter.unit})" for line in found.lines
    ]


def test_what_an_environment_on_azure_uses() -> None:
    assert lines("azure-production") == [
        "NAT gateway: 1 nat gateway (hour)",
        "compute nodes: 3 to 30 disk P6 LRS (month)",
        "compute nodes: 3 to 30 machine Standard_D4s_v5 linux (hour)",
        "database: 2 postgresql Standard_D4ds_v5 (hour)",
        "database: 256 postgresql storage (GB-month)",
        "load balancer: 1 load balancer (hour)",
        "private endpoints: 2 private endpoint (hour)",
        "public addresses: 1 public address (hour)",
        "web nodes: 3 to 12 disk P4 LRS (month)",
        "web nodes: 3 to 12 machine Standard_D2s_v5 linux (hour)",
    ]


def test_what_an_environment_on_aws_uses() -> None:
    assert lines("aws-production") == [
        "NAT gateway: 3 nat gateway (hour)",
        "alarms: 12 alarm (month)",
        "compute nodes: 3 to 30 machine m6i.xlarge linux (hour)",
        "compute nodes: 192 to 1920 volume gp3 (GB-month)",
        "compute nodes: 9000 to 90000 volume gp3 IOPS (IOPS-month)",
        "compute nodes: 375 to 3750 volume gp3 throughput (MiBps-month)",
        "database: 1 rds postgres db.m6i.xlarge multi-az (hour)",
        "database: 128 rds storage gp3 multi-az (GB-month)",
        "encryption keys: 1 key (month)",
        "load balancer: 1 network load balancer (hour)",
        "private endpoints: 6 private endpoint (hour)",
        "public addresses: 3 public address (hour)",
        "secrets: 8 secret (month)",
        "web nodes: 3 to 12 machine m6i.large linux (hour)",
        "web nodes: 96 to 384 volume gp3 (GB-month)",
        "web nodes: 9000 to 36000 volume gp3 IOPS (IOPS-month)",
        "web nodes: 375 to 1500 volume gp3 throughput (MiBps-month)",
    ]


def test_what_a_managed_endpoint_uses() -> None:
    assert lines("azure-endpoint-production") == [
        "NAT gateway: 1 nat gateway (hour)",
        "container registry: 1 registry Premium (day)",
        "deployment blue: 3 to 10 machine Standard_DS3_v2 linux (hour)",
        "image builders: 1 registry agent S1 (hour)",
        "private endpoints: 4 private endpoint (hour)",
        "public addresses: 1 public address (hour)",
    ]


def test_fixed_nodes_are_counted_one_by_one() -> None:
    assert "compute nodes: 2 machine Standard_D2s_v5 linux (hour)" in lines("dev-rserver")
    assert "one-box machine: 1 machine t3.medium linux (hour)" in lines("dev-onebox-aws")


@pytest.mark.parametrize("stack", ["azure-production", "dev-rserver", "azure-endpoint-production"])
def test_a_preview_in_which_no_id_is_known_costs_the_same(stack: str) -> None:
    prices = priced(stack)
    assert cost.estimate(planned(stack), prices) == cost.estimate(deployment(stack), prices)


def test_a_preview_on_aws_does_not_tell_the_machines_system() -> None:
    def change(resources: Resources) -> None:
        for each in resources:
            if each["type"] == "aws:ec2/launchTemplate:LaunchTemplate":
                each["inputs"]["userData"] = UNKNOWN

    prices = priced("aws-production")
    found = cost.estimate(planned("aws-production", change), prices)

    assert found.lines == cost.estimate(deployment("aws-production"), prices).lines
    assert [*found.caveats()] == [
        "compute nodes: priced as Linux: only a deployment tells the system",
        "web nodes: priced as Linux: only a deployment tells the system",
    ]


def test_hours_days_and_months() -> None:
    found = cost.estimate(
        deployment("azure-endpoint-production"), priced("azure-endpoint-production")
    )
    by_part = {line.part: str(line.monthly) for line in found.lines}

    assert by_part["NAT gateway"] == "730"
    assert by_part["container registry"].startswith("30.41666")
    assert by_part["deployment blue"] == "2190 to 7300"


def test_the_sum_is_a_range_where_a_group_grows_by_itself() -> None:
    found = cost.estimate(
        deployment("azure-production"),
        priced("azure-production", "0", D4s="0.5", postgresql_storage="0.25"),
    )
    assert found.words() == (f"1,159.00 to 11,014.00 USD a month {BASIS}",)


def test_what_has_no_price_says_so_and_is_in_no_sum() -> None:
    prices = priced("dev-onebox", "0")
    gone = next(meter for meter in prices if "machine" in meter.name)
    del prices[gone]

    assert cost.estimate(deployment("dev-onebox"), prices).words() == (
        f"0.00 USD a month {BASIS}",
        "no price known for: machine Standard_B2s_v2 linux (westeurope); run scripts/prices",
    )


def test_the_table_that_is_shipped_has_only_prices_with_a_source() -> None:
    found = cost.estimate(deployment("dev-endpoint"))
    assert all(
        line.price is None or line.price.source.startswith("https://") for line in found.lines
    )


def test_prices_in_two_currencies_are_not_added_up() -> None:
    prices = priced("dev-endpoint", "2")
    other = next(meter for meter in prices if "registry" in meter.name)
    prices[other] = Price(Decimal(7), "EUR", SOURCE, date(2026, 11, 1))
    found = cost.estimate(deployment("dev-endpoint"), prices)

    assert [str(meter) for meter in found.unpriced] in (
        ["registry Standard (westeurope)"],
        ["machine Standard_DS2_v2 linux (westeurope)"],
    )
    assert "no price known for" in found.words()[1]


def doubled(resources: Resources) -> None:
    kind = "azure-native:monitor:AutoscaleSetting"
    setting = named(resources, kind, "compute-autoscaling-setting")["inputs"]
    for profile in setting["profiles"]:
        profile["capacity"]["maximum"] = "60"


def test_a_maximum_that_is_doubled_costs_more_at_most() -> None:
    prices = priced("azure-production", "0", D4s="0.5", P6="10")
    found = cost.difference(
        cost.estimate(deployment("azure-production"), prices),
        cost.estimate(changed("azure-production", doubled), prices),
    )

    more, before, after = "+0.00 to +11,250.00", "1,125.00 to 11,250.00", "1,125.00 to 22,500.00"
    machines = "machine Standard_D4s_v5 linux: 3 to 30 -> 3 to 60 (+0.00 to +10,950.00 USD a month)"
    assert found.words() == (
        f"{more} USD a month, from ({before}) to ({after}) USD {BASIS}",
        "compute nodes, disk P6 LRS: 3 to 30 -> 3 to 60 (+0.00 to +300.00 USD a month)",
        f"compute nodes, {machines}",
    )


def test_without_prices_a_change_still_says_of_what_there_is_more() -> None:
    found = cost.difference(
        cost.estimate(deployment("azure-production"), {}),
        cost.estimate(changed("azure-production", doubled), {}),
    ).words()

    assert found[:2] == (
        "compute nodes, disk P6 LRS: 3 to 30 -> 3 to 60 (no price known)",
        "compute nodes, machine Standard_D4s_v5 linux: 3 to 30 -> 3 to 60 (no price known)",
    )
    assert found[2].startswith("no price known for: nat gateway (westeurope), ")


def test_another_size_is_less_of_one_and_more_of_another() -> None:
    def change(resources: Resources) -> None:
        for each in resources:
            if each["type"] == "azure-native:compute:VirtualMachine" and "web" in each["urn"]:
                each["inputs"]["hardwareProfile"]["vmSize"] = "Standard_D2s_v5"

    found = cost.difference(
        cost.estimate(deployment("dev-rserver"), priced("dev-rserver")),
        cost.estimate(changed("dev-rserver", change), priced("dev-rserver")),
    )
    assert list(map(str, found.changed)) == [
        "web nodes, machine Standard_B2s_v2 linux: 2 -> none (-1,460.00 USD a month)",
        "web nodes, machine Standard_D2s_v5 linux: none -> 2 (+1,460.00 USD a month)",
    ]


def test_nothing_changed_costs_nothing_more() -> None:
    same = cost.estimate(deployment("dev"), priced("dev"))
    assert cost.difference(same, same).words()[0].startswith("+0.00 USD a month, from ")


SET = "compute:VirtualMachineScaleSet"
GROUP = "autoscaling/group:Group"


@pytest.mark.parametrize(
    ("stack", "kind", "path", "value", "why"),
    [
        ("azure-production", SET, ("sku", "capacity"), "many", "not a number"),
        ("azure-production", SET, ("sku", "capacity"), -3, "less than nothing"),
        ("azure-production", SET, ("sku", "capacity"), UNKNOWN, "only a deployment tells how many"),
        ("azure-production", SET, ("location",), None, "does not say where"),
        ("azure-production", SET, ("sku", "name"), "", "not told"),
        ("azure-production", "dbforpostgresql:Server", ("storage", "storageSizeGB"), [], "number"),
        ("aws-production", GROUP, ("maxSize",), {}, "not a number"),
        ("aws-production", GROUP, ("launchTemplate",), None, "says no launch template"),
        ("aws-production", GROUP, ("mixedInstancesPolicy",), {"a": 1}, "several sizes"),
        ("aws-production", "rds/instance:Instance", ("storageType",), "io2", "extra IOPS"),
    ],
)
def test_what_cannot_be_counted_is_said(
    stack: str, kind: str, path: tuple[str, ...], value: Any, why: str
) -> None:
    def change(resources: Resources) -> None:
        for each in resources:
            if each["type"].endswith(f":{kind}"):
                each["inputs"]["iops"] = 9000
                at = each["inputs"]
                for key in path[:-1]:
                    at = at[key]
                at[path[-1]] = value

    found = [*cost.estimate(changed(stack, change), {}).caveats()]

    assert any("not counted: " in line and why in line for line in found)


def test_windows_costs_what_windows_costs_but_for_a_licence_of_ones_own() -> None:
    def change(resources: Resources) -> None:
        for each in resources:
            if each["type"] == "azure-native:compute:VirtualMachine":
                each["inputs"]["osProfile"]["windowsConfiguration"] = {}
                if "web" in each["urn"]:
                    each["inputs"]["licenseType"] = "Windows_Server"

    found = {line.meter.name for line in cost.estimate(changed("dev-rserver", change), {}).lines}

    assert "machine Standard_D2s_v5 windows" in found
    assert "machine Standard_B2s_v2 linux" in found


def test_windows_on_aws_is_told_by_the_user_data() -> None:
    def change(resources: Resources) -> None:
        machine = named(resources, "aws:ec2/instance:Instance", "one-box-nodes-1")["inputs"]
        machine["userDataBase64"] = "PHBvd2Vyc2hlbGw+IHgKPC9wb3dlcnNoZWxsPg=="

    found = cost.estimate(changed("dev-onebox-aws", change), {}).lines
    assert "machine t3.medium windows" in {line.meter.name for line in found}


def test_a_stack_with_nothing_costs_nothing() -> None:
    empty = changed("dev", lambda resources: resources.clear())
    assert cost.estimate(empty, {}).words() == ("nothing that is charged by time",)


def test_a_database_with_a_licence_on_both_clouds() -> None:
    def on_aws(resources: Resources) -> None:
        server = named(resources, "aws:rds/instance:Instance", "database-server")["inputs"]
        server |= {"engine": "sqlserver-se", "multiAz": False}

    def on_azure(resources: Resources) -> None:
        server = named(resources, "azure-native:dbforpostgresql:Server", "database-server")
        server["type"] = "azure-native:sql:Database"
        server["inputs"] |= {
            "sku": {"name": "GP_Gen5_4", "tier": "GeneralPurpose"},
            "maxSizeBytes": 64 * 2**30,
            "zoneRedundant": True,
        }

    found = [
        f"{line.amount} {line.meter.name}"
        for deployed in (changed("aws-production", on_aws), changed("azure-production", on_azure))
        for line in cost.estimate(deployed, {}).lines
        if line.part == "database"
    ]
    assert found == [
        "1 rds sqlserver-se db.m6i.xlarge single-az",
        "128 rds storage gp3 single-az",
        "1 sql GP_Gen5_4",
        "64 sql storage",
        "1 sql zones GP_Gen5_4",
    ]
