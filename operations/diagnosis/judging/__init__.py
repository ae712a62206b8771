"""Judges facts against what is intended: pure functions, which see nothing but what they are given.

`front` is about the way in, `node` about one node, `fleet` about nodes together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from operations.diagnosis.asking import Told
from operations.diagnosis.front import Front
from operations.diagnosis.intended import Intended
from operations.diagnosis.judging import fleet, node
from operations.diagnosis.judging import front as way_in
from operations.diagnosis.kinds import Finding, in_order

__all__ = ["Evidence", "judge"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All that is known of an environment at one moment."""

    intended: Intended
    front: Front | None
    """None where its outputs are not complete."""
    nodes: Sequence[Told]
    now: float
    words: tuple[str, ...] = ("pass",)
    """Words of the product's report for what is well."""


def judge(evidence: Evidence) -> tuple[Finding, ...]:
    """Return all findings, the worst first."""
    found: list[Finding] = []
    if evidence.front is not None:
        found += way_in.judge(evidence.front, evidence.intended, evidence.now, evidence.words)
    for told in evidence.nodes:
        found += node.judge(told, evidence.intended, evidence.now, evidence.words)
    found += fleet.judge(evidence.nodes, evidence.intended)
    return in_order(found)
