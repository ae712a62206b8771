"""`python -m sandbox`, which `scripts/sandbox` runs: start, stop and look at the sandbox."""

import sys

from sandbox.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
