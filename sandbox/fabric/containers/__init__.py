"""Images of containers: built from a task's steps, kept per sandbox, run as hosts."""

from sandbox.fabric.containers.registry import Built, Registry
from sandbox.fabric.containers.steps import Task, read

__all__ = ["Built", "Registry", "Task", "read"]
