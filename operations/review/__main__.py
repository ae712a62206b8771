"""`python -m operations.review COMMAND`: what scripts/review and scripts/expire run."""

import sys

from operations.review.command import main

sys.exit(main(sys.argv[1:]))
