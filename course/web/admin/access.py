"""Who is there: Flask-Login over a signed cookie that holds a coach's number and session key.

The key changes with the password and with "sign out everywhere", and every session that holds the old one is over.
"""

import hmac
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from flask import (
    Blueprint,
    Flask,
    Request,
    Response,
    current_app,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from course.core.tokens import epoch
from course.store import admins
from course.store.models import Admin
from course.web import doors, errors
from course.web.services import services

LIFE = timedelta(days=14)  # of a session, from its sign-in
COOKIE = "coach"
SINCE = "since"  # when this session began, epoch seconds
HOME = "/admin"
SIGNED_OUT = "You were signed out. Sign in again."

csrf = CSRFProtect()


class Sessions(SecureCookieSessionInterface):
    """Nobody's session is opened outside the admin, whatever cookie came along."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        inside = request.path == HOME or request.path.startswith(f"{HOME}/")
        return super().open_session(app, request) if inside else None


class SignedIn(UserMixin):  # type: ignore[misc]  # the library has no types
    """A coach, as Flask-Login wants one."""

    def __init__(self, admin: Admin) -> None:
        self.admin = admin

    def get_id(self) -> str:
        return f"{self.admin.id}.{self.admin.session_key}"


def coach() -> Admin:
    """Who is signed in; for views that are for coaches only. The row is a copy: change one of your own session."""
    found: Admin = current_user.admin
    return found


def is_signed_in() -> bool:
    return bool(current_user.is_authenticated)


def enter(admin: Admin) -> None:
    """Signs in, in a fresh session: what was in the cookie before is gone, whoever had put it there."""
    session.clear()
    session.permanent = True
    session[SINCE] = epoch(services().machine())
    login_user(SignedIn(admin))


def leave() -> None:
    session.clear()


def safe_next(target: str | None) -> str:
    """Where to go after the sign-in: a path of the admin, whatever the address said."""
    if not target or any(not c.isprintable() or c == "\\" for c in target):
        return HOME
    parts = urlsplit(target)
    inside = parts.path == HOME or parts.path.startswith(f"{HOME}/")
    return target if inside and target.startswith(HOME) and ".." not in parts.path else HOME


def install(app: Flask, keys: Sequence[str], *, https: bool) -> None:
    """Sessions, Flask-Login and CSRF for the admin alone: the rest of the site sets no cookie and reads none."""
    first, *others = keys
    app.config.update(
        SECRET_KEY=_session_key(first),
        SECRET_KEY_FALLBACKS=[_session_key(key) for key in others],
        SESSION_COOKIE_NAME=COOKIE,
        SESSION_COOKIE_PATH=HOME,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=https,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=LIFE,
        WTF_CSRF_CHECK_DEFAULT=False,  # the blueprint asks, in `guard`
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a lesson may stay open for hours
        WTF_CSRF_SSL_STRICT=False,  # our own pages send no referrer where an address is a secret; the token proves it
    )
    app.session_interface = Sessions()
    manager = LoginManager()
    manager.session_protection = None  # the key in the session does it; phones change their address all day
    manager.user_loader(_signed_in)
    # Not by its init_app: that would look into the session of every page of the site, for a cookie we never set.
    app.login_manager = manager  # type: ignore[attr-defined]
    csrf.init_app(app)


def guard(bp: Blueprint) -> None:
    bp.before_request(_look_who_is_there)
    bp.after_request(_keep_nothing)
    bp.register_error_handler(CSRFError, _not_from_here)
    bp.register_error_handler(HTTPException, _answer)


def _look_who_is_there() -> Response | None:
    csrf.protect()
    if doors.is_open(current_app.view_functions[str(request.endpoint)]) or is_signed_in():
        return None
    if request.is_json:
        return make_response(jsonify(error=f"{SIGNED_OUT} Nothing was saved."), 401)
    if request.method != "GET":
        flash(f"{SIGNED_OUT} Then do it once more: what you sent was not saved.")
    here = f"{request.path}?{request.query_string.decode()}".rstrip("?")
    query = {"next": here} if request.method == "GET" and here != HOME else {}
    return redirect(url_for("admin.show_login") + (f"?{urlencode(query)}" if query else ""), 303)  # type: ignore[return-value]


def _keep_nothing(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Robots-Tag", "noindex, nofollow")
    return response


def _not_from_here(error: CSRFError) -> Response:
    """A form of another session, or of another site."""
    return _page(
        400,
        "Please send that once more",
        "The page you sent it from was opened before you last signed in, so we cannot be sure that it was you.",
        "Go back, reload the page, and send it again. To keep a long text, copy it first.",
    )


def _answer(error: HTTPException) -> Response:
    return _page(error.code or 500, *errors.words(error))


def _page(status: int, title: str, message: str, remedy: str) -> Response:
    if request.is_json:
        return make_response(jsonify(error=f"{title}: {message} {remedy}"), status)
    page = render_template("admin/error.html", status=status, title=title, message=message, remedy=remedy)
    return make_response(page, status)


def _signed_in(session_id: str) -> SignedIn | None:
    number, _, key = session_id.partition(".")
    if not number.isdecimal() or epoch(services().machine()) - session.get(SINCE, 0) > LIFE.total_seconds():
        return None
    with services().database.read() as reading:
        found = admins.by_id(reading, int(number))
    return SignedIn(found) if found and hmac.compare_digest(found.session_key, key) else None


def _session_key(secret: str) -> bytes:
    """A key of its own: a link's token is worth nothing as a session, and the other way round."""
    return hmac.digest(secret.encode(), b"course.session", "sha256")
