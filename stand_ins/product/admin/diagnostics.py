"""Diagnostic tests (facts.md 14.1): the raw report, a code block, a service."""

import time
from typing import Any

from stand_ins.product.admin.client import Client
from stand_ins.product.appsettings import ConfigurationError
from stand_ins.versions import Version


def run(version: Version, client: Client) -> dict[str, Any]:
    """Test the configuration, with the execution of some code; return the raw report.

    Raises:
        ConfigurationError: something is wrong; its text has the report.
    """
    report: dict[str, Any] = client.call("GET", "/status")
    if report["statusCode"] != version.good:
        raise ConfigurationError(f"a diagnostic test failed: {report}")
    answer = code(client, "x <- 5; x")
    if not answer["success"]:
        raise ConfigurationError(f"code could not be executed: {answer['errorMessage']}")
    return report


def code(client: Client, block: str) -> dict[str, Any]:
    """Execute a block of R code in a session of its own."""
    session = client.call("POST", "/sessions", {"name": "diagnostics", "runtimeType": "R"})
    path = f"/sessions/{session['sessionId']}"
    try:
        answer: dict[str, Any] = client.call("POST", f"{path}/execute", {"code": block})
        return answer
    finally:
        client.call("DELETE", path)


def service(client: Client, name: str, version: str, inputs: object) -> dict[str, Any]:
    """Consume a service."""
    answer: dict[str, Any] = client.call("POST", f"/api/{name}/{version}", inputs)
    return answer


def when_up(version: Version, endpoint: str, password: str, seconds: float = 300) -> Client:
    """Return a web node that was started just now, logged in.

    Raises:
        ConfigurationError: it does not come up.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            client = Client(endpoint).log_in(version.account, password)
            if client.call("GET", "/status")["statusCode"] == version.good:
                return client
            reason = "the status is not good"
        except ConfigurationError as error:
            reason = str(error.args[0])
        if time.monotonic() > deadline:
            raise ConfigurationError(reason)
        time.sleep(0.5)
