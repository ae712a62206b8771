"""What an outside judge finds in the stacks, held against what we have accepted, with reasons."""
