"""How the stand-ins become an archive of Debian packages."""
