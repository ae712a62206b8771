"""A stack's whole configuration: the environment, and the secrets that lie beside it."""

from dataclasses import dataclass

import pulumi

from components.settings.environment import Environment
from components.settings.parsing import parse


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What a stack configures. Secrets are outputs only: no repr shows one."""

    environment: Environment
    admin_password: pulumi.Output[str] | None = None
    certificate: str | None = None
    certificate_key: pulumi.Output[str] | None = None


def load(config: pulumi.Config, stack: str) -> Settings:
    """Return the settings of *stack*.

    Raises SettingsError with every problem when there is one.
    """
    return Settings(
        environment=parse(config.get_object("environment"), stack=stack),
        admin_password=config.get_secret("adminPassword"),
        certificate=config.get("certificate"),
        certificate_key=config.get_secret("certificateKey"),
    )
