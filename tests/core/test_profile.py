"""What a runner tells: read in their units, met kindly, and given back as it was told."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.core.profile import ANSWERS, GOALS, SAM, Goal, Profile, fields_of, read
from course.core.units import Units

relaxed = settings(max_examples=150, deadline=None)
TODAY = date(2026, 11, 23)
FULL = {"units": "mi", "goal": "half", "race": "2027-03-14", "weekly": "15", "longest": "6.2", "body": "154"}


def test_a_form_is_read_in_the_units_that_were_chosen() -> None:
    told = read(FULL, ["1", "3", "6"], TODAY)
    assert (told.wrong, told.replies) == ({}, {})
    assert told.profile.weekly_km == pytest.approx(24.14, abs=0.01)
    assert told.profile.longest_km == pytest.approx(9.98, abs=0.01)
    assert told.profile.body_kg == pytest.approx(69.85, abs=0.01)
    assert (told.profile.goal, told.profile.race_on) == (Goal.HALF, date(2027, 3, 14))
    assert (told.profile.running_days, told.profile.told_on) == ((1, 3, 6), TODAY)
    assert fields_of(told.profile) == FULL | {"days": ["1", "3", "6"]}


@pytest.mark.parametrize("typed", ["24", "24.0", "24,0", " 24 km", "15 mi", "15 miles", "24km."])
def test_a_number_may_name_its_own_unit(typed: str) -> None:
    [told] = [read({"units": "km", "weekly": typed}, [], TODAY)]
    assert told.wrong == {}
    assert told.profile.weekly_km == pytest.approx(24, abs=0.2)


def test_nothing_needs_to_be_told() -> None:
    told = read({"units": "km"}, [], TODAY)
    assert (told.wrong, told.replies) == ({}, {})
    assert told.profile.says_nothing
    assert not SAM.says_nothing


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
@pytest.mark.parametrize("units", ["km", "mi"])
def test_beyond_the_range_the_plan_takes_its_end_and_says_so_kindly(answer: object, units: str) -> None:
    name, low, high = answer.name, answer.low, answer.high  # type: ignore[attr-defined]
    for typed, end in (("0", low), ("0.1", low), (f"{high * 3}", high)):
        told = read({"units": units, name: typed}, [], TODAY)
        assert told.wrong == {}
        assert getattr(told.profile, f"{name}_km" if name != "body" else "body_kg") == end
        assert {"km": "k", "mi": "mi" if name != "body" else "lb"}[units] in told.replies[name]
        assert "!" not in told.replies[name]


@pytest.mark.parametrize(
    ("field", "typed"),
    [("weekly", "a lot"), ("weekly", "-3"), ("weekly", "1e3"), ("longest", "10 kg"), ("body", "70 km"),
     ("weekly", "999999"), ("goal", "moon"), ("race", "soon"), ("race", "2026-13-01"), ("units", "parsec"),
     ("body", "70; DROP TABLE"), ("longest", "\x00")],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_what_to_do(field: str, typed: str) -> None:
    told = read({"units": "km"} | {field: typed}, [], TODAY)
    assert list(told.wrong) == [field]
    assert told.wrong[field].endswith(".")


@pytest.mark.parametrize(("days_away", "kept"), [(-1, False), (0, True), (730, True), (731, False)])
def test_a_race_day_that_has_passed_or_is_far_is_left_out_kindly(days_away: int, kept: bool) -> None:
    day = TODAY + timedelta(days=days_away)
    told = read({"units": "km", "race": day.isoformat()}, [], TODAY)
    assert told.wrong == {}
    assert told.profile.race_on == (day if kept else None)
    assert ("race" in told.replies) is not kept


def test_a_week_shorter_than_its_longest_run_and_a_week_without_rest_are_met_kindly() -> None:
    told = read({"units": "km", "weekly": "8", "longest": "12"}, list("0123456"), TODAY)
    assert set(told.replies) == {"longest", "days"}
    assert told.wrong == {}


def test_days_that_are_none_are_refused() -> None:
    assert "days" in read({"units": "km"}, ["1", "7"], TODAY).wrong


@relaxed
@given(
    st.dictionaries(st.sampled_from([*FULL, "other"]), st.text(max_size=12) | st.sampled_from([*FULL.values()])),
    st.lists(st.text(max_size=2), max_size=8),
)
def test_whatever_is_typed_the_numbers_kept_are_in_range(fields: dict[str, str], days: list[str]) -> None:
    profile = read(fields, days, TODAY).profile
    for answer in ANSWERS:
        value = getattr(profile, "body_kg" if answer.name == "body" else f"{answer.name}_km")
        assert value is None or answer.low <= value <= answer.high


@relaxed
@given(st.sampled_from([Units.KM, Units.MI]), st.integers(50, 1500), st.integers(20, 500), st.integers(450, 1250))
def test_what_was_told_is_given_back_and_read_again_the_same(
    units: Units, weekly: int, longest: int, body: int
) -> None:
    profile = Profile(units, None, None, weekly / 10, longest / 10, (), body / 10, TODAY)
    fields = fields_of(profile)
    again = read(fields, fields["days"], TODAY).profile
    assert fields_of(again) == fields
    for name in ("weekly_km", "longest_km", "body_kg"):
        assert getattr(again, name) == pytest.approx(getattr(profile, name), abs=0.09)


def test_every_goal_has_words_and_fits_its_column() -> None:
    assert set(GOALS) == set(Goal)
    assert all(len(goal) <= 10 for goal in Goal)
