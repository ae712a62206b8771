"""Cron expressions as scheduled actions take them: five fields.

Source: Amazon EC2 Auto Scaling User Guide, "Scheduled scaling" ("Recurring schedules": minute,
hour, day of month, month, day of week; lists, ranges, steps, names of months and days).
"""

import re

_MONTHS = {
    name: n
    for n, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_DAYS = {name: n for n, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 7, _DAYS),
)
_ITEM = re.compile(r"(\*|[A-Za-z0-9]+)(?:-([A-Za-z0-9]+))?(?:/(\d{1,3}))?")


def is_cron(expression: str) -> bool:
    """Whether an expression has five fields, each in its range."""
    fields = expression.split()
    return len(fields) == len(_FIELDS) and all(
        all(_is_item(item, *field) for item in written.split(","))
        for written, field in zip(fields, _FIELDS, strict=True)
    )


def _is_item(item: str, least: int, most: int, names: dict[str, int]) -> bool:
    match = _ITEM.fullmatch(item)
    if match is None:
        return False
    start, end, step = match.groups()
    if step is not None and not 1 <= int(step) <= most:
        return False
    if start == "*":
        return end is None
    numbers = [_number(each, names) for each in (start, end) if each is not None]
    if not all(found is not None and least <= found <= most for found in numbers):
        return False
    return numbers == sorted(numbers, key=lambda found: found or 0)


def _number(written: str, names: dict[str, int]) -> int | None:
    return int(written) if written.isdecimal() else names.get(written.casefold())
