"""What is lost for good: resources that hold what a deployment can't make again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from operations.export.state import Deployment, Resource
from operations.preview.changes import Cause, Change
from operations.preview.escaping import Quoted, Sentence
from operations.preview.plan import Plan, Step

DATABASE, SECRETS, FILES, LOGS, CREDENTIALS = range(5)
"""How bad it is, the worst first."""

SERVERS = {
    "azure-native:dbforpostgresql:Server": "the database server",
    "azure-native:sql:Server": "the database server",
    "azure-native:sql:ManagedInstance": "the database server",
    "aws:rds/instance:Instance": "the database server",
    "aws:rds/cluster:Cluster": "the database server",
}
VAULTS = ("azure-native:keyvault:Vault",)
MACHINES = ("azure-native:compute:VirtualMachine", "aws:ec2/instance:Instance")
"""They hold a database where no server does (`database: { engine: sqlite }`)."""

HOLDERS: Mapping[str, tuple[int, str, str]] = {
    **{kind: (DATABASE, what, "every database on it") for kind, what in SERVERS.items()},
    "azure-native:dbforpostgresql:Database": (DATABASE, "the database", "all that is in it"),
    "azure-native:sql:Database": (DATABASE, "the database", "all that is in it"),
    "azure-native:resources:ResourceGroup": (DATABASE, "the resource group", "all that is in it"),
    "azure-native:keyvault:Vault": (SECRETS, "the vault", "its secrets and keys"),
    "azure-native:keyvault:Key": (SECRETS, "the key", "what is encrypted with it"),
    "aws:kms/key:Key": (SECRETS, "the key", "what is encrypted with it"),
    "azure-native:keyvault:Secret": (SECRETS, "the secret", "its value"),
    "aws:secretsmanager/secret:Secret": (SECRETS, "the secret", "its value"),
    "azure-native:compute:Disk": (FILES, "the disk", "what is on it"),
    "aws:ebs/volume:Volume": (FILES, "the disk", "what is on it"),
    "azure-native:storage:StorageAccount": (FILES, "the storage account", "all that is in it"),
    "azure-native:storage:BlobContainer": (FILES, "the container", "the blobs in it"),
    "aws:s3/bucket:Bucket": (FILES, "the bucket", "the objects in it"),
    "azure-native:containerregistry:Registry": (FILES, "the registry", "the images in it"),
    "azure-native:machinelearningservices:Workspace": (
        FILES, "the workspace", "its models, environments and runs",
    ),
    "azure-native:operationalinsights:Workspace": (LOGS, "the log workspace", "the logs in it"),
    "azure-native:applicationinsights:Component": (LOGS, "the log", "the traces in it"),
    "aws:cloudwatch/logGroup:LogGroup": (LOGS, "the log group", "the logs in it"),
    "tls:index/privateKey:PrivateKey": (CREDENTIALS, "the private key", "the old one"),
    "random:index/randomPassword:RandomPassword": (CREDENTIALS, "the password", "the old one"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """One resource that goes with what it holds."""

    severity: int
    what: str
    """`the database server`."""
    name: str
    type: str
    urn: str
    op: str
    """`delete` or `replace`."""
    lost: str
    """What was in it."""
    left: str = ""
    """What stays of it for a while, if anything."""
    causes: tuple[Cause, ...] = ()
    refused: bool = False
    """Whether the engine refuses it, since it is protected."""

    @property
    def loud(self) -> bool:
        """Whether it is data, and not something that is made anew as good."""
        return self.severity < CREDENTIALS

    @property
    def words(self) -> Sentence:
        """What happens, as a sentence."""
        done = "replaced by an empty one" if self.loud else "made anew"
        if self.severity == SECRETS and self.type not in VAULTS:
            done = "replaced by another one"
        if self.op == "delete":
            done = "deleted"
        refused = "; its protection refuses that" if self.refused else ""
        return (f"{self.what} ", Quoted(self.name), f" is {done}; lost: {self.lost}{refused}")


def losses(
    plan: Plan, changes: tuple[Change, ...], protected: frozenset[str] = frozenset()
) -> tuple[Loss, ...]:
    """Return what is lost, the worst first; of what is *protected* that the engine refuses it."""
    causes = {each.urn: each.causes for each in changes}
    found = [
        _loss(step, plan.before, causes.get(step.urn, ()), refused=step.urn in protected)
        for step in plan.of("delete", "replace")
        if step.before and not step.before.retain_on_delete
    ]
    return tuple(sorted((each for each in found if each), key=_rank))


def _rank(loss: Loss) -> tuple[int, bool, str]:
    return (loss.severity, loss.type not in (*SERVERS, *MACHINES), loss.name)


def _loss(
    step: Step, before: Deployment, causes: tuple[Cause, ...], *, refused: bool
) -> Loss | None:
    was = step.before
    assert was is not None  # noqa: S101 -- the caller has looked
    holder = HOLDERS.get(was.type)
    if was.type in MACHINES and not _has_server(before):
        holder = (DATABASE, "the machine with the SQLite database", "every published service")
    if holder is None:
        return None
    severity, what, lost = holder
    return Loss(
        severity=severity,
        what=what,
        name=was.name,
        type=was.type,
        urn=step.urn,
        op=step.op,
        lost=lost,
        left="; ".join(_left(was)),
        causes=causes,
        refused=refused,
    )


def _has_server(deployment: Deployment) -> bool:
    return any(each.type in SERVERS for each in deployment.resources)


def _left(was: Resource) -> Iterator[str]:
    """Yield what a cloud keeps of it, by its own settings."""
    inputs = was.inputs
    if was.type == "aws:rds/instance:Instance":
        if inputs.get("skipFinalSnapshot") is False:
            yield "a last snapshot is made of it"
        if inputs.get("deleteAutomatedBackups") is False:
            yield "its automated backups stay until they expire"
    if was.type == "azure-native:keyvault:Vault":
        properties = inputs.get("properties")
        if isinstance(properties, Mapping) and properties.get("enableSoftDelete") is not False:
            yield f"it can be recovered for {properties.get('softDeleteRetentionInDays', 90)} days"
    if was.type == "aws:secretsmanager/secret:Secret" and inputs.get("recoveryWindowInDays"):
        yield f"it can be restored for {inputs['recoveryWindowInDays']} days"
    if was.type == "aws:kms/key:Key" and inputs.get("deletionWindowInDays"):
        yield f"its deletion can be cancelled for {inputs['deletionWindowInDays']} days"
