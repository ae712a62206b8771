"""Says in a pull request, and in one issue a stack, what a pipeline has found.

GitHub and Azure DevOps, by their REST APIs. A comment is found again by the marker on its first
line, which nobody sees, and is changed in place: one comment a stack, however often a pipeline
runs.
"""
