"""How many messages may go now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.core.caps import DOUBLINGS, Caps


def left(caps: Caps, second: int = 0, today: int = 0, day: int = 0, *, service: bool = False) -> int | None:
    return caps.left(this_second=second, today=today, day=day, service=service)


def test_without_caps_there_is_no_limit() -> None:
    assert not Caps().on
    assert left(Caps(), 10**9, 10**9) is None
    assert Caps(per_second=1).on
    assert Caps(per_day=1).on
    assert Caps(warm_up=1).on


@pytest.mark.parametrize(
    ("caps", "lessons", "service"),
    [
        (Caps(per_second=10), 9, 10),
        (Caps(per_second=1), 1, 1),  # a tenth of one message cannot be kept
        (Caps(per_day=1000), 900, 1000),
        (Caps(per_second=10, per_day=5), 4, 5),
        (Caps(warm_up=50), 45, 50),
    ],
)
def test_lessons_leave_a_tenth_to_confirmations(caps: Caps, lessons: int, service: int) -> None:
    assert (left(caps), left(caps, service=True)) == (lessons, service)


def test_what_went_already_counts() -> None:
    caps = Caps(per_second=10, per_day=100)
    assert left(caps, second=4, today=4) == 5
    assert left(caps, second=9) == 0
    assert left(caps, second=9, service=True) == 1
    assert left(caps, second=0, today=100, service=True) == 0
    assert left(caps, second=12, today=12, service=True) == 0, "somebody lowered the cap in the middle of a second"


@pytest.mark.parametrize(("day", "limit"), [(-1, 50), (0, 50), (1, 100), (2, 200), (5, 1000), (DOUBLINGS, 1000)])
def test_a_new_account_begins_slowly_and_ends_at_the_cap_of_a_day(day: int, limit: int) -> None:
    assert Caps(per_day=1000, warm_up=50).day_limit(day) == limit


def test_a_ramp_without_a_cap_ends() -> None:
    assert Caps(warm_up=1).day_limit(DOUBLINGS - 1) == 2 ** (DOUBLINGS - 1)
    assert left(Caps(warm_up=1), today=10**6, day=DOUBLINGS) is None


counts = st.integers(0, 10_000)


@given(st.builds(Caps, counts, counts, counts), counts, counts, st.integers(-1, 60))
def test_no_more_than_each_limit_and_never_less_than_nothing(caps: Caps, second: int, today: int, day: int) -> None:
    lessons, service = (left(caps, second, today, day, service=one) for one in (False, True))
    if lessons is None or service is None:
        assert lessons is service
        assert not caps.per_second
        assert not caps.day_limit(day)
    else:
        assert 0 <= lessons <= service
        assert not caps.per_second or service <= max(0, caps.per_second - second)
        assert not caps.day_limit(day) or service <= max(0, caps.day_limit(day) - today)
