"""Databases full of readers, and the parts that send to them."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import BigInteger, case, func, insert, literal, select, text

from course.actions.lesson_files import Files
from course.mail.postmark import Postmark
from course.store.db import Database
from course.store.migrations import migrate
from course.store.models import Base, Enrollment, Subscriber
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


def fill(
    database: Database,
    readers: int,
    due: int,
    *,
    due_at: Callable[[int], datetime] | None = None,
    zones: Sequence[str] = ZONES,
) -> None:
    """Readers who had lesson 1 three days ago; `due` of them are due at START, spread over the hour before, the others
    tomorrow. Or each at `due_at` of their number."""
    if due_at is None and not database.is_sqlite:
        _fill_by_series(database, readers, due)
        return
    for start in range(0, readers, CHUNK):
        numbers = range(start, min(start + CHUNK, readers))
        with database.relaxed() as session:
            session.execute(insert(Subscriber), [_subscriber(n, zones[n % len(zones)]) for n in numbers])
            session.execute(
                insert(Enrollment),
                [_enrollment(n, due_at(n) if due_at else _due_at(n, readers, due)) for n in numbers],
            )


def _fill_by_series(database: Database, readers: int, due: int) -> None:
    """The same, made by PostgreSQL itself: 10 million rows would take an hour to send there."""
    n = func.generate_series(0, readers - 1, type_=BigInteger).column_valued("n")
    address = func.concat("runner", n, "@runner.test")
    is_due = n * due // readers < (n + 1) * due // readers
    seconds = func.make_interval(0, 0, 0, 0, 0, 0, n % 3600)
    today, tomorrow = (literal(at, Enrollment.due_at.type) for at in (START, START + timedelta(days=1)))
    zone = case(dict(enumerate(ZONES)), value=n % len(ZONES))
    subscriber = {"id": n + 1, "email": address, "email_key": address, "name": func.concat("Runner", n)}
    enrollment = {"id": n + 1, "subscriber_id": n + 1}
    enrollment["due_at"] = case((is_due, today - seconds), else_=tomorrow + seconds)
    with database.relaxed() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))  # no look-up of each foreign key
        for model, row, varying in (
            (Subscriber, _subscriber(0, ""), subscriber | {"timezone": zone}),
            (Enrollment, _enrollment(0, START), enrollment),
        ):
            table = Base.metadata.tables[model.__tablename__]
            columns = {name: varying.get(name, literal(value, table.c[name].type)) for name, value in row.items()}
            session.execute(insert(table).from_select(list(columns), select(*columns.values())))
        session.execute(text("ANALYZE subscriber, enrollment"))


def _due_at(number: int, readers: int, due: int) -> datetime:
    is_due = number * due // readers < (number + 1) * due // readers
    seconds = timedelta(seconds=number % 3600)
    return START - seconds if is_due else START + timedelta(days=1) + seconds


def _subscriber(number: int, zone: str) -> dict[str, object]:
    address = f"runner{number}@runner.test"
    return {
        "id": number + 1,
        "email": address,
        "email_key": address,
        "name": f"Runner{number}",
        "timezone": zone,
        "created_at": START,
        "confirmed_at": START,
    }


def _enrollment(number: int, due_at: datetime) -> dict[str, object]:
    return {
        "id": number + 1,
        "subscriber_id": number + 1,
        "course_id": 1,
        "status": "active",
        "pace": "normal",
        "source": "bench",
        "enrolled_at": START - timedelta(days=4),
        "anchor_at": START - timedelta(days=3),
        "due_at": due_at,
        "had": [1],
        "copy": 1,
        "links": 0,
        "reason": "",
    }
