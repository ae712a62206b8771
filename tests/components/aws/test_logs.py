import pytest

from components.aws import logs


@pytest.mark.parametrize(("days", "kept"), [(30, 30), (31, 60), (365, 365), (366, 400), (730, 731)])
def test_logs_are_kept_for_the_next_step_that_cloudwatch_knows(days: int, kept: int) -> None:
    assert logs.retention(days, protection=False) == kept


def test_a_protected_environment_keeps_a_year_at_least() -> None:
    assert logs.retention(30, protection=True) == 365
    assert logs.retention(500, protection=True) == 545
