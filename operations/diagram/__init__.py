"""A picture of a deployment, as text that platforms draw."""

from operations.diagram.mermaid import mermaid

__all__ = ["mermaid"]
