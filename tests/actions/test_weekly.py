"""The Monday mail: at seven on the coach's clock, once, whatever the clocks and the workers do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from course.actions import signup
from course.store import enrollments
from course.store.models import Admin, Answer, Delivery, Notice
from course.worker.weekly import WeeklyMail
from tests.actions.steps import on_sqlite, pass_days
from tests.factories import START, World

MONDAY = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)  # 7 am in New York, where the course is


def coach(world: World, email: str = "kim@clinic.test", **values: Any) -> None:
    row = {
        "name": "Kim", "timezone": "", "password_hash": "x", "totp_secret": "", "totp_counter": 0,
        "recovery_hashes": [], "session_key": "", "weekly_mail": True, "created_at": START - timedelta(days=365),
    }  # fmt: skip
    with world.database.write() as session:
        session.add(Admin(email=email, email_key=email, **(row | values)))


def worker(world: World) -> WeeklyMail:
    return WeeklyMail(world.database, world.letters, world.now)


def queued(world: World) -> list[tuple[str, datetime]]:
    with world.database.read() as session:
        rows = session.execute(
            select(Notice.email, Notice.created_at).where(Notice.kind == "weekly").order_by(Notice.id)
        )
        return [(email, at) for email, at in rows]


def text(world: World) -> str:
    with world.database.read() as session:
        return str(session.scalars(select(Notice).where(Notice.kind == "weekly")).one().message["text"])


def test_the_week_is_told_in_six_lines_with_one_link(world: World) -> None:
    coach(world)
    world.go_to(datetime(2026, 11, 10, 15, 0, tzinfo=UTC))
    old = world.enroll("old@runner.test", "Olga")
    pass_days(world, 7)
    world.enroll("ben@runner.test", "Ben")
    gone = world.enroll("cara@runner.test", "<b>Cara</b>")
    pass_days(world, 1)
    with world.database.write() as session:
        found = enrollments.by_id(session, gone)
        assert found
        signup.leave(session, found, signup.Origin(), now=world.machine)
        lesson = session.scalars(select(Delivery.lesson_id).where(Delivery.enrollment_id == old)).first()
        said = {"text": "Twice a week.", "done_at": world.machine, "answered_at": world.machine}
        session.add(Answer(enrollment_id=old, lesson_id=lesson, copy=1, **said))
        # nobody's worker runs in this test, which is a problem to be told
    pass_days(world, 6)
    assert world.course == datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    world.go_to(datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
    worker(world).step()
    lines = text(world).splitlines()
    assert lines[0] == "November 16 to 22"
    assert lines[3:9] == [
        "2 joined (1 the week before): <b>Cara</b> and Ben.",
        "0 finished the course (0 the week before).",
        "1 left (0 the week before).",
        "1 answer to your questions (0 the week before).",
        "1 reader is on their way; 5 lessons went out.",
        "One thing needs you: Nobody is sending.",
    ]
    with world.database.read() as session:
        message = session.scalars(select(Notice).where(Notice.kind == "weekly")).one().message
    assert message["subject"] == "Last week: 2 joined, 0 finished, 1 left"
    assert message["text"].count("https://") == 1
    assert message["html"].count("href=") == 1
    assert "&lt;b&gt;Cara&lt;/b&gt;" in message["html"]


ZONES = {
    "": 12, "Europe/Berlin": 6, "Asia/Tokyo": 22, "America/Los_Angeles": 15, "Pacific/Kiritimati": 17,
    "Asia/Kathmandu": 1,
}  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
@on_sqlite
def test_it_comes_at_seven_on_each_coachs_clock(world: World, zone: str) -> None:
    coach(world, timezone=zone)
    world.enroll()
    steps = worker(world)
    world.go_to(datetime(2026, 11, 28, 0, 0, tzinfo=UTC))
    while world.machine < datetime(2026, 12, 2, tzinfo=UTC):
        steps.step()
        world.go(minutes=15)
    [(_, at)] = queued(world)
    assert at.hour == ZONES[zone]
    assert at.minute == (15 if zone == "Asia/Kathmandu" else 0)
    assert at.date() == (datetime(2026, 11, 29).date() if ZONES[zone] > 16 else MONDAY.date())


@pytest.mark.parametrize("change", [datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)])
def test_three_weeks_around_a_change_of_clocks_bring_one_mail_a_week_from_several_workers(
    world: World, change: datetime
) -> None:
    """The workers restart now and then; a reader is on their way all the time."""
    world.go_to(change - timedelta(days=10))
    coach(world, created_at=world.machine)
    coach(world, "lee@clinic.test", timezone="Europe/Lisbon", created_at=world.machine)
    world.enroll()
    workers, n = [worker(world) for _ in range(3)], 0
    while world.machine < change + timedelta(days=10):
        workers[n % 3].step()
        workers[(n + 1) % 3].step()
        if n % 17 == 0:
            workers[n % 3] = worker(world)
        n += 1
        world.go(hours=12 if 1 < world.machine.weekday() < 6 else 1)
    for email, zone in (("kim@clinic.test", "America/New_York"), ("lee@clinic.test", "Europe/Lisbon")):
        local = [at.astimezone(ZoneInfo(zone)) for to, at in queued(world) if to == email]
        assert [(at.weekday(), at.hour, at.minute) for at in local] == [(0, 7, 0)] * 3
        assert len({at.date() for at in local}) == 3


def test_workers_that_look_in_the_same_moment_queue_one(world: World) -> None:
    coach(world)
    world.enroll()
    world.go_to(MONDAY)
    workers = [worker(world) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda one: one.step(), workers))
    assert len(queued(world)) == 1


CASES: dict[str, tuple[dict[str, Any], timedelta, int]] = {
    "on time": ({}, timedelta(0), 1),
    "too early": ({}, timedelta(seconds=-1), 0),
    "late on Monday": ({}, timedelta(hours=23), 1),
    "a day late": ({}, timedelta(days=1), 0),
    "not wanted": ({"weekly_mail": False}, timedelta(0), 0),
    "who was never in": ({"password_hash": ""}, timedelta(0), 0),
    "who came after it": ({"created_at": MONDAY}, timedelta(hours=1), 0),
}


@pytest.mark.parametrize("case", CASES)
@on_sqlite
def test_who_gets_it_and_when(world: World, case: str) -> None:
    values, late, mails = CASES[case]
    coach(world, **values)
    world.enroll()
    world.go_to(MONDAY + late)
    worker(world).step()
    assert len(queued(world)) == mails


@pytest.mark.parametrize(("readers", "mails"), [(0, 0), (1, 1)])
def test_without_any_reader_there_is_none(world: World, readers: int, mails: int) -> None:
    coach(world)
    for n in range(readers):
        world.enroll(f"r{n}@runner.test")
    world.go_to(MONDAY)
    worker(world).step()
    assert len(queued(world)) == mails


def test_a_course_that_everybody_finished_is_quiet_the_week_after(world: World) -> None:
    coach(world)
    world.enroll()
    pass_days(world, 15)
    weeks = []
    for n in range(4):
        world.go_to(MONDAY + timedelta(weeks=n))
        worker(world).step()
        weeks.append(len(queued(world)))
    assert weeks == [1, 1, 2, 2]
