"""Lessons between folders and the database. A folder is a course: course.toml and NN-slug.md files.

A file is compared with the digest of its own last import: unchanged does nothing, changed makes a revision, changed on
both sides is a conflict that overwrites nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from course.actions import pictures, planning
from course.actions.lesson_files import Files, read, slug_of
from course.core import course_file, lesson_file
from course.core.course_file import WEEKDAYS, CourseText
from course.core.sequence import Timetable
from course.store import courses, enrollments, installation
from course.store.models import Course, Edit, Lesson

AUTHOR = "import"


class Done(StrEnum):
    """What an import did with one file."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"  # changed in the file and in the course: the course stays as it is
    KEPT = "kept"  # in the course, but not among the files


@dataclass(frozen=True, slots=True)
class Entry:
    file: str
    done: Done


def import_course(session: Session, files: Files, now: datetime, course_now: datetime) -> list[Entry]:
    """Brings a course's files into the database; a line for each file. Raises BadFile or BadPicture, and then changes
    nothing."""
    text = read(files)
    course = _locked_course(session, files.slug)
    if course is None:
        course = courses.add_course(session, files.slug, now=now, imported=files.course, **_columns(text))
        entry = Entry(course_file.FILE, Done.NEW)
    else:
        entry = Entry(course_file.FILE, _update_course(course, files.course, text))
    for name, data in files.pictures.items():
        pictures.take_back(session, name, data, author=AUTHOR, now=now)
    lessons = courses.lessons_of(session, course.id)
    return [entry, *_Import(session, course, lessons, now, course_now).run(files, text, entry.done)]


def _locked_course(session: Session, slug: str) -> Course | None:
    """Imports of one course come one after the other, the first ones too."""
    course = courses.by_slug(session, slug, lock=True)
    if course is None:
        installation.get(session, lock=True)
        course = courses.by_slug(session, slug, lock=True)
    return course


COLUMNS = (
    "title", "summary", "sender", "reply_to", "postal_address", "timezone", "send_until", "first_name", "disclaimer",
    "about", "afterwards", "on_unknown",
)  # fmt: skip


def _columns(text: CourseText | Course) -> dict[str, Any]:
    """What of a course stands both in its file and in its row."""
    return {name: getattr(text, name) for name in COLUMNS}


def _update_course(course: Course, source: str, text: CourseText) -> Done:
    if source == course.imported:
        return Done.UNCHANGED
    before = _columns(course_file.parse_again(course.imported))
    columns = _columns(text)
    here = {name for name, value in before.items() if getattr(course, name) != value}
    there = {name for name, value in columns.items() if before[name] != value}
    if any(getattr(course, name) != columns[name] for name in here & there):
        return Done.CONFLICT
    for name in there:
        setattr(course, name, columns[name])
    course.imported = source
    return Done.CHANGED


@dataclass(slots=True)
class _Import:
    """The lessons of one import, and the facts of the timetable that they bring."""

    session: Session
    course: Course
    lessons: dict[str, Lesson]
    now: datetime
    course_now: datetime
    _edit: Edit | None = None

    def run(self, files: Files, text: CourseText, course_done: Done) -> list[Entry]:
        before, entries = self._present(), []
        for name, source in files.lessons.items():
            if course_done is Done.CONFLICT and slug_of(name) not in self.lessons:
                entries.append(Entry(name, Done.CONFLICT))  # its gap is in the course file that was not taken
            else:
                entries.append(Entry(name, self._lesson(name, source)))
        slugs = [slug_of(name) for name in files.lessons]
        if course_done is not Done.CONFLICT:
            self._place([self.lessons[slug] for slug in slugs], text.gaps, before, course_done)
        if course_done in {Done.NEW, Done.CHANGED}:
            self._hours(text, before)
        if before and self._edit:
            planning.replan(self.session, self.course)
        return entries + [Entry(slug, Done.KEPT) for slug in self.lessons if slug not in slugs]

    def _present(self) -> Timetable | None:
        return courses.terms_of(self.session, self.course.id).at(self.course_now) if self.lessons else None

    def _lesson(self, name: str, source: str) -> Done:
        digest, lesson = lesson_file.digest(source), self.lessons.get(slug_of(name))
        if lesson is None:
            self.lessons[slug_of(name)] = self._new_lesson(slug_of(name), source, digest)
            return Done.NEW
        if digest == lesson.imported_digest:
            return Done.UNCHANGED
        newest = courses.newest_revision(self.session, lesson.id)
        if newest.digest == digest:  # somebody exported it and brings it back
            lesson.imported_digest = digest
            return Done.UNCHANGED
        if newest.digest != lesson.imported_digest:
            return Done.CONFLICT
        lesson.imported_digest = digest
        self._term(lesson, "revision", self._revision(lesson, source, digest))
        return Done.CHANGED

    def _new_lesson(self, slug: str, source: str, digest: str) -> Lesson:
        lesson = courses.add_lesson(self.session, self.course.id, slug, digest, self.now)
        self._term(lesson, "revision", self._revision(lesson, source, digest))
        return lesson

    def _revision(self, lesson: Lesson, source: str, digest: str) -> int:
        return courses.add_revision(self.session, lesson, source, digest, AUTHOR, self.now).id

    def _place(
        self, lessons: Sequence[Lesson], gaps: Sequence[int], before: Timetable | None, course_done: Done
    ) -> None:
        """Ranks and gaps where they differ. A lesson that comes new into a running course is skipped by those who had a
        later one, and by those who had the last one."""
        steps = {step.lesson: step.gap for step in before.steps} if before else {}
        present = list(steps)
        order = _merged([lesson.id for lesson in lessons], present)
        if order == present and course_done is Done.UNCHANGED:
            return
        if order != present:
            self._ranks(order)
        for lesson, gap in zip(lessons, gaps, strict=True):
            if gap != steps.get(lesson.id):
                self._term(lesson, "gap", gap)
        for lesson in lessons:
            if present and lesson.id not in steps:
                later = {*order[order.index(lesson.id) :], present[-1]} & set(present)
                enrollments.exclude_past(self.session, self.course.id, lesson.id, self._the_edit().id, later)

    def _ranks(self, order: Sequence[int]) -> None:
        by_id = {lesson.id: lesson for lesson in self.lessons.values()}
        for rank, identity in enumerate(order, 1):
            self._term(by_id[identity], "rank", rank)

    def _hours(self, text: CourseText, before: Timetable | None) -> None:
        weekdays = [WEEKDAYS.index(day) for day in text.weekdays]
        if before is None or before.hour != text.send_at:
            self._term(None, "hour", text.send_at)
        if before is None or list(before.weekdays) != weekdays:
            self._term(None, "weekdays", weekdays)

    def _term(self, lesson: Lesson | None, name: str, value: Any) -> None:
        courses.add_term(self.session, self._the_edit(), lesson, name, value)

    def _the_edit(self) -> Edit:
        if self._edit is None:
            self._edit = courses.add_edit(self.session, self.course, "import", AUTHOR, self.now)
        return self._edit


def export_course(session: Session, course: Course, course_now: datetime) -> Files:
    """The files of a course as it is now. What was not changed here comes out as it came in, byte for byte."""
    timetable = courses.terms_of(session, course.id).at(course_now)
    slugs = {lesson.id: slug for slug, lesson in courses.lessons_of(session, course.id).items()}
    revisions = courses.revisions(session, (step.revision for step in timetable.steps))
    present = CourseText(
        **_columns(course),
        gaps=tuple(step.gap for step in timetable.steps),
        send_at=timetable.hour,
        weekdays=tuple(WEEKDAYS[day] for day in timetable.weekdays),
    )
    lessons = {
        f"{number:02d}-{slugs[step.lesson]}.md": revisions[step.revision].source
        for number, step in enumerate(timetable.steps, 1)
    }
    shown = pictures.shown_in(session, lessons.values())
    return Files(course.slug, course_file.updated(course.imported, present), lessons, shown)


def _merged(wanted: list[int], present: list[int]) -> list[int]:
    """The lessons in the order of the files; one without a file stays behind the one that it was behind."""
    order = list(wanted)
    for at, lesson in enumerate(present):
        if lesson not in order:
            order.insert(order.index(present[at - 1]) + 1 if at else 0, lesson)
    return order
