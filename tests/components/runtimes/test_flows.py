from components.runtimes import flows, recipe
from components.settings import Environment, parse
from tests.support.azure import CLOSED, changed
from tests.support.environments import AZURE, ONE_BOX, of_family
from tests.support.nodes import environment_of, recipe_of


def table(artifacts: bool = False, **changes) -> list[str]:
    environment: Environment = parse(
        changed("dev", **changes)["operationalization:environment"], stack="test"
    )
    recipes = {role: recipe.for_role(environment, role) for role in ("web", "compute")}
    return [flow.name for flow in flows.allowed(environment, recipes, artifacts=artifacts)]


def test_these_connections_and_no_others_are_allowed() -> None:
    assert table() == [
        "clients-to-web-12800",
        "load-balancer-to-web-12800",
        "web-to-compute-12805",
        "web-to-database-5432",
        "compute-to-database-5432",
        "web-to-vault-443",
        "compute-to-vault-443",
        "web-to-internet-80",
        "web-to-internet-443",
        "compute-to-internet-80",
        "compute-to-internet-443",
    ]


def test_a_complete_image_needs_no_way_to_the_internet() -> None:
    closed = table(**CLOSED)
    assert [name for name in closed if "internet" in name] == []


def test_nodes_reach_a_store_of_artifacts_where_there_is_one() -> None:
    assert not [name for name in table() if "artifacts" in name]
    assert [name for name in table(artifacts=True, **CLOSED) if "artifacts" in name] == [
        "web-to-artifacts-443",
        "compute-to-artifacts-443",
    ]


def one_box(kind: str, cloud: str = "azure") -> list[str]:
    found = flows.allowed(
        environment_of(kind, cloud), {"one-box": recipe_of(kind, cloud)}, artifacts=cloud == "aws"
    )
    return [flow.name for flow in found]


def test_one_box_is_called_by_clients_and_the_probe_and_calls_no_other_node() -> None:
    assert one_box("one-box-sqlite") == [
        "clients-to-one-box-12800",
        "load-balancer-to-one-box-12800",
        "one-box-to-vault-443",
        "one-box-to-internet-80",
        "one-box-to-internet-443",
    ]


def test_one_box_reaches_a_server_where_its_database_is_one() -> None:
    assert set(one_box("one-box-postgresql")) - set(one_box("one-box-sqlite")) == {
        "one-box-to-database-5432"
    }


def test_one_box_reaches_a_store_of_artifacts_where_there_is_one() -> None:
    assert "one-box-to-artifacts-443" in one_box("one-box-sqlite", "aws")


def of_the_family(base: dict, host: str, **ldap) -> dict[str, tuple[str, ...]]:
    directory = {
        "host": host,
        "queryUserDn": "CN=lookup",
        "searchBase": "OU=people",
        "searchFilter": "cn={0}",
        **ldap,
    }
    authentication = {"method": "ldap", "ldap": directory}
    value = of_family(base)
    value["runtime"]["server"] = {**value["runtime"]["server"], "authentication": authentication}
    environment = parse(value, stack="test")
    recipes = {role: recipe.for_role(environment, role) for role in environment.groups}
    found = flows.allowed(environment, recipes)
    return {flow.name: flow.addresses for flow in found if flow.addresses}


def test_web_nodes_reach_the_directory_of_their_users_and_compute_nodes_do_not() -> None:
    assert of_the_family(AZURE, "10.9.8.7") == {"web-to-directory-636": ("10.9.8.7/32",)}
    assert of_the_family(ONE_BOX, "ldap.example.com", port=3269, addresses=["10.9.8.0/28"]) == {
        "one-box-to-directory-3269": ("10.9.8.0/28",)
    }
