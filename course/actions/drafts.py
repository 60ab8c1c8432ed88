"""What a coach is writing: opened, saved as they type, thrown away. Nobody gets it until it is published.

A save says which version it saw. If another one is there by now nothing is written, and both texts are shown. A version
number never comes again, not after a draft was published or thrown away either: it begins at the second of its birth.
"""

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from course.core import lesson_file
from course.core.lesson_file import LessonText
from course.store import courses
from course.store import drafts as store
from course.store.models import Course, Draft, Lesson, Revision

MAX_BODY, MAX_LINE = 100_000, 1_000  # characters of the text, and of each other field
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Writing:
    """A lesson as its editor shows it. `version` 0: nobody changed it since it was published."""

    source: str
    version: int
    author: str
    updated_at: datetime
    published: Revision | None  # what readers get now; None for a lesson that nobody ever got

    @property
    def is_draft(self) -> bool:
        return self.version > 0


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else's text is there by now. Nothing was saved."""

    theirs: Writing


def open_text(session: Session, lesson: Lesson, course_now: datetime) -> Writing:
    """The draft, else the text that readers get."""
    published = in_course(session, lesson, course_now)
    row = store.of(session, lesson.id) or published
    if row is None:
        raise LookupError(f"lesson {lesson.id} has no text")
    if isinstance(row, Draft):
        return Writing(row.source, row.version, row.author, row.updated_at, published)
    return Writing(row.source, 0, row.author, row.created_at, published)


def in_course(session: Session, lesson: Lesson, course_now: datetime) -> Revision | None:
    """The version that who signs up now would get; of a lesson in nobody's course the newest, if there is one."""
    steps = courses.terms_of(session, lesson.course_id).at(course_now).steps
    found = next((step.revision for step in steps if step.lesson == lesson.id), None)
    return courses.revision(session, found) if found else courses.newest_revision_or_none(session, lesson.id)


def save(
    session: Session, lesson: Lesson, source: str, seen: int, *, author: str, now: datetime, course_now: datetime
) -> Writing | Conflict:
    """Puts a text in the draft. `seen`: the version that it was written over."""
    store.lesson(session, lesson.id, lock=True)
    row = store.of(session, lesson.id, lock=True)
    there = open_text(session, lesson, course_now)
    if there.source == source:
        return there  # saved already, and its answer was lost; or nothing was changed
    if there.version != seen:
        return Conflict(there)
    if row is None:
        row = first_draft(session, lesson, source, author, now)
    else:
        row.source, row.version, row.author, row.updated_at = source, row.version + 1, author, now
        session.flush()
    return open_text(session, lesson, course_now)


def first_draft(session: Session, lesson: Lesson, source: str, author: str, now: datetime) -> Draft:
    """The first draft since the lesson was published, or of a new one."""
    version = int((now - BEGINNING).total_seconds())
    return store.add(session, Draft(lesson_id=lesson.id, source=source, version=version, author=author, updated_at=now))


def discard(session: Session, lesson: Lesson, seen: int) -> bool:
    """Throws the draft away, if it is still the one that was seen; False if it is not. A lesson that was never
    published goes with it."""
    store.lesson(session, lesson.id, lock=True)
    row = store.of(session, lesson.id, lock=True)
    if row is None:
        return True
    if row.version != seen:
        return False
    if never_published(session, lesson):
        store.remove_lesson(session, lesson.id)
    else:
        store.remove(session, row)
    return True


def never_published(session: Session, lesson: Lesson) -> bool:
    return courses.newest_revision_or_none(session, lesson.id) is None


def source_of(text: LessonText, before: str) -> str:
    """The lesson file with these fields: `before` as it stands if it says the same, however it was written."""
    was = lesson_file.parse_draft(before)
    same = replace(was, body=lesson_file.unix_lines(was.body)) == replace(text, body=lesson_file.unix_lines(text.body))
    return before if same else lesson_file.dump(text)


def too_long(text: LessonText) -> dict[str, str]:
    """What is over its limit, by field."""
    found = {}
    for field in fields(LessonText):
        length, limit = len(getattr(text, field.name)), MAX_BODY if field.name in {"body", "text"} else MAX_LINE
        if length > limit:
            found[field.name] = (
                f"This has {length:,} characters, and at most {limit:,} fit. Nothing was saved: shorten it."
            )
    return found


def place(session: Session, course: Course, lesson: Lesson, course_now: datetime) -> tuple[int, int]:
    """Which lesson of how many; one that is in nobody's course comes last."""
    steps = [step.lesson for step in courses.terms_of(session, course.id).at(course_now).steps]
    return (steps.index(lesson.id) + 1, len(steps)) if lesson.id in steps else (len(steps) + 1, len(steps) + 1)
