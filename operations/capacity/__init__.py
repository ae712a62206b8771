"""How much an environment can do, what limits it, and what it would need for a stated load.

The documents' evaluation of capacity (facts.md 14.3): parallel requests to one service, stage by
stage, until an answer takes too long or there are as many as were asked for.
"""
