"""`python -m operations.comment OPTIONS`: what scripts/comment runs."""

import sys

from operations.comment.command import main

sys.exit(main(sys.argv[1:]))
