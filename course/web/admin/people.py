"""Who runs the courses: invite another coach, send a way in once more, take somebody out; and the book of what all of
them did. Nobody can take themselves out, so somebody is always left."""

from typing import Any, cast

from flask import Blueprint, Response, abort, flash, make_response, render_template, request, url_for
from sqlalchemy.orm import Session

from course.actions import coaches
from course.actions.coaches import KEY_BYTES
from course.core.errors import BadAddress, CourseError
from course.core.tokens import Purpose
from course.store import admins, courses
from course.store import notices as sent
from course.store.models import Admin
from course.web import bodies, words
from course.web.admin import access
from course.web.admin.account import me
from course.web.admin.signing_in import to
from course.web.doors import coaches_only
from course.web.services import services

PAGE = 50


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/people", view_func=people)
    bp.add_url_rule("/people", view_func=invite, methods=["POST"])
    bp.add_url_rule("/people/<int:coach_id>", view_func=person)
    bp.add_url_rule("/people/<int:coach_id>/link", view_func=send_link, methods=["POST"])
    bp.add_url_rule("/people/<int:coach_id>/removal", view_func=remove, methods=["POST"])
    bp.add_url_rule("/audit", view_func=audit_log)


@coaches_only
def people() -> Response:
    return _people("", {}, 200)


@coaches_only
def invite() -> Response:
    typed, machine = str(bodies.fields().get("email", "")).strip()[:320], services().machine()
    try:
        with services().database.write() as session:
            mine = me(session)
            coach = coaches.invite(session, typed, services().chance(KEY_BYTES), machine, mine)
            coaches.mail_link(session, services().letters, coach, Purpose.INVITE, machine, mine)
    except BadAddress as error:
        return _people(typed, {"email": f"{error}. An address looks like coach@example.com."}, 422)
    except CourseError as error:
        return _people(typed, {"email": str(error)}, 422)
    flash(f"An invitation to {coach.email} is on its way. It is good for seven days.")
    return to(url_for("admin.people"))


@coaches_only
def person(coach_id: int) -> str:
    """What can be done for a coach, with what it means, before it is done."""
    with services().database.read() as session:
        found = admins.by_id(session, coach_id) or abort(404)
        return render_template("admin/person.html", found=_line(session, found), is_me=found.id == access.coach().id)


@coaches_only
def send_link(coach_id: int) -> Response:
    """The invitation once more; for who has been in, a way to a new password that takes the second step off."""
    with services().database.write() as session:
        found = admins.by_id(session, coach_id, lock=True) or abort(404)
        purpose, machine = coaches.best_purpose(found), services().machine()
        coaches.mail_link(session, services().letters, found, purpose, machine, me(session))
    flash(f"A link to {found.email} is on its way.")
    return to(url_for("admin.person", coach_id=coach_id))


@coaches_only
def remove(coach_id: int) -> Response:
    with services().database.write() as session:
        there = {coach.id: coach for coach in admins.everyone(session, lock=True)}
        mine = there.get(access.coach().id) or abort(403)  # taken out in this very moment
        found = there.get(coach_id) or abort(404)
        if found is mine:
            abort(403)
        coaches.remove(session, found, services().machine(), mine)
    flash(f"{found.name or found.email} is no longer a coach here.")
    return to(url_for("admin.people"))


@coaches_only
def audit_log() -> str:
    """Newest first."""
    offset, who = max(0, request.args.get("offset", 0, type=int)), request.args.get("who", "")
    with services().database.read() as session:
        found = admins.entries(session, PAGE + 1, offset, who)
        everybody, zone = admins.all_who(session), zone_of(session)
    lines = [{"when": words.when(e.created_at, zone), "who": e.who, "action": e.action, "what": e.what} for e in found]
    link: dict[str, Any] = {"who": who} if who else {}
    return render_template(
        "admin/audit.html",
        entries=lines[:PAGE],
        everybody=everybody,
        who=who,
        zone=zone,
        older=url_for("admin.audit_log", offset=offset + PAGE, **link) if len(found) > PAGE else "",
        newer=url_for("admin.audit_log", offset=max(0, offset - PAGE), **link) if offset else "",
    )


def zone_of(session: Session) -> str:
    """On whose clock dates are shown: the coach's, else the first course's."""
    first = next(iter(courses.all_courses(session)), None)
    return access.coach().timezone or (first.timezone if first else "UTC")


def _people(email: str, errors: dict[str, str], status: int) -> Response:
    with services().database.read() as session:
        lines = [_line(session, coach) for coach in admins.everyone(session)]
    page = render_template("admin/people.html", people=lines, form={"email": email}, errors=errors)
    return make_response(page, status)


def _line(session: Session, coach: Admin) -> dict[str, Any]:
    zone = zone_of(session)
    seen = words.when(coach.seen_at, zone) if coach.seen_at else ""
    return {
        "id": coach.id, "name": coach.name, "email": coach.email, "has_password": bool(coach.password_hash),
        "second_step": bool(coach.totp_secret), "seen": seen, "zone": zone, "invited": _mailed(session, coach, zone),
    }  # fmt: skip


def _mailed(session: Session, coach: Admin, zone: str) -> str:
    """What became of the newest invitation."""
    row = sent.newest(session, "invitation", coach.email)
    if row is None or coach.password_hash:
        return ""
    if row.done_at is None:
        return f"waits to be sent ({row.problem})" if row.problem else "is on its way"
    return f"did not go: {row.problem}" if row.problem else f"went {words.when(cast(Any, row.done_at), zone)}"
