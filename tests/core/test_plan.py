"""The ramp, the week, and the amounts: never beyond their source, whatever was told."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.core import fueling, plan, week
from course.core.fueling import PerKg
from course.core.plan import Kind, Week, ramp, usable_days
from course.core.week import Run, lay_out, strength_days

relaxed = settings(max_examples=300, deadline=None)
tenths = lambda low, high: st.integers(low * 10, high * 10).map(lambda n: n / 10)  # noqa: E731
DAYS = st.sets(st.integers(0, 6), min_size=1).map(sorted).map(tuple)
RUNNERS = st.tuples(
    tenths(3, 160), tenths(1, 60), DAYS, st.none() | st.integers(1, 120), st.sampled_from([8.0, 14.0, 19.0, 32.0])
)
Runner = tuple[float, float, tuple[int, ...], int | None, float]
SAM = ramp(24, 10, 3)


def weeks_of(runner: Runner) -> tuple[list[Week], tuple[int, ...]]:
    weekly, longest, days, to_race, most = runner
    used = usable_days(days, weekly)
    return ramp(weekly, longest, len(used), most_long=most, weeks_to_race=to_race), used


def test_sams_plan_is_the_one_that_the_lessons_tell_of() -> None:
    assert [one.total for one in SAM] == [24, 26, 28, 22, 28, 30, 32, 25]
    assert [one.long for one in SAM] == [10, 11, 12, 9, 12.5, 13.5, 14.5, 10.5]
    assert [round(one.limit, 2) for one in SAM] == [11, 11, 12.1, 13.2, 13.2, 13.75, 14.85, 15.95]
    assert [one.number for one in SAM if one.kind is Kind.LIGHTER] == [4, 8]
    assert ramp(24, 10, 3, weeks_to_race=16) == SAM


@relaxed
@given(RUNNERS)
def test_no_run_is_more_than_a_tenth_longer_than_the_longest_of_the_30_days_before(runner: Runner) -> None:
    """The longest that was told counts for the first week only: it may be 30 days old by the second."""
    weeks, _ = weeks_of(runner)
    longest = [runner[1], *(one.long for one in weeks)]
    for at, one in enumerate(weeks):
        before = longest[:1] if at == 0 else longest[max(1, at - 3) : at + 1]
        assert one.limit == pytest.approx(1.1 * max(before))
        assert one.long <= one.limit + 1e-9


@relaxed
@given(RUNNERS)
def test_a_week_is_never_more_than_a_tenth_above_the_fullest_before(runner: Runner) -> None:
    weeks, _ = weeks_of(runner)
    for before, one in pairwise(weeks):
        assert one.total <= 1.1 * max(w.total for w in weeks[: before.number]) + 1e-9
    assert weeks[0].total <= runner[0]


@relaxed
@given(RUNNERS)
def test_lighter_weeks_come_after_three_that_grow_at_most(runner: Runner) -> None:
    weeks, _ = weeks_of(runner)
    growing = 0
    for before, one in pairwise(weeks):
        growing = growing + 1 if one.kind is Kind.BUILD else 0
        assert growing <= 3
        if one.kind is Kind.LIGHTER:
            assert one.total <= 0.8 * before.total + 1e-9
            assert one.long <= 0.75 * before.long + 1e-9
    if len(weeks) == 8:
        assert any(one.kind is Kind.LIGHTER for one in weeks)


@relaxed
@given(RUNNERS)
def test_before_a_race_two_weeks_are_41_to_60_percent_less(runner: Runner) -> None:
    weeks, _ = weeks_of(runner)
    to_race = runner[3]
    tapered = [one for one in weeks if one.kind in {Kind.TAPER, Kind.RACE}]
    assert len(tapered) == (max(0, 2 - max(0, to_race - 8)) if to_race and to_race >= 2 else int(to_race == 1))
    full = [one for one in weeks if one.kind in {Kind.SETTLE, Kind.BUILD}]
    if tapered and full and full[-1].total >= 5:
        for one in tapered:
            assert 0.38 <= one.total / full[-1].total <= 0.59
    if to_race and to_race <= 8:
        assert weeks[-1].kind is Kind.RACE
        assert len(weeks) == to_race


@relaxed
@given(RUNNERS, st.booleans())
def test_the_days_of_a_week_add_up_and_none_is_longer_than_the_long_run(runner: Runner, hard: bool) -> None:
    weeks, days = weeks_of(runner)
    assert set(days) <= set(runner[2])
    assert len(days) <= 6
    for one in weeks:
        if one.kind is Kind.RACE:
            with pytest.raises(ValueError, match="race"):
                lay_out(one, days, hard=hard)
            continue
        laid = lay_out(one, days, hard=hard)
        assert [day.weekday for day in laid] == list(range(7))
        assert sum(day.distance for day in laid) == pytest.approx(one.total)
        assert max(day.distance for day in laid) == one.long > 0
        assert [day.weekday for day in laid if day.run is not Run.OFF] == list(days)
        assert all((day.distance > 0) is (day.run is not Run.OFF) for day in laid)


@relaxed
@given(RUNNERS, st.booleans())
def test_hard_days_are_few_and_between_easy_ones(runner: Runner, hard: bool) -> None:
    weeks, days = weeks_of(runner)
    for one in weeks:
        if one.kind is Kind.RACE:
            continue
        laid = lay_out(one, days, hard=hard)
        weighty = [day.weekday for day in laid if day.run in {Run.HARD, Run.LONG}]
        assert sum(day.run is Run.HARD for day in laid) <= int(hard and one.kind in {Kind.SETTLE, Kind.BUILD})
        assert len(weighty) == 1 or plan.nearest(weighty) >= 2


@relaxed
@given(DAYS.filter(lambda days: len(days) < 7), st.booleans())
def test_strength_is_48_hours_apart_and_never_before_a_long_or_hard_run(days: tuple[int, ...], hard: bool) -> None:
    on_hard = week.hard_day(days) if hard else None
    slots = strength_days(days, on_hard)
    assert len(set(slots)) == 2
    assert plan.nearest(slots) >= 2
    for slot in slots:
        assert slot != week.long_day(days)
        assert (slot + 1) % 7 not in {week.long_day(days), on_hard}


@relaxed
@given(st.integers(400, 1300).map(lambda n: n / 10), st.sampled_from(
    [(fueling.CARBS_EASY_DAY, 3, 5), (fueling.CARBS_HOUR_DAY, 5, 7), (fueling.CARBS_LONG_DAY, 6, 10),
     (fueling.CARBS_BEFORE, 1, 4), (fueling.PROTEIN_DAY, 1.4, 2.0), (fueling.PROTEIN_AFTER, 0.25, 0.3),
     (fueling.FLUID_BEFORE, 5, 7)]
))  # fmt: skip
def test_an_amount_is_a_range_within_its_source(body_kg: float, source: tuple[PerKg, float, float]) -> None:
    """The figures of the sources a second time, as /kg: rounding never goes beyond them."""
    amount, low, high = source
    found = amount.of(body_kg)
    assert low * body_kg - 1e-4 <= found.low < found.high <= high * body_kg + 1e-4
    assert fueling.most_loss(body_kg) <= 0.02 * body_kg + 1e-6


@pytest.mark.parametrize(
    ("body_kg", "easy", "hour", "long", "protein", "after"),
    [(55, "165-275", "275-385", "330-550", "77-110", "14-16"), (70, "210-350", "350-490", "420-700", "98-140", "18-21"),
     (85, "255-425", "425-595", "510-850", "119-170", "22-25")],
)  # fmt: skip
def test_the_worked_example(body_kg: float, easy: str, hour: str, long: str, protein: str, after: str) -> None:
    amounts = (fueling.CARBS_EASY_DAY, fueling.CARBS_HOUR_DAY, fueling.CARBS_LONG_DAY, fueling.PROTEIN_DAY,
               fueling.PROTEIN_AFTER)  # fmt: skip
    assert [str(amount.of(body_kg)) for amount in amounts] == [easy, hour, long, protein, after]
