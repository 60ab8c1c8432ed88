"""A lesson as one reader would get it, without being sent: for the preview, and as a test to the coaches themselves."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from course.actions import drafts, notices
from course.actions.letters import Letters
from course.core import address
from course.core.letter import Message, Part
from course.store import enrollments, subscribers
from course.store import samples as store
from course.store.models import Course, Lesson

SAM, NOBODY = "sam", "nobody"  # who it is shown for, besides a reader's number
READERS = 8  # that are offered by name


@dataclass(frozen=True, slots=True)
class Sample:
    key: str  # "sam", "nobody", or the number of an enrollment
    name: str  # first name; "" for none
    label: str


def samples(session: Session, course: Course, also: str = "") -> list[Sample]:
    """For whom a lesson can be shown: Sam, somebody without a name, the newest readers, and `also` this one."""
    newest = store.newest_readers(session, course.id, READERS)
    found = [
        Sample(SAM, "Sam", "Sam (sample)"),
        Sample(NOBODY, "", "No name given"),
        *(Sample(str(key), name, _label(name, email)) for key, name, email in newest),
    ]
    if also not in {one.key for one in found} and (reader := _reader(session, course, also)):
        found.insert(2, reader)
    return found


def one(session: Session, course: Course, key: str) -> Sample:
    """Whom the key means; Sam if it means nobody of this course."""
    if key == NOBODY:
        return Sample(NOBODY, "", "")
    return _reader(session, course, key) or Sample(SAM, "Sam", "")


def _reader(session: Session, course: Course, key: str) -> Sample | None:
    found = enrollments.by_id(session, int(key)) if key.isdecimal() and len(key) < 10 else None
    if found is None or found.course_id != course.id:
        return None
    person = subscribers.by_id(session, found.subscriber_id)
    return Sample(key, person.name, _label(person.name, person.email)) if person else None


def _label(name: str, email: str) -> str:
    return f"{name} ({email})" if name else email


def message(
    session: Session,
    letters: Letters,
    course: Course,
    lesson: Lesson,
    source: str,
    sample: Sample,
    course_now: datetime,
) -> Message:
    """The mail itself, but for its links: they lead to the course's front page, since nobody should leave a course by
    trying a preview. Raises BadFile for a text that is not in order."""
    number, count = drafts.place(session, course, lesson, course_now)
    values = letters.web_values(course, sample.name, number, count)
    return Message("", "", letters.lesson(course, source), values)


def send_test(session: Session, mail: Message, emails: list[str], now: datetime) -> None:
    """Queues it for these addresses, marked as a test. It carries no header to leave by: nobody is on a list."""
    first, *rest = mail.letter.subject.segments
    headers = {name: part for name, part in mail.letter.headers.items() if not name.startswith("List-Unsubscribe")}
    subject = Part((f"[Test] {first}", *rest), mail.letter.subject.slots)
    letter = replace(mail.letter, subject=subject, headers=headers)
    for email in emails:
        notices.queue(session, "test", email, replace(mail, to=address.deliverable(email), letter=letter), now)
