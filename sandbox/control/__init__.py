"""The control plane: Pulumi's provider protocol, and what each resource type obeys."""
