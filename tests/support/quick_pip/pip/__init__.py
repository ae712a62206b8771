"""Stands before pip where the engine's language host asks it what is installed."""
