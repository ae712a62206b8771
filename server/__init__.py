"""The open runtime's own software: `api` on web nodes, `loader` and `worker` on compute nodes."""
