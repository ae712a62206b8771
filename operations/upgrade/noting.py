"""Has Pulumi know that machines have changed where they run.

It remembers what each machine was made from, and says when that is not what the settings say. After
an upgrade it is: what is remembered is made anew, and nothing else is touched.
"""

import subprocess

from operations.stack import PROJECT, Backend, Sandbox

REMEMBERED = "**-made-from"
"""URNs of what is remembered (`components.parts.content`)."""


def note(backend: Backend, stack: str) -> str:
    """Renew what is remembered, where that needs no leave; return what is left to do, if any."""
    again = ("--target-replace", REMEMBERED)
    if not isinstance(backend, Sandbox):
        command = f"{backend.deploy(stack)} --target-replace '{REMEMBERED}'"
        return f"to have Pulumi take the nodes for what the stack file says: {command}"
    script = [str(PROJECT / "scripts" / "up"), "--stack", stack, "--no-sample", "--", *again]
    done = subprocess.run(
        script, cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return f"Pulumi still takes the nodes for what they were; run: {' '.join(script)}"
    return ""
