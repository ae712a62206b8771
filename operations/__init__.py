"""Day-two work on an environment that is deployed: publish, score.

Knows an environment by the outputs of its stack and by its API (facts.md section 13), and neither
the program that deployed it, nor the sandbox, nor the nodes' software.
"""
