"""What a runner tells about their running, kept and forgotten. Health data: it is in their own mails and nowhere else,
not in logs, addresses, notices, or what providers are told besides the mail itself."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from course.core import profile
from course.core.profile import Profile, Told
from course.store import profiles


def of(session: Session, subscriber_id: int) -> Profile | None:
    """What was told; None for nothing."""
    return profiles.of(session, [subscriber_id]).get(subscriber_id)


def save(
    session: Session, subscriber_id: int, fields: Mapping[str, str], days: Sequence[str], now: datetime, timezone: str
) -> Told:
    """Reads the form (see core/profile.read) and keeps it, unless something in it is wrong. `now` is course time;
    `timezone` says which day that is for the reader."""
    told = profile.read(fields, days, today(now, timezone))
    if not told.wrong:
        profiles.save(session, subscriber_id, told.profile, now)
    return told


def forget(session: Session, subscriber_id: int) -> None:
    """Their mails have the sample runner's numbers from now on."""
    profiles.forget(session, subscriber_id)


def today(now: datetime, timezone: str) -> date:
    """The reader's day at this course time."""
    return now.astimezone(ZoneInfo(timezone)).date()
