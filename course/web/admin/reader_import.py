"""Bring in a list of readers: look at it, choose how they are asked, and watch it go in."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from course.actions import audit, reader_import
from course.actions.readers_file import Result
from course.core import readers_csv
from course.core.errors import BadFile, CourseError
from course.store import courses, reader_imports
from course.store.models import ReaderImport
from course.web import bodies, words
from course.web.admin.access import coach
from course.web.doors import coaches_only, takes
from course.web.readers.landing import course_named
from course.web.services import services

LARGEST = 3 * 1024 * 1024  # bytes: 50,000 lines of an address and a name
SHOWN = 200  # lines of a report on one page
COLUMNS = {"email": "Email", "name": "First name", "timezone": "Time zone"}
WORDS = {
    Result.ADDED: "new",
    Result.KNOWN: "already here",
    Result.ASKED: "asked before",
    Result.LEFT: "left before",
    Result.SUPPRESSED: "not mailed",
    Result.INVALID: "not usable",
}
REASONS = {
    Result.KNOWN: "In this course already: nothing changes.",
    Result.ASKED: "Was asked to confirm before, and is not asked again.",
    Result.LEFT: "Left this course, and is not brought back.",
    Result.SUPPRESSED: "Mail came back, was marked as spam, or they had us erase them.",
}


def add_to(bp: Blueprint) -> None:
    here = "/courses/<slug>/readers/import"
    bp.add_url_rule(here, endpoint="import_readers", view_func=form)
    bp.add_url_rule(here, endpoint="check_readers", view_func=check, methods=["POST"])
    bp.add_url_rule(f"{here}/<int:import_id>", endpoint="reader_import", view_func=show)
    bp.add_url_rule(f"{here}/<int:import_id>", endpoint="start_import", view_func=start, methods=["POST"])
    bp.add_url_rule(f"{here}/<int:import_id>/columns", endpoint="map_import", view_func=remap, methods=["POST"])
    bp.add_url_rule(f"{here}/<int:import_id>/stop", endpoint="stop_import", view_func=stop, methods=["POST"])


@coaches_only
def form(slug: str) -> Response:
    return _form(slug, "", {}, 200)


@coaches_only
@takes(LARGEST)
def check(slug: str) -> Response:
    """A file or pasted lines. They may be in any encoding that spreadsheets write, so this reads them itself."""
    upload, pasted = request.files.get("file"), request.form.get("lines", "")
    try:
        content = upload.read() if upload and upload.filename else pasted.encode()
        text = readers_csv.decoded(content, "your list")
        if not text.strip():
            return _form(slug, pasted, {"file": "Choose a file, or paste some lines."}, 422)
        row = _checked(slug, text, None)
    except BadFile as bad:
        field = "lines" if pasted and not (upload and upload.filename) else "file"
        return _form(slug, pasted, {field: _said(bad)}, 422)
    return _to(slug, row)


@coaches_only
def remap(slug: str, import_id: int) -> Response:
    """The same list, its columns read otherwise."""
    fields = bodies.fields()
    places = {name: int(fields[name]) for name in COLUMNS if str(fields.get(name, "")).isdecimal()}
    with services().database.read() as session:
        row = _import(session, slug, import_id)
        text, count = row.source, len(row.options["columns"])
    if row.state != "checked" or "email" not in places or any(at >= count for at in places.values()):
        flash("Choose the column that holds the email addresses.", "wrong")
        return _to(slug, row)
    try:
        return _to(slug, _checked(slug, text, places))
    except BadFile as bad:
        flash(_said(bad), "wrong")
        return _to(slug, row)


@coaches_only
def show(slug: str, import_id: int) -> Response:
    return _page(slug, import_id, {}, {}, 200)


@coaches_only
def start(slug: str, import_id: int) -> Response:
    fields = {name: str(value)[:1000] for name, value in bodies.fields().items()}
    ask, machine = fields.get("how") != "agreed", services().machine()
    try:
        with services().database.write() as session:
            row = _import(session, slug, import_id, lock=True)
            reader_import.start(row, ask=ask, note=fields.get("note", ""))
            what = f"{row.lines:,} lines, {'asked to confirm' if ask else 'who had agreed'}"
            audit.note(session, coach(), "bring in a list of readers", what, machine)
    except CourseError as refusal:
        return _page(slug, import_id, fields, {"note": str(refusal)}, 422)
    return _to(slug, row)


@coaches_only
def stop(slug: str, import_id: int) -> Response:
    with services().database.write() as session:
        row = _import(session, slug, import_id, lock=True)
        reader_import.stop(row, audit.known_as(coach()), services().machine())
        audit.note(session, coach(), "stop a list of readers", f"after {row.done:,} lines", services().machine())
    return _to(slug, row)


def _checked(slug: str, text: str, places: Mapping[str, int] | None) -> ReaderImport:
    author = audit.known_as(coach())
    with services().database.read() as session:
        course = course_named(session, slug)
        row = reader_import.check(session, course, text, places=places, author=author, now=services().machine())
    with services().database.write() as session:
        return reader_import.keep(session, row)


def _to(slug: str, row: ReaderImport) -> Response:
    return redirect(url_for("admin.reader_import", slug=slug, import_id=row.id), 303)  # type: ignore[return-value]


def _said(bad: BadFile) -> str:
    return " ".join(f"Line {fault.line}: {fault.problem}. {fault.remedy}." for fault in bad.faults)


def _form(slug: str, pasted: str, errors: Mapping[str, str], status: int) -> Response:
    with services().database.read() as session:
        course = course_named(session, slug)
        zone = coach().timezone or course.timezone
        before = [_line(row, zone) for row in reader_imports.newest(session, course.id, 10) if row.state != "checked"]
    page = render_template("admin/import.html", course=course, pasted=pasted, errors=errors, before=before)
    return make_response(page, status)


def _line(row: ReaderImport, zone: str) -> dict[str, Any]:
    added = row.report["counts"].get(Result.ADDED, 0)
    return {"id": row.id, "when": words.when(row.created_at, zone), "who": row.author, "lines": row.lines,
            "added": added, "state": row.state}  # fmt: skip


def _import(session: Session, slug: str, import_id: int, *, lock: bool = False) -> ReaderImport:
    row = reader_imports.by_id(session, import_id, lock=lock) or abort(404)
    course = courses.by_id(session, row.course_id)
    return row if course and course.slug == slug else abort(404)


def _page(slug: str, import_id: int, form: Mapping[str, str], errors: Mapping[str, str], status: int) -> Response:
    with services().database.read() as session:
        row, course = _import(session, slug, import_id), course_named(session, slug)
    page = render_template(
        "admin/import_run.html", course=course, row=row, form=form, errors=errors, columns=COLUMNS, **_report(row)
    )
    return make_response(page, status)


def _report(row: ReaderImport) -> dict[str, Any]:
    """Before it runs, what would become of each line if they are asked; then what became of it."""
    report = row.report["ask"] if row.state == "checked" else row.report
    offset = max(0, request.args.get("offset", 0, type=int))
    lines = [
        {"number": number, "result": WORDS[Result(result)], "reason": _reason(Result(result), detail)}
        for number, result, detail in report["lines"][offset : offset + SHOWN]
    ]
    more = len(report["lines"]) > offset + SHOWN
    return {
        "sums": [(WORDS[one], report["counts"].get(one, 0)) for one in Result if report["counts"].get(one)],
        "new": report["counts"].get(Result.ADDED, 0),
        "not_taken": sum(number for result, number in report["counts"].items() if result != Result.ADDED),
        "lines": lines,
        "offset": offset,
        "next": url_for("admin.reader_import", **(request.view_args or {}), offset=offset + SHOWN) if more else "",
    }


def _reason(result: Result, detail: str) -> str:
    if result is Result.INVALID:
        return ". ".join(part.partition(": ")[2] or part for part in detail.split("; ")) + "."
    return f"{detail[:1].upper()}{detail[1:]}." if detail else REASONS.get(result, "")
