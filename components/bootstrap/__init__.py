"""Turns a node recipe into user data: cloud-init for Linux."""
