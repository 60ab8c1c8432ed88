"""Blocks: the runner's own numbers or Sam's, in two forms that say the same, whatever was told."""

import re
from datetime import date, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.core.blocks import MAKERS, block, own, sample
from course.core.placeholders import AUTHORS
from course.core.profile import Goal, Profile
from course.core.units import Units

relaxed = settings(max_examples=150, deadline=None)
TODAY = date(2026, 11, 26)  # a Thursday
PROFILES = st.builds(
    Profile,
    units=st.sampled_from([Units.KM, Units.MI]),
    goal=st.none() | st.sampled_from(Goal),
    race_on=st.none() | st.integers(-40, 400).map(lambda days: TODAY + timedelta(days=days)),
    weekly_km=st.none() | st.floats(3, 160),
    longest_km=st.none() | st.floats(1, 60),
    running_days=st.sets(st.integers(0, 6)).map(sorted).map(tuple),
    body_kg=st.none() | st.floats(40, 130),
    told_on=st.integers(0, 60).map(lambda days: TODAY - timedelta(days=days)),
)
ANN = Profile(Units.KM, Goal.HALF, date(2027, 1, 17), 30, 12, (0, 2, 4, 6), 63, date(2026, 11, 24))


class Read(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert {name for name, _ in attrs} <= {"style", "class", "scope"}

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def figures(text: str) -> list[str]:
    return sorted(re.findall(r"\d+(?:\.\d+)?", text))


def test_authors_can_write_each_block_and_no_other() -> None:
    assert set(MAKERS) == {name for name, known in AUTHORS.items() if known.is_block}


@relaxed
@given(PROFILES, st.sampled_from(list(MAKERS)))
def test_any_runner_gets_a_table_or_kind_words_and_both_forms_say_the_same(profile: Profile, name: str) -> None:
    made = block(name, profile, TODAY)
    seen = Read(made.html)
    assert figures(made.text) == figures(" ".join(seen.words))
    assert set(seen.tags) <= {"p", "table", "thead", "tbody", "tr", "th", "td"}
    assert "table" in seen.tags or len(made.text) > 60
    assert not re.search(r"nan|inf|None(?! needed)|-\d+(?:\.\d+)? km", made.text)


@relaxed
@given(PROFILES, st.sampled_from(list(MAKERS)))
def test_what_is_not_known_is_sams_and_says_so(profile: Profile, name: str) -> None:
    title = block(name, profile, TODAY).text.partition("\n")[0]
    stale = profile.told_on is None or (TODAY - profile.told_on).days > 30
    knows_plan = profile.weekly_km is not None and profile.longest_km is not None and not stale
    known = {
        "plan_table": knows_plan,
        "week_layout": knows_plan,
        "strength_slots": bool(profile.running_days),
        "fueling": profile.body_kg is not None,
        "fuel_per_hour": True,  # the same for all: it goes by time
    }[name]
    assert title.startswith("Sam's") is not known
    if not known and not profile.says_nothing:
        assert "Sam's" in block(name, profile, TODAY).text.partition("\n")[2]


@pytest.mark.parametrize("name", MAKERS)
def test_nobody_who_told_nothing_is_told_that_something_is_missing(name: str) -> None:
    for units in Units:
        text = sample(units)(name).text
        assert "We do not know" not in text
        assert "not told us" not in text
    assert "km" not in sample(Units.MI)(name).text
    assert not re.search(r"\d mi\b|, mi\b", sample(Units.KM)(name).text)
    assert "fl oz" not in sample(Units.KM)(name).text


def test_the_plan_counts_back_from_race_day() -> None:
    text = own(ANN, TODAY)("plan_table").text
    lines = text.splitlines()
    assert lines[0] == "Your seven weeks to race day"
    assert lines[3].startswith("1: Nov 30 ")
    assert re.match(r"6: Jan 4, taper +19 ", lines[8])
    assert re.match(r"7: Jan 11, race week +[\d.]+ +Race ", lines[9])
    assert "longer than that limit" in text


def test_a_race_that_is_far_this_week_or_over() -> None:
    def plan_for(days: int, told: int = 0) -> str:
        race, told_on = TODAY + timedelta(days=days), TODAY - timedelta(days=told)
        profile = Profile(Units.KM, Goal.TEN_K, race, 30, 12, (0, 2, 6), None, told_on)
        return block("plan_table", profile, TODAY).text

    assert "Race week is week 15. These are the first eight" in plan_for(108)
    assert plan_for(2).startswith("Your plan\n\nYour race is this week")
    assert plan_for(5).startswith("Your one week to race day")
    assert plan_for(-1, told=7).startswith("Your plan\n\nYour race day has passed")


def test_every_lesson_shows_the_same_weeks_until_the_numbers_are_too_old() -> None:
    first = block("plan_table", ANN, ANN.told_on or TODAY)
    assert block("plan_table", ANN, TODAY + timedelta(days=20)) == first
    assert "over 30 days old" in block("plan_table", ANN, TODAY + timedelta(days=29)).text
    titles = [
        block("week_layout", ANN, TODAY + timedelta(days=days)).text.partition("\n")[0] for days in (0, 4, 11, 18)
    ]
    assert titles == ["Your week 1, from Nov 30", "Your week 1, from Nov 30", "Your week 2, from Dec 7",
                      "Your week 3, from Dec 14, lighter"]  # fmt: skip


def test_a_beginner_on_the_way_to_a_first_5k_runs_easy_only() -> None:
    profile = Profile(Units.MI, Goal.FIRST_5K, None, 40, 8, (0, 2, 4), None, TODAY)
    assert "hard parts" not in block("week_layout", profile, TODAY).text
    assert "hard parts" not in block("strength_slots", profile, TODAY).text


@pytest.mark.parametrize("name", MAKERS)
def test_a_text_form_fits_a_plain_mail(name: str) -> None:
    for made in (block(name, ANN, TODAY), *(sample(units)(name) for units in Units)):
        rows = [line for line in made.text.splitlines() if not line.endswith(".")]
        assert max(map(len, rows)) <= 90


@pytest.mark.parametrize("name", MAKERS)
def test_ranges_stay_ranges_and_words_stay_safe(name: str) -> None:
    for made in (block(name, ANN, TODAY), sample(Units.BOTH)(name)):
        assert not re.search(r"\b(?:cure|fix|prevent|proven|must|safe)\b", made.text)
        if name == "fueling":
            assert "Ranges, not rules" in made.text
            assert all("-" in line for line in made.text.splitlines() if line.startswith(("Carbs", "Protein", "Fluid")))


def test_an_unknown_block_is_an_error() -> None:
    with pytest.raises(KeyError):
        block("first_name", ANN, TODAY)
