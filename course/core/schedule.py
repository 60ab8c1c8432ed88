"""When a lesson is due: days are counted on the reader's calendar, hours on the reader's clock.

A gap is in days. It is added to the local date, the zone is attached, and the first opening of the window from there
on is the answer. Adding 24 h in UTC instead would move the send hour at every change of the clocks.

An *opening* is the first instant of a local date at which the clock shows the send hour or later: the hour itself,
once, at its first occurrence when the clocks go back; the first valid instant after the gap when they skip it. A
date without such an instant (Apia had no 30 December 2011) has no opening, so the next allowed date takes over.

Instants are aware datetimes: any zone in, UTC out. A naive one is a ValueError.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from itertools import count
from zoneinfo import ZoneInfo, available_timezones

DAY = timedelta(days=1)
ALL_WEEK = frozenset(range(7))  # 0 is Monday
# How much of a gap a change of zone or hour may take away, so that flying east never costs a whole day.
SLACK = timedelta(hours=12)
NOT_PLACES = {"localtime", "Factory"}  # the machine's own zone, and a placeholder for none


class Pace(StrEnum):
    """How a reader takes the gaps: twice as long, as written, half as long."""

    SLOWER = "slower"
    NORMAL = "normal"
    FASTER = "faster"

    def days(self, gap: int) -> int:
        """The gap at this pace, whole days. Halves go up, so that a gap of a day or more never becomes none."""
        if gap < 0:
            raise ValueError(f"a gap is 0 days or more, not {gap}")
        match self:
            case Pace.SLOWER:
                return 2 * gap
            case Pace.FASTER:
                return (gap + 1) // 2
            case Pace.NORMAL:
                return gap


@dataclass(frozen=True, slots=True)
class Window:
    """When mail may go, on the reader's clock. ValueError for an unknown zone and for what never opens."""

    opens: time  # the send hour, without a zone
    closes: time  # the last moment at which it may still leave; not after `opens`: the end of the local date
    weekdays: frozenset[int]  # 0 is Monday; never empty
    zone: str  # an IANA name; substitute the course's zone for an unknown one before

    def __post_init__(self) -> None:
        if self.opens.tzinfo or self.closes.tzinfo:
            raise ValueError("the hours of a window are on the reader's clock: they carry no zone")
        if not self.weekdays or not self.weekdays <= ALL_WEEK:
            raise ValueError(f"weekdays are some of 0 (Monday) to 6, not {sorted(self.weekdays)}")
        _zone(self.zone)

    @property
    def last(self) -> time:
        return self.closes if self.closes > self.opens else time.max


def due(
    anchor: datetime,
    gap: int,
    pace: Pace,
    window: Window,
    *,
    asked: datetime | None = None,
    paused_until: datetime | None = None,
) -> datetime:
    """When the next lesson is to go.

    anchor        when the lesson before went (the enrollment, for the first); `gap` days count from here
    asked         the reader asked for it now (or just confirmed): no gap, no window, only the pause holds
    paused_until  never before this

    At least the gap in local dates, and in elapsed time the gap less 12 h, whatever became of zone and hour since.
    An outage is no concern of this: who sends asks `is_open`, and waits for `opening` if it is not.
    """
    if asked is not None:
        return _latest(asked, paused_until)
    days = pace.days(gap) * DAY
    midnight = _reached(window.zone, datetime.combine(_local(anchor, window).date() + days, time.min))
    # With no days to wait, midnight and slack lie before the anchor, and a lesson never goes before that.
    return opening(window, _latest(anchor, midnight, utc(anchor) + days - SLACK, paused_until))


def is_open(window: Window, at: datetime) -> bool:
    """Whether the reader's clock and calendar allow mail at this instant. Every opening is open."""
    local = _local(at, window)
    return local.weekday() in window.weekdays and window.opens <= local.time() <= window.last


def opening(window: Window, at: datetime) -> datetime:
    """The first opening at or after `at`."""
    at, today = utc(at), _local(at, window).date()
    first = _first_opening(window, today)
    return first if first >= at else _first_opening(window, today + DAY)


@lru_cache(maxsize=16_384)
def _first_opening(window: Window, since: date) -> datetime:
    """The first opening on a local date not before `since`. One entry serves a whole batch of readers."""
    dates = (since + n * DAY for n in count())  # at most two weeks: a missing date may be the only weekday
    reached = (_reached(window.zone, datetime.combine(day, window.opens)) for day in dates)
    # Not open: another weekday, or a gap swallowed the window. Where a gap leads into the next date and that is open,
    # this is the opening of that date too, so it need not be told apart.
    return next(at for at in reached if is_open(window, at))


@lru_cache(maxsize=16_384)
def _reached(name: str, wall: datetime) -> datetime:
    """The first instant at which clocks in this zone show the naive `wall`, or later."""
    zone = _zone(name)
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # In a gap, fold=0 reads `wall` by the offset before it and lands past its end, fold=1 by the one after it and
    # lands before its start: the change of clocks lies between, on a whole second.
    seconds = range(int(wall.replace(tzinfo=zone, fold=1).timestamp()), int(first.timestamp()) + 1)
    at = bisect_left(seconds, wall, key=lambda s: datetime.fromtimestamp(s, zone).replace(tzinfo=None))
    return datetime.fromtimestamp(seconds[at], UTC)


def _local(at: datetime, window: Window) -> datetime:
    return utc(at).astimezone(_zone(window.zone))


def _latest(*instants: datetime | None) -> datetime:
    return max(utc(at) for at in instants if at is not None)


def utc(at: datetime) -> datetime:
    """The same instant in UTC; a naive one is a ValueError.

    Two datetimes of one other zone would compare and subtract by their clocks, wrong where those change.
    """
    if at.tzinfo is UTC:
        return at
    if at.utcoffset() is None:
        raise ValueError(f"an instant needs a zone, and {at.isoformat()} has none")
    return at.astimezone(UTC)


def known_zone(name: str) -> bool:
    """Whether readers may have this zone: every IANA name, older spellings (Asia/Calcutta) included."""
    return name in _known()


@cache
def zones() -> tuple[str, ...]:
    """The names to choose from, sorted: one for each place (zone.tab's Area/City), and UTC.

    Browsers may report an older spelling, which is known but not here: offer it beside these.
    """
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    names = {row.split("\t")[2] for row in table.splitlines() if not row.startswith("#")}
    return tuple(sorted((names | {"UTC"}) & _known()))


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones() - NOT_PLACES)


@cache  # ZoneInfo's own cache holds 8 zones for sure, and a batch has more
def _zone(name: str) -> ZoneInfo:
    if not known_zone(name):
        raise ValueError(f"unknown time zone: {name!r}")
    return ZoneInfo(name)
