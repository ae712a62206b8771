"""What a cloud itself keeps from being deleted, of an exported stack on standard input.

Prints one line each: the resource's id, and the property that says so. Pulumi's own protection is
another thing (`pulumi state unprotect`), and a cloud's protection outlives it.
"""

import json
import sys

PROPERTIES = {
    "aws:cloudwatch/logGroup:LogGroup": "deletionProtectionEnabled",
    "aws:lb/loadBalancer:LoadBalancer": "enableDeletionProtection",
    "aws:rds/instance:Instance": "deletionProtection",
}
"""By type of resource."""


def main() -> None:
    """Read the stack, print the lines."""
    for resource in json.load(sys.stdin)["deployment"].get("resources") or []:
        name = PROPERTIES.get(resource["type"], "")
        outputs = resource.get("outputs") or {}
        if name and outputs.get(name):
            print(outputs.get("arn") or resource["id"], name)  # noqa: T201 -- its purpose


if __name__ == "__main__":
    main()
