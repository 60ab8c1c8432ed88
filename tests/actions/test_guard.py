"""A restored backup sends nothing twice and loses nothing."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import select

from course.actions import guarding, mending, planning, signup
from course.actions.restoring import RESTORED
from course.core.outcome import Outcome, Uncertain, Unreachable
from course.store import alarms, calls, enrollments, installation
from course.store.db import Database
from course.store.journal import Journal
from course.store.models import Delivery, Enrollment
from tests.bench import seed
from tests.factories import KEY, World
from tests.providers import Ledger, Searchable, accept


class Died(BaseException):
    """The worker is gone."""


def die(_: str) -> None:
    raise Died


class Keyed(Ledger):
    """It honours keys, so a call is stored with its bodies."""

    name: ClassVar[str] = "keyed"
    honours_keys: ClassVar[bool] = True


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


@pytest.mark.parametrize("sent_since", [True, False])
def test_who_left_after_the_backup_has_left(path: Path, sent_since: bool) -> None:
    world = a_world(path)
    enrollment = world.enroll()
    world.drain()
    note_tick(world)
    back_up(world, path)
    world.go(hours=1)
    leave(world, enrollment)
    if sent_since:
        world.enroll("bob@runner.test")
        world.drain()
    restore(world, path)
    assert world.restart() == sent_since
    assert world.enrollment(enrollment).status == "left"
    world.close()


def test_who_left_and_came_back_while_no_worker_ran_stays(path: Path) -> None:
    """The journal knows of the leaving only; the database is newer than that."""
    world = a_world(path)
    enrollment = world.enroll()
    world.drain()
    note_tick(world)
    world.go(hours=1)
    leave(world, enrollment)
    world.go(minutes=5)
    come_back(world, enrollment)
    world.go(hours=1)
    assert not world.restart()
    assert world.enrollment(enrollment).status == "active"
    world.close()


def leave(world: World, enrollment: int) -> None:
    with world.database.write() as session:
        found = enrollments.the(session, enrollment)
        signup.leave(session, found, signup.Origin(), now=world.machine)
        named = guarding.departure(KEY, "ann@runner.test", found.course_id)
        world.journal.left(world.machine, named, found.subscriber_id)


def come_back(world: World, enrollment: int) -> None:
    with world.database.write() as session:
        assert signup.come_back(session, enrollments.the(session, enrollment), signup.Origin(), now=world.machine)


def lose_the_journal(world: World) -> None:
    shutil.rmtree(world.journal.folder)


def pause(world: World, enrollment: int, days: int = 2) -> None:
    """As the reader's own page does it: the next lesson is planned anew, if one is planned."""
    with world.database.write() as session:
        reader = enrollments.the(session, enrollment)
        reader.paused_until = world.course + timedelta(days=days)
        planning.replan(session, world.the_course(session))


@pytest.mark.parametrize("journal", [True, False])
def test_who_leaves_and_comes_back_after_the_restore_gets_no_lesson_twice(path: Path, journal: bool) -> None:
    world = a_world(path, Searchable())
    ann = world.enroll()
    world.drain()
    note_tick(world)
    back_up(world, path)
    world.live(8)  # lessons 2 and 3
    restore(world, path)
    if not journal:
        lose_the_journal(world)
    assert world.restart()
    leave(world, ann)  # before anything is marked
    for _ in range(60):
        world.drain()
        settle(world)
        world.go(hours=1)
    note_tick(world)
    come_back(world, ann)
    world.live(20, step=timedelta(hours=6))
    taken = world.provider.taken[1:]  # type: ignore[attr-defined]
    assert len(taken) == len(set(taken)) == 5
    world.close()


@pytest.mark.parametrize("journal", [True, False])
def test_a_plan_made_after_the_restore_hides_no_lesson_that_fell_due_before(path: Path, journal: bool) -> None:
    world = a_world(path, Searchable())
    ann = world.enroll()
    world.drain()
    note_tick(world)
    back_up(world, path)
    world.live(8)
    restore(world, path)
    if not journal:
        lose_the_journal(world)
    assert world.restart()
    pause(world, ann)
    for _ in range(60):
        settle(world)
        world.drain()
        world.go(hours=1)
    world.live(14, step=timedelta(hours=6))
    taken = world.provider.taken[1:]  # type: ignore[attr-defined]
    assert len(taken) == len(set(taken)) == 5
    world.close()


def test_the_gap_after_what_may_have_gone_counts_from_when_the_backup_had_it_planned(path: Path) -> None:
    """Ann was away when lesson 2 was due, and came back after the window had shut: it was planned for the next one."""
    world = a_world(path, Ledger())
    ann = world.enroll()
    world.drain()
    leave(world, ann)
    world.go(days=5, hours=12)  # two days after its time, at night
    come_back(world, ann)
    world.drain()
    planned = world.enrollment(ann).due_at
    assert planned
    assert planned > world.course
    note_tick(world)
    back_up(world, path)
    world.live(1)
    restore(world, path)
    lose_the_journal(world)
    assert world.restart()
    assert (world.enrollment(ann).had, world.enrollment(ann).anchor_at) == ([1, 2], planned)
    world.close()


def test_a_lesson_that_was_asked_for_after_the_backup_is_known_from_the_journal(path: Path) -> None:
    world = a_world(path, Ledger())
    ann = world.enroll()
    world.drain()
    note_tick(world)
    back_up(world, path)
    world.go(hours=1)
    with world.database.write() as session:
        reader = enrollments.the(session, ann)
        reader.asked_at = reader.due_at = world.course
    world.drain()  # lesson 2, three days before its time
    restore(world, path)
    assert world.restart()
    assert world.enrollment(ann).had == [1, 2]
    world.live(5)
    taken = world.provider.taken[1:]  # type: ignore[attr-defined]
    assert len(taken) == len(set(taken)) == 3
    world.close()


@pytest.mark.parametrize("heard", [True, False])
def test_what_the_backup_has_as_put_back_and_what_went_since_is_known_from_the_journal(path: Path, heard: bool) -> None:
    """If nobody heard that it was accepted, it stays unknown: there is nobody to ask."""
    world = a_world(path, Ledger())
    ann = world.enroll()
    world.drain()
    provider = world.provider
    assert isinstance(provider, Ledger)
    provider.answer = lambda ids: [Unreachable("450 later", scope="message") for _ in ids]
    world.go(days=2, hours=22)
    world.drain()
    assert lesson_2(world).state == "queued"
    note_tick(world)
    back_up(world, path)

    def take_in_silence(send_ids: list[str]) -> list[Outcome]:
        provider.taken += send_ids
        return [Uncertain("no answer") for _ in send_ids]

    provider.answer = accept if heard else take_in_silence
    world.go(hours=1)
    went = world.course
    world.drain()
    provider.answer = accept
    assert len(provider.taken) == 3
    restore(world, path)
    assert world.restart()
    assert (lesson_2(world).state, lesson_2(world).done_at) == (("accepted", went) if heard else ("unknown", None))
    assert world.enrollment(ann).anchor_at == went
    for _ in range(80):
        world.drain()
        settle(world)
        world.go(hours=1)
    world.live(14, step=timedelta(hours=6))
    assert len(provider.taken) == len(set(provider.taken)) == 6
    assert lesson_2(world).state == ("accepted" if heard else "unknown")
    world.close()


def lesson_2(world: World) -> Delivery:
    with world.database.read() as session:
        return session.scalars(select(Delivery).where(Delivery.number == 2)).one()


def test_what_a_replay_sent_is_known_from_the_journal(path: Path) -> None:
    """Who marked it died before it could write that down; another worker sent the stored call."""
    world = a_world(path, Keyed())
    world.enroll()
    world.drain()
    note_tick(world)
    back_up(world, path)
    world.go(days=3)
    world.sender.point = die
    with pytest.raises(Died):
        world.sender.step("lesson")
    world.sender.point = lambda _: None
    world.go(minutes=11)
    settle(world)
    restore(world, path)
    assert world.restart()
    world.drain()
    taken = world.provider.taken[1:]  # type: ignore[attr-defined]
    assert len(taken) == len(set(taken)) == 2
    world.close()


def test_a_call_that_is_repeated_last_hides_no_newer_one_that_the_backup_lacks(path: Path) -> None:
    """The backup knows the old call well; what was sent after it is what gives the restore away."""
    world = a_world(path)
    world.enroll()
    world.drain()
    note_tick(world)
    [known] = world.journal.read().last_calls
    back_up(world, path)
    world.journal.called("f" * 32, world.machine, ["0" * 32])
    world.journal.repeated(known, world.machine, ["1" * 32])
    world.go(days=1)
    restore(world, path)
    assert world.restart()
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


def test_what_is_held_of_a_large_course_is_asked_about_in_parts(path: Path) -> None:
    """One lease has to be enough for one call; and PostgreSQL takes no more than 65,535 parameters."""
    world = a_world(path, Ledger())
    seed.fill(world.database, 1_200, 1_200)
    note_tick(world)
    world.go(hours=1)
    assert world.restart()
    with world.database.read() as session:
        assert sorted(len(call.members) for call in calls.open_of_kind(session, RESTORED)) == [200, 500, 500]
    settle(world)
    with world.database.write() as session:
        assert guarding.vouch(session, world.machine) == 1_200
    world.live(1)  # each in its own morning
    assert isinstance(world.provider, Ledger)
    assert len(world.provider.taken) == len(set(world.provider.taken)) == 1_200
    world.close()


def test_a_backup_from_before_the_first_mail_is_held_too(path: Path) -> None:
    provider = Ledger()
    world = a_world(path, provider)
    world.enroll()
    note_tick(world)
    back_up(world, path)
    world.drain()
    restore(world, path)
    lose_the_journal(world)
    world.go(hours=1)
    assert world.restart()
    world.drain()
    settle(world)
    assert len(provider.taken) == len(set(provider.taken)) == 2  # the confirmation and lesson 1
    world.close()


def test_the_gap_counts_from_when_it_was_found_out_if_nobody_knows_when_a_lesson_went(path: Path) -> None:
    """Lesson 2 was put off to the fifth day; of that neither the backup nor a journal knows."""
    world = a_world(path, Searchable())
    ann = world.enroll()
    world.drain()
    note_tick(world)
    back_up(world, path)
    pause(world, ann, days=5)
    world.live(6)
    restore(world, path)
    lose_the_journal(world)
    assert world.restart()
    world.go(minutes=31)
    found_out = world.course
    settle(world)
    reader = world.enrollment(ann)
    assert reader.had == [1, 2]
    assert reader.due_at is not None
    assert reader.due_at >= found_out + timedelta(days=3)
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
