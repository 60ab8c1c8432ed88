"""Changes of a course: what one would do, by group and by name; publish, undo, and the list of all."""

from collections import Counter
from datetime import datetime
from itertools import islice
from typing import Any

from flask import Blueprint, Response, abort, flash, make_response, render_template, request
from sqlalchemy.orm import Session

from course.actions import audit, authoring, edits, publishing, surveying, wording
from course.actions.edits import Change, Choice, Kind
from course.actions.publishing import Difference, Outdated
from course.actions.surveying import Group, Line
from course.core.errors import BadFile
from course.store import courses
from course.store import edits as stored
from course.store.models import Course, Draft, Edit
from course.web import bodies, words
from course.web.admin import proposing
from course.web.admin.access import coach
from course.web.admin.proposing import to
from course.web.doors import coaches_only
from course.web.readers.landing import course_named
from course.web.services import services

NAMES = 100  # on one page
HISTORY = 50


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/courses/<slug>/changes", endpoint="changes", view_func=history)
    bp.add_url_rule("/changes/<int:edit_id>", endpoint="change", view_func=show)
    bp.add_url_rule("/changes/<int:edit_id>", endpoint="publish", view_func=publish, methods=["POST"])
    bp.add_url_rule("/changes/<int:edit_id>/choice", endpoint="choose", view_func=choose, methods=["POST"])
    bp.add_url_rule("/changes/<int:edit_id>/undo", endpoint="undo", view_func=undo, methods=["POST"])
    bp.add_url_rule("/changes/<int:edit_id>/readers", endpoint="change_readers", view_func=names)


@coaches_only
def history(slug: str) -> str:
    """What was published, newest first."""
    offset = max(0, request.args.get("offset", 0, type=int))
    with services().database.read() as session:
        course = course_named(session, slug)
        found = stored.published(session, course.id, HISTORY + 1, offset)
        lines = [{"edit": edit, "undo": not offset and not publishing.may_undo(session, edit)} for edit in found[:1]]
        lines += [{"edit": edit, "undo": False} for edit in found[1:HISTORY]]  # a later change shuts the earlier ones
        more = offset + HISTORY if len(found) > HISTORY else 0
        return render_template("admin/changes.html", course=course, lines=lines, more=more, offset=offset)


@coaches_only
def show(edit_id: int) -> Response:
    with services().database.read() as session:
        return _page(session, _edit(session, edit_id))


def _edit(session: Session, edit_id: int) -> Edit:
    return stored.by_id(session, edit_id) or abort(404)


def _page(session: Session, edit: Edit, differs: Difference | None = None) -> Response:
    course = session.get_one(Course, edit.course_id)
    if edit.kind not in set(Kind):
        abort(404)
    change, chosen = Change.from_json(edit.change), Choice(edit.choice)
    page = render_template(
        "admin/change.html",
        course=course,
        edit=edit,
        kind=change.kind,
        lesson=change.lesson,
        choices=_choices(session, course, edit, change, chosen) if not edit.published_at else [],
        groups=wording.groups(change.kind, edit.groups),
        total=sum(edit.groups.values()),
        touched=sum(edit.groups.get(group, 0) for group in (Group.NEXT, Group.LATER)),
        as_of=words.when(edit.as_of, course.timezone) if edit.as_of else "",
        seen=edit.as_of.isoformat() if edit.as_of else "",
        days=_days(session, course, edit, change),
        many=sum(edit.groups.values()) > publishing.MANY,
        may_undo=edit.published_at and publishing.may_undo(session, edit) == "",
        no_undo=publishing.may_undo(session, edit) if edit.published_at else "",
        differs=_differences(session, course, differs) if differs else None,
    )
    return make_response(page, 409 if differs else 200)


def _choices(
    session: Session, course: Course, edit: Edit, change: Change, chosen: Choice
) -> list[tuple[Choice, str, dict[str, int], bool]]:
    """Each choice with the groups that it makes."""
    now, found = services().now().course, []
    for choice in edits.CHOICES[change.kind]:
        groups = dict(edit.groups)
        if choice is not chosen:
            groups = dict(surveying.survey(session, course, change, choice, now, lock=False, dates=False).groups)
        found.append((choice, wording.choice(change.kind, choice), groups, choice is chosen))
    return found


def _days(session: Session, course: Course, edit: Edit, change: Change) -> list[tuple[str, str, int]]:
    """What goes out on which day because of the change: day, lesson, how many readers."""
    titles = _titles(session, course)
    counted: Counter[tuple[Any, int | None]] = Counter()
    for effect in stored.effects(session, edit.id):
        at = effect.arrives_at or effect.due_after
        lesson = change.lesson if effect.arrives_at else effect.lesson_after
        counted[words.day_of(at, course.timezone) if at else None, lesson] += 1
    order = sorted(counted, key=lambda key: (key[0] is None, key[0] or 0, key[1] or 0))
    return [
        (words.day(key[0]) if key[0] else "No date yet", titles.get(key[1] or 0, "the course ends"), counted[key])
        for key in order
    ]


def _titles(session: Session, course: Course) -> dict[int, str]:
    """What each lesson is called now, by id."""
    found = {}
    for lesson in courses.lessons_of(session, course.id).values():
        newest = courses.newest_revision_or_none(session, lesson.id)
        draft = session.get(Draft, lesson.id)
        source = newest.source if newest else draft.source if draft else ""
        found[lesson.id] = authoring.title_of(source)
    return found


def _differences(session: Session, course: Course, found: Difference) -> list[tuple[str, str, str]]:
    """By reader: who, what was shown, what is."""
    titles = _titles(session, course)
    ids = [(was or now).enrollment for was, now in found.lines[:NAMES] if was or now]  # type: ignore[union-attr]
    people = stored.people(session, ids)
    return [
        (people.get(one, ""), _said(was, titles, course), _said(now, titles, course))
        for one, (was, now) in zip(ids, found.lines, strict=False)
    ]


def _said(line: Line | None, titles: dict[int, str], course: Course) -> str:
    """ "“Fuel the work” on Thursday, November 26"."""
    if line is None:
        return "not touched"
    if line.lesson_after is None:
        return "the course ends"
    when = f" on {words.day(words.day_of(line.due_after, course.timezone))}" if line.due_after else ", no date yet"
    return f"“{titles.get(line.lesson_after, '')}”{when}"


@coaches_only
def publish(edit_id: int) -> Response:
    """Makes it true, if it still does what was shown."""
    seen = instant(str(bodies.fields().get("seen", "")))
    with services().database.write() as session:
        edit, now = _edit(session, edit_id), services().now()
        course = session.get_one(Course, edit.course_id)
        try:
            differs = publishing.publish(session, edit, seen, audit.known_as(coach()), now)
        except (Outdated, BadFile) as error:
            flash(str(error), "wrong")
            return to("admin.course", slug=course.slug)
        if differs is not None:
            return _page(session, edit, differs)
        audit.note(session, coach(), "publish", edit.summary, now.machine)
    flash(f"Published: {edit.summary}.")
    return to("admin.change", edit_id=edit_id)


@coaches_only
def choose(edit_id: int) -> Response:
    """The same change for other readers."""
    with services().database.read() as session:
        edit, now = _edit(session, edit_id), services().now()
        course, change = session.get_one(Course, edit.course_id), Change.from_json(edit.change)
        choice = proposing.choice_of(change.kind, str(bodies.fields().get("choice", "")))
        try:
            found = publishing.foresee(session, course, change, choice, now)
        except (Outdated, BadFile) as error:
            flash(str(error), "wrong")
            return to("admin.course", slug=course.slug)
    with services().database.write() as session:
        said, by = edit.summary, audit.known_as(coach())
        again = publishing.propose(session, course, change, choice, found, summary=said, author=by, now=now)
        return to("admin.change", edit_id=again.id)


@coaches_only
def undo(edit_id: int) -> Response:
    with services().database.write() as session:
        edit, now = _edit(session, edit_id), services().now()
        course = session.get_one(Course, edit.course_id)
        try:
            publishing.undo(session, edit, now)
        except Outdated as error:
            flash(str(error), "wrong")
            return to("admin.change", edit_id=edit_id)
        audit.note(session, coach(), "undo", edit.summary, now.machine)
    flash(f"Undone: {edit.summary}. Everybody gets what they would have got without it.")
    return to("admin.course", slug=course.slug)


@coaches_only
def names(edit_id: int) -> str:
    """The readers of one group, a hundred at a time."""
    offset, asked = max(0, request.args.get("offset", 0, type=int)), request.args.get("group", "")
    group = next((group for group in Group if group == asked), None) or abort(404)
    with services().database.read() as session:
        edit = _edit(session, edit_id)
        if edit.published_at or edit.kind not in set(Kind):
            abort(404)
        course, change = session.get_one(Course, edit.course_id), Change.from_json(edit.change)
        choice, at, titles = Choice(edit.choice), edit.as_of or services().now().course, _titles(session, course)
        found = surveying.members(session, course, change, choice, at, group)
        page = [
            {
                "id": reader.id,
                "email": reader.email,
                "name": reader.name,
                "was": titles.get(line.lesson_before or 0, "") if line else "",
                "was_at": _when(line.due_before, reader, course) if line else "",
                "now": titles.get(line.lesson_after or 0, "") if line else "",
                "now_at": _when(line.due_after, reader, course) if line else "",
                "arrives": _when(line.arrives_at, reader, course) if line else "",
            }
            for reader, line in islice(found, offset, offset + NAMES)
        ]
        return render_template(
            "admin/change_readers.html",
            course=course,
            edit=edit,
            group=wording.group(change.kind, group),
            asked=group,
            count=edit.groups.get(group, 0),
            readers=page,
            offset=offset,
            size=NAMES,
            lesson=titles.get(change.lesson or 0, ""),
        )


def _when(at: datetime | None, reader: Any, course: Course) -> str:
    """On the reader's own clock."""
    return words.when(at, reader.timezone or course.timezone) if at else ""


def instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
