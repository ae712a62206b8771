"""A stack's configuration as the engine hands it over."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pulumi
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from components.settings import Settings, SettingsError, load
from tests.components.settings.test_secrets import certificate, pem
from tests.support.environments import AZURE, changed, of_family

SECRETS = ["adminPassword", "certificateKey", "adminPasswordHash", "ldapPassword", "aadKey"]


def configured(
    monkeypatch: pytest.MonkeyPatch, secret: list[str] | None = None, **keys: object
) -> pulumi.Config:
    values = {
        f"operationalization:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in keys.items()
    }
    hidden = [f"operationalization:{key}" for key in (SECRETS if secret is None else secret)]
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(values))
    pulumi.runtime.set_all_config(values, hidden)
    return pulumi.Config("operationalization")


def refused(config: pulumi.Config) -> str:
    with pytest.raises(SettingsError) as raised:
        load(config, "dev")
    return str(raised.value)


def test_the_smallest_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(configured(monkeypatch, environment=AZURE), "dev")
    assert settings == Settings(environment=settings.environment)
    assert settings.environment.compute.maximum == 20


def test_secrets_are_outputs_and_nothing_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    own = certificate(begins=datetime.now(UTC), days=30)
    keys: dict[str, Any] = {
        "adminPassword": "Abcdef1!",
        "certificate": own,
        "certificateKey": pem(),
    }
    settings = load(configured(monkeypatch, environment=AZURE, **keys), "dev")
    assert settings.certificate == own
    assert settings.admin_password is not None
    assert settings.certificate_key is not None
    loop = asyncio.get_event_loop()
    assert loop.run_until_complete(settings.admin_password.future()) == "Abcdef1!"
    assert loop.run_until_complete(settings.admin_password.is_secret())
    assert loop.run_until_complete(settings.certificate_key.is_secret())
    assert "Abcdef1!" not in repr(settings)
    assert "PRIVATE" not in repr(settings)


def test_every_problem_of_the_stack_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(
        monkeypatch,
        environment=changed(AZURE, {"location": "westeurop"}),
        adminPassword="hunter2",
        certificat="x",
        certificateKey="x",
    )
    assert (
        refused(config)
        == """\
stack 'dev' cannot be deployed:
  location: must be a location of azure that this project knows (got "westeurop")
    fix: did you mean westeurope?
  certificat: is not a known configuration key
    fix: did you mean certificate?
  adminPassword: must be 8 to 16 characters long
    fix: choose another one, or remove it and one is generated
  adminPassword: must have an upper-case letter and one of ~!@#$%^&()-_+=|<>\\/;:,.
    fix: choose another one, or remove it and one is generated
  certificate: is required with certificateKey
    fix: pulumi config set certificate < chain.pem
  certificateKey: must be one private key in PEM form
    fix: pulumi config set --secret certificateKey < key.pem"""
    )


def test_a_secret_in_the_open_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(monkeypatch, [], environment=AZURE, adminPassword="Abcdef1!")
    assert (
        refused(config)
        == """\
stack 'dev' cannot be deployed:
  adminPassword: must be stored as a secret, and now lies in the stack file for all to read
    fix: replace it by another one: pulumi config set --secret adminPassword"""
    )


def test_a_secret_inside_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(monkeypatch, ["environment"], environment=AZURE)
    assert (
        refused(config)
        == """\
stack 'dev' cannot be deployed:
  environment: must hold no secret: secrets are configuration keys of their own
    fix: remove it, and run: pulumi config set --secret adminPassword"""
    )


def test_a_stack_without_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        refused(configured(monkeypatch))
        == """\
stack 'dev' cannot be deployed:
  environment: is required
    fix: add the object operationalization:environment under config"""
    )


@pytest.mark.parametrize("text", ["enterprise", "[" * 200_000, "{"])
def test_an_environment_that_is_no_mapping(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    shown = f'"{text}"' if len(text) < 50 else f'"{text[:56]}...'
    assert (
        refused(configured(monkeypatch, environment=text))
        == f"""\
stack 'dev' cannot be deployed:
  environment: must be a mapping of keys to values (got {shown})
    fix: indent the settings under operationalization:environment"""
    )


def test_settings_errors_reach_the_user_without_a_trace() -> None:
    assert issubclass(SettingsError, pulumi.RunError)


def test_what_someone_may_regret_is_logged_and_deploys(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", logged.append)

    settings = load(configured(monkeypatch, environment={**AZURE, "web": {"count": 1}}), "dev")

    assert settings.environment.web.count == 1
    assert logged[0].splitlines() == [
        "web.count: leaves no node to answer while the only one is repaired (got 1)",
        "    fix: write 2 or more",
    ]


LDAP = {
    "method": "ldap",
    "ldap": {
        "host": "10.9.8.7",
        "queryUserDn": "CN=lookup,DC=example,DC=com",
        "searchBase": "OU=people,DC=example,DC=com",
        "searchFilter": "userPrincipalName={0}",
    },
}
AAD = {
    "method": "azureActiveDirectory",
    "azureActiveDirectory": {"authority": "https://login.windows.net/example", "audience": "app"},
}


def directory(authentication: dict[str, Any], version: str = "9.4.7") -> dict[str, Any]:
    value = of_family(AZURE, version)
    return changed(value, {"runtime.server.authentication": authentication})


def values(settings: Settings) -> dict[str, str]:
    """Return the secrets of *settings* by name; each is awaited, or its task outlives the test."""
    loop = asyncio.get_event_loop()
    names = ("admin_password", "admin_password_hash", "ldap_password", "aad_key")
    found = {name: output for name in names if (output := getattr(settings, name)) is not None}
    assert all(loop.run_until_complete(output.is_secret()) for output in found.values())
    return {name: loop.run_until_complete(output.future()) for name, output in found.items()}


@pytest.mark.parametrize(
    ("environment", "keys", "expected"),
    [
        (
            of_family(AZURE, "9.0.1"),
            {"adminPassword": "Abcdef1!", "adminPasswordHash": "AQ=="},
            {"admin_password": "Abcdef1!", "admin_password_hash": "AQ=="},
        ),
        (directory(LDAP), {"ldapPassword": "pass word"}, {"ldap_password": "pass word"}),
        (directory(AAD), {"aadKey": "k3y-of-web"}, {"aad_key": "k3y-of-web"}),
        (directory(AAD, "9.1.0"), {"aadKey": "k3y-of-web"}, {"aad_key": "k3y-of-web"}),
    ],
)
def test_secrets_of_the_family_are_outputs_too(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, Any],
    keys: dict[str, str],
    expected: dict[str, str],
) -> None:
    settings = load(configured(monkeypatch, environment=environment, **keys), "dev")

    assert values(settings) == expected
    assert not [secret for secret in expected.values() if secret in repr(settings)]


MISSING: list[tuple[dict[str, Any], list[str]]] = [
    (
        of_family(AZURE, "9.0-preview"),
        [
            (
                "  adminPassword: is required with runtime.version: 9.0-preview, whose "
                "adminPasswordHash is of that password"
            ),
            "    fix: pulumi config set --secret adminPassword",
            (
                "  adminPasswordHash: is required with runtime.version: 9.0-preview, whose set-up "
                "cannot make it silently"
            ),
            (
                "    fix: configure one node by hand with that password, take AdminPassword from "
                "its appsettings.json, and run: pulumi config set --secret adminPasswordHash"
            ),
        ],
    ),
    (
        directory(LDAP),
        [
            (
                "  ldapPassword: is required with authentication.method: ldap, whose query account "
                "has it"
            ),
            "    fix: pulumi config set --secret ldapPassword",
        ],
    ),
    (
        directory(AAD),
        [
            (
                "  aadKey: is required with authentication.method: azureActiveDirectory, whose web "
                "application has it"
            ),
            "    fix: pulumi config set --secret aadKey",
        ],
    ),
]


@pytest.mark.parametrize(("value", "lines"), MISSING)
def test_a_secret_that_the_settings_ask_for(
    monkeypatch: pytest.MonkeyPatch, value: dict[str, Any], lines: list[str]
) -> None:
    found = refused(configured(monkeypatch, environment=value))
    assert found.splitlines()[1:] == lines


def test_a_secret_that_nothing_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"adminPasswordHash": "AQ==", "ldapPassword": "p", "aadKey": "k"}
    assert refused(configured(monkeypatch, environment=AZURE, **keys)).splitlines()[1::2] == [
        (
            "  adminPasswordHash: is read by nothing here: it belongs to R Server 9.0 "
            "(runtime.version 9.0-preview or 9.0.1)"
        ),
        (
            "  ldapPassword: is read by nothing here: it belongs to "
            "runtime.server.authentication.method: ldap"
        ),
        (
            "  aadKey: is read by nothing here: it belongs to "
            "runtime.server.authentication.method: azureActiveDirectory, since 9.1"
        ),
    ]


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("Abcdef1!", "must be the hash of adminPassword, and not that password itself"),
        (" ", "must be 1 to 1024 characters long"),
        ("x" * 1025, "must be 1 to 1024 characters long"),
        ("AQ==\n", "must be one line, with no blanks around it"),
    ],
)
def test_a_hash_that_is_none(monkeypatch: pytest.MonkeyPatch, value: str, rule: str) -> None:
    keys = {"adminPassword": "Abcdef1!", "adminPasswordHash": value}
    found = refused(configured(monkeypatch, environment=of_family(AZURE, "9.0.1"), **keys))
    assert found.splitlines()[1] == f"  adminPasswordHash: {rule}"
    assert len(found.splitlines()) == 3


def test_a_directory_password_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(monkeypatch, environment=directory(LDAP), ldapPassword="a\nb")
    assert refused(config).splitlines()[1:] == [
        "  ldapPassword: must be one line, with no blanks around it",
        "    fix: set it again: pulumi config set --secret ldapPassword",
    ]


@pytest.mark.parametrize("system", ["windows-server-2016", "ubuntu-16.04"])
def test_a_key_that_windows_does_not_read(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    keys: dict[str, Any] = {
        "certificate": certificate(begins=datetime.now(UTC), days=30),
        "certificateKey": pem(),
    }
    config = configured(monkeypatch, environment=of_family(AZURE, "9.4.7", system), **keys)
    if system == "ubuntu-16.04":
        assert load(config, "dev").certificate_key is not None
        return
    assert refused(config).endswith(
        "  certificateKey: must be an RSA key with nodes on Windows, which read no other\n"
        "    fix: set an RSA key, and the certificate made for it"
    )


def test_an_rsa_key_is_one_that_windows_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    key = rsa.generate_private_key(65537, 2048)
    keys: dict[str, Any] = {
        "certificate": certificate(key, begins=datetime.now(UTC), days=30),
        "certificateKey": pem(key),
    }
    value = of_family(AZURE, "9.4.7", "windows-server-2016")
    assert load(configured(monkeypatch, environment=value, **keys), "dev").certificate_key
