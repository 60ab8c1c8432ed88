"""When a lesson is due: the named days on which clocks do odd things, and the rules on all others.

The oracle turns UTC into local time only, minute by minute. It never asks zoneinfo for the way back, which is where
folds and gaps are decided, and it shares no code with what it judges.
"""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import count
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course.core.schedule import Pace, Window, due, is_open, known_zone, opening, utc, zones

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
DAILY = frozenset(range(7))
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
EVERYWHERE = sorted(available_timezones() - {"localtime", "Factory"})
ODD = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Easter",
    "Pacific/Kiritimati",
]
APIA_SKIPS_A_DAY = datetime(2011, 12, 30, 10, tzinfo=UTC)


def examples(short: int, long: int) -> settings:
    """So many of them; and a busy machine is no failure."""
    number = long if os.environ.get("COURSE_LONG") == "1" else short
    return settings(max_examples=number, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def next_chance(window: Window, at: datetime) -> datetime:
    """`at` itself while the window is open, else its next opening: what the worker does with what is due."""
    return utc(at) if is_open(window, at) else opening(window, at)


def at(text: str) -> datetime:
    """'2026-03-08 07:00' in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(zone: str, opens: str = "07:00", closes: str = "21:00", weekdays: frozenset[int] = DAILY) -> Window:
    return Window(time.fromisoformat(opens), time.fromisoformat(closes), weekdays, zone)


def shown(instant: datetime, zone: str) -> datetime:
    """What clock and calendar on the wall show there, naive."""
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


# --- the oracle


def openings(w: Window, since: datetime) -> Iterator[datetime]:
    """The openings from `since` on: each local date's first minute that shows the send hour or later."""
    opened: set[date] = set()
    start = since.replace(second=0, microsecond=0) - 2 * DAY  # far enough back to know what came first
    for minute in (start + n * MINUTE for n in count()):
        local = shown(minute, w.zone)
        if local.date() not in opened and local.time() >= w.opens:
            opened.add(local.date())
            if minute >= since and allowed(w, local):
                yield minute


def allowed(w: Window, local: datetime) -> bool:
    still_open = local.time() <= w.closes or w.closes <= w.opens
    return local.weekday() in w.weekdays and w.opens <= local.time() and still_open


def days_of(gap: int, pace: Pace) -> int:
    return {Pace.SLOWER: gap * 2, Pace.NORMAL: gap, Pace.FASTER: gap // 2 + gap % 2}[pace]


def expected(anchor: datetime, gap: int, pace: Pace, w: Window, paused_until: datetime | None) -> datetime:
    """The least opening that keeps every rule."""
    days = days_of(gap, pace)
    since = max(anchor, anchor + days * DAY - 12 * HOUR, paused_until or anchor)
    day = shown(anchor, w.zone).date() + days * DAY
    return next(t for t in openings(w, since) if shown(t, w.zone).date() >= day)


@cache
def edges(zone: str) -> list[datetime]:
    """The minutes at which clocks there change, 2026 to 2028; Apia's lost day too."""
    found = [APIA_SKIPS_A_DAY] if zone == "Pacific/Apia" else []
    for day in (at("2026-01-01") + n * DAY for n in range(3 * 365 + 1)):
        if offset(day, zone) != offset(day + DAY, zone):
            minutes = (day + n * MINUTE for n in range(1, 24 * 60 + 1))
            found.append(next(m for m in minutes if offset(m, zone) != offset(day, zone)))
    return found


def offset(instant: datetime, zone: str) -> timedelta | None:
    return instant.astimezone(ZoneInfo(zone)).utcoffset()


# --- what examples are made of


zone_names = st.sampled_from(ODD) | st.sampled_from(EVERYWHERE)
quarters = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))
hours = quarters | st.times().map(lambda t: t.replace(second=0, microsecond=0))
weekday_sets = st.just(DAILY) | st.frozensets(st.integers(0, 6), min_size=1)
windows = st.builds(Window, hours, hours, weekday_sets, zone_names)
gaps = st.integers(1, 5)
paces = st.sampled_from(Pace)


@st.composite
def instants(draw: st.DrawFn, zone: str) -> datetime:
    """Half of them within four days of a change of the clocks."""
    near = draw(st.sampled_from([*edges(zone), None]))
    near = near or at("2026-01-01") + draw(st.integers(0, 3 * 365)) * DAY
    return near + draw(st.integers(-4 * 86_400, 4 * 86_400)) * timedelta(seconds=1)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Window, datetime, datetime | None]:
    """A window, an anchor and, for some, a pause."""
    w = draw(windows)
    return w, draw(instants(w.zone)), draw(st.none() | instants(w.zone))


# --- the named days (F43 to F49)


@pytest.mark.parametrize(
    ("zone", "hour", "before", "opens_at"),
    [
        # Skipped hours: the first valid instant after the gap.
        ("America/New_York", "02:30", "2026-03-07 20:00", "2026-03-08 07:00"),
        ("Europe/Berlin", "02:30", "2026-03-28 20:00", "2026-03-29 01:00"),
        ("Europe/Berlin", "02:00", "2026-03-28 20:00", "2026-03-29 01:00"),
        ("Europe/Berlin", "03:00", "2026-03-28 20:00", "2026-03-29 01:00"),
        ("Australia/Lord_Howe", "02:15", "2026-10-03 00:00", "2026-10-03 15:30"),  # half an hour only
        ("Africa/Cairo", "00:00", "2026-04-23 20:00", "2026-04-23 22:00"),  # midnight missing
        ("America/Santiago", "00:30", "2026-09-05 20:00", "2026-09-06 04:00"),
        ("America/Santiago", "00:00", "2026-09-05 20:00", "2026-09-06 04:00"),
        # Repeated hours: once, at the first occurrence.
        ("America/New_York", "01:30", "2026-10-31 20:00", "2026-11-01 05:30"),
        ("Europe/Berlin", "02:30", "2026-10-24 20:00", "2026-10-25 00:30"),
        ("Europe/Berlin", "02:00", "2026-10-24 20:00", "2026-10-25 00:00"),
        ("Australia/Lord_Howe", "01:45", "2026-04-04 00:00", "2026-04-04 14:45"),
        ("America/Havana", "00:30", "2026-10-31 20:00", "2026-11-01 04:30"),
        # Missing dates and ends of dates: no opening, the next date's.
        ("Pacific/Apia", "07:00", "2011-12-29 18:00", "2011-12-30 17:00"),  # 31 December
        ("Asia/Pyongyang", "23:30", "2018-05-04 14:59", "2018-05-05 14:30"),  # 23:30 to 24:00 skipped
    ],
)
def test_an_opening_where_clocks_change(zone, hour, before, opens_at):
    assert opening(window(zone, hour, "00:00"), at(before)) == at(opens_at)
    assert next(openings(window(zone, hour, "00:00"), at(before))) == at(opens_at)


def test_a_repeated_hour_opens_once():
    berlin = window("Europe/Berlin", "02:30")
    assert opening(berlin, at("2026-10-25 00:31")) == at("2026-10-26 01:30")


def test_the_fold_of_a_send_hour_means_nothing():
    """time(2, 30, fold=1) equals time(2, 30) and shares its place in a cache, so it must mean the same."""
    second = Window(time(2, 30, fold=1), time(21), DAILY, "Europe/Berlin")
    assert opening(second, at("2031-10-25 20:00")) == at("2031-10-26 00:30")  # no other test has cached this year


def test_a_date_that_does_not_exist_never_opens_even_as_the_only_weekday():
    assert opening(window("Pacific/Apia", weekdays=frozenset({FRI})), at("2011-12-29 18:00")) == at("2012-01-05 17:00")


def test_midnight_of_a_missing_date_is_the_next_midnight():
    """From 29 December one day on is the 30th; the earliest there is begins with the 31st."""
    assert due(at("2011-12-29 20:00"), 1, Pace.NORMAL, window("Pacific/Apia", "00:00")) == at("2011-12-30 10:00")


def test_a_window_that_a_gap_swallows_does_not_open_that_day():
    """Mail at 03:00 would be past its last moment, 02:45."""
    berlin = window("Europe/Berlin", "02:15", "02:45")
    assert opening(berlin, at("2026-03-28 20:00")) == at("2026-03-30 00:15")
    assert not is_open(berlin, at("2026-03-29 01:00"))


@pytest.mark.parametrize(
    ("anchor", "due_at"), [("2026-03-28 06:00", "2026-03-29 05:00"), ("2026-10-24 05:00", "2026-10-25 06:00")]
)
def test_the_next_day_keeps_the_hour_on_the_wall(anchor, due_at):
    """23 or 25 hours later in Berlin, 07:00 both days."""
    assert due(at(anchor), 1, Pace.NORMAL, window("Europe/Berlin")) == at(due_at)


@pytest.mark.parametrize(
    ("anchor", "gap", "day"),
    [
        ("2028-02-28 07:00", 1, "2028-02-29"),
        ("2028-02-29 07:00", 1, "2028-03-01"),
        ("2027-02-28 07:00", 1, "2027-03-01"),
        ("2028-02-29 07:00", 366, "2029-03-01"),
        ("2026-01-31 07:00", 30, "2026-03-02"),
        ("2026-12-31 07:00", 1, "2027-01-01"),
    ],
)
def test_leap_days_and_ends_of_months(anchor, gap, day):
    assert due(at(anchor), gap, Pace.NORMAL, window("UTC")) == at(f"{day} 07:00")


def test_flying_west_or_east_takes_no_more_than_half_a_day_from_the_gap():
    auckland, honolulu = window("Pacific/Auckland"), window("Pacific/Honolulu")
    anchor = at("2026-06-01 19:00")  # 07:00 on the 2nd in Auckland, 09:00 on the 1st in Honolulu
    assert due(anchor, 1, Pace.NORMAL, auckland) == at("2026-06-02 19:00")
    assert due(anchor, 1, Pace.NORMAL, honolulu) == at("2026-06-02 17:00")
    anchor = at("2026-06-01 17:00")  # 07:00 on the 1st in Honolulu, 05:00 on the 2nd in Auckland
    assert due(anchor, 1, Pace.NORMAL, auckland) == at("2026-06-02 19:00")


def test_an_evening_lesson_does_not_bring_the_next_one_before_twelve_hours():
    """Asked for at 23:00, and the send hour is 07:00: eight hours later is too soon, so the day after."""
    assert due(at("2026-06-01 23:00"), 1, Pace.NORMAL, window("UTC")) == at("2026-06-03 07:00")
    assert due(at("2026-06-01 19:00:01"), 1, Pace.NORMAL, window("UTC")) == at("2026-06-03 07:00")
    assert due(at("2026-06-01 19:00"), 1, Pace.NORMAL, window("UTC")) == at("2026-06-02 07:00")


# --- pace, pause, asking


@pytest.mark.parametrize(
    ("gap", "slower", "normal", "faster"), [(0, 0, 0, 0), (1, 2, 1, 1), (2, 4, 2, 1), (3, 6, 3, 2), (5, 10, 5, 3)]
)
def test_paces_in_days(gap, slower, normal, faster):
    assert [pace.days(gap) for pace in (Pace.SLOWER, Pace.NORMAL, Pace.FASTER)] == [slower, normal, faster]


def test_a_gap_is_never_negative():
    with pytest.raises(ValueError, match="not -1"):
        Pace.NORMAL.days(-1)


def test_without_a_gap_the_next_opening_will_do():
    utc_window = window("UTC")
    assert due(at("2026-06-01 06:00"), 0, Pace.SLOWER, utc_window) == at("2026-06-01 07:00")
    assert due(at("2026-06-01 07:00"), 0, Pace.NORMAL, utc_window) == at("2026-06-01 07:00")
    assert due(at("2026-06-01 07:01"), 0, Pace.FASTER, utc_window) == at("2026-06-02 07:00")


def test_a_pause_holds_to_its_last_second():
    anchor, utc_window = at("2026-06-01 07:00"), window("UTC")
    for until, due_at in [
        ("06-05 07:00", "06-05 07:00"),
        ("06-05 07:01", "06-06 07:00"),
        ("06-01 08:00", "06-02 07:00"),
    ]:
        paused = due(anchor, 1, Pace.NORMAL, utc_window, paused_until=at(f"2026-{until}"))
        assert paused == at(f"2026-{due_at}")


def test_who_asks_gets_it_at_once_but_for_a_pause():
    anchor, asked = at("2026-06-01 07:00"), at("2026-06-01 23:47")
    sundays = window("Europe/Berlin", weekdays=frozenset({SUN}))
    assert due(anchor, 3, Pace.SLOWER, sundays, asked=asked) == asked
    assert due(anchor, 3, Pace.SLOWER, sundays, asked=asked, paused_until=asked - DAY) == asked
    assert due(anchor, 3, Pace.SLOWER, sundays, asked=asked, paused_until=asked + DAY) == asked + DAY


# --- open or not


@pytest.mark.parametrize(
    ("instant", "is_it", "chance"),
    [
        ("2026-06-05 04:59", False, "2026-06-05 05:00"),  # Friday, 06:59 in Berlin
        ("2026-06-05 05:00", True, "2026-06-05 05:00"),
        ("2026-06-05 19:00", True, "2026-06-05 19:00"),  # 21:00, the last moment
        ("2026-06-05 19:01", False, "2026-06-08 05:00"),  # Monday
        ("2026-06-06 08:00", False, "2026-06-08 05:00"),  # Saturday
    ],
)
def test_working_hours(instant, is_it, chance):
    berlin = window("Europe/Berlin", weekdays=frozenset({MON, TUE, WED, THU, FRI}))
    assert is_open(berlin, at(instant)) is is_it
    assert next_chance(berlin, at(instant)) == at(chance)


def test_a_window_that_closes_before_it_opens_runs_to_the_end_of_the_date():
    for closes in ("07:00", "02:00"):
        utc_window = window("UTC", "07:00", closes)
        assert is_open(utc_window, at("2026-06-05 23:59:59.999999"))
        assert not is_open(utc_window, at("2026-06-06 00:00"))


def test_the_clock_going_back_before_the_send_hour_shuts_the_window_again():
    """Never mail while the reader's clock shows an earlier hour than the one promised."""
    berlin = window("Europe/Berlin", "02:30")
    assert is_open(berlin, at("2026-10-25 00:30"))  # the first 02:30
    assert not is_open(berlin, at("2026-10-25 01:10"))  # the second 02:10
    assert is_open(berlin, at("2026-10-25 01:30"))  # the second 02:30


# --- the rules


@examples(100, 5000)
@given(situations(), gaps | st.just(0), paces)
def test_due_is_the_least_opening_that_keeps_every_rule(situation, gap, pace):
    w, anchor, paused_until = situation
    assert due(anchor, gap, pace, w, paused_until=paused_until) == expected(anchor, gap, pace, w, paused_until)


@examples(250, 5000)
@given(situations(), gaps, paces)
def test_every_rule_by_itself(situation, gap, pace):
    w, anchor, paused_until = situation
    days, went = days_of(gap, pace), due(anchor, gap, pace, w, paused_until=paused_until)
    assert paused_until is None or went >= paused_until
    assert went - anchor >= days * DAY - 12 * HOUR
    assert shown(went, w.zone).date() >= shown(anchor, w.zone).date() + days * DAY
    assert shown(went, w.zone).weekday() in w.weekdays
    assert shown(went, w.zone).time() == w.opens or is_first_after_a_gap(went, w)
    assert all(shown(went, w.zone) > shown(went - n * 5 * MINUTE, w.zone) for n in range(1, 37)), "the second time"
    assert went.tzinfo is UTC


def is_first_after_a_gap(instant: datetime, w: Window) -> bool:
    """A second before, the clock showed less than the hour; now it shows more."""
    before, now = shown(instant - timedelta(seconds=1), w.zone), shown(instant, w.zone)
    return before < datetime.combine(now.date(), w.opens) < now and now - before > MINUTE


@examples(80, 1500)
@given(situations())
def test_the_opening_is_the_first_and_is_open(situation):
    w, instant, _ = situation
    found = opening(w, instant)
    assert found == next(openings(w, instant))
    assert is_open(w, found)
    assert opening(w, found) == found


@examples(200, 5000)
@given(situations())
def test_open_is_what_the_wall_shows_and_the_next_chance_is_open(situation):
    w, instant, _ = situation
    assert is_open(w, instant) is allowed(w, shown(instant, w.zone))
    chance = next_chance(w, instant)
    assert is_open(w, chance)
    assert chance == instant if is_open(w, instant) else chance == opening(w, instant)


@examples(200, 5000)
@given(situations(), st.data(), gaps, paces)
def test_later_anchors_longer_gaps_longer_pauses_never_bring_it_forward(situation, data, gap, pace):
    w, anchor, paused_until = situation
    went = due(anchor, gap, pace, w, paused_until=paused_until)
    later = anchor + data.draw(st.integers(0, 4 * 86_400)) * timedelta(seconds=1)
    longer = (paused_until or anchor) + data.draw(st.integers(0, 4 * 86_400)) * timedelta(seconds=1)
    assert went <= due(later, gap, pace, w, paused_until=paused_until)
    assert went <= due(anchor, gap + 1, pace, w, paused_until=paused_until)
    assert went <= due(anchor, gap, pace, w, paused_until=longer)


@examples(120, 1500)
@given(situations(), gaps | st.just(0))
def test_a_slower_pace_is_never_sooner(situation, gap):
    w, anchor, paused_until = situation
    slower, normal, faster = (due(anchor, gap, pace, w, paused_until=paused_until) for pace in Pace)
    assert slower >= normal >= faster >= anchor


@examples(100, 1500)
@given(st.data())
def test_a_life_of_changes(data):
    """Pauses, moves, other hours, other paces, asking: never back, and under the gap only by asking."""
    went = data.draw(instants(data.draw(zone_names)))
    for _ in range(8):
        w, pace, gap = data.draw(windows), data.draw(paces), data.draw(gaps)
        changed = went + data.draw(st.integers(1, 3 * 86_400)) * timedelta(seconds=1)  # planned anew at this moment
        paused_until = data.draw(st.none() | st.just(changed + 2 * DAY))
        asked = data.draw(st.none() | st.just(changed))
        planned = due(went, gap, pace, w, asked=asked, paused_until=paused_until)
        before, went = went, max(planned, changed) if asked else next_chance(w, max(planned, changed))
        assert went > before
        assert went >= (paused_until or went)
        assert asked or is_open(w, went)
        assert asked or went - before >= days_of(gap, pace) * DAY - 12 * HOUR
        assert asked or shown(went, w.zone).date() >= shown(before, w.zone).date() + days_of(gap, pace) * DAY


@examples(100, 2000)
@given(situations(), zone_names, gaps, paces)
def test_an_instant_is_the_same_in_whatever_zone_it_is_written(situation, zone, gap, pace):
    w, anchor, paused_until = situation
    there, until = anchor.astimezone(ZoneInfo(zone)), paused_until and paused_until.astimezone(ZoneInfo(zone))
    for asked in (None, there):
        assert due(there, gap, pace, w, paused_until=until, asked=asked) == due(
            anchor, gap, pace, w, paused_until=paused_until, asked=asked and anchor
        )
    assert next_chance(w, there) == next_chance(w, anchor)
    assert next_chance(w, there).tzinfo is UTC


def test_instants_of_one_zone_are_not_compared_by_their_clocks():
    """The second 02:10 is later than the first 02:50, though its clock shows less."""
    berlin = ZoneInfo("Europe/Berlin")
    asked, until = at("2026-10-25 00:50").astimezone(berlin), at("2026-10-25 01:10").astimezone(berlin)
    assert due(asked, 1, Pace.NORMAL, window("UTC"), asked=asked, paused_until=until) == at("2026-10-25 01:10")


# --- what is refused


def test_naive_instants_are_refused():
    good, naive, w = at("2026-06-01 07:00"), datetime(2026, 6, 1, 7), window("UTC")
    for broken in (
        lambda: due(naive, 1, Pace.NORMAL, w),
        lambda: due(good, 1, Pace.NORMAL, w, asked=naive),
        lambda: due(good, 1, Pace.NORMAL, w, asked=good, paused_until=naive),
        lambda: due(good, 1, Pace.NORMAL, w, paused_until=naive),
        lambda: opening(w, naive),
        lambda: is_open(w, naive),
        lambda: utc(naive),
    ):
        with pytest.raises(ValueError, match="2026-06-01T07:00:00 has none"):
            broken()


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../UTC", "America", "Europe/Berlin\0", "localtime", "Factory"])
def test_an_unknown_zone_is_named(name):
    assert not known_zone(name)
    with pytest.raises(ValueError, match="unknown time zone") as refusal:
        window(name)
    assert repr(name) in str(refusal.value)


@pytest.mark.parametrize("weekdays", [frozenset(), frozenset({7}), frozenset({0, -1})])
def test_a_window_has_weekdays(weekdays):
    with pytest.raises(ValueError, match="weekdays"):
        window("UTC", weekdays=weekdays)


def test_hours_carry_no_zone():
    for opens, closes in ((time(7, tzinfo=UTC), time(21)), (time(7), time(21, tzinfo=UTC))):
        with pytest.raises(ValueError, match="carry no zone"):
            Window(opens, closes, DAILY, "UTC")


# --- names of zones


def test_zones_to_choose_from():
    offered = zones()
    assert list(offered) == sorted(set(offered))
    assert {"UTC", "Europe/Berlin", "Europe/Oslo", "Asia/Kolkata", "America/Argentina/Buenos_Aires"} <= set(offered)
    assert 400 < len(offered) < 450
    assert all(known_zone(name) and (name == "UTC" or "/" in name) for name in offered)
    aside = ("posix/", "right/", "Etc/", "SystemV/", "US/", "Canada/", "Brazil/", "Chile/", "Mexico/")
    assert not any(name.startswith(aside) for name in offered)


def test_every_clock_there_is_can_be_chosen():
    """A reader whose browser reports an older spelling finds a place that keeps the same time."""
    stations = {"EST", "MST", "HST", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT", "CET", "MET", "EET", "WET"}
    today = {(offset(at("2026-01-15"), name), offset(at("2026-07-15"), name)) for name in zones()}
    for name in set(EVERYWHERE) - stations:
        if not name.startswith("Etc/"):
            assert (offset(at("2026-01-15"), name), offset(at("2026-07-15"), name)) in today, name


@pytest.mark.parametrize("name", ["Asia/Calcutta", "Europe/Kiev", "US/Pacific", "Etc/GMT+5", "UTC", "Asia/Kolkata"])
def test_older_spellings_are_known(name):
    assert known_zone(name)
    assert opening(window(name), at("2026-06-01 00:00"))
