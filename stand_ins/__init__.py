"""Stand-ins for R Server and ML Server, whose own packages nobody may hand on any more.

They lay down what the documents describe (paths, services, admin tools, files), behave as the
documents say and refuse what they say is refused; model code runs in Debian's R. Each says in its
version and in every answer that it is one. What it knows of the products is written down from
facts.md alone, so that a mistake of the node scripts is not repeated here.
"""
