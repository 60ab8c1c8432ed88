"""The readers of a course: find them, add one by hand, take all of them away as a file."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from course.actions import audit, finding, readers_file
from course.actions.finding import Found, Reader, Wanted
from course.actions.readers_file import Result
from course.core import lesson_file, schedule
from course.core.readers_csv import Row
from course.store import courses, deliveries, readers_list
from course.store.models import Course
from course.web import bodies, words
from course.web.admin.access import coach
from course.web.admin.readers_why import STATES, at, place, state
from course.web.doors import coaches_only
from course.web.readers.landing import course_named
from course.web.services import services

STATUSES = ("active", "paused", "finished", "left", "stopped")
LONGEST = 320  # characters of a search
ADDED = {
    Result.ADDED: "",
    Result.KNOWN: "This reader is in the course already. Nothing was changed.",
    Result.ASKED: "They were asked to confirm before. They are not asked again.",
    Result.LEFT: "They left this course before. Only they can come back: by a link in their mails, or by signing up.",
    Result.SUPPRESSED: "This address is not mailed: mail came back, was marked as spam, or they had us erase it.",
}


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/courses/<slug>/readers", endpoint="readers", view_func=readers)
    bp.add_url_rule("/courses/<slug>/readers", endpoint="add_reader", view_func=add_reader, methods=["POST"])
    bp.add_url_rule("/courses/<slug>/readers/export.csv", endpoint="export_readers", view_func=export)


@coaches_only
def readers(slug: str) -> Response:
    return _page(slug, {}, {}, 200)


@coaches_only
def add_reader(slug: str) -> Response:
    """One reader by hand: asked to confirm, or enrolled with a note of how they agreed."""
    fields = {name: str(value)[:1000] for name, value in bodies.fields().items()}
    asks, note = fields.get("how") != "agreed", fields.get("note", "").strip()[:500]
    if not asks and not note:
        return _page(slug, fields, {"note": "Write down where and when they agreed: it is kept as proof."}, 422)
    row = Row(1, fields.get("email", "").strip(), fields.get("name", ""), fields.get("timezone", ""))
    now = services().now()
    with services().database.write() as session:
        course = course_named(session, slug)
        [line] = readers_file.import_rows(session, course, [row], note or "added by a coach", now, ask=asks)
        if line.result is Result.ADDED:
            audit.note(session, coach(), "add a reader", "asked to confirm" if asks else "who had agreed", now.machine)
    if line.result is Result.INVALID:
        return _page(slug, fields, _errors(line.detail), 422)
    if line.result is not Result.ADDED:
        return _page(slug, fields, {"email": ADDED[line.result]}, 422)
    flash("They get a mail with a button to confirm." if asks else "They are in. Lesson 1 comes at their send hour.")
    return redirect(url_for("admin.readers", slug=slug), 303)  # type: ignore[return-value]


def _errors(detail: str) -> dict[str, str]:
    """ "email: …; name: …" by field."""
    return dict(part.split(": ", 1) for part in detail.split("; ") if ": " in part)


@coaches_only
def export(slug: str) -> Response:
    """Everybody, a line at a time; the transaction is open as long as somebody reads."""
    database = services().database
    with database.read() as session:
        course_named(session, slug)

    def lines() -> Iterator[str]:
        with database.read() as session:
            yield from readers_file.export(session, course_named(session, slug))

    response = Response(lines(), mimetype="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="readers-{slug}.csv"'
    return response


def _page(slug: str, form: Mapping[str, str], errors: Mapping[str, str], status: int) -> Response:
    now = services().now().course
    with services().database.read() as session:
        course = course_named(session, slug)
        counts = readers_list.counts(session, course.id, now) | {
            "waiting": readers_list.count_waiting(session, course.id)
        }
        lessons = titles(session, course)
        wanted, show = _wanted(lessons)
        if show == "waiting":
            listed = _waiting(session, course, wanted)
        else:
            found = finding.find(session, course, wanted, now, request.args.get("before", None, type=int))
            listed = _listed(found, course, now)
        sources = readers_list.sources(session, course.id)
        page = render_template(
            "admin/readers.html",
            course=course, counts=counts, total=sum(counts.get(one, 0) for one in STATUSES if one != "paused"),
            lessons=lessons, sources=sources, args=request.args, show=show, states=STATES, statuses=STATUSES,
            zones=schedule.zones(), form=form, errors=errors, filtered=any(request.args.values()), **listed,
        )  # fmt: skip
    return make_response(page, status)


def titles(session: Session, course: Course) -> list[dict[str, Any]]:
    """The lessons of the course as it is for who joins now: id, number, title."""
    steps = courses.terms_of(session, course.id).at(services().now().course).steps
    texts = courses.revisions(session, (step.revision for step in steps))
    return [
        {"id": step.lesson, "number": number, "title": lesson_file.parse(texts[step.revision].source).title}
        for number, step in enumerate(steps, 1)
    ]


def _wanted(lessons: list[dict[str, Any]]) -> tuple[Wanted, str]:
    """What the address asks for; what it cannot mean is left away."""
    args, known = request.args, {lesson["id"] for lesson in lessons}
    show = args.get("status", "")
    what, _, number = args.get("lesson", "").partition("-")
    lesson = int(number) if number.isdecimal() and int(number) in known else None
    text = " ".join(args.get("q", "").split())[:LONGEST]
    wanted = Wanted(
        text=text if text.isprintable() else "",
        status=show if show in STATUSES else "",
        source=args["source"] if args.get("source", "").isprintable() and args.get("source") else None,
        next=lesson if what == "next" else None,
        had=lesson if what == "had" else None,
    )
    return wanted, show if show in {*STATUSES, "waiting"} else ""


def _listed(found: Found, course: Course, now: Any) -> dict[str, Any]:
    return {
        "readers": [_line(reader, course, now) for reader in found.readers],
        "older": _older(found.older),
        "looked_at_all": found.looked_at_all,
    }


def _line(reader: Reader, course: Course, now: Any) -> dict[str, Any]:
    row = reader.row
    zone, shown = row.timezone or course.timezone, state(row, now)
    then = ""
    if reader.step and row.due_at:
        then = f"Lesson {reader.number} now" if row.due_at <= now else f"Lesson {reader.number}, {at(row.due_at, zone)}"
    elif reader.step:
        then = f"Lesson {reader.number}, when the mail before is settled"
    elif row.ended_at:
        then = f"since {words.when(row.ended_at, zone)}"
    return {"id": row.id, "email": row.email, "name": row.name, "state": STATES[shown], "kind": shown,
            "had": len(row.had), "then": then, "source": row.source}  # fmt: skip


def _waiting(session: Session, course: Course, wanted: Wanted) -> dict[str, Any]:
    rows = readers_list.waiting(
        session, course.id, text=wanted.text, before=request.args.get("before", None, type=int), limit=finding.PAGE + 1
    )
    lines = []
    for row in rows[: finding.PAGE]:
        mail = next((m for m in deliveries.of_subscriber(session, row.id) if m.kind == "confirm"), None)
        came = readers_list.first_asked(session, row.id, course.id)
        zone = row.timezone or course.timezone
        lines.append(
            {
                "id": None,
                "email": row.email,
                "name": row.name,
                "state": "Waiting to confirm",
                "kind": "waiting",
                "had": 0,
                "source": came.source if came else "",
                "then": f"{MAILS.get(str(mail.state), '') if mail else 'No mail went.'} "
                f"Since {words.when(row.created_at, zone)} ({place(zone)} time)",
            }
        )
    older = rows[finding.PAGE - 1].id if len(rows) > finding.PAGE else None
    return {"readers": lines, "older": _older(older), "looked_at_all": True}


MAILS = {
    "queued": "The mail with the button waits to be sent.",
    "sending": "The mail with the button is on its way.",
    "accepted": "The mail with the button went.",
    "refused": "The mail with the button was refused.",
    "unknown": "Nobody knows whether the mail with the button arrived.",
    "cancelled": "The mail with the button was not sent: this address is not mailed.",
}


def _older(before: int | None) -> str:
    args = {name: value for name, value in request.args.items() if name != "before" and value}
    return url_for("admin.readers", **{**(request.view_args or {}), **args, "before": before}) if before else ""
