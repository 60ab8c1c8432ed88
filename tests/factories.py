"""A world for tests: a small course, real parts, an outbox, and two clocks that the test sets."""

import email
import email.policy
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cache
from itertools import count
from pathlib import Path

from course.actions import guarding, installing, lesson_import, signup
from course.actions.lanes import Backoff
from course.actions.lesson_files import Files
from course.actions.letters import Letters
from course.actions.sending import Sending
from course.core.clock import Now
from course.core.links import Links
from course.core.tokens import Tokens
from course.mail.outbox import Outbox
from course.mail.provider import Provider
from course.mail.render import Composer
from course.paths import shipped
from course.store import courses, enrollments, subscribers
from course.store.db import Database
from course.store.journal import Journal
from course.store.models import Course, Enrollment, Subscriber
from course.worker.sender import Sender

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # a Monday, 10 am in New York
KEY = b"k" * 32
SECRET = "a secret of the tests, long enough for it"
PUBLIC_URL = "https://course.example"
TITLES = ("Start", "Week", "Why", "How", "Fuel")
COURSE_TOML = """\
# A course for tests.
title = "Five lessons"
summary = "A course for tests."
sender = "Coaches"
timezone = "America/New_York"
gaps = [0, 3, 4, 3, 4]
disclaimer = "Not a diagnosis."
postal_address = "1 Test Street, Testville"
"""


def lesson_text(title: str, body: str = "Hi {{ first_name }}, see [your page]({{ course_page }}).\n") -> str:
    front = f'title = "{title}"\nsubject = "About {title}"\npreview = "Short."\nsummary = "What {title} is."\n'
    return f"+++\n{front}+++\n{body}"


def files(slug: str = "running", toml: str = COURSE_TOML, titles: tuple[str, ...] = TITLES) -> Files:
    lessons = {f"{n:02d}-{title.lower()}.md": lesson_text(title) for n, title in enumerate(titles, 1)}
    return Files(slug, toml, lessons)


@cache
def composer() -> Composer:
    """It remembers what it compiled, over all tests."""
    return Composer(shipped("templates") / "mail")


class World:
    """`machine` and `course` are the clocks; nothing here sleeps."""

    def __init__(self, database: Database, outbox: Path, provider: Provider | None = None, course: Files | None = None):
        self.database = database
        self.outbox = outbox
        self.machine = self.course = START
        self.letters = Letters(
            composer=composer(),
            links=Links(PUBLIC_URL, Tokens([SECRET])),
            id_key=KEY,
            sender_email="coach@course.example",
            reply_to="",
            postal_address="",
        )
        self.journal = Journal(outbox.parent / "journal", "test")
        self.provider = provider or Outbox(outbox, lambda: self.machine)
        self.sender = self.new_sender()
        with database.write() as session:
            row = installing.install(session, START, lambda: KEY)
            installing.set_calendar(row, speed=1, reaches_people=False, now=START)
            lesson_import.import_course(session, course or files(), START, START)

    _ids = count(1)

    def new_sender(self, **changes: object) -> Sender:
        """A worker of its own: another process, as far as the database can tell."""
        sending = Sending(
            provider=self.provider,
            account="test",
            letters=self.letters,
            lease=timedelta(minutes=10),
            checks_window=True,
            new_call_id=lambda: f"{next(self._ids):032x}",
        )
        sending = replace(sending, **changes)  # type: ignore[arg-type]
        backoff = Backoff(600.0, random.Random(1))
        return Sender(self.database, sending, self.now, lambda: 0.0, backoff, self.journal, lambda _: None)

    def restart(self) -> bool:
        """The worker ends and another one starts; True if it set the guard against a restored backup."""
        self.sender.close()
        self.sender = self.new_sender()
        with self.database.write() as session:
            tripped = guarding.check(session, self.sender.sending, self.journal.read(), now=self.now(), alone=True)
        if tripped:
            self.journal.settled(self.machine)
        return tripped

    def close(self) -> None:
        self.sender.close()

    def now(self) -> Now:
        return Now(self.machine, self.course)

    def go(self, **delta: float) -> None:
        """Moves both clocks by a timedelta's arguments."""
        self.machine += timedelta(**delta)
        self.course += timedelta(**delta)

    def go_to(self, at: datetime) -> None:
        self.machine = self.course = at

    def drain(self) -> None:
        """Sends all that is due now."""
        while self.sender.step("confirm") or self.sender.step("lesson"):
            pass

    def live(self, days: float, step: timedelta = timedelta(hours=1)) -> None:
        """Lets that many days go by, sending as a worker does."""
        end = self.course + timedelta(days=days)
        while self.course < end:
            self.drain()
            self.go(seconds=step.total_seconds())
        self.drain()

    def sign_up(self, address: str = "ann@runner.test", name: str = "Ann", timezone: str = "") -> None:
        with self.database.write() as session:
            wanted = signup.checked(address, name, timezone, "blog:knee")
            signup.sign_up(session, self.the_course(session), wanted, signup.Origin("blog:knee"), self.machine)

    def enroll(self, address: str = "ann@runner.test", name: str = "Ann", timezone: str = "") -> int:
        """A reader who signed up and confirmed just now; the enrollment's id."""
        self.sign_up(address, name, timezone)
        with self.database.write() as session:
            [row] = subscribers.by_keys(session, [address.lower()])
            person, course = session.get_one(Subscriber, row.id), self.the_course(session)
            now = {"now": self.machine, "course_now": self.course}
            return signup.confirm(session, person, course, signup.Origin(), **now).id

    def the_course(self, session: object, slug: str = "running") -> Course:
        found = courses.by_slug(session, slug)  # type: ignore[arg-type]
        assert found is not None
        return found

    def enrollment(self, enrollment_id: int) -> Enrollment:
        with self.database.read() as session:
            found = enrollments.by_id(session, enrollment_id)
            assert found is not None
            return found

    def mails(self) -> list[EmailMessage]:
        """What is in the outbox, oldest first."""
        found = sorted(self.outbox.glob("new/*.eml"), key=lambda p: p.stat().st_mtime_ns)
        return [email.message_from_bytes(p.read_bytes(), policy=email.policy.default) for p in found]  # type: ignore[misc]

    def lessons(self) -> Iterator[str]:
        """Subjects of the lessons that went, oldest first."""
        return (str(mail["Subject"]) for mail in self.mails() if mail["List-Unsubscribe"])
