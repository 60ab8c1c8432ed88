"""A list of readers: looked at first, then taken in by a worker that may be killed at any line."""

from typing import Any

import pytest
from sqlalchemy import func, select

from course.actions import erasing, reader_import, readers_file
from course.core.errors import BadFile, CourseError
from course.store import reader_imports, subscribers
from course.store.models import Consent, Enrollment, ReaderImport, Subscriber
from course.worker.importing import Importer
from tests.actions.steps import on_sqlite
from tests.factories import World

LINES = 3 * readers_file.CHUNK + 17


def text_of(count: int) -> str:
    return "email,name\n" + "".join(f"r{number}@list.test,R{number}\n" for number in range(count))


def look(world: World, text: str, **options: Any) -> ReaderImport:
    with world.database.read() as session:
        course = world.the_course(session)
        row = reader_import.check(session, course, text, places=options.get("places"), author="Kim", now=world.machine)
    with world.database.write() as session:
        return reader_import.keep(session, row)


def start(world: World, row: ReaderImport, *, ask: bool = False, note: str = "at the clinic, May 2026") -> None:
    with world.database.write() as session:
        found = reader_imports.by_id(session, row.id, lock=True)
        assert found
        reader_import.start(found, ask=ask, note=note)


def run(world: World) -> None:
    importer = Importer(world.database, world.now)
    while importer.step():
        pass


def found(world: World, row: ReaderImport) -> ReaderImport:
    with world.database.read() as session:
        fresh = session.get_one(ReaderImport, row.id)
        assert fresh.source is not None  # loaded with it
        return fresh


def count(world: World, table: Any) -> int:
    with world.database.read() as session:
        return session.scalars(select(func.count()).select_from(table)).one()


def test_looking_at_a_list_says_what_would_become_of_each_line_and_changes_nothing(world: World) -> None:
    world.enroll("here@runner.test")
    with world.database.write() as session:
        subscribers.suppress(session, "bounced@runner.test", "bounce", "", world.machine)
    row = look(
        world,
        "Vorname;E-Mail\nNew;new@list.test\n;here@runner.test\n\n;bounced@runner.test\n;nobody\nTwice;NEW@list.test\n",
    )
    assert row.lines == 5
    assert row.options["places"] == {"email": 1, "name": 0}
    assert row.report["agreed"]["counts"] == {"added": 1, "known": 2, "suppressed": 1, "invalid": 1}
    assert [(line[0], line[1]) for line in row.report["agreed"]["lines"]] == [
        (3, "known"), (5, "suppressed"), (6, "invalid"), (7, "known"),
    ]  # fmt: skip
    run(world)
    assert count(world, Subscriber) == 1


def test_a_list_is_taken_in_and_what_became_of_it_is_what_was_shown(world: World) -> None:
    row = look(world, text_of(LINES) + "nobody,X\n")
    start(world, row)
    run(world)
    done = found(world, row)
    assert (done.state, done.done, done.source) == ("done", LINES + 1, "")
    assert done.report == row.report["agreed"]
    assert count(world, Enrollment) == LINES


def test_a_worker_that_is_killed_does_no_line_twice_and_leaves_none_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = look(world, text_of(LINES))
    start(world, row)
    importer = Importer(world.database, world.now)
    assert importer.step()
    kept, calls = reader_import._report, []

    def dying(*arguments: Any) -> Any:
        """The lines of this step are in the transaction, and it never commits."""
        calls.append(arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(reader_import, "_report", dying)
    with pytest.raises(KeyboardInterrupt):
        importer.step()
    monkeypatch.setattr(reader_import, "_report", kept)
    assert len(calls) == 1
    assert count(world, Enrollment) == found(world, row).done == readers_file.CHUNK
    run(world)
    assert count(world, Enrollment) == count(world, Consent) == LINES
    assert found(world, row).report["counts"] == {"added": LINES}


def test_with_ask_each_gets_one_mail_and_nobody_is_asked_again(world: World) -> None:
    row = look(world, "a@list.test\nb@list.test\n")
    assert row.options["heading"] is False
    start(world, row, ask=True, note="")
    run(world)
    world.drain()
    assert sorted(str(mail["To"]) for mail in world.mails()) == ["a@list.test", "b@list.test"]
    assert count(world, Enrollment) == 0
    again = look(world, "a@list.test\nc@list.test\n")
    assert again.report["ask"]["counts"] == {"added": 1, "asked": 1}
    start(world, again, ask=True)
    run(world)
    world.drain()
    assert len(world.mails()) == 3


def test_whoever_was_erased_or_refused_meanwhile_stays_out_whatever_was_shown(world: World) -> None:
    reader = world.enroll("erased@runner.test")
    world.drain()
    row = look(world, "email\nerased@runner.test\nbounced@list.test\nnew@list.test\n")
    start(world, row)
    with world.database.write() as session:
        person = session.get_one(Enrollment, reader).subscriber_id
        assert erasing.erase(session, person, world.machine)
        assert not erasing.erase(session, person, world.machine)
        subscribers.suppress(session, "bounced@list.test", "bounce", "", world.machine)
    run(world)
    assert found(world, row).report["counts"] == {"added": 1, "suppressed": 2}
    world.enroll("erased@runner.test")  # who asks for it themselves is welcome
    assert count(world, Enrollment) == 2


@on_sqlite
def test_a_list_that_was_stopped_or_never_started_goes_no_further(world: World) -> None:
    row = look(world, text_of(LINES))
    with pytest.raises(CourseError, match="proof"):
        start(world, row, note=" ")
    start(world, row)
    with pytest.raises(CourseError, match="already"):
        start(world, row)
    Importer(world.database, world.now).step()
    with world.database.write() as session:
        reader_import.stop(session.get_one(ReaderImport, row.id), "Kim", world.machine)
    run(world)
    stopped = found(world, row)
    assert (stopped.state, stopped.done, stopped.source) == ("failed", readers_file.CHUNK, "")
    unstarted = look(world, text_of(3))
    world.go(days=2)
    look(world, text_of(3))
    with world.database.read() as session:
        [left] = session.scalars(select(ReaderImport).where(ReaderImport.state == "checked"))
        assert left.created_at == world.machine > unstarted.created_at


@on_sqlite
def test_what_is_no_list_is_refused_with_its_line(world: World) -> None:
    for text, problem in (
        ("name\nAnn\n", "no column holds email addresses"),
        ('email\n"ann', "no CSV"),
        (text_of(reader_import.MOST + 1), "more than 50,000 lines"),
    ):
        with pytest.raises(BadFile, match=problem):
            look(world, text)
