"""What a coach does about what Today shows. Each leaves a line in the book of what was done."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from course.actions import audit, guarding, mending, today
from course.core.clock import Now
from course.core.errors import CourseError
from course.store import calls, courses, deliveries, subscribers
from course.store import today as store
from course.store.models import Admin, Delivery

NAMED = 3  # in the book, by address


def settle(session: Session, chosen: Sequence[int], *, arrived: bool, coach: Admin, now: datetime) -> int:
    """A coach knows that these mails arrived; or wants one more copy of each, which somebody may then have twice. How
    many; those that were settled meanwhile are left alone."""
    act, done = mending.arrived if arrived else mending.send_again, []
    for delivery in chosen:
        try:
            act(session, delivery, now)
        except CourseError:
            continue
        done.append(delivery)
    if done:
        action = "a mail arrived" if arrived else "send a mail again"
        audit.note(session, coach, action, _said(session, done), now)
    return len(done)


def settle_all(session: Session, *, arrived: bool, coach: Admin, now: datetime) -> int:
    return settle(session, store.unknown_ids(session), arrived=arrived, coach=coach, now=now)


def retry(session: Session, course_id: int, lesson_id: int, *, coach: Admin, now: Now) -> int:
    """Sends what the provider refused of this lesson (0: of the confirmations) again, as it reads now. How many."""
    course = courses.by_id(session, course_id)
    ids = store.dead_ids(session, course_id, lesson_id or None)
    if course is None or not ids:
        return 0
    count = mending.retry(session, ids, now.machine)
    number, title = today.named(session, courses.terms_of(session, course.id), lesson_id, now.course)
    what = f"{number} {title}" if lesson_id else "confirmation"
    audit.note(session, coach, "send refused mails again", f"{what}: {count} mails", now.machine)
    return count


def vouch(session: Session, coach: Admin, now: datetime) -> int:
    """A coach says that this database is the truth: what was held back goes. How many mails."""
    count = guarding.vouch(session, now)
    audit.note(session, coach, "vouch for the database", f"{count} mails that were held back go out", now)
    return count


def try_now(session: Session, provider: str, account: str, coach: Admin, now: datetime) -> None:
    calls.try_now(session, provider, account)
    audit.note(session, coach, "try to send now", provider, now)


def _said(session: Session, ids: Sequence[int]) -> str:
    """ "lesson 2 to ann@example.org, lesson 3 to bob@example.org and 4 more"."""
    rows = deliveries.many(session, ids[:NAMED])
    named = ", ".join(_one(session, rows[delivery]) for delivery in ids[:NAMED])
    return f"{named} and {len(ids) - NAMED} more" if len(ids) > NAMED else named


def _one(session: Session, row: Delivery) -> str:
    person = subscribers.by_id(session, row.subscriber_id)
    what = f"lesson {row.number}" if row.lesson_id and row.number else "lesson" if row.lesson_id else "confirmation"
    return f"{what} to {person.email if person else 'somebody'}"
