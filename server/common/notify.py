"""Tells systemd that a service is ready (sd_notify(3))."""

import os
import socket


def ready() -> None:
    """Say that start-up is complete; without systemd there is nobody to tell."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(address)
        channel.sendall(b"READY=1")
