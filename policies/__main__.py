"""What the engine starts for `--policy-pack policies`; it ends when the engine does."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The engine puts this folder on the path, under two names; from there, a module of ours could
# stand in for one of Python's. What we import is below the project's folder.
sys.path[:] = [str(HERE.parent), *(each for each in sys.path if Path(each).resolve() != HERE)]

from policies.pack import serve  # noqa: E402 -- the path comes first

serve()
