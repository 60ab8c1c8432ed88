"""A coach's own account: name, zone, Monday mail, password, second step, sessions."""

from datetime import datetime
from typing import Any

import segno
from flask import Blueprint, Response, abort, flash, make_response, render_template, url_for
from sqlalchemy.orm import Session

from course.actions import coaches, entering, throttle
from course.actions.coaches import KEY_BYTES
from course.actions.signup import Invalid
from course.core import passwords, schedule, second_factor
from course.store import admins
from course.store.models import Admin
from course.web import bodies
from course.web.admin import access
from course.web.admin.signing_in import to, too_many
from course.web.doors import coaches_only
from course.web.services import services

WRONG = "This is not your password."


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/account", view_func=account)
    bp.add_url_rule("/account", view_func=save_account, methods=["POST"])
    bp.add_url_rule("/account/password", view_func=change_password, methods=["POST"])
    bp.add_url_rule("/account/second-step", view_func=second_factor_page)
    bp.add_url_rule("/account/second-step", view_func=turn_on, methods=["POST"])
    bp.add_url_rule("/account/second-step/off", view_func=turn_off, methods=["POST"])
    bp.add_url_rule("/account/recovery-codes", view_func=new_codes, methods=["POST"])
    bp.add_url_rule("/account/sign-out-everywhere", view_func=sign_out_everywhere, methods=["POST"])


@coaches_only
def account() -> Response:
    me = access.coach()
    form = {"name": me.name, "timezone": me.timezone, "weekly": "on" if me.weekly_mail else ""}
    return _account(form, {}, 200)


@coaches_only
def save_account() -> Response:
    form = {name: str(bodies.fields().get(name, ""))[:400] for name in ("name", "timezone", "weekly")}
    try:
        with services().database.write() as session:
            coaches.save_account(
                session, me(session), form["name"], form["timezone"], weekly=bool(form["weekly"]), now=_machine()
            )
    except Invalid as invalid:
        return _account(form, invalid.errors, 422)
    flash("Saved.")
    return to(url_for("admin.account"))


@coaches_only
def change_password() -> Response:
    """Needs the old one; every other session ends, and this one goes on under the new key."""
    form, mine = bodies.fields(), access.coach()
    new = str(form.get("new_password", ""))
    errors = _wrong_password("old_password")
    if fault := passwords.fault(new, mine.email, mine.name):
        errors.setdefault("new_password", fault)
    if errors:
        return _account(_form_of(mine), errors, 422)
    fresh = passwords.hashed(new, services().chance(passwords.SALT))
    with services().database.write() as session:
        coach = me(session)
        coaches.change_password(session, coach, fresh, services().chance(KEY_BYTES), _machine())
    access.enter(coach)
    flash("Your password is changed. You are signed out everywhere else.")
    return to(url_for("admin.account"))


@coaches_only
def second_factor_page() -> Response:
    """A fresh secret at each look; it counts only once a code made with it was typed."""
    if access.coach().totp_secret:
        return to(url_for("admin.account"))
    return _second_step(second_factor.new_secret(services().chance(second_factor.SECRET_BYTES)), {}, 200)


@coaches_only
def turn_on() -> Response:
    """The recovery codes are shown in the answer, and never again."""
    form = bodies.fields()
    secret, typed = str(form.get("secret", ""))[:64], str(form.get("code", ""))[:20]
    codes = _fresh_codes()
    with services().database.write() as session:
        done = entering.turn_on(session, me(session), secret, typed, codes, _machine())
    if done:
        return _codes(codes, first=True)
    if access.coach().totp_secret or not second_factor.is_secret(secret):
        return to(url_for("admin.account"))
    return _second_step(secret, {"code": "This is not the code that we expect. Wait for the next one and try it."}, 422)


@coaches_only
def turn_off() -> Response:
    if errors := _wrong_password("off_password"):
        return _account(_form_of(access.coach()), errors, 422)
    with services().database.write() as session:
        entering.turn_off(session, me(session), _machine())
    flash("The second step is off. Your password is enough again.")
    return to(url_for("admin.account"))


@coaches_only
def new_codes() -> Response:
    if errors := _wrong_password("codes_password"):
        return _account(_form_of(access.coach()), errors, 422)
    codes = _fresh_codes()
    with services().database.write() as session:
        entering.new_codes(session, me(session), codes, _machine())
    return _codes(codes, first=False)


@coaches_only
def sign_out_everywhere() -> Response:
    with services().database.write() as session:
        coaches.end_sessions(session, me(session), services().chance(KEY_BYTES), _machine())
    access.leave()
    flash("You are signed out everywhere, here too.")
    return to(url_for("admin.show_login"))


def me(session: Session) -> Admin:
    """Who is signed in, as a row of this session."""
    return admins.by_id(session, access.coach().id, lock=True) or abort(403)  # taken out in this very moment


def _wrong_password(field: str) -> dict[str, str]:
    """Who found a phone lying open cannot change what keeps others out."""
    mine, typed = access.coach(), str(bodies.fields().get(field, ""))
    limits = throttle.of_password(mine.id)
    with services().database.relaxed() as session:
        minutes, tries = throttle.enter(session, limits, _machine())
    if minutes:
        return {field: too_many(minutes)}
    if not passwords.matches(mine.password_hash, typed):
        return {field: WRONG}
    with services().database.relaxed() as session:
        throttle.succeeded(session, limits, tries)
    return {}


def _fresh_codes() -> list[str]:
    return second_factor.recovery_codes(services().chance(second_factor.CODES * second_factor.CODE_BYTES))


def _machine() -> datetime:
    return services().machine()


def _form_of(mine: Admin) -> dict[str, str]:
    return {"name": mine.name, "timezone": mine.timezone, "weekly": "on" if mine.weekly_mail else ""}


def _account(form: dict[str, str], errors: dict[str, str], status: int) -> Response:
    page = render_template("admin/account.html", form=form, errors=errors, zones=schedule.zones())
    return make_response(page, status)


def _second_step(secret: str, errors: dict[str, str], status: int) -> Response:
    picture = segno.make(second_factor.uri(secret, access.coach().email), error="m")
    grouped = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
    qr: dict[str, Any] = {"qr": picture.svg_data_uri(border=3, light="#fff"), "secret": secret, "grouped": grouped}
    return make_response(render_template("admin/second_step.html", form={}, errors=errors, **qr), status)


def _codes(codes: list[str], *, first: bool) -> Response:
    return make_response(render_template("admin/codes.html", codes=codes, first=first))
