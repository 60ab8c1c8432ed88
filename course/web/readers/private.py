"""Behind the second link, which is mailed anew each time: name, address, data, erasure. See actions/readers_own.py.

A link that is forged, old, revoked or somebody else's gets one and the same answer: 404, see errors.py.
"""

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from course.actions import controls, erasing, readers_own, readers_own_address
from course.actions.controls import NotNow
from course.actions.signup import Invalid
from course.core.tokens import Purpose, epoch
from course.store import courses, enrollments
from course.store.models import Enrollment
from course.web import bodies, data_file, origins
from course.web.doors import open_door
from course.web.readers import pages, unsubscriptions
from course.web.services import services

Form = Mapping[str, str]
LONGEST = 1000  # characters of a field


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/readers/private/<token>", view_func=private)
    bp.add_url_rule("/readers/private/<token>/data.json", view_func=own_data)
    bp.add_url_rule("/readers/private/<token>/<what>", view_func=change_private, methods=["POST"])
    bp.add_url_rule("/readers/addresses/<token>", view_func=new_address)
    bp.add_url_rule("/readers/addresses/<token>", view_func=take_address, methods=["POST"])


@open_door
def private(token: str) -> Response:
    return _page(token, {}, {}, 200, done=request.args.get("done", ""))


def behind(session: Session, token: str, *, lock: bool = False) -> Enrollment | None:
    """Whose link this is, as long as it is good."""
    return _found(session, Purpose.ACCESS, token, 3, lock=lock)


def _found(session: Session, purpose: Purpose, token: str, count: int, *, lock: bool) -> Enrollment | None:
    numbers = services().letters.links.tokens.read(purpose, token, count)
    if numbers is None or epoch(services().machine()) >= numbers[2]:
        return None
    found = controls.hold(session, numbers[0]) if lock else enrollments.by_id(session, numbers[0])
    return found if found and found.links == numbers[1] else None


def _page(token: str, form: Form, errors: Mapping[str, str], status: int, done: str = "") -> Response:
    with services().database.read() as session:
        found = behind(session, token) or abort(404)
        person, course = pages.person_and_course(session, found)
        page = render_template(
            "readers/private.html",
            course=course, person=person, token=token, form=form, errors=errors, done=done,
            reader_url=services().letters.links.reader(found.id, found.links),
        )  # fmt: skip
    return make_response(page, status)


@open_door
def own_data(token: str) -> Response:
    """Everything that is kept about this person."""
    with services().database.read() as session:
        found = behind(session, token) or abort(404)
        return data_file.answer(erasing.export(session, found.subscriber_id), "my-course-data.json")


@open_door
def change_private(token: str, what: str) -> Response:
    act = ACTS.get(what) or abort(404)
    form = {name: str(value)[:LONGEST] for name, value in bodies.fields().items()}
    now = services().machine()
    try:
        with services().database.write() as session:
            found = behind(session, token, lock=True) or abort(404)
            return act(session, found, token, form, now)
    except Invalid as invalid:
        errors = {what if name in {"email", "name"} else name: text for name, text in invalid.errors.items()}
    except NotNow as refusal:
        errors = {what: str(refusal)}
    return _page(token, form, errors, 422)


def _rename(session: Session, found: Enrollment, token: str, form: Form, now: datetime) -> Response:
    person, _ = pages.person_and_course(session, found)
    readers_own.rename(person, form.get("name", ""))
    return _back(token, "name")


def _ask_address(session: Session, found: Enrollment, token: str, form: Form, now: datetime) -> Response:
    person, course = pages.person_and_course(session, found)
    letters, typed = services().letters, form.get("address", "")
    readers_own_address.ask(session, letters, found, person, course, typed, now)
    return _back(token, "address")


def _renew_links(session: Session, found: Enrollment, token: str, form: Form, now: datetime) -> Response:
    """The fresh ones are mailed: this link ends with the others."""
    person, course = pages.person_and_course(session, found)
    readers_own.renew_links(session, services().letters, found, person, course, now)
    return make_response(render_template("readers/private_done.html", course=course, done="links"))


def _erase(session: Session, found: Enrollment, token: str, form: Form, now: datetime) -> Response:
    if form.get("sure") != "yes":
        raise NotNow("Tick the box if you are sure. This cannot be taken back.")
    person, _ = pages.person_and_course(session, found)
    _write_down(session, person.id, person.email_key, now)
    erasing.erase(session, found.subscriber_id, now)
    return make_response(render_template("readers/private_done.html", done="erased"))


ACTS = {"name": _rename, "address": _ask_address, "links": _renew_links, "erasure": _erase}


def _back(token: str, done: str) -> Response:
    return redirect(url_for("readers.private", token=token, done=done), 303)  # type: ignore[return-value]


def _write_down(session: Session, subscriber_id: int, email_key: str, now: datetime) -> None:
    """In all courses: no restored backup writes to this address again."""
    for course in courses.all_courses(session):
        unsubscriptions.write_down(subscriber_id, email_key, course.id, now)


@open_door
def new_address(token: str) -> Response:
    with services().database.read() as session:
        return _address_page(session, _wanted(session, token) or abort(404), "ask")


@open_door
def take_address(token: str) -> Response:
    now = services().machine()
    try:
        with services().database.write() as session:
            found = _wanted(session, token, lock=True) or abort(404)
            person, _ = pages.person_and_course(session, found)
            old = person.email_key
            readers_own_address.take(session, found, person, origins.of_request(), now)
            _write_down(session, person.id, old, now)  # what goes to the new one cannot be told from a backup
            return _address_page(session, found, "taken")
    except NotNow as refusal:
        with services().database.read() as session:
            return _address_page(session, _wanted(session, token) or abort(404), "refused", str(refusal))


def _wanted(session: Session, token: str, *, lock: bool = False) -> Enrollment | None:
    """Whose new address this link was mailed to; None too when another one was asked for since."""
    found = _found(session, Purpose.ADDRESS, token, 4, lock=lock)
    numbers = services().letters.links.tokens.read(Purpose.ADDRESS, token, 4)
    if found is None or numbers is None:
        return None
    person, _ = pages.person_and_course(session, found)
    return found if person.new_email and readers_own_address.number(person.new_email) == numbers[3] else None


def _address_page(session: Session, found: Enrollment, state: str, refusal: str = "") -> Response:
    person, course = pages.person_and_course(session, found)
    page = render_template(
        "readers/address.html",
        course=course, state=state, email=person.new_email or person.email, refusal=refusal,
        reader_url=services().letters.links.reader(found.id, found.links),
    )  # fmt: skip
    return make_response(page, 422 if refusal else 200)
