"""What makes declared resources real on one Linux machine: hosts, networks, balancers, databases.

The fabric knows no cloud. A cloud's module (`fabric/azure/`) turns the control plane's records into
a `contract.Blueprint`, and the fabric makes the machine match it, as often as it changes.
"""
