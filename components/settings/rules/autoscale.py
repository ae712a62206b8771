"""Rules of groups that follow their load: bounds, thresholds that can't flap, schedules."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import NamedTuple, get_args

from components.settings.catalogue.timezones import WINDOWS_NAMES
from components.settings.environment import EnterpriseEnvironment, Role
from components.settings.nodes import AutoscaleSettings, Day, NodeGroupSettings, ScheduleSettings
from components.settings.problems import Problem, closest, show
from components.settings.rules.groups import ROLES, GroupRule, of_group

MINUTES_A_DAY = 24 * 60
MINUTES_A_WEEK = 7 * MINUTES_A_DAY
DAYS: tuple[str, ...] = get_args(Day)


def bounds_are_in_order(key: str, scale: AutoscaleSettings) -> Iterator[Problem]:
    """The maximum is at least the minimum."""
    if scale.maximum < scale.minimum:
        rule = f"must be at least the minimum, {scale.minimum}"
        fix = f"raise it to {scale.minimum}, or lower {key}.minimum"
        yield Problem(f"{key}.maximum", show(scale.maximum), rule, fix)


def thresholds_cannot_flap(key: str, scale: AutoscaleSettings) -> Iterator[Problem]:
    """Adding nodes never makes the group want to remove them, nor the other way round.

    The same work on fewer nodes is more work for each. Removing *k* of *m + k* nodes at the lower
    threshold must leave the load under the upper one, or nodes come and go for ever; Azure then
    refuses to remove any, and the group never shrinks. The step weighs most when the group is
    smallest, so the fewest nodes decide.
    """
    if scale.maximum <= scale.minimum:
        return
    fewest = scale.minimum
    step = min(max(scale.scale_in.step, scale.scale_out.step), scale.maximum - fewest)
    above, below = scale.scale_out.above, scale.scale_in.below
    most = (above * fewest - 1) // (fewest + step)
    if below <= most:
        return
    rule = (
        f"must be low enough that the nodes that stay are under scaleOut.above, {above}: "
        f"{below} percent on {fewest + step} nodes are {-(-below * (fewest + step) // fewest)} "
        f"percent on {fewest}"
    )
    fix = f"write {most} or less, or raise minimum or scaleOut.above"
    if most < 1:
        fix = "use a smaller step, or raise minimum or scaleOut.above"
    yield Problem(f"{key}.scaleIn.below", show(below), rule, fix)


def schedules_are_within(key: str, scale: AutoscaleSettings) -> Iterator[Problem]:
    """Each schedule's bounds are in order and within the group's."""
    for place, schedule in _schedules(key, scale):
        low, high = schedule.minimum, schedule.maximum
        if high < low:
            rule = f"must be at least the minimum of the schedule, {low}"
            yield Problem(f"{place}.maximum", show(high), rule, f"raise it to {low}")
        if low < scale.minimum:
            rule = f"must be at least the minimum of the group, {scale.minimum}"
            yield Problem(f"{place}.minimum", show(low), rule, f"raise it to {scale.minimum}")
        if high > scale.maximum:
            rule = f"must be at most the maximum of the group, {scale.maximum}"
            fix = f"lower it, or raise {key}.maximum, which sizes the network"
            yield Problem(f"{place}.maximum", show(high), rule, fix)


def schedules_have_names_and_zones(key: str, scale: AutoscaleSettings) -> Iterator[Problem]:
    """Names are unique, days are named once, the time zone is known and the same for all."""
    names: set[str] = set()
    first: str | None = None
    for place, schedule in _schedules(key, scale):
        if schedule.name in names:
            rule = f"must be unique in {key}.schedules"
            yield Problem(f"{place}.name", show(schedule.name), rule, "choose another name")
        names.add(schedule.name)
        if len(set(schedule.days)) < len(schedule.days):
            rule = "must name each day once"
            yield Problem(f"{place}.days", "", rule, "remove the day that is there twice")
        zone = schedule.timezone
        if zone not in WINDOWS_NAMES:
            near = closest(zone, WINDOWS_NAMES)
            fix = f"did you mean {near}?" if near else "write the IANA name, like Europe/Berlin"
            rule = "must be a time zone that this project knows"
            yield Problem(f"{place}.timezone", show(zone), rule, fix)
        elif (first := first or zone) != zone:
            rule = "must be the same for all schedules of a group"
            yield Problem(f"{place}.timezone", show(zone), rule, f"write {first}")


def schedules_do_not_overlap(key: str, scale: AutoscaleSettings) -> Iterator[Problem]:
    """No two schedules of a group hold at the same moment.

    Where they do, Azure lets the one that began last win and then returns to the group's own
    bounds when the first of them ends, while the other should still hold.
    """
    spans: list[tuple[str, ScheduleSettings, list[_Span]]] = []
    for place, schedule in _schedules(key, scale):
        if schedule.start == schedule.end:
            rule = "must differ from start"
            yield Problem(f"{place}.end", show(schedule.end), rule, "write when the period ends")
        else:
            spans.append((place, schedule, list(_spans(schedule))))
    for (_, one, its), (place, other, others) in combinations(spans, 2):
        if any(a.start < b.end and b.start < a.end for a in its for b in others):
            rule = f"must not overlap with the schedule {one.name}"
            when = f"{other.start} to {other.end}"
            yield Problem(place, when, rule, "change its days, start or end")


class _Span(NamedTuple):
    """A period of the week, in minutes from Monday 00:00."""

    start: int
    end: int


def _schedules(key: str, scale: AutoscaleSettings) -> Iterator[tuple[str, ScheduleSettings]]:
    for index, schedule in enumerate(scale.schedules):
        yield f"{key}.schedules[{index}]", schedule


def _spans(schedule: ScheduleSettings) -> Iterator[_Span]:
    """Yield the periods of one week, one that runs past Sunday midnight in two parts."""
    start, end = _minutes(schedule.start), _minutes(schedule.end)
    length = end - start if end > start else end - start + MINUTES_A_DAY
    for day in set(schedule.days):
        begin = DAYS.index(day) * MINUTES_A_DAY + start
        yield _Span(begin, min(begin + length, MINUTES_A_WEEK))
        if begin + length > MINUTES_A_WEEK:
            yield _Span(0, begin + length - MINUTES_A_WEEK)


def _minutes(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


ScaleRule = Callable[[str, AutoscaleSettings], Iterator[Problem]]

SCALE_RULES: tuple[ScaleRule, ...] = (
    bounds_are_in_order,
    thresholds_cannot_flap,
    schedules_are_within,
    schedules_have_names_and_zones,
    schedules_do_not_overlap,
)
"""Of anything whose number follows its load, at the key that says so."""


def _of_nodes(rule: ScaleRule) -> GroupRule:
    def applied(
        _environment: EnterpriseEnvironment, role: Role, nodes: NodeGroupSettings
    ) -> Iterator[Problem]:
        if nodes.autoscale:
            yield from rule(f"{role}.autoscale", nodes.autoscale)

    applied.__name__ = rule.__name__
    return applied


RULES = tuple(of_group(_of_nodes(rule), role) for role in ROLES for rule in SCALE_RULES)
"""Of the enterprise topology."""
