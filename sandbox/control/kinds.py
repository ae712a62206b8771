"""The contract for what the sandbox knows of one resource type.

A `Kind` is a declaration: identity, names, what forces replacement, what a reference must point at,
the rules that the cloud applies, and the computed outputs. The provider applies all of it; a kind
never touches the wire or the database. Everything that follows from the SDK (which properties
exist, their types, which are required) comes from `schema.py` and is not repeated in a kind.

What the provider does for every kind, without a declaration:
- refuses unknown, misspelt, missing and wrongly typed properties (schema.py);
- fills the naming input, `location` (from the provider's configuration, else the resource group)
  and `azureApiVersion`;
- refuses a parent (resource group, scope, server) that doesn't exist, and each string input that
  looks like an id of the subscription but names nothing;
- refuses deletion while another resource refers to this one, or has it as parent;
- gives back, as outputs, each input that the schema has as an output too, and `name`, `type`,
  `provisioningState` and `etag` where the schema has them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha1
from typing import NamedTuple, Protocol
from uuid import NAMESPACE_URL, uuid5

Values = Mapping[str, object]
"""Property values by wire name (camelCase): str, bool, int, float, None, lists and mappings.

Integral numbers are ints. Secrets are plain. Unknowns of a preview are absent, and so is a list
with an unknown element.
"""


class Problem(NamedTuple):
    """What is wrong, and where. The value of a secret never belongs in a reason."""

    path: str
    """Property path (`subnets[0].addressPrefix`), or "" for the resource as a whole."""
    reason: str
    code: str = ""
    """The cloud's error code, where it has one (`SubnetIsFull`)."""


class CloudError(Exception):
    """An operation that the cloud refuses, with the cloud's own code and words."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f'Code="{code}" Message="{message}"')


class ApiError(CloudError):
    """What AWS refuses, as its SDK and so pulumi-aws words it."""

    def __str__(self) -> str:
        return f"api error {self.code}: {self.message}"


class Naming(StrEnum):
    """How a name comes about when the program gives none."""

    RANDOM = "random"
    """Logical name + 8 hex characters; such a resource is replaced create-before-delete.
    On AWS: logical name, hyphen, 7 hex characters."""
    COPY = "copy"
    """The logical name as it is: azure-native's way for everything that has a parent resource."""
    UUID = "uuid"
    """A random UUID (role assignments)."""
    REQUIRED = "required"
    """No automatic name: the program must give one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """The cloud's rule for a resource's name. Automatic and explicit names obey it alike.

    azure-native never shortens an automatic name, so neither does the sandbox: one that
    is too long is refused here as it would be there.
    """

    pattern: str
    """Regular expression for the whole name, without the length."""
    minimum: int = 1
    maximum: int = 80
    words: str
    """The rule for a person: "letters, digits and hyphens, starts with a letter"."""
    naming: Naming | None = None
    """None: RANDOM directly under a resource group or a subscription, COPY below that. On AWS:
    RANDOM."""
    automatic: Callable[[str], str] = str
    """AWS: what becomes of an automatic name (`str.lower`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One resource that exists in the sandbox."""

    id: str
    type: str
    inputs: Values
    outputs: Values
    incarnation: str
    """Random UUID of this creation: a resource created again under the same id has another one."""
    urn: str = ""
    created: str = ""
    """RFC 3339, UTC."""
    short: str = ""
    """AWS: what Pulumi and the service's API call it (`vpc-0f...`, a name); `id` is the ARN."""
    parent: str = ""
    """AWS: ARN of what this goes with, when that is deleted; an id of ARM says it itself."""


class World(Protocol):
    """Read-only view of everything that exists; ids are compared without case, as in ARM."""

    @property
    def subscription(self) -> str:
        """The subscription (or account) that the provider is configured for."""

    @property
    def tenant(self) -> str:
        """The tenant id."""

    @property
    def principal(self) -> str:
        """Object id of the one who deploys."""

    @property
    def region(self) -> str:
        """The region (or location) that the provider is configured for, or ""."""

    def find(self, target: str) -> Record | None:
        """The resource with this id; None for inline parts (`.../loadBalancers/x/probes/p`).

        On AWS an ARN, or an id that the service made up (`vpc-0f...`); a name needs `named`.
        """

    def named(self, kind: str, short: str, region: str = "") -> Record | None:
        """AWS: the resource of a Pulumi type that has this name, id or ARN.

        In *region*, else the provider's, or in none (IAM).
        """

    def exists(self, target: str) -> bool:
        """Whether a resource, an inline part, a subscription or a built-in has this id."""

    def children(self, target: str) -> Iterator[Record]:
        """Resources whose parent is this one (extension resources such as locks included)."""

    def of(self, kind: str) -> Iterator[Record]:
        """All resources of a Pulumi type, in all resource groups."""

    def referrers(self, target: str) -> Iterator[tuple[Record, str]]:
        """Each resource with an input that names *target* or a part of it, and the path."""

    def note(self, key: str) -> object:
        """What `Transaction.remember` kept under *key*, or None."""


class Transaction(World, Protocol):
    """A `World` that can be changed; all of it happens, durably, or nothing does."""

    def put(self, record: Record) -> None:
        """Add or change a resource beside the one that is being worked on."""

    def remove(self, target: str) -> None:
        """Remove a resource and its children."""

    def remember(self, key: str, value: object) -> None:
        """Keep a JSON value that outlives resources (a soft-deleted vault); None forgets it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """One resource that is being created or updated."""

    type: str
    name: str
    """The resource's name in the cloud (last segment of an ARM id); the logical name elsewhere."""
    id: str
    """"" while a kind without id template is being created."""
    inputs: Values
    world: World
    incarnation: str
    previous: Record | None = None
    """None at creation."""
    urn: str = ""
    created: str = ""
    short: str = ""
    """AWS: see `Record.short`; `id` is the ARN."""
    region: str = ""
    """AWS: where it is; the resource's own `region`, else the provider's."""

    def identifier(self, purpose: str) -> str:
        """A UUID that stays the same for this creation of the resource (`principalId`)."""
        return str(uuid5(NAMESPACE_URL, f"{self.incarnation}/{purpose}"))

    def hexadecimal(self, purpose: str, length: int) -> str:
        """*length* hexadecimal characters (up to 40) that stay the same for this creation."""
        return sha1(f"{self.incarnation}/{purpose}".encode(), usedforsecurity=False).hexdigest()[
            :length
        ]


Outputs = dict[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """How a resource of AWS is called: by Pulumi and the service's API, and by its ARN.

    Templates know `{partition}`, `{region}`, `{account}`, `{name}`, `{id}` (in the ARN, of the
    other), `{arn}` (in the id), each input by its wire name, and `{hex17}` and the like: as many
    characters of this creation's own.
    """

    arn: str | Callable[[Context], str]
    """`arn:{partition}:ec2:{region}:{account}:vpc/{id}`. What has no ARN in AWS gets one here: it
    is the key under which the sandbox keeps the resource."""
    id: str | Callable[[Context], str] = "{arn}"
    """`vpc-{hex17}`, `{name}`, `{arn}`."""
    imported: str = ""
    """What `pulumi import` takes in place of the id, of inputs (`{subnetId}/{routeTableId}`)."""


def _no_problems(_: object) -> Iterator[Problem]:
    return iter(())


def _no_outputs(_: Context) -> Outputs:
    return {}


def _nothing(_: object, __: Transaction) -> None:
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What the sandbox knows of one resource type."""

    type: str
    """Pulumi type token: `azure-native:network:VirtualNetwork`."""
    id_template: str = ""
    """ARM id, parameters named like the inputs that fill them (`{subscription}` comes from the
    provider). They force replacement; the last one is the name. A first parameter `{scope}` or
    `{resourceUri}` takes a whole id. Empty: see `make_id`."""
    make_id: Callable[[Context, Outputs], str] | None = None
    """For kinds without template: the id, from the outputs."""
    name: Name | None = None
    """Rule for the last parameter of the template; None when the template fixes it. On AWS for
    `name_property`."""
    identity: Identity | None = None
    """AWS: how it is called, in place of `id_template` and `make_id`."""
    name_property: str = ""
    """AWS: the input with the name (`name`, `bucket`, `identifier`); "" for what has none. It
    forces replacement, unless `renamed` says that it doesn't."""
    renamed: bool = False
    """AWS: whether a new name is an update in place."""
    prefix_property: str = "namePrefix"
    """AWS: the input that a name is made from, where the SDK has it."""
    parent: str = ""
    """AWS: the input that names what this goes with when that is deleted (rules with their group,
    listeners with their balancer). Anything else that is named must be deleted later."""
    unordered: tuple[str, ...] = ()
    """AWS: patterns of lists whose order means nothing (`securityGroups`)."""
    not_found: tuple[str, str] = ("ResourceNotFoundException", "{id} does not exist")
    """AWS: code and words when another resource refers to one of this type that isn't there."""
    exists: tuple[str, str] = ("ResourceAlreadyExistsException", "{name} already exists")
    """AWS: code and words when there is one of the same ARN."""
    replace_on: tuple[str, ...] = ()
    """Patterns (`paths.py`) of inputs that can't change in place, beside names and location."""
    replaces: Callable[[Values, Values], Iterable[str]] = lambda _, __: ()
    """The inputs whose change from the first to the second values can't happen in place, beside
    those of `replace_on`: where it depends on the values. Unknowns are absent."""
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Pattern -> ARM resource types that it may point at, as the ids say them
    (`Microsoft.Network/virtualNetworks/subnets`). All ids must exist, listed here or not.
    On AWS: Pulumi types; what the pattern names is an ARN, a generated id or a name. ARNs and
    generated ids that stand alone in an input must exist, listed here or not; names must be."""
    weak: tuple[str, ...] = ()
    """Patterns of references that must exist when they are written but don't hold their target."""
    unchecked: tuple[str, ...] = ()
    """Patterns of id-like inputs that may name nothing (scopes of a policy, foreign images)."""
    parts: tuple[str, ...] = ()
    """Lists of inline sub-resources with a `name` (`backendAddressPools`): each element's output
    gets `id` and `provisioningState`, and others can refer to it. Nested: `a[*].b`."""
    comes_with_parent: Callable[[Record], Record] | None = None
    """For what the cloud makes with its parent (a storage account's blob service): a program writes
    what is there already, and its deletion leaves this, the record with the cloud's defaults."""
    owns_children: bool = False
    """Whether deletion takes the children along (vault, server), or is refused while they exist."""
    kept: bool = True
    """False for what lives in the stack's state only (random, tls)."""
    auto_location: bool = True
    """Whether a missing `location` is filled in."""
    regional: bool = True
    """Whether a change of `location` forces replacement."""
    write_only: tuple[str, ...] = ()
    """Patterns of inputs that the cloud never gives back (`administratorLoginPassword`)."""
    secrets: tuple[str, ...] = ()
    """Output properties that are secret whatever the inputs are."""
    rules: Callable[[Values], Iterable[Problem]] = _no_problems
    """Pure, at check: what the cloud refuses from the inputs alone. Unknowns are absent, so a rule
    that needs two properties skips when one is absent."""
    verify: Callable[[Context], Iterable[Problem]] = _no_problems
    """At create and update, against the world: CIDR overlap, quotas, names that are taken."""
    outputs: Callable[[Context], Outputs] = _no_outputs
    """Computed outputs, over the generic ones. Must give the same for the same inputs and
    incarnation; None removes a generic output."""
    preparing: Callable[[Context, Transaction], None] = _nothing
    """Before creation: records that come about with this one and that it lies in (a model, with its
    first version)."""
    created: Callable[[Context, Transaction], None] = _nothing
    updated: Callable[[Context, Transaction], None] = _nothing
    """Side effects on other records, after this one is put. May raise CloudError."""
    deleting: Callable[[Record, Transaction], None] = _nothing
    """Before removal; may remember what outlives the resource, or raise CloudError to refuse,
    which counts for nothing when the resource goes with its parent."""
    in_use: tuple[str, str] = (
        "ResourceInUse",
        "{kind} {id} is in use by {by} and cannot be deleted.",
    )
    """Code and words of the refusal to delete; `{kind}`, `{name}`, `{id}`, `{by}` are filled in.
    On AWS `{id}` is what the service's API calls it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of a provider function."""

    name: str
    arguments: Values
    world: World
    location: str = ""
    """The provider's configured location or region, or ""."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """A provider function (`azure-native:authorization:getClientConfig`)."""

    name: str
    run: Callable[[Call], Outputs]
    """May raise CloudError. Its arguments are checked against the schema before."""
    secrets: tuple[str, ...] = ()
    """Result properties that are secret."""
