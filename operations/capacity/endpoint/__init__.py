"""Capacity of a managed endpoint: its front, and the instances of one deployment."""
