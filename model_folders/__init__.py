"""Model folders: what a person hands over to have a model as a service, on any topology.

The program reads them when an environment has its models inside (managed endpoints), operations
when they publish and score. Both know this package, and it knows neither.
"""
