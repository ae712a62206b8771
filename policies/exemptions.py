"""What a stack file exempts from a rule, and what became of it.

An exemption names a rule and a resource and says why. What it covers is no violation any more and
is reported as exempted, with the reason: a reader of a preview sees both. When its date has passed,
the violation is back, and the report says so.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase

from components.settings import ExemptionSettings
from policies.reading import Resource
from policies.rule import Finding, Rule


@dataclass(frozen=True, slots=True)
class Note:
    """Something to say about an exemption."""

    text: str
    urn: str | None = None


@dataclass(slots=True)
class Exemptions:
    """The exemptions of one stack file, and what they have been used for."""

    settings: Sequence[ExemptionSettings]
    today: date
    known: Collection[str]
    """Ids of all rules."""
    _exempted: dict[tuple[str, str, str], Note] = field(default_factory=dict)
    _needed: set[ExemptionSettings] = field(default_factory=set)

    def cover(self, rule: Rule, resource: Resource, finding: Finding) -> bool:
        """Return whether *finding* is exempted; it is remembered either way."""
        for each in self.settings:
            if each.policy != rule.id or not fnmatchcase(resource.name, each.resource):
                continue
            self._needed.add(each)
            if not is_over(each, self.today):
                until = f" (until {each.until})" if each.until else ""
                said = f"{rule.id} on {resource}: {finding.what}"
                note = Note(f"{said}\nreason: {each.reason}{until}", resource.urn)
                self._exempted[rule.id, resource.urn, finding.what] = note
                return True
        return False

    def exempted(self) -> Iterator[Note]:
        """Yield what was exempted, and why."""
        yield from self._exempted.values()

    def stale(self) -> Iterator[Note]:
        """Yield the exemptions that somebody should look at again; ask when all rules have run."""
        for each in self.settings:
            name = f"exemption of {each.policy} for {each.resource}"
            if each.policy not in self.known:
                yield Note(f"{name}: there is no such rule\nfix: docs/policies.md lists the rules")
            elif each in self._needed and is_over(each, self.today):
                said = f"{name}: it ended on {each.until}, so that the violation is back"
                yield Note(f"{said}\nfix: mend the resource, or give the exemption another date")
            elif each not in self._needed:
                said = f"{name}: nothing needs it"
                yield Note(f"{said}\nfix: remove it from the stack file or its base")


def is_over(exemption: ExemptionSettings, today: date) -> bool:
    """Return whether the last day of *exemption* has passed."""
    return exemption.until is not None and date.fromisoformat(exemption.until) < today
