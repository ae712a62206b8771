"""A stack's configuration as the engine hands it over."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pulumi
import pytest

from components.settings import Settings, SettingsError, load
from tests.components.settings.test_secrets import certificate, pem
from tests.support.environments import AZURE, changed

SECRETS = ["adminPassword", "certificateKey"]


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
