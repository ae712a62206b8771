"""Which cloud's parts an environment is made of: the one place that knows their names."""

import importlib
from collections.abc import Mapping

from components.parts import Cloud
from components.settings import NodesEnvironment, Problem, SettingsError
from components.settings.problems import show

MODULES: Mapping[str, str] = {"azure": "components.azure.cloud", "aws": "components.aws.cloud"}
"""Module of each cloud that is built. It is loaded by name and only when it is chosen: a cloud's
SDK takes a second to load."""


def choose(environment: NodesEnvironment, stack: str) -> Cloud:
    """Return the parts of the environment's cloud.

    Raises:
        SettingsError: for a cloud that settings know and that is not built yet.
    """
    module = MODULES.get(environment.cloud)
    if module is None:
        problem = Problem(
            "cloud",
            show(environment.cloud),
            "is checked, but not built yet in this release",
            f"write {' or '.join(MODULES)}",
        )
        raise SettingsError(stack, [problem])
    cloud: Cloud = importlib.import_module(module).CLOUD
    return cloud
