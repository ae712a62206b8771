"""What a deployment costs a month where prices are known, and what it has no price for."""

from operations.cost.difference import Changed, Difference, difference
from operations.cost.estimate import Estimate, Line, estimate

__all__ = ["Changed", "Difference", "Estimate", "Line", "difference", "estimate"]
