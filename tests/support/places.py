"""What is each cloud's own in tests that look for secrets on both."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from components.runtimes.plumber.secrets import SECRETS
from tests.support.live import Live

CLOUD = "/opt/operationalization/bin/cloud.sh"
OF_NODES = frozenset(use.name for uses in SECRETS.values() for use in uses)
GROUP = "aws:autoscaling/group:Group"

ASK_IMDS = """
place=http://169.254.169.254/latest
token=$(curl -sX PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$place/api/token")
ask() { curl -sH "X-aws-ec2-metadata-token: $token" "$place/$1"; }
"""
SAID_BY_IMDS = f"""{ASK_IMDS}
ask user-data | base64
ask user-data | gunzip
ask dynamic/instance-identity/document
ask meta-data/
ask meta-data/tags/instance/Name
"""
CREDENTIALS = f"""{ASK_IMDS}
roles=meta-data/iam/security-credentials/
ask "$roles$(ask "$roles")"
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One cloud, and the stack on it that is looked at."""

    stack: str
    names: tuple[str, ...]
    """All secrets of the vault."""

    stored: str
    """Where the state has the value of one."""

    user_data: Callable[[Mapping[str, dict[str, Any]], str], str]
    """What the engine passed to a group of that name: base64."""

    metadata: str
    """A node's command for all that its cloud tells it, apart from tokens and credentials."""

    databases: str
    """Folder of the sandbox's home that has them."""

    token: re.Pattern[bytes]
    """What nodes log in with."""

    unstated: Callable[[Live, str], dict[str, str]]
    """Secrets that no state has, by name, as a web node may learn them."""

    leave_alone: Callable[[Live], None]
    """Has the cloud replace no node that reboots on a busy machine."""


def _custom_data(resources: Mapping[str, dict[str, Any]], name: str) -> str:
    (found,) = [each for urn, each in resources.items() if urn.endswith(f"ScaleSet::{name}")]
    return str(found["inputs"]["virtualMachineProfile"]["osProfile"]["customData"])


def _template(resources: Mapping[str, dict[str, Any]], name: str) -> str:
    (found,) = [
        each
        for urn, each in resources.items()
        if "LaunchTemplate::" in urn and urn.rpartition("::")[2].startswith(name)
    ]
    return str(found["inputs"]["userData"])


def _kept_by_aws(dev: Live, web: str) -> dict[str, str]:
    first = json.loads(dev.on(web, CLOUD, "database-bootstrap").stdout)
    role = json.loads(dev.on(web, "bash", "-c", CREDENTIALS).stdout)
    return {
        "the database's first login": first["password"],
        "key of the role": role["SecretAccessKey"],
        "session of the role": role["Token"],
    }


def _replace_nothing(dev: Live) -> None:
    for group in dev.resources(GROUP):
        dev.tamper(group["id"], "suspendedProcesses", '["ReplaceUnhealthy"]')


AZURE = Place(
    stack="dev",
    names=tuple(sorted(OF_NODES | {"database-master"})),
    stored="{stack}-secrets-{name}.properties.value",
    user_data=_custom_data,
    metadata=(
        "curl -sH Metadata:true http://169.254.169.254/metadata/instance?api-version=2021-02-01"
    ),
    databases="databases",
    token=re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"),
    unstated=lambda dev, web: {},
    leave_alone=lambda dev: None,
)

AWS = Place(
    stack="dev-aws",
    names=tuple(sorted(OF_NODES)),
    stored="{stack}-secrets-{name}-value.secretString",
    user_data=_template,
    metadata=SAID_BY_IMDS,
    databases="databases-aws",
    token=re.compile(rb"X-Amz-Signature=[0-9a-f]{64}"),
    unstated=_kept_by_aws,
    leave_alone=_replace_nothing,
)
