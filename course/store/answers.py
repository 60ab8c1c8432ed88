"""What readers said about their lessons."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from course.store.db import insert_of
from course.store.models import Answer


def of(session: Session, enrollment_id: int, copy: int) -> Mapping[int, Answer]:
    """By lesson id, of one run through the course."""
    query = select(Answer).where(Answer.enrollment_id == enrollment_id, Answer.copy == copy)
    return {row.lesson_id: row for row in session.scalars(query)}


def save(session: Session, enrollment_id: int, lesson_id: int, copy: int, **values: Any) -> None:
    """Adds what was said about a lesson, or puts it in the place of what was said before. `values`: any of done_at,
    text, answered_at."""
    row = {"enrollment_id": enrollment_id, "lesson_id": lesson_id, "copy": copy, "text": ""} | values
    adding = insert_of(session)(Answer).values(row)
    session.execute(adding.on_conflict_do_update(index_elements=["enrollment_id", "lesson_id", "copy"], set_=values))
