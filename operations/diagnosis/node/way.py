"""Where the node's packets get, and what the node says of its own health."""

import functools
import http.client
import socket
import ssl
import threading

from operations.diagnosis.node import ground

CONNECT = 3.0
"""Seconds: a lost first packet is sent again after one."""


def passed(targets: "object") -> "list[int]":
    """Return the places, in the list *targets*, of those that a packet gets through to.

    A refusal is an answer: the packet came through, and nothing listens there.
    """
    found = []
    places = (
        [each for each in targets if isinstance(each, list)] if isinstance(targets, list) else []
    )

    def attempt(index: "int", host: "str", port: "int") -> "None":
        try:
            socket.create_connection((host, port), CONNECT).close()
        except ConnectionRefusedError:
            pass
        except OSError:
            return
        found.append(index)

    threads = [
        threading.Thread(target=attempt, args=(index, str(each[0]), int(each[1])), daemon=True)
        for index, each in enumerate(places)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CONNECT + 1)
    return sorted(found)


def call(
    port: "int",
    method: "str",
    path: "str",
    body: "bytes | None" = None,
    token: "str" = "",
    secure: "bool" = True,
    seconds: "float" = 8.0,
) -> "tuple[int, str]":
    """Call this node itself, whose certificate names no loopback address; status and text."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    if secure:
        context = ssl.SSLContext(ssl.PROTOCOL_SSLv23)
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=seconds, context=context
        )
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(1024 * 1024).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, ground.cut("{}: {}".format(type(error).__name__, error))
    finally:
        connection.close()


def shown(node: "dict[str, object]") -> "tuple[int, bool]":
    """Return the port that others call, and whether it speaks TLS."""
    port = int(str(node["port"]))
    listen = ground.section(node).get("listen")
    if not isinstance(listen, dict):
        return port, True
    for part in listen.values():
        if isinstance(part, dict) and part.get("port") == port:
            return port, bool(part.get("https"))
    return port, False


def health(node: "dict[str, object]") -> "dict[str, object]":
    """Return what the node answers on the paths that the platform and the balancer ask."""
    port, secure = shown(node)
    paths = node.get("health")
    work = {}  # type: dict[str, object]
    for name in ("live", "ready"):
        path = str(paths[name]) if isinstance(paths, dict) else "/" + name
        work[name] = functools.partial(call, port, "GET", path, secure=secure)
    found = {}
    for name, answer in ground.at_once(work, 9.0).items():
        if isinstance(answer, tuple):
            found[name] = [answer[0], ground.cut(answer[1])]
        else:
            found[name] = [0, ground.cut(answer)]
    return dict(found)
