"""What is played is what happens: the same lessons at the same instants, to the microsecond."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from course.actions import controls, playing
from course.actions.playing import Break, Runner
from course.store.db import Database
from course.store.models import Delivery, Enrollment
from tests.factories import START, World

NUMBERS = count(1)
ZONES = ("America/New_York", "Europe/Berlin", "Pacific/Apia", "Asia/Kathmandu", "Australia/Lord_Howe", "")
MOMENTS = st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes, seconds=7))
RUNNERS = st.builds(
    Runner,
    enrolled_at=MOMENTS,
    timezone=st.sampled_from(ZONES),
    pace=st.sampled_from(["slower", "normal", "faster"]),
    hour=st.none() | st.times().map(lambda at: at.strftime("%H:%M")),
    weekdays=st.none() | st.sets(st.integers(0, 6), min_size=1).map(sorted),
)
HOURS = st.integers(0, 40 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[World]:
    """One world for all examples: each is another reader, and their clocks are their own."""
    folder = tmp_path_factory.mktemp("play")
    path = folder / "course.db"
    path.write_bytes(sqlite_template.read_bytes())
    world = World(Database(f"sqlite:///{path}"), folder / "outbox")
    yield world
    world.close()


@given(runner=RUNNERS, pauses=st.lists(st.tuples(HOURS, HOURS), max_size=3))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_played_is_what_the_engine_then_does(
    lasting: World, runner: Runner, pauses: list[tuple[timedelta, timedelta]]
) -> None:
    breaks = _breaks(runner.enrolled_at, pauses)
    with lasting.database.read() as session:
        course = lasting.the_course(session)
        copy = Runner(runner.enrolled_at, runner.timezone, runner.pace, runner.hour, runner.weekdays)
        played = playing.play_newcomer(session, course, copy, breaks)
    assert [(one.lesson, one.at) for one in played] == _lived(lasting, runner, breaks)
    assert [one.number for one in played] == [1, 2, 3, 4, 5]


def _breaks(start: datetime, pauses: list[tuple[timedelta, timedelta]]) -> list[Break]:
    found = [Break(start + after, start + after + length + timedelta(minutes=1)) for after, length in sorted(pauses)]
    return [one for n, one in enumerate(found) if n == 0 or found[n - 1].at < one.at]


def _lived(world: World, runner: Runner, breaks: list[Break]) -> list[tuple[int, datetime]]:
    """The same runner in the engine, the clock moved from one thing to the next."""
    world.go_to(runner.enrolled_at)
    reader = world.enroll(f"runner{next(NUMBERS)}@play.test", timezone=runner.timezone)
    with world.database.write() as session:
        found = controls.hold(session, reader)
        assert found
        controls.set_pace(session, found, runner.pace, world.now())
        controls.set_hours(session, found, runner.hour, runner.weekdays, world.now())
    waiting = list(breaks)
    for _ in range(60):
        _act(world, reader, waiting)
        while world.sender.step("lesson"):
            pass
        due = world.enrollment(reader).due_at
        upcoming = [at for at in (due, waiting[0].at if waiting else None) if at]
        if due is None:
            break
        world.go_to(max(world.course, min(upcoming)))
    with world.database.read() as session:
        rows = session.scalars(select(Delivery).where(Delivery.enrollment_id == reader).order_by(Delivery.id))
        return [(row.lesson_id or 0, row.created_at) for row in rows]


def _act(world: World, reader: int, waiting: list[Break]) -> None:
    while waiting and waiting[0].at <= world.course:
        with world.database.write() as session:
            found = controls.hold(session, reader)
            assert found
            controls.pause(session, found, waiting.pop(0).until, world.now())


def test_a_real_reader_is_played_from_where_they_are(lasting: World) -> None:
    lasting.go_to(START + timedelta(days=2000))
    reader = lasting.enroll("real@play.test", timezone="Asia/Tokyo")
    lasting.drain()
    lasting.go(days=1)
    with lasting.database.read() as session:
        found = session.get_one(Enrollment, reader)
        played = playing.play_reader(session, lasting.the_course(session), found, "Asia/Tokyo", lasting.course)
    assert [one.number for one in played] == [2, 3, 4, 5]
    assert [one.at for one in played][:1] == [found.due_at]
    assert {one.at.astimezone(UTC).time() for one in played} == {time(22)}  # 7 am in Tokyo
    lasting.live(14)
    with lasting.database.read() as session:
        rows = session.scalars(select(Delivery).where(Delivery.enrollment_id == reader).order_by(Delivery.id)).all()
        assert [row.created_at for row in rows[1:]] == [one.at for one in played]


def test_a_lesson_that_is_late_is_played_at_its_next_opening_and_nobody_who_left_is_played(lasting: World) -> None:
    lasting.go_to(START + timedelta(days=3000))
    reader = lasting.enroll("late@play.test")
    lasting.drain()
    lasting.go(days=20, hours=14)  # no worker ran; it is night in New York now
    with lasting.database.write() as session:
        found, course = session.get_one(Enrollment, reader), lasting.the_course(session)
        played = playing.play_reader(session, course, found, "", lasting.course)
        assert played[0].at > lasting.course
        assert played[0].at.astimezone(UTC).minute == 0
        controls.stop(session, found, "", lasting.now())
        assert playing.play_reader(session, course, found, "", lasting.course) == []
