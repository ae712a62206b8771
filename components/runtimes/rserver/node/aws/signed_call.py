"""One signed call to AWS with this machine's own role, with nothing but Python's standard library.

usage: signed_call.py REGION secret ID | database-token HOST PORT USER | object S3-URI |
       complete HOOK GROUP INSTANCE | unhealthy GROUP INSTANCE

As the shared program of this name, for systems that have no botocore of Python 3. Requests are
signed as AWS describes it ("Signature Version 4 signing process"; "Create a signed AWS API
request"). The answer goes to standard output as it is. Nothing but the metadata service gives
credentials (version 2); patience is the caller's (`retry` of library.sh). Python 3.4.
"""

import datetime
import hashlib
import hmac
import http.client
import json
import shutil
import ssl
import sys
import urllib.parse

METADATA = "169.254.169.254"
ROLES = "/latest/meta-data/iam/security-credentials/"
INACTIVE = "No active Lifecycle Action"
"""How Auto Scaling's ValidationError begins when no hook holds the machine."""

TOKEN_SECONDS = 900
CHUNK = 1 << 20


class Refused(Exception):  # noqa: N818 - AWS has refused, the program is right
    """What AWS says of a refusal: it names the role and the resource, and holds no secret."""


def metadata(method: "str", path: "str", headers: "dict[str, str]") -> "str":
    """Ask the metadata service."""
    connection = http.client.HTTPConnection(METADATA, 80, timeout=5)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode("ascii")
    connection.close()
    if answer.status != 200:
        raise Refused("the metadata service answered {} for {}".format(answer.status, path))
    return text


def credentials() -> "dict[str, str]":
    """Return the role's keys and session."""
    wanted = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    header = {"X-aws-ec2-metadata-token": metadata("PUT", "/latest/api/token", wanted)}
    role = metadata("GET", ROLES, header).split()[0]
    found = json.loads(metadata("GET", ROLES + role, header))
    return {key: str(found[key]) for key in ("AccessKeyId", "SecretAccessKey", "Token")}


class Request:
    """A call that is to be signed."""

    def __init__(
        self,
        service: "str",
        host: "str",
        path: "str" = "/",
        method: "str" = "POST",
        body: "bytes" = b"",
        headers: "dict[str, str] | None" = None,
    ) -> "None":
        self.service = service
        self.host = host
        self.path = path
        self.method = method
        self.body = body
        self.headers = dict(headers or {}, host=host)


def quoted(text: "str", safe: "str" = "") -> "str":
    """Return *text* as Signature Version 4 encodes it."""
    return urllib.parse.quote(text, safe=safe + "-_.~")


def signature(key: "str", region: "str", service: "str", scope: "str", text: "str") -> "str":
    """Return the signature of a text, by the key that day, region and service make."""
    day = scope.split("/")[0]
    derived = ("AWS4" + key).encode()
    for part in (day, region, service, "aws4_request"):
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    return hmac.new(derived, text.encode(), hashlib.sha256).hexdigest()


def canonical(request: "Request", query: "str", payload: "str") -> "tuple[str, str]":
    """Return the request in the one form that is signed, and the names of its headers."""
    names = sorted(name.lower() for name in request.headers)
    values = {name.lower(): value for name, value in request.headers.items()}
    lines = [request.method, request.path, query]
    lines += ["{}:{}".format(name, values[name].strip()) for name in names]
    signed = ";".join(names)
    return "\n".join(lines + ["", signed, payload]), signed


def scoped(moment: "str", region: "str", request: "Request", form: "str") -> "tuple[str, str]":
    """Return the scope, and the text to sign."""
    scope = "/".join((moment[:8], region, request.service, "aws4_request"))
    digest = hashlib.sha256(form.encode()).hexdigest()
    return scope, "\n".join(("AWS4-HMAC-SHA256", moment, scope, digest))


def sign(request: "Request", region: "str", moment: "str", role: "dict[str, str]") -> "None":
    """Add the headers that say who calls."""
    payload = hashlib.sha256(request.body).hexdigest()
    request.headers["x-amz-date"] = moment
    request.headers["x-amz-security-token"] = role["Token"]
    if request.service == "s3":
        request.headers["x-amz-content-sha256"] = payload
    form, names = canonical(request, "", payload)
    scope, text = scoped(moment, region, request, form)
    found = signature(role["SecretAccessKey"], region, request.service, scope, text)
    request.headers["authorization"] = (
        "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}".format(
            role["AccessKeyId"], scope, names, found
        )
    )


def now() -> "str":
    """Return the time as signatures have it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def connected(host: "str") -> "http.client.HTTPConnection":
    """Return a connection that verifies who answers, by the system's trust store."""
    return http.client.HTTPSConnection(host, timeout=60, context=ssl.create_default_context())


def send(region: "str", request: "Request") -> "http.client.HTTPResponse":
    """Make a call; its body is for the caller to read."""
    sign(request, region, now(), credentials())
    connection = connected(request.host)
    connection.request(request.method, request.path, request.body or None, request.headers)
    answer = connection.getresponse()
    if answer.status >= 300:
        text = answer.read(4000).decode("utf-8", "replace")
        raise Refused("{} answered {}: {}".format(request.host, answer.status, text))
    return answer


def host_of(service: "str", region: "str") -> "str":
    """Return the region's own endpoint, which an interface endpoint answers for as well."""
    return "{}.{}.amazonaws.com".format(service, region)


def secret(region: "str", name: "str") -> "None":
    """AWS Secrets Manager, `GetSecretValue`."""
    request = Request(
        "secretsmanager",
        host_of("secretsmanager", region),
        body=json.dumps({"SecretId": name}).encode(),
        headers={
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "secretsmanager.GetSecretValue",
        },
    )
    found = json.loads(send(region, request).read().decode("utf-8"))
    sys.stdout.buffer.write(found["SecretString"].encode("utf-8"))


def database_token(region: "str", host: "str", port: "str", user: "str") -> "None":
    """Amazon RDS User Guide, "IAM database authentication": a URL signed for 15 minutes."""
    role, moment = credentials(), now()
    request = Request("rds-db", "{}:{}".format(host, port), method="GET")
    scope = "/".join((moment[:8], region, "rds-db", "aws4_request"))
    parts = {
        "Action": "connect",
        "DBUser": user,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": "{}/{}".format(role["AccessKeyId"], scope),
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(TOKEN_SECONDS),
        "X-Amz-Security-Token": role["Token"],
        "X-Amz-SignedHeaders": "host",
    }
    query = "&".join("{}={}".format(quoted(key), quoted(parts[key])) for key in sorted(parts))
    form, _ = canonical(request, query, hashlib.sha256(b"").hexdigest())
    _, text = scoped(moment, region, request, form)
    found = signature(role["SecretAccessKey"], region, "rds-db", scope, text)
    sys.stdout.write("{}/?{}&X-Amz-Signature={}".format(request.host, query, found))


def stored_object(region: "str", uri: "str") -> "None":
    """Amazon S3, `GetObject`; a body that ends early is an error."""
    place = urllib.parse.urlsplit(uri)
    host = "{}.{}".format(place.netloc, host_of("s3", region))
    answer = send(region, Request("s3", host, quoted(place.path, "/"), "GET"))
    shutil.copyfileobj(answer, sys.stdout.buffer, CHUNK)
    if answer.length:
        raise Refused("{} ended {} bytes early".format(uri, answer.length))


def autoscaling(region: "str", action: "str", parameters: "dict[str, str]") -> "None":
    """Make a call of the group that this machine belongs to."""
    fields = dict(parameters, Action=action, Version="2011-01-01")
    body = "&".join("{}={}".format(quoted(key), quoted(fields[key])) for key in sorted(fields))
    content = "application/x-www-form-urlencoded; charset=utf-8"
    request = Request(
        "autoscaling",
        host_of("autoscaling", region),
        body=body.encode(),
        headers={"content-type": content},
    )
    send(region, request).read()


def complete(region: "str", hook: "str", group: "str", instance: "str") -> "None":
    """Amazon EC2 Auto Scaling, `CompleteLifecycleAction`; that nothing waits is no failure."""
    try:
        autoscaling(
            region,
            "CompleteLifecycleAction",
            {
                "LifecycleHookName": hook,
                "AutoScalingGroupName": group,
                "InstanceId": instance,
                "LifecycleActionResult": "CONTINUE",
            },
        )
    except Refused as refusal:
        if INACTIVE not in str(refusal):
            raise
        sys.stderr.write("{} does not wait for {}\n".format(group, hook))


def unhealthy(region: "str", _: "str", instance: "str") -> "None":
    """Amazon EC2 Auto Scaling, `SetInstanceHealth`; a new machine has the grace of its group."""
    autoscaling(
        region,
        "SetInstanceHealth",
        {
            "InstanceId": instance,
            "HealthStatus": "Unhealthy",
            "ShouldRespectGracePeriod": "true",
        },
    )


CALLS = {
    "secret": secret,
    "database-token": database_token,
    "object": stored_object,
    "complete": complete,
    "unhealthy": unhealthy,
}


def main() -> "None":
    """Make the call that the arguments ask for."""
    region, operation = sys.argv[1:3]
    try:
        CALLS[operation](region, *sys.argv[3:])  # type: ignore[operator]
    except (Refused, OSError, http.client.HTTPException) as error:
        sys.exit("{}: {}".format(operation, error))


if __name__ == "__main__":
    main()
