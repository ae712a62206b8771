"""The database of a one-box as a file on its own disk: SQLite, in place of a server.

Three programs meet at the file. The migration and the API service are the same user, who owns it.
The loader is another user, of the file's group, and may only read: no model that it handles can
change what is published. R workers see neither the file nor its folder.
"""
