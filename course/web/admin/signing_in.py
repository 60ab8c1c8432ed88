"""The door: sign in with a password, where it is wanted a second step, and sign out."""

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, session, url_for

from course.actions import entering, throttle
from course.actions.coaches import same_key
from course.actions.throttle import Limit
from course.core import address, passwords
from course.core.errors import BadAddress
from course.core.tokens import epoch
from course.store import admins
from course.store.models import Admin
from course.web import bodies
from course.web.admin import access
from course.web.doors import coaches_only, open_door
from course.web.services import services

HALF, NEXT = "half", "next"  # in the session, between the two steps
HALF_LIFE = 600  # seconds
WRONG = "This address and this password do not belong together."


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/", view_func=home)
    bp.add_url_rule("/login", view_func=show_login)
    bp.add_url_rule("/login", view_func=sign_in, methods=["POST"])
    bp.add_url_rule("/login/code", view_func=show_code)
    bp.add_url_rule("/login/code", view_func=second_step, methods=["POST"])
    bp.add_url_rule("/logout", view_func=sign_out, methods=["POST"])


@open_door
def home() -> Response:
    """As somebody may type it."""
    return to(access.HOME)


@open_door
def show_login() -> Response:
    if access.is_signed_in():
        return to(access.safe_next(request.args.get("next")))
    return _login({}, {}, 200)


@open_door
def sign_in() -> Response:
    """The answer for an unknown address is the same as for a wrong password, and takes as long."""
    form, machine = bodies.fields(), services().machine()
    email, password = str(form.get("email", ""))[:320], str(form.get("password", ""))
    key = _key(email)
    limits = throttle.of_login(key, request.remote_addr or "")
    with services().database.relaxed() as writing:
        minutes, tries = throttle.enter(writing, limits, machine)
        seen = None if minutes else admins.by_key(writing, key)
    if minutes:
        return _login({"email": email}, {"": too_many(minutes)}, 429)
    if not passwords.matches(seen.password_hash if seen else "", password) or seen is None:
        return _login({"email": email}, {"email": WRONG}, 422)
    with services().database.write() as writing:
        found = entering.with_password(writing, seen, password, services().chance(passwords.SALT), machine)
        throttle.succeeded(writing, limits, tries)
    if found is None:
        return _login({"email": email}, {"email": WRONG}, 422)
    return go_on(found, access.safe_next(request.args.get("next")))


def go_on(coach: Admin, target: str) -> Response:
    """Signs in, or goes to the second step if this coach has one."""
    if not coach.totp_secret:
        access.enter(coach)
        return to(target)
    session.clear()
    session[HALF] = [coach.id, coach.session_key, epoch(services().machine())]
    session[NEXT] = target
    return to(url_for("admin.show_code"))


@open_door
def show_code() -> Response:
    return _code({}, 200) if session.get(HALF) else to(url_for("admin.show_login"))


@open_door
def second_step() -> Response:
    machine, typed = services().machine(), str(bodies.fields().get("code", ""))[:40]
    number, key, since = session.get(HALF) or (0, "", 0)
    if epoch(machine) - since > HALF_LIFE:
        return _too_late()
    limits: list[Limit] = throttle.of_code(number)
    with services().database.write() as writing:
        found = admins.by_id(writing, number, lock=True)
        if found is None or not same_key(found, key):
            return _too_late()
        minutes, tries = throttle.enter(writing, limits, machine)
        good = not minutes and entering.with_code(writing, found, typed, machine)
        if good:
            throttle.succeeded(writing, limits, tries)
    if minutes:
        return _code({"": too_many(minutes)}, 429)
    if not good:
        return _code({"code": "This code is not good, or it was used already. Wait for the next one."}, 422)
    target, left = session.get(NEXT), len(found.recovery_hashes)
    access.enter(found)
    if left < 3:
        flash(f"You have {left} recovery codes left. Make new ones under Your account.", "wrong")
    return to(access.safe_next(target))


@coaches_only
def sign_out() -> Response:
    access.leave()
    flash("You are signed out.")
    return to(url_for("admin.show_login"))


def too_many(minutes: int) -> str:
    return f"Too many tries. Wait {minutes} minute{'s' if minutes != 1 else ''}, then try again."


def to(url: str) -> Response:
    """After a change, and to wherever somebody has to be: by GET."""
    return redirect(url, 303)  # type: ignore[return-value]


def _too_late() -> Response:
    session.clear()
    flash("That took a while, so please begin again.")
    return to(url_for("admin.show_login"))


def _key(email: str) -> str:
    try:
        return address.key(address.checked(email))
    except BadAddress:
        return email.strip().casefold()


def _login(form: dict[str, str], errors: dict[str, str], status: int) -> Response:
    return make_response(render_template("admin/login.html", form=form, errors=errors), status)


def _code(errors: dict[str, str], status: int) -> Response:
    return make_response(render_template("admin/code.html", form={}, errors=errors), status)
