"""What the services of both kinds of node share."""
