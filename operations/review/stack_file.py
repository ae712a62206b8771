"""The stack file of a review's environment: another stack's, made throw-away."""

from collections.abc import Mapping
from typing import Any

import yaml

from operations.errors import OperationError

ENVIRONMENT = "operationalization:environment"


def written(text: str, source: str, *, tags: Mapping[str, str], secrets_provider: str = "") -> str:
    """Return the stack file in *text*, unprotected and with *tags*; *source* says where it is from.

    Raises:
        OperationError: it is none that could be copied.
    """
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _refused(source, f"it is not YAML: {str(error).splitlines()[0]}") from None
    config = found.get("config") if isinstance(found, dict) else None
    environment = config.get(ENVIRONMENT) if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(environment, dict):
        raise _refused(source, f"it has no {ENVIRONMENT}")
    if any(isinstance(value, dict) and "secure" in value for value in config.values()):
        raise _refused(source, "it holds encrypted values, which no other stack can decrypt")
    own = environment.get("tags")
    changed = {
        **environment,
        "protection": False,
        "tags": {**(own if isinstance(own, dict) else {}), **tags},
    }
    made: dict[str, Any] = {"config": {**config, ENVIRONMENT: changed}}
    if secrets_provider:
        made["secretsprovider"] = secrets_provider
    return yaml.safe_dump(made, sort_keys=False, allow_unicode=True)


def _refused(source: str, why: str) -> OperationError:
    return OperationError(
        "no environment can be made like this one", source, why, "name another stack with --like"
    )
