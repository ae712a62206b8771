"""`python -m operations.preview`: what scripts/preview runs."""

import sys

from operations.preview.command import main

sys.exit(main(sys.argv[1:]))
