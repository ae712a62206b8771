"""A cloud in a box: the control plane that the Pulumi engine talks to, and the hosts behind it."""
