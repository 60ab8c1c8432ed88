"""What readers say about a lesson that they had: that its one thing is done, and a line for the coaches."""

from datetime import datetime

from sqlalchemy.orm import Session

from course.actions.controls import NotNow
from course.core.letter import one_line
from course.store import answers
from course.store.models import Enrollment

LONGEST = 500  # characters


def tick(session: Session, found: Enrollment, lesson: int, *, done: bool, now: datetime) -> None:
    """The lesson's one thing is done, or is not after all. The first tick counts."""
    _must_have(found, lesson)
    before = answers.of(session, found.id, found.copy).get(lesson)
    if bool(before and before.done_at) != done:
        answers.save(session, found.id, lesson, found.copy, done_at=now if done else None)


def answer(session: Session, found: Enrollment, lesson: int, text: str, now: datetime) -> None:
    """The answer to the lesson's question, in one line; "" takes it back."""
    _must_have(found, lesson)
    line = one_line(text)
    if len(line) > LONGEST:
        raise NotNow(f"An answer has at most {LONGEST} letters here. Reply to the lesson's mail to tell us more.")
    answers.save(session, found.id, lesson, found.copy, text=line, answered_at=now if line else None)


def _must_have(found: Enrollment, lesson: int) -> None:
    if lesson not in found.had:
        raise NotNow("You have not had this lesson yet.")
