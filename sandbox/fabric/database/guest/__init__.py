"""What runs beside PostgreSQL in a database's guest, under the guest's own Python.

Needs Python 3.11, python3-jwt and python3-cryptography, and nothing of the sandbox's packages: the
folder is bound into the guest as it is.
"""
