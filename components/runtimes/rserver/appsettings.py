"""What a node's appsettings.json must say: an overlay over the installed file (facts.md 9).

Pure: from the settings and the version's table to a JSON value, in which what only the node knows
stands as an expression (`expressions.py`). The node merges it into the installed file: objects key
by key, everything else as a whole; what it does not name stays untouched. For 9.0, which has no
silent tool, it names all that the shipped file has (9.1, 9.2; 8.4).
"""

from collections.abc import Mapping
from typing import Final

from components.runtimes.node import JsonValue, Role
from components.runtimes.rserver.authentication import authentication, authorization
from components.runtimes.rserver.connection import connection_strings
from components.runtimes.rserver.expressions import node, subject, thumbprint
from components.runtimes.rserver.ports import Ports, ports
from components.runtimes.rserver.product import Product
from components.runtimes.rserver.versions import Part, Place, ServerVersion

WEB_CLIENT_SUBJECT: Final = "CN=web.operationalization.internal, O=operationalization"
"""Of certificate `web-client`, as .NET writes a name; compute nodes don't have that one."""

LOCAL_COMPUTE: Final = "http://localhost"
"""Where a one-box finds its own compute part: what the shipped file says (9.1)."""

Json = dict[str, JsonValue]


def overlay(product: Product, role: Role, part: Part) -> Json:
    """Return what the appsettings.json of *part* on a *role* node must say."""
    made = _web(product, role) if part == "web" else _compute(product, role)
    if product.version.complete_settings:
        return merged(_complete(product, part), made)
    return made


def first_overlay(product: Product, role: Role, part: Part) -> Json:
    """Return what the file must say before the product's own tool runs.

    The compute nodes' URIs, because set-up refuses to go on without (8.5), and the database, so
    that the node never starts on another one (10); "touch nothing else at that moment" (R9).
    """
    if product.version.complete_settings:
        return overlay(product, role, part)
    made = overlay(product, role, part)
    return {key: made[key] for key in made if key == "ConnectionStrings" or "|" in key}


def merged(base: Json, over: Mapping[str, JsonValue]) -> Json:
    """Return *base* with *over* in it: objects key by key, everything else as a whole."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        # An expression is an object too, of one key that no file has.
        if isinstance(old, Mapping) and isinstance(value, Mapping) and not _is_expression(value):
            result[key] = merged(dict(old), value)
        else:
            result[key] = value
    return result


def _is_expression(value: Mapping[str, JsonValue]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith("$")


def _web(product: Product, role: Role) -> Json:
    version, server = product.version, product.server
    found: Json = {
        "Kestrel": _kestrel(product, role, "web"),
        "Logging": _logging(product),
        "Authentication": {
            **authentication(product),
            "JWTSigningCertificate": certificate(product, "token-signing"),
        },
        "ConnectionStrings": connection_strings(product),
        "|".join(version.uri_sections): _compute_nodes(product, role),
        "CORS": {"Enabled": bool(server.cors.origins), "Origins": tuple(server.cors.origins)},
    }
    if roles := authorization(product):
        found["Authorization"] = roles
    if version.batch_checkout:
        found["BatchExecutionCheckoutTimeSpan"] = version.batch_checkout
    return found


def _compute(product: Product, role: Role) -> Json:
    pool = product.server.pool
    found: Json = {
        "Kestrel": _kestrel(product, role, "compute"),
        "Logging": _logging(product),
        "Pool": {"InitialSize": pool.initial, "MaxSize": pool.maximum},
    }
    if _mutual(product, role) and product.family == "windows":
        # Both fields: with one of them the requirement is ignored without a word (8.5).
        found["ClientCertificate"] = {
            "Enabled": True,
            "Issuer": subject("environment-ca"),
            "Subject": WEB_CLIENT_SUBJECT,
        }
    return found


def _kestrel(product: Product, role: Role, part: Part) -> Json:
    """Return where the product itself listens; `Host` stays as it is (Q13)."""
    own = own_ports(product, role)
    port: int = getattr(own, part)
    if not _shows_certificate(product, role, part):
        return {"Port": port, "HttpsEnabled": False}
    shown = "web-server" if part == "web" else "compute-server"
    return {
        "Port": port,
        "HttpsEnabled": True,
        "HttpsCertificate": certificate(product, shown),
    }


def own_ports(product: Product, role: Role) -> Ports:
    """Return where Kestrel listens on a node."""
    return ports(product.server, product.family, role).own


def _shows_certificate(product: Product, role: Role, part: Part) -> bool:
    """Whether Kestrel itself ends TLS: on Windows, where no proxy stands in front of it."""
    if product.family != "windows":
        return False
    if part == "web":
        return product.server.https.web and product.server.reverse_proxy == "none"
    return _mutual(product, role)


def _mutual(product: Product, role: Role) -> bool:
    """Whether web and compute nodes prove to each other who they are."""
    return role != "one-box" and product.server.https.compute


def certificate(product: Product, name: str) -> Json:
    """Return how appsettings.json names the certificate in secret *name* (12.2)."""
    place: Place = product.version.places[product.family]
    found: Json = {
        "Enabled": True,
        "StoreName": place.store,
        "StoreLocation": place.location,
        "SubjectName": subject(name),
    }
    if product.version.thumbprints:
        found["Thumbprint"] = thumbprint(name)
    return found


def _logging(product: Product) -> Json:
    """Return the levels: the two that the documents set alike (14.4)."""
    level = product.server.log_level
    return {"LogLevel": {"Default": level, "System": level}}


def _compute_nodes(product: Product, role: Role) -> Json:
    if role == "one-box":
        uris: Json = {"Values": (f"{LOCAL_COMPUTE}:{own_ports(product, role).compute}",)}
        if product.version.uri_ranges:
            uris["Ranges"] = ()
        return {"Uris": uris}
    uris = {"Values": node("computeNodes.values")}
    if product.version.uri_ranges:
        uris["Ranges"] = node("computeNodes.ranges")
    if not _mutual(product, role):
        return {"Uris": uris}
    return {"Uris": uris, "ClientCertificate": certificate(product, "web-client")}


def _complete(product: Product, part: Part) -> Json:
    """Return the rest of a file that no tool completes, as the shipped one has it (9.1, 9.2)."""
    version: ServerVersion = product.version
    place = version.places[product.family]
    none: Json = {
        "Enabled": False,
        "StoreName": place.store,
        "StoreLocation": place.location,
        "SubjectName": "",
    }
    log: Json = {"IncludeScopes": False, "LogsPath": "", "MaxLogsFilesNumber": 10}
    levels: Json = {"Default": "Warning", "System": "Warning", "Microsoft": "Warning"}
    if part == "compute":
        return {
            "Kestrel": {"HttpsCertificate": none},
            "Logging": {**log, "LogLevel": levels},
            "ClientCertificate": {"Enabled": False, "Issuer": "", "Subject": ""},
            "RServePort": "9054",
            "configured": "configured",
        }
    bearer = "Microsoft.AspNetCore.Authentication.JwtBearer.JwtBearerMiddleware"
    section = "|".join(version.uri_sections)
    return {
        "Kestrel": {"Host": "localhost", "HttpsCertificate": none},
        "Logging": {**log, "LogLevel": {**levels, bearer: "Warning"}},
        "MaxNumberOfThreadsPerBatchExecution": 100,
        "Authentication": {"AdminPassword": {"$secret": "admin-password-hash"}},
        section: {"ClientCertificate": none},
        "AdminPassword": {"$secret": "admin-password-hash"},
        "configured": "configured",
    }
