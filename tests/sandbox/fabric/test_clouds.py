"""Several clouds in one fabric: everything is asked of the cloud that it belongs to, and merged."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from sandbox.fabric.clouds import Clouds, Databases, Services
from sandbox.fabric.contract import Blueprint, Database, FabricError, Machine, Network


def network(owner):
    return Network(id=f"{owner}/net", name="net", ranges=(IPv4Network("10.0.0.0/16"),))


def machine(owner):
    return Machine(
        id=f"{owner}/machine",
        incarnation="1",
        group=f"{owner}/group",
        name="machine",
        hostname="machine",
        network=f"{owner}/net",
        port=f"{owner}/port",
        address=IPv4Address("10.0.0.4"),
        image="base",
        user_data=b"",
        vcpus=1,
        memory=512,
    )


def database(owner):
    return Database(
        id=f"{owner}/database",
        incarnation="1",
        name="db",
        host="db.example",
        version="15",
        administrator="admin",
        password="",
    )


class Part:
    """Services or databases of one cloud, which say what they were told."""

    def __init__(self):
        self.given = []
        self.fails = False
        self.awaited = []
        self.stopped = False

    def settle(self, *given):
        self.given.append(given)
        if self.fails:
            raise FabricError("no room")

    def ready(self, database, timeout, cancelled):
        self.awaited.append(database)

    def stop(self):
        self.stopped = True


class Cloud:
    def __init__(self, name):
        self.name = name
        self.kinds = {f"{name}:kind": object()}
        self.done = []
        self.wants = False
        self.served, self.kept = Part(), Part()

    def owns(self, target):
        return target.startswith(f"{self.name}/")

    def begin(self, store, pool):
        self.done.append(("begin", pool))

    def concerns(self, target):
        return not target.endswith("/alarm")

    def unsettled(self, world):
        return self.wants

    def blueprint(self, world):
        name = self.name
        return Blueprint(
            networks=(network(name),), machines=(machine(name),), databases=(database(name),)
        )

    def forget(self, transaction, machine):
        self.done.append(("forget", machine))

    def renew(self, transaction, machine):
        self.done.append(("renew", machine))

    def cautions(self, world, target):
        return [f"{self.name} warns of {target}"]

    def services(self, surroundings):
        return self.served

    def databases(self, folder, images):
        return self.kept


@pytest.fixture
def two():
    return Cloud("a"), Cloud("b")


def test_a_blueprint_has_what_every_cloud_wants(two):
    found = Clouds(two).blueprint(None)

    assert [each.id for each in found.networks] == ["a/net", "b/net"]
    assert [each.id for each in found.machines] == ["a/machine", "b/machine"]
    assert [each.id for each in found.databases] == ["a/database", "b/database"]


def test_who_an_id_belongs_to_is_asked_and_nobody_else(two):
    clouds = Clouds(two)
    clouds.forget(None, "a/machine")
    clouds.renew(None, "b/machine")

    assert clouds.concerns("b/network")
    assert not clouds.concerns("b/alarm")
    assert not clouds.concerns("c/network")
    assert list(clouds.cautions(None, "a/x")) == ["a warns of a/x"]
    assert list(clouds.cautions(None, "c/x")) == []
    assert [each.done for each in two] == [[("forget", "a/machine")], [("renew", "b/machine")]]


def test_only_a_cloud_that_lacks_machines_is_to_settle(two):
    two[1].wants = True

    assert Clouds(two).unsettled(None) == [two[1]]


def test_kinds_and_beginnings_are_those_of_all(two):
    clouds = Clouds(two)
    clouds.begin(None, None)

    assert set(clouds.kinds) == {"a:kind", "b:kind"}
    assert all(each.done == [("begin", None)] for each in two)


def test_each_cloud_answers_in_its_own_networks_also_when_another_fails(two):
    two[0].served.fails = True
    services = Services(two, None)
    with pytest.raises(FabricError, match="no room"):
        services.settle(Clouds(two).blueprint(None))
    services.stop()

    for each in two:
        ((given,),) = each.served.given
        assert [found.id for found in given.networks] == [f"{each.name}/net"]
        assert [found.id for found in given.machines] == [f"{each.name}/machine"]
        assert each.served.stopped


def test_each_cloud_keeps_its_own_databases_and_is_asked_for_those(two):
    databases = Databases(two, None, None)
    databases.settle(Clouds(two).blueprint(None), str)
    databases.ready("b/database", 1, None)

    for each in two:
        (((kept,), _),) = each.kept.given
        assert kept.id == f"{each.name}/database"
    assert [each.kept.awaited for each in two] == [[], ["b/database"]]
