"""What a coach does about deliveries that the course could not settle by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from course.actions import recording
from course.core.errors import CourseError
from course.core.status import Sent
from course.store import alarms, courses, deliveries, enrollments, subscribers
from course.store.models import Delivery

AT_ONCE = 500  # mails that are looked up together


@dataclass(frozen=True, slots=True)
class Problem:
    """A delivery that waits for somebody."""

    delivery: int
    state: str
    address: str
    what: str  # "lesson 2" or "confirm"
    since: datetime
    reason: str


def problems(session: Session) -> list[Problem]:
    """Unknown deliveries and dead letters, oldest first."""
    return [_problem(session, row) for row in deliveries.needing_somebody(session)]


def _problem(session: Session, row: Delivery) -> Problem:
    person = subscribers.by_id(session, row.subscriber_id)
    what = f"lesson {row.number}" if row.lesson_id else row.kind
    return Problem(row.id, row.state, person.email if person else "", what, row.created_at, row.reason or "")


def arrived(session: Session, delivery_id: int, now: datetime) -> None:
    """Somebody knows that an unknown delivery arrived."""
    row = _the(session, delivery_id, Sent.UNKNOWN)
    row.state, row.done_at, row.reason = Sent.ACCEPTED, now, "somebody said that it arrived"
    session.flush()
    recording.release(session, [row.id])


def send_again(session: Session, delivery_id: int, now: datetime) -> None:
    """Sends one more copy of an unknown delivery: the reader may get it twice, and somebody chose so."""
    row = _the(session, delivery_id, Sent.UNKNOWN)
    row.state, row.done_at, row.reason = Sent.CANCELLED, now, "sent again as another copy"
    session.flush()
    deliveries.queue_copy(session, row, now)
    if row.enrollment_id:  # the next lesson is planned when this copy goes
        enrollments.hold(session, [row.enrollment_id])


def retry(session: Session, delivery_ids: Sequence[int], now: datetime) -> int:
    """Sends refused messages again, with the newest text, and lets go of texts that were held. How many."""
    some = (delivery_ids[start : start + AT_ONCE] for start in range(0, len(delivery_ids), AT_ONCE))
    return sum(_retry(session, ids, now) for ids in some)


def _retry(session: Session, delivery_ids: Sequence[int], now: datetime) -> int:
    rows = [row for row in deliveries.many(session, delivery_ids).values() if is_dead_letter(row)]
    for revision in courses.revisions(session, (row.revision_id for row in rows if row.revision_id)).values():
        revision.held_at = revision.held_reason = None
        alarms.clear(session, f"revision:{revision.id}", now)
    for row in rows:
        row.state, row.not_before, row.attempts, row.done_at = Sent.QUEUED, now, 0, None
    session.flush()
    recording.hold_next(session, [row.id for row in rows])
    return len(rows)


def is_dead_letter(row: Delivery) -> bool:
    """Refused because of what it says, so that another text may go."""
    return row.state == Sent.REFUSED and row.scope == "message"


def _the(session: Session, delivery_id: int, state: Sent) -> Delivery:
    row = deliveries.by_id(session, delivery_id, lock=True)
    if row is None or row.state != state:
        raise CourseError(f"There is no delivery {delivery_id} that is {state}.")
    return row
