"""Propose a change, publish it, undo it.

A proposal is stored with what it would do, as it was shown. Publishing looks again in its own transaction, with every
reader of the course held still; if a name or a date differs from what was shown, nothing is changed, and what differs
is shown instead. Undo is open until the first mail that the change touched was marked for sending.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from course.actions import drafts as writing
from course.actions import lesson_checks, surveying
from course.actions.edits import Change, Choice, Kind
from course.actions.surveying import Group, Line, Survey
from course.core import lesson_file
from course.core.clock import Now
from course.core.errors import CourseError
from course.core.sequence import Term
from course.core.status import Enrolled
from course.store import courses, drafts, edits, enrollments
from course.store.models import Course, Draft, Edit, Effect, Lesson

MANY = 50_000  # readers; above it only the groups are compared, and names are not kept
PROPOSALS_LIVE = timedelta(days=1)


class Outdated(CourseError):
    """Something else was changed meanwhile: the proposal does not fit any more. Its text says what."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What would happen now is not what was shown. The proposal now says what would; `lines` are what differs, as it
    was shown and as it is."""

    lines: list[tuple[Line | None, Line | None]]


def foresee(session: Session, course: Course, change: Change, choice: Choice, now: Now) -> Survey:
    """What a change would do now; a reading transaction is enough, so nobody waits while a million readers are counted.
    Raises BadFile for a text that cannot be sent."""
    if change.draft is not None:
        lesson_checks.require(session, lesson_file.parse_draft(_draft(session, change, lock=False).source))
    names = edits.count_readers(session, course.id) <= MANY
    return surveying.survey(session, course, change, choice, now.course, lock=False, dates=names)


def propose(
    session: Session,
    course: Course,
    change: Change,
    choice: Choice,
    found: Survey,
    *,
    summary: str,
    author: str,
    now: Now,
) -> Edit:
    """Stores a change with what it would do, as `foresee` found at that `now`; changes nothing for anybody."""
    edits.drop_proposals(session, course.id, now.machine - PROPOSALS_LIVE)
    edit = courses.add_edit(
        session,
        course,
        change.kind,
        author,
        now.machine,
        choice=choice,
        summary=summary,
        change=change.as_json(),
        published_at=None,
    )
    _keep(session, edit, found, now)
    return edit


def _keep(session: Session, edit: Edit, found: Survey, now: Now) -> None:
    """What a proposal would do, as it is shown now."""
    edits.drop_effects(session, edit.id)
    edit.groups, edit.as_of = dict(found.groups), now.course
    if found.total <= MANY:
        edits.add_effects(session, edit.id, [_row(line) for line in found.lines])


def publish(session: Session, edit: Edit, seen: datetime | None, author: str, now: Now) -> Difference | None:
    """Makes a proposal true, exactly as it was shown; None says that it was done. `seen`: the `as_of` of what the coach
    looked at. Raises Outdated."""
    course = edits.lock_course(session, edit.course_id)
    session.refresh(edit)
    if edit.published_at:
        return None
    if other := edits.newer(session, edit):
        raise Outdated(f"{other.author} changed the course meanwhile: {other.summary}. Please look again.")
    change, choice = Change.from_json(edit.change), Choice(edit.choice)
    draft = _draft(session, change, lock=True) if change.draft is not None else None
    found = surveying.survey(session, course, change, choice, now.course, lock=True, dates=True)
    differs = _differences(session, edit, found)
    if differs or dict(found.groups) != edit.groups or edit.as_of != seen:
        _keep(session, edit, found, now)
        return Difference(differs)
    revision = _take(session, draft, author, now.machine) if draft else 0
    _apply(session, edit, change.terms(choice, now.course, revision), found)
    edit.author, edit.published_at = author, now.machine
    return None


def may_undo(session: Session, edit: Edit) -> str:
    """Why a published change cannot be undone; "" if it can."""
    if edit.kind not in set(Kind):
        return "An import is undone by importing the files as they were."
    if edit.undone_at:
        return "It was undone already."
    if other := edits.newer(session, edit):
        return f"The course was changed after it: {other.summary}."
    lesson = Change.from_json(edit.change).lesson
    many = sum(edit.groups.values()) > MANY
    since = edit.published_at or edit.created_at
    if edits.any_lesson_went(session, edit.course_id, since) if many else edits.mail_went(session, edit, lesson):
        return "A mail that it changed is on its way already."
    return ""


def undo(session: Session, edit: Edit, now: Now) -> None:
    """Takes a change back: everybody's plan is what it would be without it. Its text goes back into the draft. Raises
    Outdated."""
    course = edits.lock_course(session, edit.course_id)
    session.refresh(edit)
    found = surveying.survey_undo(session, course, edit.id, now.course)
    if reason := may_undo(session, edit):  # asked while the readers are held still
        raise Outdated(f"This can no longer be undone. {reason}")
    change = Change.from_json(edit.change)
    if change.draft is not None and change.lesson:
        _put_back(session, change.lesson, edit, now.machine)
    edits.withdraw(session, edit.id)
    _plan(session, found)
    edit.undone_at = now.machine


def _draft(session: Session, change: Change, *, lock: bool) -> Draft:
    """The draft as it was proposed. Raises Outdated if somebody wrote on."""
    # Locked where it is taken: on PostgreSQL an autosave that came between would be lost with the draft.
    draft = drafts.of(session, change.lesson or 0, lock=lock)
    if draft is None:
        raise Outdated("The draft is gone: it was published or thrown away meanwhile. Please look again.")
    if draft.version != change.draft:
        raise Outdated(f"{draft.author} changed the text meanwhile. Please look at it again.")
    return draft


def _take(session: Session, draft: Draft, author: str, now: datetime) -> int:
    """The draft becomes a version of the lesson; its id."""
    lesson = session.get_one(Lesson, draft.lesson_id)
    digest = lesson_file.digest(draft.source)
    revision = courses.add_revision(session, lesson, draft.source, digest, author, now)
    session.delete(draft)
    return revision.id


def _put_back(session: Session, lesson_id: int, edit: Edit, now: datetime) -> None:
    """The text of an edit that is undone becomes the draft again, unless somebody has begun another one."""
    if drafts.of(session, lesson_id, lock=True) is None:
        source = courses.newest_revision(session, lesson_id).source
        writing.first_draft(session, session.get_one(Lesson, lesson_id), source, edit.author, now)


def _apply(session: Session, edit: Edit, terms: Sequence[Term], found: Survey) -> None:
    for term in terms:
        lesson = session.get_one(Lesson, term.lesson) if term.lesson else None
        courses.add_term(session, edit, lesson, term.name, term.value, term.since)
    lesson_id = edit.change["lesson"]
    edits.exclude(session, edit.id, lesson_id, found.excluded)
    if found.withdrawn:
        edits.drop_queued(session, lesson_id, found.withdrawn)
        for row in enrollments.rows(session, found.withdrawn):
            had = [one for one in row.had if one != lesson_id]
            enrollments.save_plans(session, [{"key": row.id, "had": had}])
    _plan(session, found)


def _plan(session: Session, found: Survey) -> None:
    plans = [
        {
            "key": line.enrollment,
            "due_at": line.due_after,
            "status": Enrolled.ACTIVE if line.lesson_after else Enrolled.FINISHED,
        }
        for line in found.lines
        if line.moves
    ]
    enrollments.save_plans(session, plans)


def _differences(session: Session, edit: Edit, found: Survey) -> list[tuple[Line | None, Line | None]]:
    """By reader, where names were shown."""
    if found.total > MANY:
        return []
    shown = {effect.enrollment_id: _line(effect) for effect in edits.effects(session, edit.id)}
    now = {line.enrollment: line for line in found.lines}
    both = ((shown.get(one), now.get(one)) for one in sorted(shown.keys() | now.keys()))
    return [(was, is_) for was, is_ in both if was != is_]


def _line(effect: Effect) -> Line:
    return Line(
        effect.enrollment_id,
        Group(effect.group),
        effect.lesson_before,
        effect.due_before,
        effect.lesson_after,
        effect.due_after,
        effect.arrives_at,
    )


def _row(line: Line) -> dict[str, object]:
    columns = line._asdict()
    return {"enrollment_id": columns.pop("enrollment"), **columns}
