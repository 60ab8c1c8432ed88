"""A reader's lessons in order, as their page and the confirmation page show them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from course.actions import readers_own
from course.actions.planning import Plan, Planner
from course.core import lesson_file
from course.core.lesson_file import LessonText
from course.core.status import Enrolled, Sent
from course.store import answers, courses, enrollments
from course.store.models import Answer, Course, Delivery, Enrollment, Subscriber
from course.web import words
from course.web.services import services

NOW = "on its way now"
Line = dict[str, Any]


def timeline(session: Session, found: Enrollment, person: Subscriber, course: Course, now: datetime) -> list[Line]:
    """Every lesson of a reader: what went (and what they said about it), what is next, what comes later; times in the
    reader's zone. Who started again sees what they had before among what is to come."""
    zone, active = person.timezone or course.timezone, found.status == Enrolled.ACTIVE
    promised = [row for row in readers_own.promised(session, found) if active or row.state != Sent.QUEUED]
    plans = coming(session, found, person, course, now) if active else []
    still = {plan.step.lesson for plan in plans}
    before = {row.lesson_id: row for row in promised if row.lesson_id in still}
    said = answers.of(session, found.id, found.copy)
    ids = [*(row.revision_id for row in promised if row.revision_id), *(plan.step.revision for plan in plans)]
    texts = {key: lesson_file.parse(row.source) for key, row in courses.revisions(session, ids).items()}
    lines = [
        _promised(row, texts[row.revision_id], zone, said) | {"may_say": row.lesson_id in found.had}
        for row in promised
        if row.revision_id and row.lesson_id not in still
    ]
    for plan in plans:
        is_next = all(line["state"] == "sent" for line in lines)
        at_once = is_next and found.asked_at is not None
        when = NOW if at_once else words.when(plan.due_at, zone)
        line = _line(plan.step.lesson, texts[plan.step.revision], "next" if is_next else "later", when)
        lines.append(line | {"now": at_once, "url": _url(before.get(plan.step.lesson))})
    return [line | {"number": number} for number, line in enumerate(lines, 1)]


def coming(session: Session, found: Enrollment, person: Subscriber, course: Course, now: datetime) -> list[Plan]:
    """The lessons that a reader has not had, and when. `now` is course time."""
    planner = Planner(course, courses.terms_of(session, course.id))
    excluded = enrollments.exclusions(session, [found.id])[found.id]
    return planner.coming(found, person.timezone, excluded, now)


def _promised(row: Delivery, text: LessonText, zone: str, said: Mapping[int, Answer]) -> Line:
    lesson = row.lesson_id or 0
    if row.state == Sent.QUEUED:
        return _line(lesson, text, "next", NOW) | {"now": True}
    answer = said.get(lesson)
    return _line(lesson, text, "sent", words.when(row.created_at, zone)) | {
        "url": _url(row),
        "action": text.action,
        "question": text.question,
        "done": bool(answer and answer.done_at),
        "answer": answer.text if answer else "",
    }


def _line(lesson: int, text: LessonText, state: str, when: str) -> Line:
    """What is shown of any lesson."""
    return {
        "id": lesson, "title": text.title, "state": state, "when": when,
        "now": False, "url": "", "action": "", "done": False, "may_say": False,
    }  # fmt: skip


def _url(row: Delivery | None) -> str:
    return services().letters.links.lesson(row.id) if row and row.state != Sent.QUEUED else ""
