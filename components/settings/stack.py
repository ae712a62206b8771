"""A stack's whole configuration: the environment, and the secrets that lie beside it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pulumi
from pulumi.runtime.config import get_config_env, is_config_secret

from components.settings.bases import BASES, PROJECT, Layers, examine_over
from components.settings.catalogue.products import is_windows
from components.settings.environment import Environment, NodesEnvironment
from components.settings.parsing import cautions
from components.settings.problems import Problem, SettingsError, closest, show
from components.settings.secrets import (
    FAMILY_KEYS,
    SECRET_KEYS,
    check_hash,
    check_line,
    check_password,
    secrets_suit,
    stored_in_plain,
)
from components.settings.topology import NAMESPACE, is_setting

T = TypeVar("T")

KEYS = ("environment", "base", "certificate", *SECRET_KEYS)
"""Configuration keys that this project reads, each below its own namespace, beside settings that
are keys of their own (`single`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What a stack configures. A secret is an output only: no repr shows it."""

    environment: Environment
    project: Path = PROJECT
    """Folder of the program."""
    admin_password: pulumi.Output[str] | None = field(default=None, repr=False)
    certificate: str | None = None
    certificate_key: pulumi.Output[str] | None = field(default=None, repr=False)
    admin_password_hash: pulumi.Output[str] | None = field(default=None, repr=False)
    """R Server 9.0 only: what its file holds in place of the password."""
    ldap_password: pulumi.Output[str] | None = field(default=None, repr=False)
    """Password of the account that looks users up in a directory."""
    aad_key: pulumi.Output[str] | None = field(default=None, repr=False)
    """Secret of the web application in Azure Active Directory."""


def load(config: pulumi.Config, stack: str, project: Path = PROJECT) -> Settings:
    """Return the settings of *stack*; what someone may regret is logged as a warning.

    *project* is the folder of the program: bases are in its folder stacks/bases, and a model is
    named relative to it. Raises SettingsError with every problem when there is one.
    """
    environment, problems, layers = _environment(config, stack, project)
    problems += unknown_keys(config.name, get_config_env())
    problems += strays(pulumi.get_project(), get_config_env())
    problems += _secret_problems(config)
    if environment is not None:
        there = {name for name in SECRET_KEYS if config.get(name) is not None}
        problems += secrets_suit(environment, there)
        problems += _key_suits(environment, config)
    if environment is None or problems:
        raise SettingsError(stack, problems)
    for caution in cautions(environment):
        pulumi.log.warn(str(layers.located(caution)).strip())
    return Settings(
        environment=environment,
        project=project,
        admin_password=config.get_secret("adminPassword"),
        certificate=config.get("certificate"),
        certificate_key=config.get_secret("certificateKey"),
        admin_password_hash=config.get_secret("adminPasswordHash"),
        ldap_password=config.get_secret("ldapPassword"),
        aad_key=config.get_secret("aadKey"),
    )


def _key_suits(environment: Environment, config: pulumi.Config) -> Iterator[Problem]:
    """Nodes can read the key of the certificate that the user brings."""
    key = config.get("certificateKey")
    if key is None or not isinstance(environment, NodesEnvironment):
        return
    if is_windows(environment.runtime.operating_system):
        from components.settings.certificates import check_key_of_windows  # noqa: PLC0415

        yield from check_key_of_windows(key)


def unknown_keys(namespace: str, configured: Iterable[str]) -> Iterator[Problem]:
    """Yield the keys of *namespace* that nothing reads: a misspelt one would be lost silently."""
    for key in configured:
        space, _, name = key.partition(":")
        if space == namespace and name not in KEYS and not is_setting(name):
            near = closest(name, KEYS)
            fix = f"did you mean {near}?" if near else f"run: pulumi config rm {name}"
            yield Problem(name, "", "is not a known configuration key", fix)


def strays(project: str, configured: Iterable[str]) -> Iterator[Problem]:
    """Yield our keys in the namespace of a *project* that has another one: nothing reads them.

    `pulumi config set` puts a key there that is written without a namespace.
    """
    for key in configured:
        space, _, name = key.partition(":")
        if space == project != NAMESPACE and (name in KEYS or is_setting(name)):
            rule = f"is read by nothing: settings of these components begin with {NAMESPACE}:"
            secret = "--secret " if name in SECRET_KEYS else ""
            fix = f"run: pulumi config rm {key} && pulumi config set {secret}{NAMESPACE}:{name}"
            yield Problem(key, "", rule, fix)


def settings_among(namespace: str, configured: Mapping[str, T]) -> dict[str, T]:
    """Return those of the *configured* keys that are settings of their own, by their paths."""
    found = ((key.partition(":"), value) for key, value in configured.items())
    return {
        name: value
        for (space, _, name), value in found
        if space == namespace and name not in KEYS and is_setting(name)
    }


def _environment(
    config: pulumi.Config, stack: str, project: Path
) -> tuple[Environment | None, list[Problem], Layers]:
    own = settings_among(config.name, get_config_env())
    for name in ("environment", "base", *own):
        if is_config_secret(config.full_key(name)):
            rule = "must hold no secret: secrets are configuration keys of their own"
            fix = "remove it, and run: pulumi config set --secret adminPassword"
            return None, [Problem(name, "", rule, fix)], Layers(None)
    text = config.get("environment")
    try:
        # The engine hands objects over as JSON, whatever the stack file looked like.
        value = None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        rule = "must be a mapping of keys to values"
        fix = "indent the settings under operationalization:environment"
        return None, [Problem("environment", show(text), rule, fix)], Layers(None)
    return examine_over(config.get("base"), value, project / BASES, stack, own)


def _secret_problems(config: pulumi.Config) -> Iterator[Problem]:
    for name in SECRET_KEYS:
        if config.get(name) is not None and not is_config_secret(config.full_key(name)):
            yield stored_in_plain(name)
    # Checked in the clear and dropped: what is passed on are the outputs of get_secret.
    if (password := config.get("adminPassword")) is not None:
        yield from check_password(password)
    for name in FAMILY_KEYS:
        if (value := config.get(name)) is None:
            continue
        if name == "adminPasswordHash":
            yield from check_hash(password, value)
        else:
            yield from check_line(name, value)
    chain, key = config.get("certificate"), config.get("certificateKey")
    if chain is not None or key is not None:
        # Only who brings a certificate waits for the library that reads it.
        from components.settings.certificates import check_certificate  # noqa: PLC0415

        yield from check_certificate(chain, key, datetime.now(UTC))
