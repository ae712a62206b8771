"""AWS's way: Systems Manager, whose agent on the machine fetches what it is to run.

"AWS Systems Manager Run Command". The machine needs that agent, its permission, and the way to the
service: setting access.sessionManager gives the last two.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from operations.channel.carrier import Node
from operations.channel.commands import Ended, Program
from operations.errors import OperationError
from operations.patience import until

AWS = Program(name="aws", install="install the AWS CLI, version 2, and sign in with: aws sso login")
DELIVERY = 120
"""Seconds in which the agent must fetch the command."""
DOCUMENTS = {"linux": "AWS-RunShellScript", "windows": "AWS-RunPowerShellScript"}
"""What runs a text, by the machine's system."""

CALL_SECONDS = 60.0
UNDER_WAY = ("Pending", "InProgress", "Delayed", "Cancelling")


class SendCommand:
    """Runs texts on instances of AWS."""

    def __init__(self, region: str, program: Program = AWS) -> None:
        self._region, self._aws = region, program

    def carry(self, node: Node, text: str, seconds: float) -> str:
        """Run *text* on the machine."""
        command = self._sent(node, text, seconds)

        def look() -> dict[str, Any]:
            ended = self._ssm("get-command-invocation", "--command-id", command,
                              "--instance-id", node.id)  # fmt: skip
            if ended.code:
                if "InvocationDoesNotExist" in ended.stderr:
                    return {"Status": "Pending"}  # it was sent, and is not known everywhere yet
                raise self._refused(node, ended)
            return dict(json.loads(ended.stdout))

        found = until(look, lambda each: each["Status"] not in UNDER_WAY, seconds + DELIVERY)
        printed = str(found.get("StandardOutputContent", ""))
        if found["Status"] in ("Success", "Failed"):
            return printed
        raise OperationError(
            "AWS did not run a command to its end",
            node.name,
            f"it is {found.get('StatusDetails') or found['Status']}",
            "see that the machine's agent (amazon-ssm-agent) runs, then try again",
        )

    def _sent(self, node: Node, text: str, seconds: float) -> str:
        with tempfile.TemporaryDirectory() as folder:
            parameters = Path(folder) / "parameters.json"
            parameters.write_text(
                json.dumps({"commands": [text], "executionTimeout": [f"{seconds:.0f}"]})
            )
            ended = self._ssm(
                "send-command", "--instance-ids", node.id,
                "--document-name", DOCUMENTS[node.system],
                "--timeout-seconds", str(DELIVERY), "--parameters", f"file://{parameters}",
            )  # fmt: skip
        if ended.code:
            raise self._refused(node, ended)
        return str(json.loads(ended.stdout)["Command"]["CommandId"])

    def _ssm(self, *arguments: str) -> Ended:
        common = ("--region", self._region, "--output", "json")
        return self._aws.run(["ssm", *arguments, *common], CALL_SECONDS)

    def _refused(self, node: Node, ended: Ended) -> OperationError:
        fix = "sign in to the account (aws sts get-caller-identity says who you are)"
        if "InvalidInstanceId" in ended.stderr:
            images = (
                "Amazon's images of Windows bring it along"
                if node.is_windows
                else "Ubuntu 16.04 and CentOS 7 did not bring it along"
            )
            fix = (
                "set access.sessionManager: true and deploy, and have amazon-ssm-agent in the "
                f"image: {images}"
            )
        return OperationError(
            "AWS did not run a command on a node",
            node.name,
            ended.stderr.strip()[-600:] or f"aws ended with {ended.code}",
            fix,
        )
