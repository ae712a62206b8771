"""The API service of a web node: everything but scoring (facts.md section 13)."""
