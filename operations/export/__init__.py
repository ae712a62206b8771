"""Writes a deployment as others would have declared it: an ARM template, a Terraform plan.

What reads those (Checkov, a reviewer's own tools) can then judge the environment without knowing
Pulumi. The source is the engine's state, which holds every input with nothing left to compute.
"""
