"""The compute node and its R shells."""
