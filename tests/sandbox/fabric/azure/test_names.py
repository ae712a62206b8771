from ipaddress import IPv4Address

import dns.name
import dns.rcode
import dns.rdatatype
import pytest

from sandbox.control import ids
from sandbox.fabric.azure import names

NETWORK = "Microsoft.Network/virtualNetworks/vnet"
PRIVATE = "privatelink.vaultcore.azure.net"
HOSTS = [
    names.Host(name="web000000", address=IPv4Address("10.20.0.4")),
    names.Host(name="compute000000", address=IPv4Address("10.20.0.5")),
    names.Host(name="x" * 80, address=IPv4Address("10.20.0.6")),
]


@pytest.fixture
def ask(cloud):
    def asked(name, kind="A", network=NETWORK):
        return names.look_up(
            cloud.world,
            ids.key(cloud.get(network).id),
            HOSTS,
            dns.name.from_text(name),
            dns.rdatatype.from_text(kind),
        )

    return asked


def zone(cloud, name, network=NETWORK, **link):
    made = cloud.create("privatedns:PrivateZone", name, privateZoneName=name, location="global")
    cloud.create(
        "privatedns:VirtualNetworkLink",
        f"{name} link",
        privateZoneName=name,
        virtualNetworkLinkName="link",
        location="global",
        virtualNetwork={"id": cloud.get(network).id},
        **{"registrationEnabled": False, **link},
    )
    return made


def record(cloud, zone_name, name, kind, **values):
    return cloud.create(
        "privatedns:PrivateRecordSet",
        f"{zone_name}{name}{kind}",
        privateZoneName=zone_name,
        relativeRecordSetName=name,
        recordType=kind,
        ttl=30,
        **values,
    )


def address(cloud, zone_name, name, *addresses):
    given = [{"ipv4Address": each} for each in addresses]
    return record(cloud, zone_name, name, "A", aRecords=given)


def endpoint(cloud):
    return cloud.create(
        "network:PrivateEndpoint",
        "endpoint",
        privateEndpointName="endpoint",
        subnet={"id": cloud.get(f"{NETWORK}/subnets/endpoints").id},
        privateLinkServiceConnections=[
            {
                "name": "vault",
                "privateLinkServiceId": cloud.get("Microsoft.KeyVault/vaults/models-abc123").id,
                "groupIds": ["vault"],
            }
        ],
    )


def zone_group(cloud, made):
    return cloud.create(
        "network:PrivateDnsZoneGroup",
        "default",
        privateEndpointName="endpoint",
        privateDnsZoneGroupName="default",
        privateDnsZoneConfigs=[{"name": "vault", "privateDnsZoneId": made.id}],
    )


def texts(found):
    return [line for rrset in found.answers for line in rrset.to_text().splitlines()]


VAULT = "models-abc123.vault.azure.net."


def test_a_vaults_public_name_leads_to_its_private_endpoint(cloud, ask):
    endpoint(cloud)
    zone_group(cloud, zone(cloud, PRIVATE))

    assert texts(ask("MODELS-abc123.vault.azure.net.")) == [
        f"MODELS-abc123.vault.azure.net. 10 IN CNAME MODELS-abc123.{PRIVATE}.",
        f"MODELS-abc123.{PRIVATE}. 10 IN A 10.20.64.4",
    ]


def test_it_has_no_address_of_another_kind(cloud, ask):
    endpoint(cloud)
    zone_group(cloud, zone(cloud, PRIVATE))
    found = ask(VAULT, "AAAA")

    assert texts(found) == [f"{VAULT} 10 IN CNAME models-abc123.{PRIVATE}."]
    assert found.code == dns.rcode.NOERROR
    assert found.authority


def test_the_record_goes_with_the_zone_group(cloud, ask):
    endpoint(cloud)
    group = zone_group(cloud, zone(cloud, PRIVATE))
    cloud.delete(group)

    assert ask(VAULT).code == dns.rcode.NXDOMAIN


def test_without_a_linked_zone_the_name_ends_and_never_leaves(cloud, ask):
    endpoint(cloud)
    found = ask(VAULT)

    assert texts(found) == [f"{VAULT} 10 IN CNAME models-abc123.{PRIVATE}."]
    assert (found.code, found.elsewhere) == (dns.rcode.NXDOMAIN, None)


@pytest.mark.parametrize(
    "name",
    [
        "somebodys.vault.azure.net.",
        "somebodys.postgres.database.azure.com.",
        "somebodys.database.windows.net.",
        "vault.azure.net.",
        f"somebodys.{PRIVATE}.",
        "a.b.vault.azure.net.",
    ],
)
def test_services_that_the_sandbox_does_not_have_do_not_exist(ask, name):
    found = ask(name)

    assert (found.code, found.elsewhere, found.answers) == (dns.rcode.NXDOMAIN, None, [])


def test_a_zone_answers_in_the_networks_it_is_linked_to_only(cloud, ask):
    cloud.create(
        "network:VirtualNetwork",
        "other",
        virtualNetworkName="other",
        addressSpace={"addressPrefixes": ["10.30.0.0/16"]},
    )
    zone(cloud, "models.internal")
    address(cloud, "models.internal", "db", "10.20.0.9")

    assert texts(ask("db.models.internal.")) == ["db.models.internal. 30 IN A 10.20.0.9"]
    other = ask("db.models.internal.", network="Microsoft.Network/virtualNetworks/other")
    assert other.elsewhere == dns.name.from_text("db.models.internal.")


def test_a_change_of_a_record_holds_at_the_next_question(cloud, ask):
    zone(cloud, "models.internal")
    made = address(cloud, "models.internal", "db", "10.20.0.9")
    cloud.update(made, aRecords=[{"ipv4Address": "10.20.0.10"}])

    assert texts(ask("db.models.internal.")) == ["db.models.internal. 30 IN A 10.20.0.10"]


def test_of_two_zones_the_longer_one_answers_and_hides_the_other(cloud, ask):
    zone(cloud, "models.internal")
    zone(cloud, "eu.models.internal")
    address(cloud, "models.internal", "db.eu", "10.20.0.9")
    address(cloud, "eu.models.internal", "web", "10.20.0.10")

    assert texts(ask("web.eu.models.internal.")) == ["web.eu.models.internal. 30 IN A 10.20.0.10"]
    assert ask("db.eu.models.internal.").code == dns.rcode.NXDOMAIN


def test_a_zone_knows_all_of_its_names_or_there_are_none(cloud, ask):
    zone(cloud, "models.internal")
    address(cloud, "models.internal", "db", "10.20.0.9")
    missing, other_kind = ask("web.models.internal."), ask("db.models.internal.", "TXT")

    assert (missing.code, missing.elsewhere) == (dns.rcode.NXDOMAIN, None)
    assert (other_kind.code, other_kind.answers) == (dns.rcode.NOERROR, [])
    assert [rrset.rdtype for rrset in missing.authority] == [dns.rdatatype.SOA]


def test_the_zones_own_name_can_have_records(cloud, ask):
    zone(cloud, "models.internal")
    assert ask("models.internal.").code == dns.rcode.NOERROR
    address(cloud, "models.internal", "@", "10.20.0.9")

    assert texts(ask("models.internal.")) == ["models.internal. 30 IN A 10.20.0.9"]


def test_a_wildcard_covers_what_has_no_name_of_its_own(cloud, ask):
    zone(cloud, "models.internal")
    address(cloud, "models.internal", "*", "10.20.0.9")
    address(cloud, "models.internal", "db", "10.20.0.10")

    assert texts(ask("a.b.models.internal.")) == ["a.b.models.internal. 30 IN A 10.20.0.9"]
    assert texts(ask("db.models.internal.")) == ["db.models.internal. 30 IN A 10.20.0.10"]


def test_an_alias_is_followed_here_and_elsewhere(cloud, ask):
    zone(cloud, "models.internal")
    record(cloud, "models.internal", "a", "CNAME", cnameRecord={"cname": "b.models.internal"})
    address(cloud, "models.internal", "b", "10.20.0.9")
    record(cloud, "models.internal", "out", "CNAME", cnameRecord={"cname": "example.org"})

    assert texts(ask("a.models.internal.")) == [
        "a.models.internal. 30 IN CNAME b.models.internal.",
        "b.models.internal. 30 IN A 10.20.0.9",
    ]
    assert texts(ask("a.models.internal.", "CNAME")) == [
        "a.models.internal. 30 IN CNAME b.models.internal."
    ]
    assert ask("out.models.internal.").elsewhere == dns.name.from_text("example.org.")


def test_aliases_in_a_ring_end(cloud, ask):
    zone(cloud, "models.internal")
    record(cloud, "models.internal", "a", "CNAME", cnameRecord={"cname": "b.models.internal"})
    record(cloud, "models.internal", "b", "CNAME", cnameRecord={"cname": "a.models.internal"})

    assert ask("a.models.internal.").code == dns.rcode.SERVFAIL


def test_text_is_given_as_it_is(cloud, ask):
    zone(cloud, "models.internal")
    value = [{"value": ['say "hi" \\', "more"]}, {"value": ["second"]}]
    record(cloud, "models.internal", "t", "TXT", txtRecords=value)
    (found,) = ask("t.models.internal.", "TXT").answers

    assert sorted(each.strings for each in found) == [(b'say "hi" \\', b"more"), (b"second",)]


def test_machines_have_names_in_their_network(cloud, ask):
    own = names.suffix(ids.key(cloud.get(NETWORK).id)).to_text()

    assert own.endswith(".ax.internal.cloudapp.net.")
    assert texts(ask(f"web000000.{own}")) == [f"web000000.{own} 10 IN A 10.20.0.4"]
    assert ask(f"web000000.{own}", "AAAA").code == dns.rcode.NOERROR
    assert ask(f"web000001.{own}").code == dns.rcode.NXDOMAIN
    assert ask("web000000.internal.cloudapp.net.").code == dns.rcode.NXDOMAIN
    assert names.suffix("another") != names.suffix(ids.key(cloud.get(NETWORK).id))


def test_addresses_have_names_too(cloud, ask):
    own = names.suffix(ids.key(cloud.get(NETWORK).id)).to_text()

    assert texts(ask("4.0.20.10.in-addr.arpa.", "PTR")) == [
        f"4.0.20.10.in-addr.arpa. 10 IN PTR web000000.{own}"
    ]
    assert ask("9.0.20.10.in-addr.arpa.", "PTR").code == dns.rcode.NXDOMAIN
    assert ask("20.10.in-addr.arpa.", "PTR").code == dns.rcode.NXDOMAIN
    assert ask("8.8.8.8.in-addr.arpa.", "PTR").elsewhere is not None


@pytest.mark.parametrize(("registers", "expected"), [(True, ["10.20.0.4"]), (False, [])])
def test_machines_are_in_a_zone_that_registers_them(cloud, ask, registers, expected):
    zone(cloud, "models.internal", registrationEnabled=registers)
    found = ask("web000000.models.internal.")

    assert [each.address for rrset in found.answers for each in rrset] == expected
    assert (found.code == dns.rcode.NOERROR) is registers


def test_everything_else_is_asked_elsewhere(ask):
    assert ask("deb.debian.org.").elsewhere == dns.name.from_text("deb.debian.org.")


@pytest.mark.parametrize("label", [b"\xff\x00", b"a/b", b"..", b"*", b"@"])
def test_names_that_are_no_text_are_not_found(cloud, ask, label):
    zone(cloud, "models.internal")
    address(cloud, "models.internal", "db", "10.20.0.9")
    origin = dns.name.from_text("models.internal.")
    name = dns.name.Name((label, *origin.labels))
    found = names.look_up(cloud.world, cloud.get(NETWORK).id, HOSTS, name, dns.rdatatype.A)

    assert found.code == dns.rcode.NXDOMAIN
