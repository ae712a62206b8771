"""What runs on the nodes: one folder a product. `recipe` is the way in."""
