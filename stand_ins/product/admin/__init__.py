"""The admin tools: the utility of 9.0 to 9.2, the command line of 9.3 and later."""
