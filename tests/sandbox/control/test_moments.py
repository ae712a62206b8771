"""Which moments a restore may ask for."""

from datetime import datetime, timedelta

from sandbox.control.moments import earliest_restore, moment

MADE = moment("2026-11-30T23:21:28.731000+00:00")
assert MADE is not None


def test_a_server_can_be_restored_to_the_very_second_in_which_it_was_made() -> None:
    asked = moment("2026-11-30T23:21:28Z")
    assert asked is not None
    assert earliest_restore(MADE, 7, MADE + timedelta(seconds=1)) <= asked


def test_no_restore_reaches_to_before_the_server_or_further_than_backups_are_kept() -> None:
    assert earliest_restore(MADE, 7, MADE + timedelta(days=1)) > MADE - timedelta(seconds=1)
    late = MADE + timedelta(days=30)
    assert earliest_restore(MADE, 7, late) == late - timedelta(days=7)


def test_a_moment_without_a_zone_is_none() -> None:
    assert moment("2026-11-30T23:21:28") is None
    assert moment("yesterday") is None
    assert isinstance(moment("2026-11-30T23:21:28Z"), datetime)
