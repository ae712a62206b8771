"""Managed databases: a real PostgreSQL server for each, behind what a cloud puts around one."""

from sandbox.fabric.database.databases import Databases, end_strays
from sandbox.fabric.database.keeper import Server
from sandbox.fabric.database.product import FLEXIBLE_SERVER, RDS, Product

__all__ = ["FLEXIBLE_SERVER", "RDS", "Databases", "Product", "Server", "end_strays"]
