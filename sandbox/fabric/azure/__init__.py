"""Azure on this machine: what its records become, and what its platform answers to machines."""
