"""The sandbox's account: made up, fixed, and easy to recognise."""

ACCOUNT = "500000000005"
USER = "AIDA5SANDBOXSANDBOX05"
"""Unique id of the one who deploys."""
USER_NAME = "sandbox"
