"""A lesson as a careful editor reads it: numbers, faults and hints. Only faults stand in the way of publishing."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from course.actions.letters import Letters
from course.core import lesson_notes, pictures, readability
from course.core.errors import BadFile, Fault
from course.core.lesson_file import LessonText, dump
from course.core.lesson_notes import Note
from course.store import pictures as kept
from course.store.models import Course

CUT_OFF, LARGE = 102_000, 80_000  # bytes of HTML: where Gmail hides the rest, and where it gets close


@dataclass(frozen=True, slots=True)
class Checked:
    words: int
    minutes: int
    grade: int | None  # school year; None for too few words to tell
    kilobytes: int | None  # of the mail; None while it cannot be made
    faults: list[Note]
    hints: list[Note]


def check(session: Session, letters: Letters, course: Course, text: LessonText) -> Checked:
    size = _size(letters, course, text)
    grade, words = readability.grade_of(text.body), readability.word_count(text.body)
    return Checked(
        words=words,
        minutes=readability.minutes(words),
        grade=max(1, round(grade)) if grade is not None else None,
        kilobytes=round(size / 1000) if size is not None else None,
        faults=[*lesson_notes.faults(text), *_lost_pictures(session, text)],
        hints=[*lesson_notes.hints(text), *_large(size)],
    )


def require(session: Session, text: LessonText) -> None:
    """Raises BadFile with all that stands in the way of publishing."""
    found = [*lesson_notes.faults(text), *_lost_pictures(session, text)]
    if found:
        raise BadFile([Fault(text.title or "lesson", note.line, note.problem, note.remedy) for note in found])


def _size(letters: Letters, course: Course, text: LessonText) -> int | None:
    """Bytes of the HTML, near enough: without what differs from reader to reader."""
    try:
        return len("".join(letters.lesson(course, dump(text)).html.segments).encode())
    except BadFile:
        return None


def _large(size: int | None) -> list[Note]:
    if size is None or size <= LARGE:
        return []
    gone = size > CUT_OFF
    said = "Gmail cuts the mail off before its end" if gone else "the mail is nearly too long: Gmail cuts off at 102 KB"
    return [Note("body", 0, said, "Split the lesson in two, or shorten its tables")]


def _lost_pictures(session: Session, text: LessonText) -> list[Note]:
    """Addresses of pictures that are not here, as in a text that was copied from another site."""
    named = pictures.digests_in(text.body)
    lost = named - kept.known(session, named) if named else set()
    return [
        Note(
            "body", text.body[: text.body.index(digest)].count("\n") + 1, "this picture is not here", "Upload it again"
        )
        for digest in sorted(lost)
    ]
