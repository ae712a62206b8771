"""What differs between two stacks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from components.settings.comparison.effective import Effective, Setting
from components.settings.comparison.expected import kind_of


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that the stacks don't have in common."""

    path: str
    first: Setting | None
    """None where it is not set."""
    second: Setting | None
    expected: str | None = None
    """Kind of a difference that such stacks have anyway."""


@dataclass(frozen=True, slots=True)
class SecretDifference:
    """A secret that not both have, or of which nobody can say whether it is the same."""

    name: str
    first: bool
    second: bool

    @property
    def differs(self) -> bool:
        """Whether one has it and the other has not."""
        return self.first != self.second


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two stacks side by side."""

    first: Effective
    second: Effective
    look_at: tuple[Difference, ...]
    expected: tuple[Difference, ...]
    secrets: tuple[SecretDifference, ...]

    @property
    def same(self) -> bool:
        """Whether nothing is known to differ."""
        return not self.expected and self.same_but_for_the_expected

    @property
    def same_but_for_the_expected(self) -> bool:
        """Whether there is nothing that a promotion should look at."""
        return not self.look_at and not any(each.differs for each in self.secrets)


def compare(first: Effective, second: Effective) -> Comparison:
    """Return what differs, in the order of the settings."""
    found = [
        *_differing(first.settings, second.settings),
        *_differing(first.beside, second.beside),
    ]
    marked = [
        Difference(each.path, each.first, each.second, kind_of(each.path, each.first, each.second))
        for each in found
    ]
    names = sorted({*first.secrets, *second.secrets})
    return Comparison(
        first=first,
        second=second,
        look_at=tuple(each for each in marked if each.expected is None),
        expected=tuple(each for each in marked if each.expected is not None),
        secrets=tuple(
            SecretDifference(name, name in first.secrets, name in second.secrets) for name in names
        ),
    )


def _differing(first: Mapping[str, Setting], second: Mapping[str, Setting]) -> Iterable[Difference]:
    one, other = _entries_whole(first, second), _entries_whole(second, first)
    for path in dict.fromkeys((*one, *other)):
        if _plain(one.get(path)) != _plain(other.get(path)):
            yield Difference(path, one.get(path), other.get(path))


def _entries_whole(
    settings: Mapping[str, Setting], others: Mapping[str, Setting]
) -> dict[str, Setting]:
    """Return *settings* with each named entry that only they have as one setting.

    An empty list says nothing beside one with entries, and goes.
    """
    lists = {path.partition("[")[0] for path in others if "[" in path}
    theirs = {path.partition("]")[0] for path in others if "[" in path}
    found: dict[str, Setting] = {}
    for path, setting in settings.items():
        entry, inside, rest = path.partition("].")
        if inside and entry not in theirs:
            at = f"{entry}]"
            known = found.get(at, Setting({}, setting.origin))
            found[at] = Setting({**known.value, rest: setting.value}, known.origin)
        elif setting.value != [] or path not in lists:
            found[path] = setting
    return found


def _plain(setting: Setting | None) -> object:
    """Return the value to compare: no list of the settings means anything by its order."""
    if setting is not None and isinstance(setting.value, list):
        return sorted(setting.value, key=str)
    return setting.value if setting is not None else None
