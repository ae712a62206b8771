"""What the server is told, from what is declared."""

import dataclasses

import pytest

from sandbox.fabric.contract import Database, FabricError
from sandbox.fabric.database import scram, settings
from sandbox.fabric.database.product import FLEXIBLE_SERVER, RDS

DATABASE = Database(
    id="/db",
    incarnation="1",
    name="db",
    host="db.postgres.database.azure.com",
    version="16",
    administrator="breakglass",
    password="secret",
    principals={'id"web': "object"},
)


def text(name, **changes):
    return settings.files(dataclasses.replace(DATABASE, **changes), FLEXIBLE_SERVER)[name].decode()


def test_a_declared_parameter_is_set_and_stands_over_the_products_own():
    written = text("postgresql.conf", parameters={"ssl_min_protocol_version": "TLSv1.3"})
    assert "ssl_min_protocol_version = 'TLSv1.3'\n" in written
    assert "TLSv1.2" not in written
    assert "ssl_min_protocol_version = 'TLSv1.2'\n" in text("postgresql.conf")


def test_a_value_can_not_add_a_line():
    written = text("postgresql.conf", parameters={"search_path": "x'\nfsync = off\\"})
    assert "search_path = 'x''\\nfsync = off\\\\'\n" in written


@pytest.mark.parametrize("name", ["fsync", "data_directory", "SSL", "listen_addresses"])
def test_what_is_the_services_own_is_refused(name):
    with pytest.raises(FabricError, match=f"database db: parameter {name} is the service's own"):
        text("postgresql.conf", parameters={name: "off"})


def test_without_tls_a_client_matches_no_line():
    lines = text("pg_hba.conf").splitlines()
    assert "hostssl all all all md5" in lines
    assert not [line for line in lines if line.startswith(("host ", "hostnossl "))][1:]


def test_plain_connections_are_allowed_when_declared():
    plain = text("pg_hba.conf", parameters={"require_secure_transport": "OFF"})
    assert "host all all all md5" in plain.splitlines()


@pytest.mark.parametrize(
    ("product", "value", "method"),
    [
        (FLEXIBLE_SERVER, "scram-sha-256", "scram-sha-256"),
        (FLEXIBLE_SERVER, "md5,scram-sha-256", "md5"),
        (RDS, "scram", "scram-sha-256"),
        (RDS, "md5+scram", "md5"),
    ],
)
def test_the_older_kind_of_password_is_taken_unless_it_is_declared_otherwise(
    product, value, method
):
    declared = dataclasses.replace(DATABASE, parameters={product.accepted: value})
    lines = settings.files(declared, product)["pg_hba.conf"].decode().splitlines()
    assert lines[-1] == f"hostssl all all all {method}"
    assert settings.without_effect(declared, product) == ()


def test_a_word_that_is_neither_on_nor_off_is_refused():
    with pytest.raises(FabricError, match="require_secure_transport must be on or off, got 'perh"):
        text("pg_hba.conf", parameters={"require_secure_transport": "perhaps"})


def test_a_name_is_taken_literally():
    assert 'hostssl all "id""web" all ldap' in text("pg_hba.conf")
    with pytest.raises(FabricError, match="line break"):
        text("pg_hba.conf", principals={"a\nhost all all all trust": "object"})


def test_what_only_the_cloud_knows_is_told():
    declared = dataclasses.replace(
        DATABASE, parameters={"azure.extensions": "x", "work_mem": "8MB", "pgbouncer.enabled": "on"}
    )
    found = settings.without_effect(declared, FLEXIBLE_SERVER)
    assert found == ("azure.extensions", "pgbouncer.enabled")


def test_a_verifier_is_of_its_password_and_of_no_other():
    # RFC 7677, section 3: user "user", password "pencil".
    verifier = (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert scram.is_of("pencil", verifier)
    assert not scram.is_of("Pencil", verifier)
    assert not scram.is_of("pencil", "")
    assert not scram.is_of("pencil", "md5d41d8cd98f00b204e9800998ecf8427e")
