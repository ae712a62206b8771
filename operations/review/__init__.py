"""Environments that live for a review: like another one, throw-away, and with a time to live.

The time is a tag, `environment-expires`, on every resource that has tags: in the cloud's own
console somebody sees it, and it is in Pulumi's state from the first resource on, also where an
update failed half-way. (Backends in a bucket have no tags of stacks.)
"""
