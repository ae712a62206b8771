"""What is wrong with a deployed environment, from the load balancer inwards.

Facts come first: what the way in answers to us (`front`), and what each node says of itself, which
programs of ours find out there (`node`, read-only, the same for every product). What should be is
in the stack's outputs and state (`intended`). Judging is a pure function of both (`judging`), so
that every kind of fault has its test on recorded facts, and needs no environment.

Each kind of finding has an entry in `kinds`, which says how bad it is and what to do, and a section
of its own in docs/diagnose.md.
"""
