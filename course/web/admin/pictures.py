"""Pictures come into a lesson: by the editor's script, or by its form, which puts them at the end of the text."""

from flask import Blueprint, Response, flash, jsonify, make_response, request
from sqlalchemy.orm import Session

from course.actions import audit, pictures
from course.actions.pictures import MAX_ALT, MAX_UPLOAD, BadPicture
from course.web import bodies
from course.web.admin import lessons
from course.web.admin import lessons_form as form
from course.web.admin.access import coach
from course.web.doors import coaches_only, takes
from course.web.services import services


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/lessons/<int:lesson_id>/pictures", view_func=add_picture, methods=["POST"])


@coaches_only
@takes(MAX_UPLOAD + form.TAKES)
def add_picture(lesson_id: int) -> Response:
    """With the script: the words that stand for the picture. Without: it is put below the text, and all is saved."""
    alt = " ".join(request.form.get("alt", "").split())
    try:
        data = _uploaded(alt)
        with services().database.write() as session:
            form.found(session, lesson_id)
            written = _kept(session, data, alt)
            return jsonify(markdown=written) if form.wants_json() else _below(session, lesson_id, written)
    except BadPicture as error:
        if form.wants_json():
            return make_response(jsonify(error=str(error)), 422)
        return _refused(lesson_id, str(error))


def _uploaded(alt: str) -> bytes:
    """The bytes of the picture. Its file's name is never looked at."""
    file = request.files.get("picture")
    data = file.read(MAX_UPLOAD + 1) if file else b""
    if not data:
        raise BadPicture("Choose a picture first")
    if len(data) > MAX_UPLOAD:
        raise BadPicture(
            f"This file has more than {MAX_UPLOAD // 1_000_000} MB. Make the picture smaller, and try again"
        )
    if not alt:
        raise BadPicture("Say what the picture shows, for readers who do not see it")
    if len(alt) > MAX_ALT:
        raise BadPicture(f"Say what the picture shows in at most {MAX_ALT} characters")
    return data


def _kept(session: Session, data: bytes, alt: str) -> str:
    now = services().machine()
    row = pictures.add(session, data, author=audit.known_as(coach()), now=now)
    audit.note(session, coach(), "add a picture", alt, now)
    return pictures.markdown(row, alt)


def _below(session: Session, lesson_id: int, written: str) -> Response:
    course, lesson = form.found(session, lesson_id)
    fields = bodies.fields()
    body = f"{form.text_of(fields).body.rstrip()}\n\n{written}\n"
    saved = lessons.save(session, course, lesson, {**fields, "body": body})
    if isinstance(saved, Response):
        return saved
    flash("The picture stands at the end of the text. Move its line to where it belongs.")
    return lessons.back(lesson.id)


def _refused(lesson_id: int, problem: str) -> Response:
    """The form again, with all that was written."""
    with services().database.read() as session:
        course, lesson = form.found(session, lesson_id)
        there = lessons.stored(session, lesson)
        text = form.text_of(request.form)
        return lessons.page(session, course, lesson, there, text, errors={"picture": f"{problem}."})
