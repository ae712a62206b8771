"""What runs on a node in the product's place: web node, compute node, R shells, admin tools."""
