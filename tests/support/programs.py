"""The whole program on the pretend cloud that its settings name."""

from collections.abc import Mapping
from typing import Any

from tests.support import aws, azure, stacks
from tests.support.cloud import World

CLOUDS = {"aws": aws, "azure": azure}
"""Module of each pretend cloud."""


def deployed(config: Mapping[str, Any], **options: Any) -> World:
    """The resources for a configuration of `azure.stack` or `azure.changed`."""
    return CLOUDS[config[stacks.ENVIRONMENT]["cloud"]].deployed(config, **options)


def world(name: str) -> World:
    """The resources of a stack as it is."""
    return CLOUDS[stacks.config(name)[stacks.ENVIRONMENT]["cloud"]].world(name)
