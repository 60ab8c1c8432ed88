"""The certificate: for who had every lesson and ticked the one thing of each."""

from datetime import datetime

from sqlalchemy.orm import Session

from course.actions import controls, readers_own
from course.core.status import Sent
from course.store import answers
from course.store.models import Enrollment


def earned(session: Session, found: Enrollment) -> datetime | None:
    """When the last tick was made; None as long as one is missing, or a lesson is to come."""
    rows = [row for row in readers_own.promised(session, found) if row.lesson_id in found.had]
    if not rows or any(row.state == Sent.QUEUED for row in rows) or controls.lessons_to_come(session, found):
        return None
    said = answers.of(session, found.id, found.copy)
    ticks = [answer.done_at for row in rows if (answer := said.get(row.lesson_id or 0))]
    return max((at for at in ticks if at), default=None) if len(ticks) == len(rows) and all(ticks) else None
