"""Whole environments, composed of parts without knowing whose cloud they are on."""
