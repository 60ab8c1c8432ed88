"""Every zone, send hour and set of weekdays across the changes of the clocks: nothing wrong, nothing early.

The oracle steps through quarter-hours of UTC and notes what the wall shows; it never asks zoneinfo for the way back
from local time, and shares no code with what it judges. All that is asked of it stands on quarter-hours, which is
asserted (offsets have been multiples of 15 minutes everywhere in these years).

Unmarked: one zone for each distinct table of offsets. COURSE_LONG=1: all zones, more hours, weekdays and gaps.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise, product
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import pytest

from course.core.schedule import Pace, Window, due, zones

DAY, QUARTER, HALF_A_DAY = timedelta(days=1), timedelta(minutes=15), timedelta(hours=12)
EVERYWHERE = sorted(available_timezones() - {"localtime", "Factory"})
START, DAYS = datetime(2026, 1, 1, tzinfo=UTC), 3 * 365 + 1  # 2028 has a 29 February

# Where clocks never change there is nothing to cross; these nights stand for any other.
QUIET_NIGHTS = [datetime(2026, 3, 29, tzinfo=UTC), datetime(2028, 10, 29, tzinfo=UTC)]
ODD_NIGHTS = {
    "Pacific/Apia": [datetime(2011, 12, 30, 10, tzinfo=UTC)],  # no 30 December
    "Pacific/Fakaofo": [datetime(2011, 12, 30, 10, tzinfo=UTC)],
    "Pacific/Kwajalein": [datetime(1993, 8, 21, 12, tzinfo=UTC)],  # no 21 August
    "Asia/Pyongyang": [  # half an hour back, half an hour on at midnight
        datetime(2015, 8, 14, 15, tzinfo=UTC),
        datetime(2018, 5, 4, 15, tzinfo=UTC),
    ],
    "America/Caracas": [datetime(2016, 5, 1, 7, tzinfo=UTC)],
    "Antarctica/Casey": [datetime(2018, 3, 10, 20, tzinfo=UTC)],  # three hours back
    "Asia/Kathmandu": [datetime(1985, 12, 31, 18, 30, tzinfo=UTC)],  # fifteen minutes
}

DAILY, WORKDAYS, WEEKEND, SUNDAY = (frozenset(d) for d in (range(7), range(5), {5, 6}, {6}))
FRIDAY, EVERY_OTHER = frozenset({4}), frozenset({0, 2, 4})
HOURS = [time(hour) for hour in range(24)]
CLOSES = time(0)  # not after any send hour: open to the end of the date
BETWEEN = [time(h, m) for h, m in ((0, 30), (1, 30), (1, 45), (2, 15), (2, 30), (2, 45), (3, 30), (12, 30), (23, 30))]


class Walk(NamedTuple):
    """Some weeks of one zone, as its wall shows them."""

    zone: str
    night: datetime  # UTC
    shown: dict[datetime, datetime]  # quarter-hour in UTC: local, naive
    first: dict[tuple[date, time], datetime]  # the first quarter-hour of that date showing that time or later
    dates: list[date]


def test_the_grid_of_distinct_zones():
    counts = walk_the_grid(distinct(), HOURS + BETWEEN, [DAILY, WORKDAYS, SUNDAY], [(1, Pace.NORMAL, 1)])
    assert_nothing_wrong(counts, planned=100_000)


@pytest.mark.long
@pytest.mark.skipif(os.environ.get("COURSE_LONG") != "1", reason="COURSE_LONG=1 runs it")
def test_the_grid_of_all_zones(capsys):
    weekdays = [DAILY, WORKDAYS, WEEKEND, SUNDAY, FRIDAY, EVERY_OTHER]
    hours = sorted({*HOURS, *BETWEEN, *(time(hour, 30) for hour in range(24))})
    counts = walk_the_grid(EVERYWHERE, hours, weekdays, [(1, Pace.NORMAL, 1), (3, Pace.FASTER, 2)])
    with capsys.disabled():
        print("\n" + ", ".join(f"{number:,} {what}" for what, number in counts.items()))
    assert_nothing_wrong(counts, planned=2_000_000)


def test_the_grid_has_the_zones_it_is_about():
    assert len(EVERYWHERE) > 500
    assert 50 < len(distinct()) < 120
    assert sum(bool(changes(zone)) for zone in distinct()) >= 25
    assert {*ODD_NIGHTS, "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago"} <= set(distinct())


# --- the grid


def walk_the_grid(
    names: Iterable[str],
    hours: list[time],
    weekday_sets: list[frozenset[int]],
    gaps: list[tuple[int, Pace, int]],  # and the days they make
) -> Counter[str]:
    counts: Counter[str] = Counter()
    for zone in names:
        counts["zones"] += 1
        for night in nights(zone):
            counts["nights"] += 1
            walk = walked(zone, night)
            for hour, weekdays in product(hours, weekday_sets):
                window = Window(hour, CLOSES, weekdays, zone)
                for anchor, (gap, pace, days) in product(anchors(walk, hour), gaps):
                    judge(due(anchor, gap, pace, window), anchor, days, window, walk, counts)
    return counts


def anchors(walk: Walk, hour: time) -> Iterator[datetime]:
    """A lesson that went at its hour on each of the days around the night, and one that went late or by asking."""
    for days in (-2, -1, 0):
        day = shown_at(walk.night, walk.zone).date() + days * DAY
        if (opened := walk.first.get((day, hour))) is not None:
            yield opened
    yield walk.night - 3 * QUARTER
    yield walk.night - DAY - 29 * QUARTER


def judge(planned: datetime, anchor: datetime, days: int, window: Window, walk: Walk, counts: Counter[str]) -> None:
    """Counts what is wrong with one planned instant. All four by what the walls show, read from UTC."""
    local = walk.shown[planned]
    earliest, day = anchor + days * DAY - HALF_A_DAY, walk.shown[anchor].date() + days * DAY
    counts["planned"] += 1
    counts["not at the hour on the dot"] += local.time() != window.opens
    counts["wrong hour"] += walk.first.get((local.date(), window.opens)) != planned
    counts["wrong weekday"] += local.weekday() not in window.weekdays
    counts["early"] += planned < earliest or local.date() < day
    counts["late"] += planned > first_allowed(earliest, day, window, walk)


def first_allowed(earliest: datetime, day: date, window: Window, walk: Walk) -> datetime:
    """The least opening in the table that is neither early nor on a wrong weekday."""
    return next(
        opened
        for date_ in walk.dates
        if date_ >= day and date_.weekday() in window.weekdays
        if (opened := walk.first.get((date_, window.opens))) is not None and opened >= earliest
    )


def assert_nothing_wrong(counts: Counter[str], planned: int) -> None:
    assert counts["planned"] > planned
    assert counts["not at the hour on the dot"] > 100, "no gap was met"
    wrong = {what: counts[what] for what in ("wrong hour", "wrong weekday", "early", "late")}
    assert not any(wrong.values()), wrong


# --- the oracle


def walked(zone: str, night: datetime) -> Walk:
    """From four days before to nineteen after: the only weekday may be the date that is missing."""
    start = night - 4 * DAY
    quarters = [start + n * QUARTER for n in range(23 * 96)]
    shown = {quarter: shown_at(quarter, zone) for quarter in quarters}
    dates = sorted({local.date() for local in shown.values()})
    first = first_showing(shown)
    return Walk(zone, night, shown, first, dates[1:])  # of the first date the beginning is missing


def first_showing(shown: dict[datetime, datetime]) -> dict[tuple[date, time], datetime]:
    first: dict[tuple[date, time], datetime] = {}
    reached: dict[date, int] = {}  # how many quarters of this date were shown or skipped so far
    for quarter, local in shown.items():
        assert local.minute % 15 == local.second == 0, "an offset that is no multiple of 15 minutes"
        upto = local.hour * 4 + local.minute // 15 + 1
        for n in range(reached.get(local.date(), 0), upto):
            first[local.date(), time(n // 4, n % 4 * 15)] = quarter
        reached[local.date()] = max(upto, reached.get(local.date(), 0))
    return first


def shown_at(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


# --- zones and nights


def nights(zone: str) -> list[datetime]:
    return [*(night for night, _, _ in changes(zone)), *ODD_NIGHTS.get(zone, ())] or QUIET_NIGHTS


@cache
def changes(zone: str) -> tuple[tuple[datetime, timedelta, timedelta], ...]:
    """The quarter-hours at which the offset changes, with the offsets before and after, 2026 to 2028."""
    place, found = ZoneInfo(zone), []
    offsets = [(START + n * DAY).astimezone(place).utcoffset() for n in range(DAYS + 1)]
    for n, (before, after) in enumerate(pairwise(offsets)):
        if before != after:
            quarters = (START + n * DAY + k * QUARTER for k in range(97))
            found.append((next(q for q in quarters if q.astimezone(place).utcoffset() != before), before, after))
    return tuple(found)


@cache
def distinct() -> list[str]:
    """One zone for each table of offsets; those with an odd night stand for themselves."""
    tables = {}
    for zone in [*zones(), *EVERYWHERE]:  # places before older spellings
        table = changes(zone), shown_at(START, zone), zone in ODD_NIGHTS and zone
        tables.setdefault(table, zone)
    return sorted(tables.values())
