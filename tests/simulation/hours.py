"""When mail may go to a reader, worked out from the zone tables alone: nothing here is shared with the engine."""

import json
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tests.simulation.records import Edition, Reader

AT_ONCE = timedelta(hours=4)  # so long, what was asked for may go at any hour
SECOND = timedelta(seconds=1)
PACES = {"slower": lambda gap: 2 * gap, "normal": lambda gap: gap, "faster": lambda gap: -(-gap // 2)}
_zone = cache(ZoneInfo)
_time = cache(time.fromisoformat)


def local(reader: Reader, edition: Edition, at: datetime) -> datetime:
    return at.astimezone(_zone(reader.zone or edition.zone))


def is_open(reader: Reader, edition: Edition, at: datetime) -> bool:
    """Whether the reader's clock and calendar allow mail at this instant."""
    here = local(reader, edition, at)
    opens, closes = _time(reader.hour or edition.hour), _time(edition.until)
    last = closes if closes > opens else time.max
    return here.weekday() in _weekdays(reader.weekdays) and opens <= here.time() <= last


def is_opening(reader: Reader, edition: Edition, at: datetime) -> bool:
    """Whether the window opens at this very instant: a second ago it was not yet the hour, or another date."""
    here, before = local(reader, edition, at), local(reader, edition, at - SECOND)
    opens = _time(reader.hour or edition.hour)
    new = before.date() != here.date() or before.time() < opens
    return is_open(reader, edition, at) and new and not here.fold


def days(reader: Reader, gap: int) -> int:
    return PACES[reader.pace](gap)


def too_early(reader: Reader, edition: Edition, gap: int, anchor: datetime, at: datetime) -> str:
    """What speaks against a lesson `gap` days after the one that went at `anchor`; "" if nothing does."""
    n = days(reader, gap)
    dates = (local(reader, edition, at).date() - local(reader, edition, anchor).date()).days
    if dates < n:
        return f"{dates} dates after the one before, not {n}"
    if at - anchor < timedelta(days=n) - timedelta(hours=12):
        return f"{at - anchor} after the one before, for {n} days"
    return ""


@cache
def _weekdays(text: str | None) -> frozenset[int]:
    found = json.loads(text) if text else None
    return frozenset(range(7) if found is None else found)


def later(at: datetime, **delta: float) -> datetime:
    return (at + timedelta(**delta)).astimezone(UTC)
