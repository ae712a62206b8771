"""A stack's lock: who holds it, whether they are still there, and how it is given back safely."""
