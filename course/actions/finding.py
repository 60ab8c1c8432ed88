"""Find readers of a course, fifty at a time, however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from course.actions.planning import Planner
from course.core.sequence import Step
from course.core.status import Enrolled
from course.store import courses, enrollments, readers_list
from course.store.models import Course

PAGE = 50
CHUNK, MOST = 1000, 20_000  # readers looked at together, and for one page: which lesson comes next is in no index


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which readers. "" and None want all. `status` may be "paused"; `next` and `had` are lesson ids."""

    text: str = ""
    status: str = ""
    source: str | None = None
    next: int | None = None
    had: int | None = None


class Reader(NamedTuple):
    """`row` has the columns of store/readers_list.ROW."""

    row: Any
    step: Step | None  # what comes next; None: nothing
    number: int


class Found(NamedTuple):
    readers: list[Reader]
    older: int | None  # where the next page begins; None: there is none
    looked_at_all: bool  # False: there may be more, further back


def find(session: Session, course: Course, wanted: Wanted, now: datetime, before: int | None = None) -> Found:
    """The newest readers below enrollment id `before`. `now` is course time."""
    planner = Planner(course, courses.terms_of(session, course.id))
    readers: list[Reader] = []
    for _ in range(MOST // CHUNK if wanted.next else 1):
        limit = CHUNK if wanted.next else PAGE + 1
        rows = _rows(session, course, wanted, now, before, limit)
        for reader in _planned(session, planner, rows):
            if wanted.next in {None, reader.step and reader.step.lesson}:
                readers.append(reader)
        if len(readers) > PAGE:
            return Found(readers[:PAGE], readers[PAGE - 1].row.id, looked_at_all=True)
        if len(rows) < limit:
            return Found(readers, None, looked_at_all=True)
        before = rows[-1].id
    return Found(readers, before, looked_at_all=False)


def _rows(
    session: Session, course: Course, wanted: Wanted, now: datetime, before: int | None, limit: int
) -> Sequence[Any]:
    status = Enrolled.ACTIVE if wanted.next else wanted.status
    return readers_list.page(
        session,
        course.id,
        text=wanted.text,
        status="" if status == "paused" else status,
        paused_at=now if wanted.status == "paused" else None,
        source=wanted.source,
        had=wanted.had,
        before=before,
        limit=limit,
    )


def _planned(session: Session, planner: Planner, rows: Sequence[Any]) -> list[Reader]:
    excluded = enrollments.exclusions(session, (row.id for row in rows)) if rows else {}
    found = []
    for row in rows:
        timetable = planner.timetable(row)
        step = timetable.next_step(row.had, excluded.get(row.id, ())) if row.status == Enrolled.ACTIVE else None
        found.append(Reader(row, step, timetable.number(step.lesson) if step else len(row.had)))
    return found
