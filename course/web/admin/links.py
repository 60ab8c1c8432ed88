"""One-time links: an invitation, a new password, the first coach; and how to ask for one. Looking at a link does
nothing, since mail programs and virus scanners look too: the button behind it acts."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for

from course.actions import coaches, throttle
from course.actions.coaches import KEY_BYTES, Way
from course.actions.signup import Invalid
from course.core import address, passwords
from course.core.errors import BadAddress
from course.core.tokens import Purpose
from course.store import admins
from course.web import bodies
from course.web.admin import access
from course.web.admin.signing_in import go_on, too_many
from course.web.doors import open_door
from course.web.services import services

FIELDS = ("name", "email", "password")
ASKED = {Purpose.RESET, Purpose.RENEW}


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/links/<token>", view_func=show_link)
    bp.add_url_rule("/links/<token>", view_func=use_link, methods=["POST"])
    bp.add_url_rule("/forgotten", view_func=show_forgotten)
    bp.add_url_rule("/forgotten", view_func=forgotten, methods=["POST"])


@open_door
def show_link(token: str) -> Response:
    with services().database.read() as session:
        way = coaches.way(session, services().letters.links, token, services().machine())
    return _form(way, {}, {}, 200) if way else _dead()


@open_door
def use_link(token: str) -> Response:
    """The password is hashed before the transaction that takes the link, since that takes a while."""
    links, machine, form = services().letters.links, services().machine(), _texts(bodies.fields())
    with services().database.read() as session:
        way = coaches.way(session, links, token, machine)
    if way is None:
        return _dead()
    try:
        wanted = coaches.chosen(way, form, services().chance(passwords.SALT), services().chance(KEY_BYTES))
    except Invalid as invalid:
        return _form(way, form, invalid.errors, 422)
    with services().database.write() as session:
        way = coaches.way(session, links, token, machine, lock=True)
        if way is None:
            return _dead()
        coach = coaches.use(session, way, wanted, machine)
    answer = go_on(coach, access.HOME)
    flash("Your password is set." if way.purpose in ASKED else f"Welcome, {coach.name}. This is what coaches see.")
    return answer


@open_door
def show_forgotten() -> str:
    return render_template("admin/forgotten.html", form={}, errors={}, sent=False)


@open_door
def forgotten() -> Response:
    """The same answer for everybody: nobody learns who is a coach."""
    typed, machine = str(bodies.fields().get("email", "")).strip()[:320], services().machine()
    try:
        key = address.key(address.checked(typed))
    except BadAddress as error:
        return _forgotten(typed, {"email": f"{error}. An address looks like coach@example.com."}, 422)
    with services().database.write() as session:
        minutes, _ = throttle.enter(session, throttle.of_forgotten(key, request.remote_addr or ""), machine)
        found = None if minutes else admins.by_key(session, key)
        if found:
            purpose = Purpose.RESET if found.password_hash else Purpose.INVITE
            coaches.mail_link(session, services().letters, found, purpose, machine, None)
    if minutes:
        return _forgotten(typed, {"": too_many(minutes)}, 429)
    return _forgotten(typed, {}, 200)


def _forgotten(typed: str, errors: dict[str, str], status: int) -> Response:
    page = render_template("admin/forgotten.html", form={"email": typed}, errors=errors, sent=not errors)
    return make_response(page, status)


def _form(way: Way, form: Mapping[str, str], errors: dict[str, str], status: int) -> Response:
    page = render_template(
        "admin/link.html", purpose=way.purpose, known=way.coach, form=form, errors=errors, shortest=passwords.SHORTEST
    )
    return make_response(page, status)


def _dead() -> Response:
    return make_response(render_template("admin/dead_link.html", forgotten=url_for("admin.show_forgotten")), 410)


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(fields.get(name, ""))[:400] for name in FIELDS}
