"""Two stacks side by side, for a promotion: what differs once bases and defaults are in place."""
