"""The site over a small world, as a client without cookies or JavaScript meets it; and how tests read its pages."""

import re
from copy import copy
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from functools import cached_property
from html.parser import HTMLParser
from secrets import token_bytes
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import select
from werkzeug.test import TestResponse

from course.actions import lesson_import
from course.actions.signup_caps import SignupCaps
from course.paths import shipped
from course.store import subscribers
from course.store.models import Base
from course.web import create_app
from course.web.services import Services
from tests import factories
from tests.factories import PUBLIC_URL, SECRET, World

# For tests of what no database has a part in.
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
URL = re.compile(r"https?://[^\s<>\"')\]]+")
FORM = "application/x-www-form-urlencoded"


class Compiled(BytecodeCache):
    """Templates as they were compiled for another app: most of the time of a test would go there."""

    def __init__(self) -> None:
        self._codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._codes.get(bucket.key + bucket.checksum):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


COMPILED = Compiled()
_BUILT: dict[object, Flask] = {}  # by all that building looks at


class Client(FlaskClient):
    """Looks at every answer on its way: what holds for all of them is proved by every test."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        assert "Set-Cookie" not in response.headers
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors" in response.headers["Content-Security-Policy"]
        assert response.headers["Referrer-Policy"] in {"no-referrer", "same-origin"}
        assert response.status_code < 500 or response.status_code == 503, response.text
        return response


@dataclass
class Site:
    """`get` and `post` take a path, or a URL as it stands in a mail."""

    world: World
    changes: dict[str, Any] = field(default_factory=dict)  # of the services

    @cached_property
    def app(self) -> Flask:
        """A copy of one that was built before, over this world's services: to compile its hundred addresses anew would
        take longer than most tests."""
        services = self.services
        if services.trusted_proxies:
            return self.build()  # its middleware is bound to it
        https = services.public_url.startswith("https:")
        key = (tuple(services.secrets), https, bool(services.outbox), services.templates)
        app = copy(_BUILT.get(key) or _BUILT.setdefault(key, self.build()))
        app.extensions = app.extensions | {"course": services}
        return app

    def build(self) -> Flask:
        """One of its own, for who changes it."""
        app = create_app(self.services)
        app.jinja_env.bytecode_cache = COMPILED
        app.test_client_class = Client
        return app

    @cached_property
    def services(self) -> Services:
        services = Services(
            database=self.world.database,
            letters=self.world.letters,
            now=self.world.now,
            machine=lambda: self.world.machine,
            public_url=PUBLIC_URL,
            trusted_proxies=0,
            outbox=self.world.outbox,
            templates=shipped("templates"),
            version="1.2.3",
            secrets=[SECRET],
            chance=token_bytes,
            journal=self.world.journal,
            signup_caps=SignupCaps(per_ip=0, per_network=0),  # all tests come from one address
        )
        return replace(services, **self.changes)

    def but(self, **changes: Any) -> "Site":
        """The same world, with other services."""
        return Site(self.world, changes)

    @cached_property
    def client(self) -> FlaskClient:
        return self.app.test_client(use_cookies=False)

    def get(self, url: str, **request: Any) -> TestResponse:
        return self.open(url, method="GET", **request)

    def post(self, url: str, **request: Any) -> TestResponse:
        return self.open(url, method="POST", **request)

    def open(self, url: str, **request: Any) -> TestResponse:
        return self.client.open(url.removeprefix(PUBLIC_URL), **request)

    def dump(self) -> dict[str, list[str]]:
        """Every row of every table."""
        with self.world.database.read() as session:
            tables = Base.metadata.sorted_tables
            return {table.name: sorted(map(repr, session.execute(select(table)))) for table in tables}

    def rows(self, table: str) -> list[Any]:
        with self.world.database.read() as session:
            found = Base.metadata.tables[table]
            return list(session.execute(select(found).order_by(*found.primary_key)).all())

    def confirm_url(self, address: str = "ann@runner.test", name: str = "Ann", timezone: str = "") -> str:
        """Signs up, sends, and takes the link out of the mail."""
        self.world.sign_up(address, name, timezone)
        self.world.drain()
        return link(self.world.mails()[-1], "/confirmations/")

    def reader(self, address: str = "ann@runner.test", name: str = "Ann", timezone: str = "") -> int:
        """Somebody who confirmed and has lesson 1; the enrollment's id."""
        enrollment = self.world.enroll(address, name, timezone)
        self.world.drain()
        return enrollment

    def go_on(self, lessons: int) -> None:
        """Sends what is due, and lets time go by until so many more lessons have gone to everybody."""
        self.world.drain()
        for _ in range(lessons):
            self.world.go(days=4)
            self.world.drain()

    def lessons(self) -> list[EmailMessage]:
        """The lessons in the outbox, oldest first."""
        return [mail for mail in self.world.mails() if mail["List-Unsubscribe"]]

    def lesson(self) -> EmailMessage:
        """The newest of them."""
        return self.lessons()[-1]

    def suppress(self, address: str, reason: str = "complaint") -> None:
        with self.world.database.write() as session:
            subscribers.suppress(session, address.lower(), reason, "", self.world.machine)

    def edit(self, old: str, new: str) -> None:
        """Every lesson anew, with one text in place of another."""
        before = factories.files()
        lessons = {name: text.replace(old, new) for name, text in before.lessons.items()}
        with self.world.database.write() as session:
            files = replace(before, lessons=lessons)
            lesson_import.import_course(session, files, self.world.machine, self.world.course)


def urls(mail: EmailMessage) -> list[str]:
    """All addresses in a mail: headers, text and HTML."""
    parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    found = {url.rstrip(".,") for text in (*parts, *map(str, mail.values())) for url in URL.findall(text)}
    return sorted(found)


def link(mail: EmailMessage, path: str) -> str:
    """The one address in a mail that begins with this path."""
    [found] = [url for url in urls(mail) if urlsplit(url).path.startswith(path)]
    return found


class Page(HTMLParser):
    """A page as a browser reads it, as far as tests ask: its elements, and the words between them."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(response.get_data(as_text=True))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.pieces).split())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        """The attributes of every such element; `class_` and the like are written with a line behind."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [found for name, found in self.elements if name == tag and wanted.items() <= found.items()]

    def one(self, tag: str, **attributes: str) -> dict[str, str | None]:
        [found] = self.all(tag, **attributes)
        return found

    def targets(self) -> set[str]:
        """Where this page leads or what it loads."""
        names = ("href", "src", "action")
        return {str(found[name]) for _, found in self.elements for name in names if found.get(name)}
