"""Changes the ports of a deployed environment of the R Server family, and goes back."""
