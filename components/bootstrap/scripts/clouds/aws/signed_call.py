"""One signed call to AWS with this machine's own role, by Debian's python3-botocore.

usage: signed_call.py REGION secret ID | database-token HOST PORT USER | object S3-URI |
       complete HOOK GROUP INSTANCE | unhealthy GROUP INSTANCE

The answer goes to standard output as it is. Nothing but the arguments decides what is asked, and
nothing but the metadata service gives credentials: environment, proxies and files are not looked
at. Patience is the caller's (`retry` of library.sh); here a call is tried three times.
"""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import botocore.config
import botocore.exceptions
import botocore.session

METADATA: Final = "http://169.254.169.254/"
ENDPOINT: Final = "https://{service}.{region}.amazonaws.com"
"""The region's own endpoints, which an interface endpoint's private DNS answers for as well."""

TRUST_STORE: Final = "/etc/ssl/certs/ca-certificates.crt"

INACTIVE: Final = "No active Lifecycle Action"
"""How Auto Scaling's ValidationError begins when no hook holds the machine."""


class Region:
    """The services of one region, as this machine's role may use them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._session = botocore.session.Session()
        for variable, value in {
            "ec2_metadata_service_endpoint": METADATA,
            "metadata_service_timeout": 5,
            "metadata_service_num_attempts": 3,
        }.items():
            self._session.set_config_variable(variable, value)

    def client(self, service: str) -> Any:
        """Return botocore's client of *service*."""
        return self._session.create_client(
            service,
            region_name=self.name,
            endpoint_url=ENDPOINT.format(service=service, region=self.name),
            verify=TRUST_STORE,
            config=botocore.config.Config(
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "total_max_attempts": 3},
                proxies={},
                s3={"addressing_style": "virtual"},
            ),
        )


def secret(region: Region, name: str) -> bytes:
    """AWS Secrets Manager, `GetSecretValue`."""
    answer = region.client("secretsmanager").get_secret_value(SecretId=name)
    return str(answer["SecretString"]).encode()


def database_token(region: Region, host: str, port: str, user: str) -> bytes:
    """Amazon RDS User Guide, "IAM database authentication": a URL signed for 15 minutes."""
    token = region.client("rds").generate_db_auth_token(host, int(port), user, region.name)
    return str(token).encode()


def stored_object(region: Region, uri: str) -> bytes:
    """Amazon S3, `GetObject`; botocore refuses a body that ends early."""
    place = urlsplit(uri)
    answer = region.client("s3").get_object(Bucket=place.netloc, Key=place.path.removeprefix("/"))
    content = answer["Body"].read()
    assert isinstance(content, bytes)  # noqa: S101 - botocore has no types
    return content


def complete(region: Region, hook: str, group: str, instance: str) -> bytes:
    """Amazon EC2 Auto Scaling, `CompleteLifecycleAction`; that nothing waits is no failure."""
    try:
        region.client("autoscaling").complete_lifecycle_action(
            LifecycleHookName=hook,
            AutoScalingGroupName=group,
            InstanceId=instance,
            LifecycleActionResult="CONTINUE",
        )
    except botocore.exceptions.ClientError as error:
        if not error.response["Error"].get("Message", "").startswith(INACTIVE):
            raise
        sys.stderr.write(f"{group} does not wait for {hook}\n")
    return b""


def unhealthy(region: Region, _: str, instance: str) -> bytes:
    """Amazon EC2 Auto Scaling, `SetInstanceHealth`; a new machine has the grace of its group."""
    region.client("autoscaling").set_instance_health(
        InstanceId=instance, HealthStatus="Unhealthy", ShouldRespectGracePeriod=True
    )
    return b""


CALLS: Final[Mapping[str, Callable[..., bytes]]] = {
    "secret": secret,
    "database-token": database_token,
    "object": stored_object,
    "complete": complete,
    "unhealthy": unhealthy,
}


def main() -> None:
    """Make the call that the arguments ask for."""
    name, operation, *rest = sys.argv[1:]
    os.environ.clear()
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    try:
        answer = CALLS[operation](Region(name), *rest)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        # What AWS says of a refusal names the role and the resource, and holds no secret.
        sys.exit(f"{operation}: {error}")
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
