"""The kinds of finding of managed endpoints, from the scoring URI inwards."""

from collections.abc import Mapping

from operations.diagnosis.kind import Kind, bad, warn

_DEPLOY = "deploy the stack again: scripts/up --stack {stack}, or pulumi up -s {stack}"
_REFRESH = (
    "scripts/drift --stack {stack} shows what was changed; pulumi refresh -s {stack} and another"
    " deployment put it back"
)
_AGAIN = (
    "pulumi up -s {stack} --target-replace '**-traffic' writes the endpoint as it was deployed"
    " (scripts/up --stack {stack} -- --target-replace '**-traffic')"
)

KINDS: Mapping[str, Kind] = {
    # The way in.
    "uri-unresolved": bad(
        "the scoring URI's name has no address",
        "see that the endpoint exists (scripts/drift --stack {stack}) and that this machine's DNS"
        " works",
    ),
    "uri-closed": bad(
        "the scoring URI takes no connection",
        "see that this machine may reach port 443 outside; where it may, Azure's status page of the"
        " region has more",
    ),
    "uri-untrusted": bad(
        "the certificate at the scoring URI is not to be trusted",
        "send nothing: something else answers there, a proxy of your network most likely",
    ),
    "uri-expired": bad(
        "the certificate at the scoring URI has expired",
        "the certificate is the cloud's own: see this machine's clock first, then the status page"
        " of the region; scripts/sandbox stop and start renew it on the sandbox",
    ),
    "uri-expiring": warn(
        "the certificate at the scoring URI expires soon",
        "nothing, when days are left: the cloud renews its own; look again tomorrow",
    ),
    "credential-missing": bad(
        "nobody gives a credential for the endpoint",
        "sign in (az login) as somebody who may read the endpoint's keys or tokens: role AzureML"
        " Data Scientist on the workspace",
    ),
    "credential-refused": bad(
        "the endpoint refuses the credential that the stack has for it",
        "keys that somebody made anew: pulumi refresh -s {stack}, then deploy it, which reads them;"
        " a token: see signin-differs and this machine's clock",
    ),
    "credential-unneeded": bad(
        "the endpoint answers callers without a credential",
        "take it off the network (endpoint.exposure: private) until it is known who answers there;"
        " " + _DEPLOY,
    ),
    "caller-forbidden": bad(
        "the endpoint knows the caller and does not let him score",
        "give him the action onlineEndpoints/score/action on the endpoint (role AzureML Data"
        " Scientist)",
    ),
    # The endpoint and its traffic.
    "endpoint-missing": bad("the endpoint does not exist", _REFRESH),
    "endpoint-unprovisioned": bad(
        "the cloud says that the endpoint is not provisioned",
        "wait for a change that is under way; after a failed one " + _DEPLOY,
    ),
    "signin-differs": bad("the endpoint lets callers in by another way than was deployed", _AGAIN),
    "traffic-nowhere": bad(
        "no deployment has any traffic",
        _AGAIN,
    ),
    "traffic-partial": bad(
        "the traffic does not add up to 100 percent",
        "look again in a minute: Azure allows it within a change only; then " + _AGAIN,
    ),
    "traffic-unserved": bad(
        "a deployment has traffic and cannot answer it",
        "scripts/traffic --stack {stack} --rollback, or give its share to one that is ready; then"
        " mend it by its own findings",
    ),
    "traffic-differs": warn(
        "the traffic is split in another way than was deployed",
        "meant: scripts/traffic --stack {stack} with the same shares, so that the stack file has"
        " them too; not meant: " + _AGAIN,
    ),
    # Deployments and their instances.
    "deployment-missing": bad("a deployment does not exist", _REFRESH),
    "deployment-failed": bad(
        "the cloud says that a deployment failed",
        "the end of its container's log is shown; mend the model or its settings, and deploy again",
    ),
    "deployment-updating": warn(
        "a deployment is being changed",
        "wait some minutes and look again; when it stays so, its container's log says why",
    ),
    "deployment-differs": warn("a deployment has other settings than were deployed", _REFRESH),
    "instances-none": bad(
        "no instance of a deployment is ready",
        "the end of its container's log is shown; while another deployment is ready:"
        " scripts/traffic --stack {stack} NAME=100",
    ),
    "instances-fewer": warn(
        "fewer instances of a deployment are ready than it should have",
        "wait some minutes: what ended starts again; when it stays so, the log says why, or the"
        " quota is used up (az ml compute list-usage)",
    ),
    "instances-count": warn(
        "the cloud keeps another number of instances than was deployed", _REFRESH
    ),
    "autoscale-off": warn(
        "nothing changes the number of a deployment's instances with the load any more", _REFRESH
    ),
    "score-failed": bad(
        "a model fails on its own sample request",
        "its container's log says why; scripts/check-model tries the folder in the sandbox's R",
    ),
    "score-slow": bad(
        "a model does not answer its own sample request in time",
        "more instances, or a longer requests.timeoutSeconds, in the stack file; scripts/capacity"
        " says what it can do",
    ),
    "score-busy": warn(
        "a deployment has more requests than it takes",
        "more instances (scripts/capacity says how many), or autoscale, in the stack file",
    ),
    "score-wrong": bad(
        "a model gives another answer to its sample request than it should",
        "see image-differs and model-differs; train again (scripts/train), or correct answer.json",
    ),
    "score-refused": bad(
        "a deployment does not answer a request",
        "see its instances and its provisioning state; its container's log says more",
    ),
    # What instances run, and what they may.
    "image-missing": bad(
        "the registry has no such image as a deployment runs",
        "instances that run go on; none can start: pulumi up -s {stack} --replace the image's task"
        " run builds it again",
    ),
    "image-differs": bad("a deployment runs another image than was deployed", _REFRESH),
    "model-missing": bad(
        "a registered model or environment of a deployment does not exist",
        "instances that run go on; none can start: pulumi refresh -s {stack}, then deploy it",
    ),
    "model-differs": bad("a deployment has another model than was deployed", _REFRESH),
    "pull-denied": bad(
        "the endpoint's identity may not pull from the registry",
        "instances that run go on; none can start. The role assignment is gone: " + _REFRESH,
    ),
    "storage-denied": bad(
        "an identity may not read or write the container of models",
        "instances that run go on; none can start. The role assignment is gone: " + _REFRESH,
    ),
    "part-missing": bad("a part that the endpoint needs does not exist", _REFRESH),
    # Who reaches what.
    "exposure-differs": bad(
        "something is open, or closed, that was not deployed so",
        "the endpoint itself: " + _AGAIN + ". Anything else: " + _REFRESH,
    ),
    "private-link-down": bad(
        "a private endpoint is not connected",
        "approve its connection at the resource that it leads to (Networking, Private access), or "
        + _DEPLOY,
    ),
}
"""By id, in the order of docs/diagnose.md."""
