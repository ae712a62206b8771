"""The web node."""
