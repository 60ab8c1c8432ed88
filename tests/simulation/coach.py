"""What coaches and the rest of the world do in a simulation.

An act takes the world and its value, and says whether there was anything to do. A new edit of the course (a move, an
archive, an undo) is a function under "Edits", a line in ACTS and its name in script.COACHS_ACTS. It changes the
database by the engine's own use case and `world.book` by hand: the book is what the oracle holds the engine to. Whom it
is not to reach goes into `world.excluded`.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from course.actions import lesson_import, mending
from course.core.happening import Event, Happened
from course.store import courses
from tests.simulation.provider import POISON
from tests.simulation.script import Act
from tests.simulation.stage import SLUG

if TYPE_CHECKING:
    from tests.simulation.world import World


# Edits


def _insert(world: "World", value: int) -> bool:
    return _edit(world, new=1, at=value)


def _insert_two(world: "World", value: int) -> bool:
    return _edit(world, new=2, at=value)


def _edit(world: "World", new: int, at: int) -> bool:
    """New lessons somewhere after the first; those who had a later one skip them."""
    book = world.book
    place = 1 + at % len(book.lessons)
    slugs = [f"new-{len(book.lessons)}-{n}" for n in range(new)]
    later = [slug for slug, _ in book.lessons[place:]]
    book.lessons[place:place] = [(slug, 1 + at % 3) for slug in slugs]
    ids = world.observer.lessons()
    behind = {ids[slug] for slug in later or [book.lessons[place - 1][0]]}  # or had the last one
    rows, readers = world.run.last.deliveries.values(), world.run.last.readers
    past = {r.enrollment for r in rows if r.enrollment and r.lesson in behind and r.round == readers[r.enrollment].copy}
    _import_files(world)
    ids = world.observer.lessons()
    world.excluded |= {(reader, ids[slug]) for reader in past for slug in slugs}
    return True


def _text(world: "World", value: int) -> bool:
    book = world.book
    book.texts[book.lessons[value % len(book.lessons)][0]] = f"Hi {{{{ first_name }}}}, edited {world.turn}.\n"
    return _import_files(world)


def _poison(world: "World", value: int) -> bool:
    """A text that the provider refuses; the coach notices after a day, mends it and retries."""
    book = world.book
    slug = book.lessons[value % len(book.lessons)][0]
    book.texts[slug] = f"This is {POISON}.\n"
    world.plan(Act(world.clock + timedelta(days=1 + value % 5), "antidote", 0, slug))
    return _import_files(world)


def _antidote(world: "World", slug: str) -> bool:
    world.book.texts[slug] = f"This is good, {world.turn}.\n"
    _import_files(world)
    refused = [row.id for row in world.run.last.deliveries.values() if row.state == "refused"]
    with world.stage.database.write() as session:
        return mending.retry(session, refused, world.clock) > 0


def _gap(world: "World", value: int) -> bool:
    book = world.book
    place = 1 + value % (len(book.lessons) - 1)
    book.lessons[place] = (book.lessons[place][0], 1 + value % 5)
    return _import_files(world)


def _course_hour(world: "World", value: int) -> bool:
    world.book.hour = f"{5 + value % 9:02d}:00"
    return _import_files(world)


def _import_files(world: "World") -> bool:
    with world.stage.database.write() as session:
        lesson_import.import_course(session, world.book.files(), world.clock, world.clock)
    return True


# Everything else


def _switch(world: "World", value: int) -> bool:
    """Another provider, another account: the workers start again with it."""
    world.account = next(account for account in world.accounts if account is not world.account)
    world.crew.switch()
    return True


def _course_pause(world: "World", value: int) -> bool:
    return _pause_course(world, paused=True)


def _course_resume(world: "World", value: int) -> bool:
    return _pause_course(world, paused=False)


def _pause_course(world: "World", *, paused: bool) -> bool:
    world.book.paused = paused
    with world.stage.database.write() as session:
        courses.by_slug(session, SLUG).paused_at = world.clock if paused else None  # type: ignore[union-attr]
    return True


def _forge(world: "World", value: int) -> bool:
    """Events that nobody sent: for a message of somebody else, and for none."""
    known = sorted(world.run.send_ids.values())
    for send_id, recipient in (
        (known[value % len(known)] if known else "", "r99@reader.test"),
        ("f" * 32, "r1@reader.test"),
    ):
        what = (Happened.COMPLAINT, Happened.DELIVERED, Happened.FAILED)[value % 3]
        world.news.forge(Event(f"forged-{world.turn}-{recipient}", what, send_id, recipient, world.clock, "", "{}"))
    return True


def _back_up(world: "World", value: int) -> bool:
    world.back_up()
    return True


def _restore(world: "World", journal: bool) -> bool:
    return world.restore(journal=journal)


def _mend(world: "World", value: int) -> bool:
    """The coach goes through the list: some arrived, for some another copy is sent."""
    unknown = [row for row in world.run.last.deliveries.values() if row.state == "unknown"]
    truly = {entry.send_id for entry in world.run.ledger}
    for row in unknown:
        with world.stage.database.write() as session:
            if world.run.send_id(row) in truly and value % 2:
                mending.arrived(session, row.id, world.clock)
            else:
                mending.send_again(session, row.id, world.clock)
                world.chronicle.wish(row)
    world.plan(Act(world.clock + timedelta(days=9), "mend", 0, value + 1)) if not world.quiet else None
    return bool(unknown)


ACTS: dict[str, Callable[["World", Any], bool]] = {
    "insert": _insert,
    "insert_two": _insert_two,
    "text": _text,
    "poison": _poison,
    "antidote": _antidote,
    "gap": _gap,
    "course_hour": _course_hour,
    "switch": _switch,
    "course_pause": _course_pause,
    "course_resume": _course_resume,
    "forge": _forge,
    "mend": _mend,
    "back_up": _back_up,
    "restore": _restore,
}
