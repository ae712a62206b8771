"""`python -m operations COMMAND`: what scripts/publish and scripts/score run."""

import sys

from operations.command import main

sys.exit(main(sys.argv[1:]))
