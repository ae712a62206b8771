"""The open runtime: R workers behind HAProxy, an API service in Python (design.md section 3)."""

from components.runtimes.plumber.recipe import (
    COMPUTE_SERVER_NAME,
    WEB_CLIENT_NAME,
    recipe,
)

__all__ = ["COMPUTE_SERVER_NAME", "WEB_CLIENT_NAME", "recipe"]
