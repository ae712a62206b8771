"""An account in a real store, with records as the control plane writes them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from sandbox.control.kinds import Record
from sandbox.control.store import Store
from sandbox.control.world import StoreTransaction, StoreWorld
from sandbox.fabric.aws.sessions import Session, Sessions
from sandbox.fabric.serving.exchange import Request

REGION = "eu-central-1"
ACCOUNT = "500000000005"
SOURCE = IPv4Address("10.20.0.5")
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def arn(service: str, resource: str, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def policy(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@dataclass
class Account:
    """What a stack has deployed, and who calls."""

    store: Store
    sessions: Sessions

    @property
    def world(self) -> StoreWorld:
        return StoreWorld(self.store.read(), ACCOUNT, region=REGION)

    def put(self, kind: str, target: str, short: str = "", parent: str = "", **values: object):
        """A record with *values* as its inputs, and as outputs too."""
        outputs = values.pop("outputs", {})
        record = Record(
            id=target,
            type=kind,
            inputs=values,
            outputs={**values, **outputs},
            incarnation="1",
            created="2026-01-01T00:00:00+00:00",
            short=short or target,
            parent=parent,
        )
        with self.store.change() as rows:
            StoreTransaction(rows, changes=rows).put(record)
        return record

    def role(self, name: str, *statements: dict[str, object]) -> Session:
        """A role that may do what the statements say, as a machine has it."""
        self.put(
            "aws:iam/role:Role",
            arn("iam", f"role/{name}", ""),
            name,
            outputs={"name": name, "uniqueId": f"AROA{name.upper()}"},
        )
        self.put(
            "aws:iam/rolePolicy:RolePolicy",
            arn("iam", f"role/{name}/policy/own", ""),
            f"{name}:own",
            role=name,
            policy=policy(*statements),
        )
        return self.session(name)

    def session(self, name: str) -> Session:
        return Session(
            account=ACCOUNT,
            partition="aws",
            role=name,
            role_id=f"AROA{name.upper()}",
            name="i-0123456789abcdef0",
            expires=0,
        )

    def secret(self, name: str, value: str, **more: object) -> str:
        target = arn("secretsmanager", f"secret:{name}-a1B2c3")
        self.put(
            "aws:secretsmanager/secret:Secret", target, name=name, outputs={"name": name}, **more
        )
        self.put(
            "aws:secretsmanager/secretVersion:SecretVersion",
            f"{target}/version/v1",
            f"{target}|v1",
            target,
            secretString=value,
            outputs={"secretId": target, "versionId": "v1", "versionStages": ["AWSCURRENT"]},
        )
        return target

    def key(self, name: str, *statements: dict[str, object]) -> str:
        target = arn("kms", f"key/{name}")
        document = {"policy": policy(*statements)} if statements else {}
        self.put("aws:kms/key:Key", target, name, **document)
        return target

    def signed(
        self,
        session: Session,
        service: str,
        *,
        method: str = "POST",
        host: str = "",
        path: str = "/",
        body: bytes = b"",
        **headers: str,
    ) -> Request:
        """A call as it arrives, signed by the nodes' SDK."""
        host = host or f"{service}.{REGION}.amazonaws.com"
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        made = AWSRequest(method=method, url=f"https://{host}{path}", data=body, headers=given)
        own = self.sessions.give(session)
        keys = Keys(own.access_key, own.secret_key, own.token)
        kind = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
        kind(keys, service, REGION).add_auth(made)
        found = {
            name.lower(): value.decode() if isinstance(value, bytes) else value
            for name, value in made.prepare().headers.items()
        }
        return Request(
            method=method, target=path, source=SOURCE, headers={"host": host, **found}, body=body
        )


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    store = Store(tmp_path / "cloud.sqlite")
    yield Account(store, Sessions(tmp_path))
    store.close()
