"""Which of an environment's addresses answers.

A load balancer with an address in each zone loses one with its zone, and its name takes a while to
forget it. All are tried at once, so that a zone that is down costs nothing.
"""

import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack


def first_answering(addresses: Sequence[str], port: int, seconds: float) -> str | None:
    """Return the first of *addresses* that takes a connection, or None when none does in time."""
    deadline = time.monotonic() + seconds
    with ExitStack() as opened, selectors.DefaultSelector() as waiting:
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            connection = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
            connection.setblocking(False)
            connection.connect_ex((address, port))
            waiting.register(connection, selectors.EVENT_WRITE, (connection, address))
        while waiting.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in waiting.select(left):
                tried, address = key.data
                if tried.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    return str(address)
                waiting.unregister(tried)
    return None
