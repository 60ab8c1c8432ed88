"""How times, addresses and lists are said to people."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def when(at: datetime, zone: str) -> str:
    """ "Thursday, November 26, 7:00 am" on the clock of that zone."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%A, %B} {local.day}, {hour(local.time())}"


def lately(at: datetime, now: datetime, zone: str) -> str:
    """ "today, 7:00 am", "yesterday, 7:00 am", else as `when`."""
    days = (day_of(now, zone) - day_of(at, zone)).days
    if days not in {0, 1}:
        return when(at, zone)
    return f"{'yesterday' if days else 'today'}, {hour(at.astimezone(ZoneInfo(zone)).time())}"


def day_of(at: datetime, zone: str) -> date:
    """The date on the calendar of that zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def day(on: date) -> str:
    """ "Thursday, November 26"."""
    return f"{on:%A, %B} {on.day}"


def stamp(at: datetime) -> str:
    """ "2026-11-26 07:00:00 UTC"."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def hour(at: time) -> str:
    """ "7:00 am"."""
    return f"{at.hour % 12 or 12}:{at.minute:02d} {'am' if at.hour < 12 else 'pm'}"


def weekdays(days: Sequence[int]) -> str:
    """ "Monday, Wednesday and Friday"; "" for every day."""
    names = [DAYS[day] for day in sorted(days)]
    if len(names) == len(DAYS):
        return ""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def masked(email: str) -> str:
    """ "a•••@example.com": enough for its owner, too little for whom the mail was forwarded to."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}•••@{domain}"
