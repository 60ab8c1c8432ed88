"""What all seeds of a process share: one database in memory, the bytes of a fresh one, and compiled letters."""

import sqlite3
from dataclasses import dataclass, field
from functools import cache

from course.actions import installing, lesson_import
from course.actions.lesson_files import Files
from course.actions.letters import Letters
from course.core.links import Links
from course.core.tokens import Tokens
from course.mail.render import Composer
from course.paths import shipped
from course.store.db import Database
from course.store.migrations import migrate
from tests.factories import KEY, PUBLIC_URL, SECRET, lesson_text
from tests.simulation.records import Edition
from tests.simulation.script import FIRST_DAY

SLUG = "running"


@dataclass
class Book:
    """The course as its author has it in a folder."""

    lessons: list[tuple[str, int]] = field(default_factory=lambda: [("start", 0), ("week", 3), ("why", 2), ("how", 4)])
    texts: dict[str, str] = field(default_factory=dict)
    hour: str = "07:00"
    paused: bool = False

    def files(self) -> Files:
        gaps = ", ".join(str(gap) for _, gap in self.lessons)
        toml = (
            f'title = "Lessons"\nsummary = "For tests."\nsender = "Coaches"\ntimezone = "America/New_York"\n'
            f'gaps = [{gaps}]\nsend_at = "{self.hour}"\npostal_address = "1 Test Street"\n'
        )
        return Files(
            SLUG, toml, {f"{n:02d}-{slug}.md": self._text(slug) for n, (slug, _) in enumerate(self.lessons, 1)}
        )

    def edition(self, ids: dict[str, int]) -> Edition:
        lessons = tuple((ids[slug], gap) for slug, gap in self.lessons)
        return Edition(lessons, self.hour, "21:00", "America/New_York", self.paused)

    def _text(self, slug: str) -> str:
        return lesson_text(slug.title().replace("-", " "), self.texts.get(slug, "Hi {{ first_name }}.\n"))


@dataclass(frozen=True)
class Stage:
    database: Database
    raw: sqlite3.Connection
    template: bytes
    letters: Letters

    def fresh(self) -> None:
        self.raw.deserialize(self.template)


@cache
def stage() -> Stage:
    database = Database("sqlite://")
    migrate(database)
    letters = Letters(
        composer=Composer(shipped("templates") / "mail"),
        links=Links(PUBLIC_URL, Tokens([SECRET])),
        id_key=KEY,
        sender_email="coach@course.example",
        reply_to="",
        postal_address="",
    )
    with database.write() as session:
        row = installing.install(session, FIRST_DAY, lambda: KEY)
        installing.set_calendar(row, speed=1, reaches_people=False, now=FIRST_DAY)
        lesson_import.import_course(session, Book().files(), FIRST_DAY, FIRST_DAY)
        raw = session.connection().connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return Stage(database, raw, raw.serialize(), letters)
