"""The policy pack: what a preview refuses before a cloud is asked.

A rule is data and a small function (`rule`), one module a topic below `rules`. Rules see resources
as plain mappings (`reading`) and the stack's settings (`ground`), and know nothing of the engine;
`pack` alone does. What a stack file exempts is in `exemptions`.
"""
