"""What the two clouds offer, as far as this project knows: the one place to extend it.

A location, machine size or database size that is missing here is refused, because its zones,
memory or connection limit would have to be guessed. Adding one is a line in the module that holds
its kind.
"""
