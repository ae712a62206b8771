"""Who makes a call, and whether policies allow it: the same for every service.

Sources: AWS Identity and Access Management User Guide, "Policy evaluation logic", "AWS global
condition context keys"; AWS PrivateLink Guide, "Control access to VPC endpoints using endpoint
policies" (an endpoint's policy limits what goes through it, and grants nothing); AWS KMS Developer
Guide, "Key policies" (a key's policy must let the account's policies decide), "kms:ViaService".
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

from sandbox.control.kinds import Record, World
from sandbox.control.reading import text
from sandbox.fabric.aws.policies import Decision, decide
from sandbox.fabric.aws.refusals import RefusedError, denied
from sandbox.fabric.aws.sessions import Session, Sessions
from sandbox.fabric.aws.signatures import Wanted, caller
from sandbox.fabric.serving.exchange import Answer, Request

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
ENDPOINT_POLICY = "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """Where a service's calls come in."""

    service: str
    """As signatures name it: `secretsmanager`."""
    region: str
    endpoint: str = ""
    """ARN of the endpoint of a VPC that leads here; "": the service's public address."""
    vpc: str = ""
    """Id of the VPC that calls come from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call, by somebody who is known."""

    request: Request
    world: World
    door: Door
    session: Session
    id: str

    def require(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
        """Raise RefusedError unless policies allow *action* on *resource* (an ARN)."""
        if (refused := self.judge(action, resource, context or {})) is not None:
            raise refused

    def judge(self, action: str, resource: str, context: Mapping[str, str]) -> RefusedError | None:
        """Why it is not allowed; None: it is."""
        given = {**self._context(), **context}
        if not self._may_pass(action, resource, given):
            error = denied(self.session.arn, action, resource)
            message = error.message.replace(
                "because no identity-based policy", "because no VPC endpoint policy"
            )
            return RefusedError(error.code, message, error.status, error.json_code)
        documents = list(policies_of(self.world, self.session.role))
        found = decide(documents, action, resource, given)
        if found is Decision.ALLOWED:
            return None
        explicit = found is Decision.DENIED
        return denied(self.session.arn, action, resource, explicit=explicit)

    def may_decrypt(self, key: str, context: Mapping[str, str]) -> bool:
        """Whether the caller may decrypt with a key, through this service.

        *key*: as a resource names it: id, ARN or alias; "" and AWS's own keys are for everybody
        who may read what is encrypted with them.
        """
        found = key_of(self.world, key)
        if found is None:
            return key.rpartition(":")[2].startswith("alias/aws/") or not key
        given = {
            **self._context(),
            "kms:ViaService": f"{self.door.service}.{self.door.region}.amazonaws.com",
            "kms:CallerAccount": self.session.account,
            **{f"kms:EncryptionContext:{name}": value for name, value in context.items()},
        }
        written = text(found.outputs, "policy") or text(found.inputs, "policy")
        action, principal = "kms:Decrypt", self.session.arn
        if (
            written
            and decide([written], action, found.id, given, principal) is not Decision.ALLOWED
        ):
            return False
        documents = list(policies_of(self.world, self.session.role))
        return decide(documents, action, found.id, given) is Decision.ALLOWED

    def _context(self) -> dict[str, str]:
        role = f"arn:{self.session.partition}:iam::{self.session.account}:role/{self.session.role}"
        context = {
            "aws:SecureTransport": "true",
            "aws:PrincipalArn": role,
            "aws:PrincipalAccount": self.session.account,
            "aws:RequestedRegion": self.door.region,
            "aws:userid": f"{self.session.role_id}:{self.session.name}",
            "aws:PrincipalType": "AssumedRole",
        }
        if self.door.endpoint:
            context["aws:SourceVpce"] = self.door.endpoint.rpartition("/")[2]
            context["aws:SourceVpc"] = self.door.vpc
            context["aws:VpcSourceIp"] = str(self.request.source)
        else:
            context["aws:SourceIp"] = str(self.request.source)
        return context

    def _may_pass(self, action: str, resource: str, context: Mapping[str, str]) -> bool:
        endpoint = self.world.find(self.door.endpoint) if self.door.endpoint else None
        if endpoint is None:
            return True
        separate = [
            written
            for found in self.world.of(ENDPOINT_POLICY)
            if text(found.inputs, "vpcEndpointId") == endpoint.short
            and (written := text(found.inputs, "policy"))
        ]
        written = separate[0] if separate else text(endpoint.inputs, "policy")
        if not written:
            return True  # the default policy allows everything
        found = decide([written], action, resource, context, self.session.arn)
        return found is Decision.ALLOWED


class Service(ABC):
    """One service in one region, behind one door."""

    def __init__(self, door: Door, sessions: Sessions) -> None:
        self.door = door
        self._sessions = sessions

    def answer(self, request: Request, world: World) -> Answer:
        """What the service says to *request*."""
        try:
            return self.serve(identified(request, world, self.door, self._sessions))
        except RefusedError as error:
            return self.refuse(request, str(uuid4()), error)

    @abstractmethod
    def serve(self, call: Call) -> Answer:
        """Answer somebody who is known. Raises RefusedError."""

    @abstractmethod
    def refuse(self, request: Request, request_id: str, error: RefusedError) -> Answer:
        """The error as the service writes it."""


def identified(request: Request, world: World, door: Door, sessions: Sessions) -> Call:
    """The call of whoever signed it. Raises RefusedError."""
    session = caller(request, Wanted(service=door.service, region=door.region), sessions)
    role = world.named(ROLE, session.role)
    if role is None or text(role.outputs, "uniqueId") != session.role_id:
        raise RefusedError(
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            403,
            "UnrecognizedClientException",
        )
    return Call(request=request, world=world, door=door, session=session, id=str(uuid4()))


def policies_of(world: World, role: str) -> Iterator[str]:
    """The documents of a role: its inline policies, and the account's own that are attached."""
    for record in world.of(ROLE_POLICY):
        if text(record.inputs, "role") == role and (written := text(record.inputs, "policy")):
            yield written
    for record in world.of(ATTACHMENT):
        managed = world.find(text(record.inputs, "policyArn") or "")
        if text(record.inputs, "role") == role and managed is not None:
            yield text(managed.inputs, "policy") or ""


def key_of(world: World, written: str) -> Record | None:
    """The key that an id, an ARN or an alias means; None when it is none of the account's."""
    name = written.rpartition(":")[2] if ":alias/" in written else written
    if name.startswith("alias/"):
        alias = world.named(ALIAS, name)
        written = text(alias.inputs, "targetKeyId") or "" if alias else ""
    return world.named(KEY, written) if written else None
