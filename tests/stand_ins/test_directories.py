"""Users of an LDAP server or of Azure Active Directory, and their roles (facts.md 12.4 to 12.6)."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from stand_ins.product.appsettings import ConfigurationError
from stand_ins.product.web.node import server
from tests.stand_ins.test_web import SERVICE, prepare
from tests.support import ldap
from tests.support.stand_in_nodes import web_node
from tests.support.stand_ins import PASSWORD, signed_in
from tests.support.web import Authority

BASE = "dc=example,dc=com"
READER = f"cn=reader,{BASE}"
ROLES = {"Owner": ["Administrators"], "Contributor": ["Quality"], "Reader": ["Apps"]}
ENTRIES = {
    READER: {"userPassword": ["look"]},
    f"cn=ann,{BASE}": {
        "sAMAccountName": ["ann"],
        "userPrincipalName": ["ann@example.com"],
        "mail": ["a@example.com"],
        "userPassword": ["Ann-Pass:1"],
        "memberOf": [f"CN=Administrators,{BASE}", f"CN=Apps,{BASE}"],
    },
    f"cn=bob,{BASE}": {
        "sAMAccountName": ["bob"],
        "userPrincipalName": ["bob@example.com"],
        "userPassword": ["Bob-Pass:1"],
        "memberOf": [f"CN=Apps,{BASE}"],
    },
    f"cn=eve,{BASE}": {
        "sAMAccountName": ["eve"],
        "userPrincipalName": ["eve@example.com"],
        "userPassword": ["Eve-Pass:1"],
    },
    f"cn=nix,{BASE}": {"sAMAccountName": ["nix"], "userPassword": ["Nix-Pass:1"]},
}


def section(port, **more):
    return {
        "Enabled": True,
        "Host": "127.0.0.1",
        "Port": port,
        "UseLDAPS": "False",
        "QueryUserDn": READER,
        "QueryUserPassword": "look",
        "SearchBase": BASE,
        "SearchFilter": "sAMAccountName={0}",
        "UniqueUserIdentifierAttributeName": "userPrincipalName",
        **more,
    }


def log_in(port, username, password):
    body = {"username": username, "password": password}
    return httpx.post(f"http://127.0.0.1:{port}/login", json=body, timeout=30)


def test_users_of_a_directory_sign_in_and_have_roles(node):
    with ldap.serving(ENTRIES) as directory:
        machine = node()
        prepare(
            machine,
            "http://127.0.0.1:1",
            Authentication__LDAP=section(directory.port),
            Authorization=ROLES,
        )
        with web_node(machine.version) as port:
            with signed_in(port, "ann", "Ann-Pass:1") as ann:
                assert ann.post("/services/a/1", json=SERVICE).status_code == 201
                known = ann.get("/services/a/1").json()[0]
                assert known["versionPublishedBy"] == "ann@example.com"
                assert known["myPermissionOnService"] == "read/write"
                assert ann.get("/computenodes").status_code == 200
                report = ann.get("/status").json()["components"]["authentication"]
                assert report["details"]["type"] == "ldap"
            with signed_in(port, "bob", "Bob-Pass:1") as bob:
                assert bob.get("/services/a/1").json()[0]["myPermissionOnService"] == "read"
                assert bob.post("/services/b/1", json=SERVICE).status_code == 403
                assert bob.delete("/services/a/1").status_code == 403
                assert bob.get("/computenodes").status_code == 403
            assert directory.binds == [READER, f"cn=ann,{BASE}", READER, f"cn=bob,{BASE}"]
            for username, password in (
                ("ann", "wrong"),
                ("ann", ""),
                ("nobody", "x"),
                ("eve", "Eve-Pass:1"),  # has no role, and Reader is declared
                ("nix", "Nix-Pass:1"),  # has no unique attribute
                ("a*", "Ann-Pass:1"),
                ("admin", PASSWORD),  # the local account is disabled
            ):
                assert log_in(port, username, password).status_code == 401, username
            # What is special in a filter is escaped, so that a star is a star.
            assert "sAMAccountName=a*" in directory.searches
    with web_node(machine.version) as port:
        assert log_in(port, "ann", "Ann-Pass:1").status_code == 503


def test_a_server_that_is_not_trusted_is_refused_over_tls(node, tmp_path):
    context = Authority().issue(tmp_path, "127.0.0.1")
    with ldap.serving(ENTRIES, context) as directory:
        for skip, status in ((False, 503), (True, 200)):
            machine = node()
            more = section(directory.port, UseLDAPS="True", SkipCertificateValidation=skip)
            prepare(machine, "http://127.0.0.1:1", Authentication__LDAP=more)
            with web_node(machine.version) as port:
                assert log_in(port, "ann", "Ann-Pass:1").status_code == status


class Aad:
    """A directory's metadata and keys over HTTP."""

    def __init__(self, port):
        self.authority = f"http://127.0.0.1:{port}/tenant"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def answer(self, path):
        if path == "/tenant/.well-known/openid-configuration":
            return {
                "issuer": "https://sts.windows.net/tenant/",
                "jwks_uri": f"{self.authority}/keys",
            }
        if path == "/tenant/keys":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
            return {"keys": [public | {"kid": "one"}]}
        return None

    def token(self, key=None, **changes):
        claims = {
            "iss": "https://sts.windows.net/tenant/",
            "aud": "web-application",
            "exp": int(time.time()) + 600,
            "upn": "ann@example.com",
            "groups": ["Quality"],
        }
        return jwt.encode(claims | changes, key or self.key, "RS256", headers={"kid": "one"})


@contextmanager
def aad():
    made = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(made["aad"].answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    web = HTTPServer(("127.0.0.1", 0), Handler)
    made["aad"] = Aad(web.server_address[1])
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made["aad"]
    finally:
        web.shutdown()
        web.server_close()
        thread.join()


def test_tokens_of_azure_active_directory_are_verified(node):
    with aad() as known:
        machine = node()
        active = {"Enabled": True, "Authority": known.authority, "Audience": "web-application"}
        prepare(
            machine,
            "http://127.0.0.1:1",
            Authentication__AzureActiveDirectory=active | {"Key": "secret"},
            Authorization=ROLES,
        )
        with web_node(machine.version) as port:

            def status(token, method="GET", path="/services"):
                headers = {"Authorization": f"Bearer {token}"}
                url = f"http://127.0.0.1:{port}{path}"
                return httpx.request(method, url, headers=headers, json=SERVICE).status_code

            assert status(known.token()) == 200
            assert status(known.token(), "POST", "/services/a/1") == 201
            assert status(known.token(groups=["Apps"]), "POST", "/services/b/1") == 403
            assert status(known.token(groups=[])) == 403
            other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            for token in (
                known.token(aud="other"),
                known.token(iss="https://evil"),
                known.token(exp=int(time.time()) - 10),
                known.token(other),
                "x.y.z",
            ):
                assert status(token) == 401
            assert log_in(port, "admin", PASSWORD).status_code == 401


def test_roles_with_aad_need_the_applications_key(node):
    machine = node()
    active = {"Enabled": True, "Authority": "https://a", "Audience": "x"}
    prepare(
        machine,
        "http://127.0.0.1:1",
        Authentication__AzureActiveDirectory=active,
        Authorization=ROLES,
    )
    with pytest.raises(ConfigurationError, match="Key is needed for roles"):
        server(machine.version)
