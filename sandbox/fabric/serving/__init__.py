"""What every cloud's services inside of networks have in common: sockets, HTTP, DNS, TLS."""
