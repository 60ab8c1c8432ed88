"""A restored backup sends nothing twice and loses nothing."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from course.actions import guarding, mending, signup
from course.store import alarms, enrollments, installation
from course.store.db import Database
from course.store.journal import Journal
from course.store.models import Enrollment
from tests.factories import KEY, World
from tests.providers import Ledger, Searchable


@pytest.fixture
def path(sqlite_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "course.db"))


def a_world(path: Path, provider: Ledger | None = None) -> World:
    return World(Database(f"sqlite:///{path}"), path.parent / "outbox", provider)


def back_up(world: World, path: Path) -> Path:
    world.database.close()
    return Path(shutil.copy(path, path.with_suffix(".backup")))


def restore(world: World, path: Path) -> None:
    world.database.close()
    for file in path.parent.glob("course.db-*"):
        file.unlink()
    shutil.copy(path.with_suffix(".backup"), path)


def note_tick(world: World) -> None:
    with world.database.relaxed() as session:
        installation.beat(session, "test", "here", world.machine)
        guarding.lift_when_done(session, world.machine)


def settle(world: World) -> None:
    while world.sender.settle():
        pass


@pytest.mark.parametrize("provider", [None, Ledger, Searchable])
def test_what_went_after_the_backup_does_not_go_again(path: Path, provider: type[Ledger] | None) -> None:
    world = a_world(path, provider() if provider else None)
    world.enroll()
    world.drain()
    note_tick(world)
    back_up(world, path)
    world.live(8)  # lessons 2 and 3
    restore(world, path)
    assert world.restart()
    for _ in range(60):
        world.drain()
        settle(world)
        world.go(minutes=1)
    world.live(14, step=timedelta(hours=6))
    sent = (
        world.provider.taken[1:] if isinstance(world.provider, Ledger) else [m["Message-ID"] for m in world.mails()][1:]
    )
    assert len(sent) == len(set(sent)) == 5
    world.close()


def test_who_left_after_the_backup_has_left(path: Path) -> None:
    world = a_world(path)
    enrollment = world.enroll()
    world.drain()
    note_tick(world)
    back_up(world, path)
    world.go(hours=1)
    with world.database.write() as session:
        found = enrollments.by_id(session, enrollment)
        assert found is not None
        signup.leave(session, found, signup.Origin(), now=world.machine)
    world.journal.left(world.machine, guarding.departure(KEY, "ann@runner.test", 1))
    world.enroll("bob@runner.test")
    world.drain()
    restore(world, path)
    assert world.restart()
    assert world.enrollment(enrollment).status == "left"
    world.close()


def test_an_ordinary_restart_sets_no_guard_however_long_it_was_off(path: Path) -> None:
    world = a_world(path)
    world.enroll()
    world.drain()
    world.go(days=30)
    assert not world.restart()
    world.close()


def test_a_database_that_nobody_here_remembers_is_held_until_somebody_vouches(path: Path) -> None:
    provider = Ledger()
    world = a_world(path, provider)
    world.enroll()
    world.drain()
    note_tick(world)
    world.journal = Journal(path.parent / "elsewhere", "other")  # another machine
    world.go(days=3)
    assert world.restart()
    world.drain()
    settle(world)
    assert len(provider.taken) == 2  # the confirmation and lesson 1
    with world.database.write() as session:
        assert [problem.what for problem in mending.problems(session)] == ["lesson 2"]
        assert guarding.vouch(session, world.machine) == 1
        assert not [alarm for alarm in alarms.ringing(session) if alarm.key == guarding.ALARM]
    world.drain()
    assert len(provider.taken) == 3
    world.close()


def test_a_database_put_back_while_the_worker_runs_is_noticed(path: Path) -> None:
    world = a_world(path, Searchable())
    world.enroll()
    world.drain()
    back_up(world, path)
    world.go(days=3)
    world.drain()  # lesson 2
    restore(world, path)
    world.drain()
    world.go(minutes=31)
    settle(world)
    assert len(world.provider.taken) == len(set(world.provider.taken)) == 3  # type: ignore[attr-defined]
    world.close()


def test_the_guard_is_lifted_when_nothing_is_left_to_settle(path: Path) -> None:
    world = a_world(path)
    world.enroll()
    world.drain()
    note_tick(world)
    back_up(world, path)
    world.live(4)
    restore(world, path)
    world.restart()
    for _ in range(5):
        world.drain()
        settle(world)
    note_tick(world)
    with world.database.read() as session:
        assert installation.the(session).guard_at is None
        assert session.get_one(Enrollment, 1).due_at is not None
    world.close()
