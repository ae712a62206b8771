from datetime import UTC, datetime, timedelta

import pulumi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from components.settings import load
from components.topologies.certificates import last_moment, unix_seconds
from components.topologies.credentials import Credentials, CredentialsArgs
from tests.support.azure import AzureCloud, deployed, program, stack, walk, world
from tests.support.cloud import STACK, Secret, World, deploy

PASSWORD = "random:index/randomPassword:RandomPassword"
KEY = "tls:index/privateKey:PrivateKey"
REQUEST = "tls:index/certRequest:CertRequest"
SIGNED = "tls:index/locallySignedCert:LocallySignedCert"


def stored(deployment: World, name: str) -> str:
    """The value of a secret in the vault."""
    secret = deployment.of_type("azure-native:keyvault:Secret")[f"test-secrets-{name}"]
    value = secret["properties"]["value"]
    assert isinstance(value, Secret)
    return value.value


def test_the_administrators_password_obeys_the_products_rule() -> None:
    password = world("dev").of_type(PASSWORD)["test-credentials-admin-password"]
    assert password["length"] == 16
    assert password["overrideSpecial"] == "-_+.:"
    assert {key: password[key] for key in ("minUpper", "minLower", "minNumeric", "minSpecial")} == {
        "minUpper": 1,
        "minLower": 1,
        "minNumeric": 1,
        "minSpecial": 1,
    }


def test_the_users_password_takes_its_place() -> None:
    given = deployed(stack("dev"), secrets={"operationalization:adminPassword": "Correct-Horse-1"})
    assert "test-credentials-admin-password" not in given.of_type(PASSWORD)
    assert stored(given, "admin-password") == "Correct-Horse-1"


def test_database_passwords_are_long_and_need_no_escaping() -> None:
    for role in ("api", "loader", "master"):
        password = world("dev").of_type(PASSWORD)[f"test-credentials-database-{role}"]
        assert (password["length"], password["special"]) == (32, False)


def test_every_secret_is_another_one() -> None:
    names = ("admin-password", "database-api", "database-loader", "database-master")
    assert len({stored(world("dev"), name) for name in names}) == len(names)


def test_tokens_are_signed_with_a_key_of_this_environment() -> None:
    key = world("dev").of_type(KEY)["test-credentials-token-signing"]
    assert (key["algorithm"], key["rsaBits"]) == ("RSA", 2048)


def test_certificates_are_for_one_purpose_and_the_names_that_are_verified() -> None:
    deployment = world("dev")
    requests, signed = deployment.of_type(REQUEST), deployment.of_type(SIGNED)
    described = {
        name.removeprefix("test-credentials-"): (
            certificate["allowedUses"],
            requests[f"{name}-request"]["subject"]["commonName"],
            requests[f"{name}-request"].get("dnsNames"),
            requests[f"{name}-request"].get("ipAddresses"),
        )
        for name, certificate in signed.items()
    }
    compute = "compute.operationalization.internal"
    assert described == {
        "compute-server": (["digital_signature", "server_auth"], compute, [compute], None),
        "web-client": (
            ["digital_signature", "client_auth"],
            "web.operationalization.internal",
            None,
            None,
        ),
        "web-server": (["digital_signature", "server_auth"], "test web", None, ["20.50.2.80"]),
    }


def elsewhere() -> Credentials:
    """The credentials of a cloud with a balancer of two addresses, whose database keeps its own."""
    text = pulumi.Output.from_input
    return Credentials(
        "here",
        CredentialsArgs(
            stack=STACK,
            settings=load(pulumi.Config(), STACK),
            addresses=(text("198.51.100.1"), text("198.51.100.2")),
            host_names=(text("balancer.example"),),
            names=("web-server", "database-api"),
            database_master=False,
        ),
    )


def test_the_web_servers_certificate_is_for_every_name_and_address_of_the_balancer() -> None:
    found = deploy(elsewhere, cloud=AzureCloud(), config=stack("dev"))
    request = found.of_type(REQUEST)["here-web-server-request"]
    assert request["dnsNames"] == ["balancer.example"]
    assert request["ipAddresses"] == ["198.51.100.1", "198.51.100.2"]


def test_no_password_is_made_for_a_database_that_makes_its_own() -> None:
    found = deploy(elsewhere, cloud=AzureCloud(), config=stack("dev"))
    assert "here-database-master" not in found.of_type(PASSWORD)
    assert found.result.database_master is None
    assert "database-master" not in found.result.secrets


def test_what_no_node_reads_is_not_made() -> None:
    found = deploy(elsewhere, cloud=AzureCloud(), config=stack("dev"))
    assert set(found.result.secrets) == {"web-server", "database-api"}
    assert set(found.of_type(PASSWORD)) == {"here-database-api"}
    assert set(found.of_type(SIGNED)) == {"here-web-server"}


def test_the_authority_signs_and_does_nothing_else() -> None:
    authority = world("dev").only("tls:index/selfSignedCert:SelfSignedCert")
    assert authority["isCaCertificate"] is True
    assert authority["allowedUses"] == ["cert_signing", "crl_signing"]
    leaf = world("dev").of_type(SIGNED)["test-credentials-web-server"]
    left = authority["earlyRenewalHours"]
    assert left > leaf["validityPeriodHours"], "a certificate would outlive the one that signed it"


def test_a_certificate_and_its_key_are_one_file() -> None:
    assert stored(world("dev"), "web-client") == (
        "certificate of test-credentials-web-client\n"
        "s3cr3t-value-of-test-credentials-web-client-key-key8\n"
    )


@pytest.fixture(scope="module")
def own() -> tuple[str, str]:
    """A certificate that the user brings, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "models.example.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime(2049, 5, 1, tzinfo=UTC))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("models.example.com")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    return pem, private


def test_the_users_certificate_is_what_clients_see(own: tuple[str, str]) -> None:
    chain, key = own
    deployment = deploy(
        program,
        cloud=AzureCloud(),
        config={**stack("dev"), "operationalization:certificate": chain},
        secrets={"operationalization:certificateKey": key},
    )
    assert stored(deployment, "web-server") == chain + key
    assert "test-credentials-web-server" not in deployment.of_type(SIGNED)
    secret = deployment.of_type("azure-native:keyvault:Secret")["test-secrets-web-server"]
    assert secret["properties"]["attributes"]["expires"] == last_moment(chain) == 2503440000


def test_times_of_the_tls_provider_are_read_with_their_zone() -> None:
    assert unix_seconds("2028-01-01T00:00:00Z") == unix_seconds("2028-01-01T01:00:00+01:00")


def test_nothing_that_opens_something_is_a_plain_output() -> None:
    outputs = world("dev").result.outputs
    assert isinstance(world("dev").value(outputs["adminPassword"]), Secret)
    plain = [
        leaf for key, value in outputs.items() if key != "adminPassword" for _, leaf in walk(value)
    ]
    shown = [world("dev").value(x) if isinstance(x, pulumi.Output) else x for x in plain]
    assert "s3cr3t-value-of-" not in repr(shown)
