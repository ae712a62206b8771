"""Where things are inside of a database's guest."""

CLUSTER = "/var/lib/managed"
"""Survives the guest: the data folder, the socket's folder, the server's log."""
DATA = f"{CLUSTER}/data"
SOCKET = f"{CLUSTER}/socket"
LOG = f"{CLUSTER}/log/postgresql.log"
LOCK = f"{CLUSTER}/lock"
SETTINGS = "/etc/managed"
"""Read-only: the server's files, its certificate, and who of the directory may log in."""
PATH = "/usr/local/lib/managed"
"""Where the guest's Python finds this package."""
PROGRAM = f"{PATH}/{__package__.replace('.', '/')}"
"""Read-only: this folder."""

LOGINS_PORT = 15432
"""Of 127.0.0.1: checks a token as an LDAP server checks a password."""
PREFIX = "role="
"""Before the role's name in what PostgreSQL asks there."""
