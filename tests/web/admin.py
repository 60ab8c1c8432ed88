"""A coach at the admin's pages: signed in, with the CSRF token in every form, as a browser would send it."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from flask.wrappers import Response
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from course.core import passwords
from course.core.tokens import epoch
from course.store import admins
from course.store.models import Admin
from tests.factories import PUBLIC_URL
from tests.web.site import Site

PASSWORD = "a mile in good shoes"
CSRF = "of the tests"


class Client(FlaskClient):
    """Looks at every answer on its way."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        kwargs.setdefault("base_url", PUBLIC_URL)
        response = super().open(*args, **kwargs)
        if response.request.path.startswith("/admin"):
            assert response.headers["Cache-Control"] == "no-store" or response.status_code in {404, 405}
        else:
            assert "Set-Cookie" not in response.headers
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors" in response.headers["Content-Security-Policy"]
        for cookie in response.headers.getlist("Set-Cookie"):
            assert cookie.startswith("coach=")
            assert {"Secure", "HttpOnly", "Path=/admin", "SameSite=Lax"} <= set(cookie.split("; "))
        assert response.status_code < 500 or response.status_code == 503, response.text
        return response


@cache
def password_hash() -> str:
    """Of PASSWORD. It takes a while."""
    return passwords.hashed(PASSWORD, b"s" * passwords.SALT)


def add_coach(site: Site, email: str = "coach@clinic.test", name: str = "Kim", **values: Any) -> Admin:
    """A coach with PASSWORD."""
    row = {
        "timezone": "", "password_hash": password_hash(), "totp_secret": "",
        "totp_counter": 0, "recovery_hashes": [], "session_key": f"key of {email}", "weekly_mail": True,
        "created_at": site.world.machine, "seen_at": None,
    }  # fmt: skip
    with site.world.database.write() as session:
        return admins.add(session, Admin(email=email, email_key=email.lower(), name=name, **(row | values)))


@dataclass
class Browser:
    """A browser with a cookie jar at the admin; nobody is signed in yet."""

    site: Site
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(self.site.app, Response, use_cookies=True)

    def get(self, url: str, **request: Any) -> TestResponse:
        return self.client.get(url.removeprefix(PUBLIC_URL), **request)

    def post(self, url: str, data: dict[str, Any] | None = None, **request: Any) -> TestResponse:
        """With the CSRF token: in the form, or beside JSON."""
        token = self._token()
        if "json" in request:
            request["headers"] = {"X-CSRFToken": token, **request.get("headers", {})}
        else:
            request["data"] = {"csrf_token": token, **(data or {})}
        return self.client.post(url.removeprefix(PUBLIC_URL), **request)

    def sign_in(self, coach: Admin) -> "Browser":
        """Without the form, which takes a while."""
        with self.client.session_transaction("/admin", base_url=PUBLIC_URL) as session:
            session.permanent = True
            session["_user_id"] = f"{coach.id}.{coach.session_key}"
            session["_fresh"] = True
            session["since"] = epoch(self.site.world.machine)
        return self

    def cookie(self) -> str:
        found = self.client.get_cookie("coach", domain="course.example", path="/admin")
        return found.value if found else ""

    def _token(self) -> str:
        with self.client.session_transaction("/admin", base_url=PUBLIC_URL) as session:
            raw = session.setdefault("csrf_token", CSRF)
        return str(URLSafeTimedSerializer(self.site.app.secret_key, salt="wtf-csrf-token").dumps(raw))


@dataclass
class Coach(Browser):
    """Somebody who is signed in: `coach.get("/admin")`, `coach.post("/admin/people", {"email": …})`."""

    row: Admin = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.row = add_coach(self.site)
        self.sign_in(self.row)
