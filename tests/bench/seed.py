"""Databases full of readers, and the parts that send to them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from course.actions.lesson_files import Files
from course.mail.postmark import Postmark
from course.store.db import Database
from course.store.migrations import migrate
from course.store.models import Enrollment, Subscriber
from tests.factories import COURSE_TOML, START, World, lesson_text

ZONES = ("America/New_York", "America/Chicago", "Europe/Berlin", "Asia/Tokyo")
CHUNK = 10_000
PARAGRAPH = (
    "Keep the next long run within about ten percent of the longest one in the past 30 days, and let the days in "
    "between be easy enough to speak in full sentences. Repeat the week if life gets in the way.\n\n"
)


def letter_course() -> Files:
    """A course whose mails have about 12 KB of HTML and 3 KB of text."""
    body = "Hi {{ first_name }},\n\n" + PARAGRAPH * 12 + "See [your course page]({{ course_page }}).\n"
    return Files("running", COURSE_TOML, {f"{n:02d}-l{n}.md": lesson_text(f"L{n}", body) for n in range(1, 6)})


@contextmanager
def world(url: str, folder: Path, provider_url: str) -> Iterator[World]:
    logging.disable(logging.INFO)
    database = Database(url)
    migrate(database)
    postmark = Postmark("key", settle=timedelta(minutes=30), base_url=provider_url)
    found = World(database, folder / "outbox", postmark, letter_course())
    try:
        yield found
    finally:
        found.close()
        database.close()


def fill(database: Database, readers: int, due: int, *, due_at: datetime = START) -> None:
    """Readers who had lesson 1 three days ago; `due` of them are due at `due_at`, spread over the hour before, the
    others tomorrow."""
    for start in range(0, readers, CHUNK):
        numbers = range(start, min(start + CHUNK, readers))
        with database.relaxed() as session:
            session.execute(insert(Subscriber), [_subscriber(n) for n in numbers])
            session.execute(
                insert(Enrollment),
                [_enrollment(n, n * due // readers < (n + 1) * due // readers, due_at) for n in numbers],
            )


def _subscriber(number: int) -> dict[str, object]:
    address = f"runner{number}@runner.test"
    return {
        "id": number + 1,
        "email": address,
        "email_key": address,
        "name": f"Runner{number}",
        "timezone": ZONES[number % len(ZONES)],
        "created_at": START,
        "confirmed_at": START,
    }


def _enrollment(number: int, due: bool, due_at: datetime) -> dict[str, object]:
    return {
        "id": number + 1,
        "subscriber_id": number + 1,
        "course_id": 1,
        "status": "active",
        "pace": "normal",
        "source": "bench",
        "enrolled_at": START - timedelta(days=4),
        "anchor_at": START - timedelta(days=3),
        "due_at": due_at - timedelta(seconds=number % 3600)
        if due
        else due_at + timedelta(days=1, seconds=number % 3600),
        "had": [1],
        "copy": 1,
        "links": 0,
        "reason": "",
    }
