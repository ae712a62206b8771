"""What changed in a deployed environment behind Pulumi's back, and what of it matters."""
