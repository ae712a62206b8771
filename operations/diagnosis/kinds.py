"""Every kind of finding: how bad it is, what it means, and what to do about it.

The id of a kind is what programs look for and what docs/diagnose.md has a section for: it stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from operations.diagnosis.endpoint import kinds as endpoint_kinds
from operations.diagnosis.kind import Kind, Severity
from operations.diagnosis.kind import bad as _bad
from operations.diagnosis.kind import warn as _warn

__all__ = ["KINDS", "PAGE", "Finding", "Kind", "Severity", "in_order"]

PAGE = "docs/diagnose.md"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that is not as it should be."""

    id: str
    place: str
    """`web node NAME`, `load balancer`, `database`."""
    what: str

    @property
    def kind(self) -> Kind:
        """What is known of its kind."""
        return KINDS[self.id]

    @property
    def link(self) -> str:
        """Where its run-book is."""
        return f"{PAGE}#{self.id}"

    def cure(self, stack: str) -> str:
        """Return what to do."""
        return self.kind.cure.replace("{stack}", stack)


def in_order(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return *found* without twins, the worst first, and as they were found within that."""
    ranks = list(Severity)
    return tuple(sorted(dict.fromkeys(found), key=lambda each: ranks.index(each.kind.severity)))


_REPLACE = (
    "replace the node: a scale set makes a new one (delete the instance); a fixed node is"
    " configured again by `systemctl restart operationalization-configure`"
)
_AGAIN = (
    "fixed nodes: scripts/upgrade --stack {stack} --configure; of a scale set: replace the node"
)
_DEPLOY = "deploy the stack again: scripts/up --stack {stack}, or pulumi up -s {stack}"

KINDS: Mapping[str, Kind] = {
    # The way in.
    "dns-unresolved": _bad(
        "the endpoint's name has no address",
        "see that the load balancer exists (scripts/drift --stack {stack}) and that this machine's"
        " DNS works",
    ),
    "dns-elsewhere": _bad(
        "the endpoint's name leads to other addresses than the load balancer has",
        "correct the DNS record to the output loadBalancerAddresses; send nothing meanwhile",
    ),
    "endpoint-closed": _bad(
        "the load balancer takes no connection",
        "if web nodes are well: access.clients must have this machine's address, and"
        " scripts/drift --stack {stack} shows a rule or a balancer that was changed",
    ),
    "tls-untrusted": _bad(
        "the certificate at the endpoint is not the environment's",
        "nodes read it at boot: "
        + _DEPLOY
        + ", then replace web nodes that still show the old one;"
        " if it is of nobody that you know, something else answers there",
    ),
    "tls-expired": _bad(
        "the certificate at the endpoint has expired",
        "renew it (" + _DEPLOY + ", or bring a new one), then replace the web nodes one by one",
    ),
    "tls-expiring": _warn(
        "the certificate at the endpoint expires soon",
        "renew it (" + _DEPLOY + ", or bring a new one), then replace the web nodes one by one",
    ),
    "endpoint-not-ready": _bad(
        "a web node that the balancer chose says that it is not ready",
        "see the findings of web nodes; the probe takes it out within seconds",
    ),
    "caller-refused": _bad(
        "this machine may not call the environment",
        "add its address to access.clients of stack {stack}, and deploy it",
    ),
    "login-refused": _bad(
        "the administrator's password of the stack is refused",
        "nodes read it at boot: " + _DEPLOY + ", then replace web nodes that have the old one",
    ),
    "token-refused": _bad(
        "a token that one web node gave is refused by another",
        "the web nodes sign with different keys: replace those that token-key-differs names",
    ),
    "status-failed": _bad(
        "the product's own report says that a part is not well",
        "see the findings of that part; the report itself: GET /status with an Owner's token",
    ),
    "trace-failed": _bad(
        "a traced execution did not come to its end",
        "the step that failed is named; its part has findings of its own, or the web node's journal"
        " has the request",
    ),
    # Nodes as a whole.
    "node-missing": _bad(
        "fewer nodes run than the settings want",
        "the cloud's activity log of the group says why (quota, capacity, a failed boot);"
        " scripts/sandbox status on the sandbox",
    ),
    "node-down": _bad(
        "the cloud says that a node does not run",
        "start it, or " + _REPLACE,
    ),
    "node-unreachable": _warn(
        "a node did not answer through the cloud's management channel",
        "see that its agent runs and that you may use it (Azure: virtualMachines/runCommand; AWS:"
        " access.sessionManager: true); a node that hangs: " + _REPLACE,
    ),
    "node-unconfigured": _bad(
        "a node could not be configured",
        "the end of /var/log/operationalization/configure.log is shown: mend that, then "
        + _REPLACE,
    ),
    "node-starting": _warn(
        "a node is not configured to its end yet",
        "wait some minutes and look again; when it stays so, its configure.log says at which step",
    ),
    "node-draining": _warn(
        "a node is on its way out of service",
        "nothing, when it is about to go; else on the node:"
        " /opt/operationalization/bin/state.sh ready",
    ),
    "node-not-live": _bad(
        "a node's own health path does not answer 200",
        "see its services; the platform replaces it by itself where it is in a scale set",
    ),
    "node-not-ready": _bad(
        "a node is configured and yet says that it is not ready",
        "see its services and its workers; its journal says what the proxy waits for",
    ),
    "probe-incomplete": _warn(
        "a part of a node could not be looked into",
        "the reason is shown; look yourself, scripts/sandbox exec NODE or the cloud's own way",
    ),
    # Services and machines.
    "service-stopped": _bad(
        "a service of a node does not run",
        "on the node: systemctl start it; journalctl -u SERVICE says why it went",
    ),
    "service-failed": _warn(
        "a unit of ours has failed on a node",
        "on the node: journalctl -u UNIT says why; systemctl reset-failed once it is mended",
    ),
    "workers-down": _warn(
        "R workers of a node do not answer its proxy",
        "on the node: journalctl -u 'operationalization-worker@*' says why; a model that crashes R"
        " is named there",
    ),
    "disk-full": _bad(
        "a disk of a node is full",
        "make room (journalctl --vacuum-size=200M, apt-get clean), and make disk.size larger in the"
        " stack file",
    ),
    "disk-filling": _warn(
        "a disk of a node is almost full",
        "see what grows (du -x /var), and make disk.size larger in the stack file",
    ),
    "memory-short": _warn(
        "a node has almost no memory left",
        "fewer workers a node (workers), or a larger size, in the stack file",
    ),
    "memory-killed": _warn(
        "the kernel ended a process of a node because memory was short",
        "fewer workers a node (workers), or a larger size, in the stack file; the journal names"
        " whom it ended",
    ),
    "clock-off": _bad(
        "a node's clock is wrong",
        "tokens and certificates depend on it: systemctl restart systemd-timesyncd (or chronyd),"
        " and see that UDP 123 leads to the cloud's time service",
    ),
    "clock-alone": _warn(
        "a node's clock is set by nobody",
        "timedatectl set-ntp true, and see that the cloud's time service can be reached",
    ),
    # Certificates and secrets.
    "certificate-expired": _bad(
        "a certificate on a node has expired",
        "renew it (" + _DEPLOY + "), then " + _REPLACE,
    ),
    "certificate-expiring": _warn(
        "a certificate on a node expires soon",
        "renew it (" + _DEPLOY + "), then replace nodes one by one",
    ),
    "certificate-broken": _bad(
        "a certificate on a node does not belong to its key, or to the environment",
        _DEPLOY + "; then " + _REPLACE,
    ),
    "token-key-differs": _bad(
        "a web node signs tokens with another key than the others",
        "replace that web node: it read its key at boot, before or after somebody changed it",
    ),
    "secret-stale": _bad(
        "a node holds another secret than the vault does",
        "somebody changed it in the vault, or on the node. If the vault is right: replace nodes one"
        " by one; else " + _DEPLOY,
    ),
    "vault-refused": _bad(
        "a node may not read, or does not reach, one of its secrets",
        "see that the node's identity has its permission and the vault its private address"
        " (scripts/drift --stack {stack}); without it the node does not survive a reboot",
    ),
    # Database.
    "database-unreachable": _bad(
        "a node does not reach the database",
        "see that the server runs, that its name resolves to the private address, and that the"
        " firewall lets 5432 (1433) pass: scripts/drift --stack {stack}",
    ),
    "database-login-refused": _bad(
        "the database refuses the login of a node",
        "the role's password there is another one: start operationalization-migrate on a web node"
        " (it sets the vault's), or correct the vault",
    ),
    "database-untrusted": _bad(
        "the database does not prove to be the one that was deployed",
        "its certificate must name the host and be signed by whom the system trusts; do not turn"
        " verification off",
    ),
    "database-schema": _bad(
        "tables of the environment are missing in the database",
        "on a web node: rm /var/lib/operationalization/migrated, then systemctl restart"
        " operationalization-configure runs the migrations; a restored backup may be too old",
    ),
    "database-rights": _bad(
        "a role of the database may not do what its services do",
        "the migrations grant it: rm /var/lib/operationalization/migrated on a web node, then"
        " systemctl restart operationalization-configure",
    ),
    "database-role": _bad(
        "a role of the database may more than it should",
        "take it away as the server's administrator: ALTER ROLE ... NOSUPERUSER NOCREATEROLE"
        " NOCREATEDB NOBYPASSRLS",
    ),
    "migrations-behind": _warn(
        "a web node has not run the migrations of its own release",
        "systemctl restart operationalization-configure on that node runs them",
    ),
    # Firewalls.
    "firewall-off": _bad(
        "a node's own firewall is not loaded",
        "systemctl restart operationalization-firewall on the node",
    ),
    "firewall-missing": _bad(
        "a rule of a node's own firewall is missing",
        "systemctl restart operationalization-firewall on the node loads what was rendered",
    ),
    "firewall-extra": _bad(
        "a node's own firewall lets more pass than was rendered",
        "systemctl restart operationalization-firewall on the node loads what was rendered; find"
        " out who added the rule",
    ),
    "path-blocked": _bad(
        "traffic that the environment needs does not get through",
        "a rule of the cloud's firewall is missing or in another order: scripts/drift --stack"
        " {stack} shows it, and deploying the stack puts it back",
    ),
    "path-open": _bad(
        "traffic gets through that nobody allowed",
        "a rule of the cloud's firewall was added or widened: scripts/drift --stack {stack} shows"
        " it, and deploying the stack takes it away",
    ),
    # What was rendered.
    "configuration-differs": _bad(
        "a node's configuration is not what was rendered for it",
        _AGAIN + ". Find out who changed it",
    ),
    "files-differ": _warn(
        "files of a node are not what was rendered for it",
        _AGAIN + ". Find out who changed them",
    ),
    "settings-behind": _warn(
        "a fixed node was made from older settings than were deployed last",
        "scripts/upgrade --stack {stack} --configure brings them, node by node",
    ),
    "version-differs": _bad(
        "a node has another version than the stack says",
        "fixed nodes of R Server and ML Server: scripts/upgrade --stack {stack}; of a scale set:"
        " replace the node. Versions are never mixed",
    ),
    "packages-differ": _warn(
        "nodes of one role have different versions of a package",
        "replace the older nodes one by one, or bake an image (runtime.image: complete)",
    ),
    # Web and compute nodes together.
    "compute-unknown": _bad(
        "a compute node runs and a web node does not know it",
        "the compute node says so through the database every 3 seconds: see its loader and"
        " operationalization-discovery on the web node. R Server family: scripts/upgrade --stack"
        " {stack} --configure brings the list",
    ),
    "compute-stale": _warn(
        "a web node counts on a compute node that does not run",
        "systemctl restart operationalization-discovery on the web node; R Server family:"
        " scripts/upgrade --stack {stack} --configure brings the list",
    ),
    "compute-down": _bad(
        "a web node knows a compute node and does not get through to it",
        "see that compute node's findings, path-blocked, and the certificates of both",
    ),
    "compute-silent": _bad(
        "a compute node is ready and does not say so in the database",
        "its loader does every 3 seconds: journalctl -u operationalization-loader on it",
    ),
    "compute-uri-wrong": _bad(
        "a web node's list of compute nodes is not what was rendered for it",
        _AGAIN,
    ),
    **endpoint_kinds.KINDS,
}
"""By id, in the order of docs/diagnose.md: from the load balancer inwards, then endpoints."""
