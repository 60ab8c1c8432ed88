"""Sign-ups after too many from one place: a page on our origin with a ticket, see actions/signup_caps.py. A script does
the proof of work at once; without one the form is good after a few seconds."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify, make_response, render_template, request
from sqlalchemy.orm import Session

from course.actions import signup_caps
from course.actions.signup import Request
from course.actions.signup_caps import PATIENCE, WINDOW, Crowd, Crowded, Ticket
from course.core import proof_of_work
from course.core.tokens import Purpose, epoch
from course.store.models import Course
from course.web.services import services

TICKET, WORK = "ticket", "work"  # fields of the form


def admit(session: Session, fields: Mapping[str, Any], ip: str) -> None:
    """Counts the sign-up, unless that is off. Raises Crowded."""
    caps = services().signup_caps
    if not (caps.per_ip or caps.per_network):
        return
    places = signup_caps.places(ip, services().secrets[0])
    signup_caps.admit(session, caps, places, _ticket(fields, caps.cost), services().machine())


def _ticket(fields: Mapping[str, Any], cost: int) -> Ticket | None:
    """The ticket that came with a form; None for none, and for one that we did not make."""
    text, work = str(fields.get(TICKET, "")), str(fields.get(WORK, ""))
    numbers = services().letters.links.tokens.read(Purpose.TICKET, text, 2) if text else None
    if numbers is None:
        return None
    return Ticket(text, datetime.fromtimestamp(numbers[0], UTC), proof_of_work.is_done(text, work, cost))


def answer(course: Course, wanted: Request, fields: Mapping[str, Any], crowded: Crowded) -> Response:
    """429: what was typed, once more, with a ticket; as a page or as JSON."""
    crowd = crowded.crowd
    ticket = "" if crowd is Crowd.FULL else _kept(fields) if crowd is Crowd.EARLY else _fresh()
    if request.is_json:
        words = "Too many sign-ups came from your network in the last hour."
        said = {"error": words, TICKET: ticket, "wait_seconds": PATIENCE.seconds if ticket else WINDOW.seconds}
        response = make_response(jsonify(said), 429)
    else:
        work = proof_of_work.asked_for(ticket, services().signup_caps.cost) if ticket else None
        page = render_template(
            "readers/challenge.html",
            course=course,
            wanted=wanted,
            ticket=ticket,
            early=crowd is Crowd.EARLY,
            seconds=PATIENCE.seconds,
            work=work,
            alone=not fields.get(WORK),  # the script sends the form by itself once, not again and again
        )
        response = make_response(page, 429)
    response.headers["Retry-After"] = str(PATIENCE.seconds if ticket else WINDOW.seconds)
    response.headers["Cache-Control"] = "no-store"
    return response


def _fresh() -> str:
    number = int.from_bytes(services().chance(8))
    return services().letters.links.tokens.make(Purpose.TICKET, epoch(services().machine()), number)


def _kept(fields: Mapping[str, Any]) -> str:
    return str(fields[TICKET])
