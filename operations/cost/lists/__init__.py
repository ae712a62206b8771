"""The clouds' public price lists, read for what our stacks use and nothing else."""
