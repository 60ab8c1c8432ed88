"""Trouble is told to the coaches by mail: once, and once more when it is over. Where the mail itself is the trouble,
these wait in line and go when it works again; COURSE_ALERT_URL is the road of its own (worker/alarm.py)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from course.actions import notices
from course.actions.letters import Letters
from course.store import admins
from course.store.models import Alarm


def tell_coaches(session: Session, letters: Letters, alarm: Alarm, now: datetime) -> None:
    """Queues a notice for each coach who can sign in."""
    over, first = alarm.cleared_at, alarm.text.split(". ")[0].rstrip(".")
    for coach in admins.everyone(session):
        if not coach.password_hash:
            continue
        zone = coach.timezone or "UTC"
        began = _moment(alarm.since, zone)
        values = {
            "title": f"Over: {first}" if over else first,
            "text": f"This is over: {alarm.text}" if over else alarm.text,
            "when": f"From {began} to {_moment(over, zone)}, {zone} time." if over else f"Since {began}, {zone} time.",
            "link": f"{letters.links.public_url}/admin",
        }
        notices.queue(session, "alarm", coach.email, letters.notice("alarm", coach.email, values), now)


def _moment(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%A, %B} {local.day}, {local:%H:%M}"
