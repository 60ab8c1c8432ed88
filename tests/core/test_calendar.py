"""The course calendar: a straight line from machine time to course time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.core.calendar import Calendar

START = datetime(2026, 3, 28, 12, tzinfo=UTC)
DEMO = Calendar(speed=86_400, real_at=START, course_at=datetime(2030, 1, 1, tzinfo=UTC))

# A busy machine is no failure: without this, any example that takes 200 ms is one.
unhurried = settings(deadline=None)

# Three days, since a month at the highest speed would leave the years that a datetime can hold.
instants = st.integers(0, 3 * 86_400 * 1000).map(lambda ms: START + timedelta(milliseconds=ms))
calendars = st.builds(Calendar, speed=st.integers(1, 100_000), real_at=instants, course_at=instants)


def test_a_day_in_a_second():
    assert DEMO.now(START + timedelta(seconds=1.5)) == datetime(2030, 1, 2, 12, tzinfo=UTC)


@unhurried
@given(instants)
def test_the_ordinary_calendar_shows_machine_time(now):
    assert Calendar(1, START, START).now(now) == now


@unhurried
@given(calendars, instants, instants)
def test_course_time_never_runs_back(calendar, one, other):
    earlier, later = sorted((one, other))
    assert calendar.course_at <= calendar.now(earlier) <= calendar.now(later)


@unhurried
@given(calendars, instants, instants)
def test_a_calendar_that_moved_is_the_same_line(calendar, moved, later):
    later = max(moved, later)
    assert calendar.moved_to(moved).now(later) == calendar.now(later)
    assert calendar.moved_to(moved).course_at == calendar.now(moved)


@unhurried
@given(calendars, instants)
def test_moving_to_a_clock_that_was_set_back_gains_nothing(calendar, now):
    back = calendar.real_at - timedelta(hours=1)
    assert calendar.moved_to(back) == calendar
    assert calendar.moved_to(back).now(now) == calendar.now(now)


@unhurried
@given(calendars, instants, st.integers(0, 10**9))
def test_a_calendar_that_resumed_stood_still_meanwhile(calendar, now, milliseconds):
    resumed, passed = calendar.resumed(now), timedelta(milliseconds=milliseconds)
    assert resumed.now(now) == calendar.course_at
    assert resumed.now(now + passed) - resumed.now(now) == passed * calendar.speed


def test_time_is_counted_in_utc_whatever_the_zone():
    """Subtracted by its clock, a night on which the clocks change would be an hour too long or too short."""
    berlin = ZoneInfo("Europe/Berlin")
    calendar = Calendar(1, START.astimezone(berlin), START.astimezone(berlin))
    tomorrow = START + timedelta(days=1)  # across 29 March, 02:00
    assert calendar.now(tomorrow.astimezone(berlin)) == tomorrow
    assert calendar.now(tomorrow).tzinfo is UTC


def test_a_demonstration_ends_with_the_years_there_are():
    course = Calendar(86_400, START, START)
    assert course.now(START + timedelta(days=33)).year < 9999
    with pytest.raises(OverflowError):
        course.now(START + timedelta(days=34))


@pytest.mark.parametrize("speed", [0, -1])
def test_a_calendar_runs_forward(speed):
    with pytest.raises(ValueError, match=f"not {speed}"):
        Calendar(speed, START, START)


def test_naive_instants_are_refused():
    naive = START.replace(tzinfo=None)
    for broken in (
        lambda: Calendar(1, naive, START),
        lambda: Calendar(1, START, naive),
        lambda: DEMO.now(naive),
        lambda: DEMO.moved_to(naive),
        lambda: DEMO.resumed(naive),
    ):
        with pytest.raises(ValueError, match="needs a zone"):
            broken()
