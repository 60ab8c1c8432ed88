"""Where everybody stands: for each lesson who waits for it, who had it, and who stopped there."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy.orm import Session

from course.core.status import Enrolled
from course.store import courses, standing
from course.store.models import Course

GONE = (Enrolled.LEFT, Enrolled.STOPPED)


@dataclass(frozen=True, slots=True)
class LessonNumbers:
    """Counts of readers, but for `sent`, which counts mails."""

    waiting: int  # it is their next one
    sent: int
    done: int
    answered: int
    stopped: int  # it was their last one before they left


@dataclass(frozen=True, slots=True)
class Numbers:
    readers: int
    active: int
    finished: int
    gone: int
    lessons: dict[int, LessonNumbers]  # by lesson id, archived ones too


def numbers(session: Session, course: Course) -> Numbers:
    terms = courses.terms_of(session, course.id)
    sent, said = standing.sent(session, course.id), standing.said(session, course.id)
    statuses: Counter[Enrolled] = Counter()
    waiting: Counter[int] = Counter()
    stopped: Counter[int] = Counter()
    for alike in standing.standings(session, course.id, terms.starts):
        statuses[alike.status] += alike.readers
        step = terms.of_era(alike.era).next_step(alike.had, alike.excluded)
        if alike.status == Enrolled.ACTIVE and step:
            waiting[step.lesson] += alike.readers
        elif alike.status in GONE and alike.had:
            stopped[alike.had[-1]] += alike.readers
    lessons = {row.id for row in courses.lessons_of(session, course.id).values()}
    return Numbers(
        readers=statuses.total(),
        active=statuses[Enrolled.ACTIVE],
        finished=statuses[Enrolled.FINISHED],
        gone=sum(statuses[status] for status in GONE),
        lessons={
            one: LessonNumbers(waiting[one], sent.get(one, 0), *said.get(one, (0, 0)), stopped[one]) for one in lessons
        },
    )
