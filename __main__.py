"""One environment: settings, the topology that they choose, its outputs."""

import gc

# The program lives for seconds and keeps nearly all that it makes, first of all the SDK's classes:
# collecting garbage takes a tenth of a preview and frees nothing. Hence before the other imports.
gc.disable()

# ruff: noqa: E402
import pulumi

from components.parts.naming import environment_name
from components.parts.waiting import wait_for_all_at_once
from components.settings import load
from components.topologies import choice

wait_for_all_at_once()
stack = pulumi.get_stack()
settings = load(pulumi.Config(), stack)
environment = choice.declare(environment_name(stack), stack, settings)
for key, value in environment.outputs.items():
    pulumi.export(key, value)

# All of it stays until the end; unfrozen, the interpreter would walk it once more when it exits.
gc.freeze()
