"""The components as a library: what a Pulumi program of yours says is `deploy(its folder)`.

`templates/` has such programs for `pulumi new`, and `testing` is for their tests.
"""

from operationalization.program import deploy

__all__ = ["deploy"]
