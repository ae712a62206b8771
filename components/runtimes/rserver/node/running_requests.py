"""How many requests this node's proxy works on, but for the one that asks.

usage: running_requests.py SOCKET

NGINX says it on a socket of its own (`stub_status`), which the curl of CentOS 7 cannot ask. Python
3.4 and its standard library.
"""

import re
import socket
import sys


def running(answer: "str") -> "int":
    """Return how many connections have a request that is being read, answered or worked on."""
    found = re.search(r"Reading: (\d+) Writing: (\d+)", answer)
    if found is None:
        raise ValueError("the proxy's status has no numbers")
    return int(found.group(1)) + int(found.group(2)) - 1


def ask(path: "str") -> "str":
    """Return what the proxy says of itself."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5)
        connection.connect(path)
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        part = connection.recv(4096)
        while part:
            answer += part
            part = connection.recv(4096)
    return answer.decode("ascii", "replace")


def main() -> "None":
    """Print the number, or say why there is none."""
    try:
        sys.stdout.write("{}\n".format(running(ask(sys.argv[1]))))
    except (OSError, ValueError) as error:
        sys.exit("running requests are not known: {}".format(error))


if __name__ == "__main__":
    main()
