"""The table of prices, and how scripts/prices fills it from price lists in the clouds' form."""

import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from operations.cost import __main__ as command
from operations.cost import estimate, table
from operations.cost.lists import asking, aws_queries, azure_queries
from operations.cost.meters import Meter
from operations.cost.table import Price
from operations.errors import OperationError
from tests.support import golden_states, old_world
from tests.support.price_lists import Lists, file_of, item, machine, row, serving_lists

FLEXIBLE = "Azure Database for PostgreSQL Flexible Server"
POOL = "SQL Database Single/Elastic Pool"

D2 = Meter("azure", "westeurope", "machine Standard_D2s_v5 linux", "hour")
M6I = Meter("aws", "eu-central-1", "machine m6i.large linux", "hour")


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lists]:
    monkeypatch.setattr(asking.time, "sleep", PAUSES.append)
    PAUSES.clear()
    with serving_lists() as found:
        yield found


PAUSES: list[float] = []


@pytest.fixture
def renew(lists: Lists, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Renews a table for stacks of ours; returns the exit status, the prices, what was told."""
    path = tmp_path / "prices.csv"

    def run(*stacks: str, options: tuple[str, ...] = ()) -> tuple[int, Any, str]:
        if not path.exists():
            path.write_text(",".join(table.COLUMNS) + "\n")
        states = []
        for stack in stacks:
            kept = old_world.unseal(old_world.path_of(stack).read_bytes())["state"]
            states.append(tmp_path / f"{stack}.json")
            states[-1].write_text(json.dumps(kept))
        addresses = ("--azure-address", lists.address, "--aws-address", lists.address)
        status = command.main([*map(str, states), "--table", str(path), *addresses, *options])
        return status, table.read(path), "".join(capsys.readouterr())

    return run


AZURE = [
    machine("Standard_B2s_v2", 0.11),
    machine("Standard_B2s_v2", 0.14, productName="Virtual Machines Bsv2 Series Windows"),
    machine("Standard_B2s_v2", 0.03, skuName="B2s v2 Spot", meterName="B2s v2 Spot"),
    machine("Standard_B2s_v2", 0.02, skuName="B2s v2 Low Priority"),
    machine("Standard_B2s_v2", 0.10, tierMinimumUnits=100.0),
    machine("Standard_B2s_v2", 700.0, reservationTerm="1 Year"),
    machine("Standard_B2s_v2", 0.5, armRegionName="northeurope"),
    item("Storage", "Standard SSD Managed Disks", "E4 LRS", "E4 LRS Disk", 2.5,
         unitOfMeasure="1/Month"),
    item("Storage", "Standard SSD Managed Disks", "E4 LRS", "E4 LRS Disk Mount", 9,
         unitOfMeasure="1/Month"),
    item("NAT Gateway", "NAT Gateway", "Standard", "Standard Gateway", 0.04),
    item("Load Balancer", "Load Balancer", "Standard",
         "Standard Included LB Rules and Outbound Rules", 0.02, armRegionName="Global"),
    item("Virtual Network", "IP Addresses", "Standard", "Standard IPv4 Static Public IP", 0.005),
    item("Virtual Network", "Virtual Network Private Link", "Standard",
         "Standard Private Endpoint", 0.01, armRegionName="Global"),
]  # fmt: skip


def test_prices_of_azure(lists: Lists, renew: Any) -> None:
    lists.items = AZURE
    status, prices, told = renew("dev-onebox")

    assert status == 0
    assert {meter.name: str(price.amount) for meter, price in prices.items()} == {
        "machine Standard_B2s_v2 linux": "0.11",
        "disk E4 LRS": "2.5",
        "nat gateway": "0.04",
        "load balancer": "0.02",
        "public address": "0.005",
        "private endpoint": "0.01",
    }
    assert {price.retrieved for price in prices.values()} == {datetime.now(UTC).date()}
    assert all(price.source.startswith(lists.address) for price in prices.values())
    assert "azure: 6 of 6 prices are in" in told
    # Only what is used was asked for, page by page; of two, the price is one for all regions.
    assert len(lists.asked) == 6 + 2 + 2
    assert [path for path in lists.asked if "$skip" in path]


def test_a_price_says_where_it_was_read(lists: Lists, renew: Any) -> None:
    lists.items = AZURE
    _, prices, _ = renew("dev-onebox")
    (source,) = {price.source for meter, price in prices.items() if meter.name == "nat gateway"}

    assert source == (
        f"{lists.address}/api/retail/prices?api-version=2023-01-01-preview&currencyCode='USD'&$filter="
        "serviceName%20eq%20'NAT%20Gateway'%20and%20meterName%20eq%20'Standard%20Gateway'%20and%20"
        "armRegionName%20eq%20'westeurope'%20and%20priceType%20eq%20'Consumption'"
    )


def test_what_the_list_has_twice_or_not_at_all_gets_no_price(lists: Lists, renew: Any) -> None:
    lists.items = [*AZURE[:-1], item("NAT Gateway", "NAT Gateway", "X", "Standard Gateway", 0.05)]
    status, prices, told = renew("dev-onebox")

    assert status == 1
    assert {meter.name for meter in prices}.isdisjoint({"nat gateway", "private endpoint"})
    assert "nat gateway (westeurope): the price list has several: 0.04, 0.05" in told
    assert "private endpoint (westeurope): the price list has no such price" in told


@pytest.mark.parametrize("value", [-1, "NaN", "free", None, True, 1e9, [1], {"a": 1}, "Infinity"])
def test_what_is_no_price_is_none(lists: Lists, renew: Any, value: Any) -> None:
    lists.items = [machine("Standard_B2s_v2", value), *AZURE[7:]]
    status, prices, told = renew("dev-onebox")

    assert status == 1
    assert "machine Standard_B2s_v2 linux" not in {meter.name for meter in prices}
    assert "is no price" in told


@pytest.mark.parametrize(
    "other", [{"currencyCode": "EUR"}, {"unitOfMeasure": "100 Hours"}, {"type": "Reservation"}]
)
def test_a_price_of_another_kind_is_not_taken(lists: Lists, renew: Any, other: Any) -> None:
    lists.items = [machine("Standard_B2s_v2", 0.2, **other), 7, None, *AZURE[7:]]
    _, prices, _ = renew("dev-onebox")
    assert "machine Standard_B2s_v2 linux" not in {meter.name for meter in prices}


def test_a_list_that_is_busy_is_asked_again_when_it_says(lists: Lists, renew: Any) -> None:
    lists.items = AZURE
    lists.troubles = [(429, {"Retry-After": "7"}), (503, {}), (429, {"Retry-After": "100000"})]
    status, prices, _ = renew("dev-onebox")

    assert status == 0
    assert len(prices) == 6
    assert PAUSES == [7.0, 2.0, 4.0, asking.LONGEST_PAUSE, 8.0]


def test_a_list_that_stays_busy_is_given_up(lists: Lists, renew: Any) -> None:
    lists.troubles = [(503, {})] * 50
    status, prices, told = renew("dev-onebox")

    assert (status, prices) == (2, {})
    assert len(lists.asked) == asking.TRIES
    assert "error: the price list does not answer" in told
    assert "why:   it answers 503" in told


def test_a_list_that_refuses_is_not_asked_again(lists: Lists, renew: Any) -> None:
    lists.troubles = [(403, {})]
    status, _, told = renew("dev-onebox")
    assert (status, len(lists.asked)) == (2, 1)
    assert "it answers 403" in told


def test_a_list_that_sends_elsewhere_is_not_followed(lists: Lists, renew: Any) -> None:
    lists.troubles = [(302, {"Location": "http://127.0.0.1:1/elsewhere"})]
    status, _, told = renew("dev-onebox")
    assert (status, len(lists.asked)) == (2, 1)
    assert "it answers 302" in told


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("<html>", "the answer is no JSON"),
        ("[" * 100_000, "the answer is no JSON"),
        ([], "the answer has no list of prices"),
        ({"Items": 7}, "the answer has no list of prices"),
        (
            {"Items": [], "NextPageLink": "https://elsewhere.example/"},
            "the next page is 'https://els",
        ),
        ({"Items": [], "NextPageLink": ["x"]}, "the next page is ['x']"),
    ],
)
def test_a_strange_answer_is_no_price(lists: Lists, renew: Any, answer: Any, why: str) -> None:
    lists.broken = lambda path: answer
    status, prices, told = renew("dev-onebox")
    assert (status, prices) == (2, {})
    assert why in told


def test_pages_without_end_are_left(lists: Lists, renew: Any) -> None:
    lists.broken = lambda path: {"Items": [], "NextPageLink": f"{lists.address}{path}"}
    status, _, told = renew("dev-onebox")
    assert status == 2
    assert "it has more than 100 pages" in told


EC2 = [
    row("Compute Instance", "EUC1-BoxUsage:t3.medium", "Hrs", "0.048", Instance_Type="t3.medium",
        Tenancy="Shared", Operating_System="Linux", CapacityStatus="Used",
        License_Model="No License required", **{"Pre Installed S/W": "NA"}),
    row("Compute Instance", "EUC1-BoxUsage:t3.medium", "Hrs", "0.09", Instance_Type="t3.medium",
        Tenancy="Shared", Operating_System="Windows", CapacityStatus="Used",
        License_Model="No License required", **{"Pre Installed S/W": "NA"}),
    row("Compute Instance", "EUC1-UnusedBox:t3.medium", "Hrs", "0.5", Instance_Type="t3.medium",
        Tenancy="Shared", Operating_System="Linux", CapacityStatus="UnusedCapacityReservation",
        License_Model="No License required", **{"Pre Installed S/W": "NA"}),
    row("Compute Instance", "EUC1-BoxUsage:t3.medium", "Hrs", "0.7", Instance_Type="t3.medium",
        Tenancy="Dedicated", Operating_System="Linux", CapacityStatus="Used",
        License_Model="No License required", **{"Pre Installed S/W": "NA"}),
    row("Compute Instance", "EUC1-BoxUsage:t3.medium", "Hrs", "0.02", Instance_Type="t3.medium",
        Tenancy="Shared", Operating_System="Linux", CapacityStatus="Used", TermType="Reserved",
        License_Model="No License required", **{"Pre Installed S/W": "NA"}),
    row("Storage", "EUC1-EBS:VolumeUsage.gp3", "GB-Mo", "0.09", Volume_API_Name="gp3"),
    row("System Operation", "EUC1-EBS:VolumeP-IOPS.gp3", "IOPS-Mo", "0.006", Volume_API_Name="gp3"),
    row("Provisioned Throughput", "EUC1-EBS:VolumeP-Throughput.gp3", "GiBps-mo", "51.2",
        Volume_API_Name="gp3"),
    row("NAT Gateway", "EUC1-NatGateway-Hours", "Hrs", "0.05"),
    row("NAT Gateway", "EUC1-NatGateway-Bytes", "GB", "0.06"),
]  # fmt: skip

AWS = {
    "AmazonEC2": EC2,
    "AWSELB": [
        row("Load Balancer-Network", "EUC1-LoadBalancerUsage", "Hrs", "0.02"),
        row("Load Balancer-Network", "EUC1-LoadBalancerUsage", "Hrs", "0.4",
            Location_Type="AWS Outposts"),
        row("Load Balancer-Network", "EUC1-TS-LoadBalancerUsage", "Hrs", "0.005"),
        row("Load Balancer-Network", "EUC1-LCUUsage", "LCU-Hrs", "0.006"),
    ],
    "AmazonVPC": [
        row("VpcEndpoint", "EUC1-VpcEndpoint-Hours", "Hrs", "0.012"),
        row("VpcEndpoint", "EUC1-VpcEndpoint-GWLBE-Hours", "Hrs", "0.013"),
        row("", "EUC1-PublicIPv4:InUseAddress", "Hrs", "0.004"),
        row("", "EUC1-PublicIPv4:IdleAddress", "Hrs", "0.003"),
    ],
    "AWSSecretsManager": [row("Secret", "EUC1-AWSSecretsManager-Secrets", "Secrets", "0.3")],
    "awskms": [row("Encryption Key", "eu-central-1-KMS-Keys", "Keys", "1")],
    "AmazonCloudWatch": [
        row("Alarm", "EUC1-CW:AlarmMonitorUsage", "Alarms", "0.1"),
        row("Alarm", "EUC1-CW:HighResAlarmMonitorUsage", "Alarms", "0.3"),
    ],
}  # fmt: skip


def test_prices_of_aws(lists: Lists, renew: Any) -> None:
    lists.files = {service: file_of(*rows) for service, rows in AWS.items()}
    status, prices, told = renew("dev-onebox-aws")

    assert {meter.name: str(price.amount) for meter, price in prices.items()} == {
        "machine t3.medium linux": "0.048",
        "volume gp3": "0.09",
        "nat gateway": "0.05",
        "network load balancer": "0.02",
        "private endpoint": "0.012",
        "public address": "0.004",
        "secret": "0.3",
        "key": "1",
        "alarm": "0.1",
    }
    assert status == 0
    assert "aws: 9 of 9 prices are in" in told
    # Each file once, and no file of which nothing is used.
    assert sorted(lists.asked) == [
        f"/offers/v1.0/aws/{service}/current/eu-central-1/index.csv" for service in sorted(AWS)
    ]


def test_a_unit_of_the_list_that_has_many_of_ours(lists: Lists, renew: Any) -> None:
    lists.files = {service: file_of(*rows) for service, rows in AWS.items()}
    lists.files["AmazonRDS"] = file_of(
        row("Database Instance", "EUC1-Multi-AZUsage:db.m6i.xlarge", "Hrs", "0.9",
            Instance_Type="db.m6i.xlarge", Database_Engine="PostgreSQL",
            License_Model="No license required", Deployment_Option="Multi-AZ"),
        row("Database Instance", "EUC1-InstanceUsage:db.m6i.xlarge", "Hrs", "0.45",
            Instance_Type="db.m6i.xlarge", Database_Engine="PostgreSQL",
            License_Model="No license required", Deployment_Option="Single-AZ"),
        row("Database Storage", "EUC1-RDS:Multi-AZ-GP3-Storage", "GB-Mo", "0.25",
            Volume_Type="General Purpose-GP3", Database_Engine="Any",
            Deployment_Option="Multi-AZ"),
    )  # fmt: skip
    status, prices, told = renew("aws-production")
    found = {meter.name: price.amount for meter, price in prices.items()}

    assert found["volume gp3 throughput"] == Decimal("0.05")
    assert found["volume gp3 IOPS"] == Decimal("0.006")
    assert found["rds postgres db.m6i.xlarge multi-az"] == Decimal("0.9")
    assert found["rds storage gp3 multi-az"] == Decimal("0.25")
    assert status == 1
    assert "machine m6i.large linux (eu-central-1): the price list has no such price" in told


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "it ends before the names of its columns"),
        ("<html>\n" * 9, "it has no columns"),
        (
            "a\n" * 5 + "TermType,PricePerUnit,Currency,Unit,usageType\n" + '"' + "x" * 200_000,
            "a line",
        ),
    ],
)
def test_a_file_that_is_no_price_list(lists: Lists, renew: Any, content: str, why: str) -> None:
    lists.broken = lambda path: content
    status, prices, told = renew("dev-onebox-aws")
    assert (status, prices) == (2, {})
    assert why in told


def test_prices_of_other_things_stay_and_old_ones_are_renewed(lists: Lists, renew: Any) -> None:
    lists.items = AZURE
    renew("dev-onebox")
    lists.items = [machine("Standard_B2s_v2", 0.12), *AZURE[7:9]]
    lists.files = {service: file_of(*rows) for service, rows in AWS.items()}
    status, prices, _ = renew("dev-onebox", "dev-onebox-aws")
    found = {
        meter.name: str(price.amount) for meter, price in prices.items() if meter.cloud == "azure"
    }

    # A price that the list has no more is still the last that was known, with its day.
    assert found["machine Standard_B2s_v2 linux"] == "0.12"
    assert found["nat gateway"] == "0.04"
    assert len(prices) == 6 + 9
    assert status == 0


def test_one_list_s_failure_keeps_the_other_s_prices(lists: Lists, renew: Any) -> None:
    lists.items = AZURE
    lists.files = dict.fromkeys(AWS, "")
    status, prices, told = renew("dev-onebox", "dev-onebox-aws")

    assert status == 2
    assert {meter.cloud for meter in prices} == {"azure"}
    assert "the price list cannot be read" in told


def test_listing_asks_nobody(lists: Lists, renew: Any) -> None:
    status, prices, told = renew("dev-onebox", options=("--list", "--cloud", "azure"))
    assert (status, prices, lists.asked) == (0, {}, [])
    assert "azure  nat gateway (westeurope), per hour: no price known\n" in told


def test_a_list_is_asked_over_https_or_on_this_machine(renew: Any) -> None:
    status, _, told = renew("dev-onebox", options=("--azure-address", "http://prices.example"))
    assert status == 2
    assert "it is not https" in told


def test_a_state_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["/nowhere/state.json"]) == 2
    assert "No such file" in capsys.readouterr().err


def test_all_that_our_stacks_use_is_looked_for() -> None:
    """But for the pool that builds images, of which a list has the seconds only."""
    meters = {
        line.meter
        for stack in golden_states.NAMES
        for line in estimate(golden_states.deployment(stack), {}).lines
    }
    lost = {
        meter.name
        for meter in meters
        if (azure_queries if meter.cloud == "azure" else aws_queries).query(meter.name) is None
    }
    assert lost == {"registry agent S1"}


@pytest.mark.parametrize(
    "name",
    [
        "machine Standard_D2s_v5' or 1 eq 1 linux",
        "machine ../../x linux",
        "postgresql Standard_M1",
        "sql BC_Gen5_2",
        "disk X1 LRS",
        "rds oracle-ee db.m5.large single-az",
        "",
    ],
)
def test_what_nobody_has_worked_out_is_not_asked_for(name: str) -> None:
    assert azure_queries.query(name) is None
    assert aws_queries.query(name) is None


@pytest.mark.parametrize(
    ("name", "product", "sku", "meter"),
    [
        (
            "postgresql Standard_D4ds_v5",
            f"{FLEXIBLE} General Purpose Ddsv5 Series Compute",
            "4 vCore",
            "vCore",
        ),
        (
            "postgresql Standard_E8ads_v5",
            f"{FLEXIBLE} Memory Optimized - Eadsv5 Series Compute",
            "8 vCore",
            "vCore",
        ),
        (
            "postgresql Standard_B2ms",
            f"{FLEXIBLE} Burstable BS Series Compute",
            "B2ms",
            "B2ms",
        ),
        ("sql GP_Gen5_4", f"{POOL} General Purpose - Compute Gen5", "4 vCore", "vCore"),
        ("disk P6 ZRS", "Premium SSD Managed Disks", "P6 ZRS", "P6 ZRS Disk"),
    ],
)
def test_names_of_databases_and_disks(name: str, product: str, sku: str, meter: str) -> None:
    found = azure_queries.query(name)
    assert found is not None
    told = {"productName": product, "skuName": sku, "meterName": meter}
    assert found.asked["skuName"] == sku
    assert all(re.search(pattern, told[key]) for key, pattern in found.fits.items())


def row_of(**cells: str) -> dict[str, str]:
    usual = ("azure", "westeurope", "nat gateway", "hour", "0.1", "USD", "https://x", "2026-11-01")
    return {**dict(zip(table.COLUMNS, usual, strict=True)), **cells}


def written(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, table.COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"price": "-1"}, "'-1' is no price"),
        ({"price": "NaN"}, "'NaN' is no price"),
        ({"price": "cheap"}, "ConversionSyntax"),
        ({"unit": "minute"}, "'minute' is none of hour"),
        ({"currency": "dollars"}, "'dollars' is no currency"),
        ({"source": "somebody said so"}, "is no address of a price list"),
        ({"retrieved": "lately"}, "Invalid isoformat"),
    ],
)
def test_a_table_with_a_row_that_is_no_price(
    tmp_path: Path, cells: dict[str, str], why: str
) -> None:
    path = written(tmp_path / "prices.csv", row_of(**cells))
    with pytest.raises(OperationError, match="the table of prices cannot be read") as caught:
        table.read(path)
    assert why in str(caught.value)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "\x00", f"{','.join(table.COLUMNS)}\n1,2\n"])
def test_a_table_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(text)
    with pytest.raises(OperationError, match="the table of prices cannot be read"):
        table.read(path)


def test_a_table_with_two_prices_for_one_thing(tmp_path: Path) -> None:
    path = written(tmp_path / "prices.csv", row_of(), row_of(price="0.2"))
    with pytest.raises(OperationError, match="two prices for one thing"):
        table.read(path)


def test_a_table_is_the_same_after_it_was_written(tmp_path: Path) -> None:
    prices = {
        M6I: Price(Decimal("0.000000012"), "USD", 'https://x/?a="b",c', date(2026, 11, 1)),
        D2: Price(Decimal(10), "USD", "https://y", date(2026, 11, 2)),
    }
    path = tmp_path / "prices.csv"
    table.write(prices, path)

    assert table.read(path) == prices
    assert (
        path.read_text()
        .splitlines()[1]
        .startswith("aws,eu-central-1,machine m6i.large linux,hour,")
    )
    assert [each.name for each in tmp_path.iterdir()] == ["prices.csv"]


def test_a_table_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "prices.csv", row_of())
    before = path.read_bytes()

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(table.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        table.write({}, path)

    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["prices.csv"]


def test_the_table_that_is_shipped_is_one() -> None:
    assert all(price.amount >= 0 for price in table.read().values())
