"""What may be changed for one reader. Whatever is changed, and whenever: never two lessons at once, early, or twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from course.actions import controls, recording, signup
from course.actions.controls import NotNow
from course.core.schedule import SLACK, Pace
from course.core.status import Enrolled, Sent
from course.store import subscribers
from course.store.db import Database
from course.store.models import Consent, Delivery, Enrollment, Exclusion
from tests.actions.steps import ANN, lessons_to, pass_days
from tests.factories import START, World

GAPS = dict(enumerate((0, 3, 4, 3, 4), 1))  # by lesson id
NUMBERS = count(1)


def do(world: World, reader: int, name: str, *arguments: Any) -> Enrollment:
    with world.database.write() as session:
        found = controls.hold(session, reader)
        assert found
        getattr(controls, name)(session, found, *arguments, world.now())
        return found


def mails(world: World, reader: int) -> list[Delivery]:
    with world.database.read() as session:
        rows = session.scalars(select(Delivery).where(Delivery.enrollment_id == reader).order_by(Delivery.id)).all()
        return list(rows)


@pytest.fixture
def ann(world: World) -> int:
    """She has lesson 1; lesson 2 is due Thursday, 7:00 am in New York."""
    reader = world.enroll()
    world.drain()
    return reader


def test_a_pause_holds_until_its_day_and_then_the_next_lesson_comes_in_her_hours(world: World, ann: int) -> None:
    until = datetime(2026, 12, 7, 5, tzinfo=UTC)  # midnight in New York
    assert do(world, ann, "pause", until).due_at == datetime(2026, 12, 7, 12, tzinfo=UTC)
    pass_days(world, 13)
    assert len(lessons_to(world)) == 1
    pass_days(world, 1.5)
    assert len(lessons_to(world)) == 2


def test_after_a_pause_that_ends_early_one_lesson_comes_and_not_all_that_were_missed(world: World, ann: int) -> None:
    do(world, ann, "pause", START + timedelta(days=60))
    pass_days(world, 30)
    do(world, ann, "resume")
    pass_days(world, 2)
    assert len(lessons_to(world)) == 2


def test_a_pause_is_for_a_day_to_come(world: World, ann: int) -> None:
    for until in (world.course, world.course - timedelta(days=1), world.course + timedelta(days=400)):
        with pytest.raises(NotNow, match="at most a year"):
            do(world, ann, "pause", until)


def test_a_lesson_that_is_skipped_never_comes_and_a_skip_can_be_taken_back(world: World, ann: int) -> None:
    do(world, ann, "skip", 2)
    do(world, ann, "skip", 4)
    do(world, ann, "unskip", 4)
    pass_days(world, 30)
    assert lessons_to(world) == ["About Start", "About Why", "About How", "About Fuel"]
    assert world.enrollment(ann).status == Enrolled.FINISHED
    do(world, ann, "unskip", 2)
    pass_days(world, 2)
    assert lessons_to(world)[-1] == "About Week"


def test_what_went_already_and_what_is_no_lesson_cannot_be_skipped(world: World, ann: int) -> None:
    for lesson, why in ((1, "went already"), (99, "not part of the course")):
        with pytest.raises(NotNow, match=why):
            do(world, ann, "skip", lesson)


def test_who_skips_all_that_is_left_has_finished(world: World, ann: int) -> None:
    for lesson in (2, 3, 4, 5):
        do(world, ann, "skip", lesson)
    assert world.enrollment(ann).status == Enrolled.FINISHED
    with pytest.raises(NotNow, match="none to come"):
        do(world, ann, "next_now")


def test_the_next_lesson_now_goes_at_night_too_and_a_second_tap_fetches_no_other(world: World, ann: int) -> None:
    world.go(hours=12)  # 10 pm in New York
    do(world, ann, "next_now")
    do(world, ann, "next_now")
    world.drain()
    assert len(lessons_to(world)) == 2
    with pytest.raises(NotNow, match="few minutes ago"):
        do(world, ann, "next_now")
    assert world.enrollment(ann).due_at == datetime(2026, 11, 28, 12, tzinfo=UTC)  # four days on, not three and a half


def test_nothing_is_asked_for_while_a_lesson_is_not_settled_or_there_is_a_pause(world: World, ann: int) -> None:
    do(world, ann, "pause", START + timedelta(days=5))
    with pytest.raises(NotNow, match="pause"):
        do(world, ann, "next_now")
    with world.database.write() as session:
        session.scalars(select(Delivery).where(Delivery.enrollment_id == ann)).one().state = Sent.UNKNOWN
    do(world, ann, "resume")
    assert world.enrollment(ann).due_at is None
    for name, arguments in (("next_now", ()), ("start_again", ())):
        with pytest.raises(NotNow, match="on its way"):
            do(world, ann, name, *arguments)


def test_pace_hours_and_zone_plan_the_next_lesson_anew(world: World, ann: int) -> None:
    assert do(world, ann, "set_pace", "slower").due_at == datetime(2026, 11, 29, 12, tzinfo=UTC)
    assert do(world, ann, "set_pace", "faster").due_at == datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert do(world, ann, "set_hours", "18:30", [5, 6]).due_at == datetime(2026, 11, 28, 23, 30, tzinfo=UTC)
    assert do(world, ann, "set_hours", None, None).due_at == datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert do(world, ann, "set_zone", "Europe/Berlin").due_at == datetime(2026, 11, 25, 6, tzinfo=UTC)
    for name, arguments in (
        ("set_pace", ("hurry",)), ("set_hours", ("7", None)), ("set_hours", ("07:00+01", None)),
        ("set_hours", (None, [])), ("set_hours", (None, [7])), ("set_zone", ("Mars/Base",)),
    ):  # fmt: skip
        with pytest.raises(NotNow):
            do(world, ann, name, *arguments)


def test_a_lesson_sent_again_goes_at_once_and_leaves_the_calendar_as_it_is(world: World, ann: int) -> None:
    before = world.enrollment(ann)
    world.go(hours=14)  # midnight
    do(world, ann, "send_again", 1)
    world.drain()
    assert lessons_to(world) == ["About Start"] * 2
    after = world.enrollment(ann)
    assert (after.due_at, after.anchor_at, after.had) == (before.due_at, before.anchor_at, before.had)
    do(world, ann, "send_again", 1)
    world.drain()
    pass_days(world, 30)
    assert lessons_to(world) == ["About Start"] * 3 + ["About Week", "About Why", "About How", "About Fuel"]
    do(world, ann, "send_again", 5)
    world.drain()
    assert lessons_to(world)[-2:] == ["About Fuel"] * 2
    assert world.enrollment(ann).status == Enrolled.FINISHED


def test_only_what_somebody_had_is_sent_again_and_not_while_it_is_on_its_way(world: World, ann: int) -> None:
    with pytest.raises(NotNow, match="not had this lesson"):
        do(world, ann, "send_again", 3)
    do(world, ann, "send_again", 1)
    with pytest.raises(NotNow, match="on its way"):
        do(world, ann, "send_again", 1)
    with world.database.write() as session:
        subscribers.suppress(session, ANN, "bounce", "no such user", world.machine)
    with pytest.raises(NotNow, match="our mail came back"):
        do(world, ann, "send_again", 1)


def test_who_was_stopped_gets_nothing_until_somebody_says_how_they_asked_to_come_back(world: World, ann: int) -> None:
    assert do(world, ann, "stop", "asked on the phone").reason == "asked on the phone"
    pass_days(world, 10)
    assert len(lessons_to(world)) == 1
    with pytest.raises(NotNow, match="proof"):
        do(world, ann, "bring_back", " ")
    do(world, ann, "bring_back", "by phone, 3 December")
    with world.database.read() as session:
        notes = session.scalars(select(Consent.note).where(Consent.kind == "return")).all()
    assert notes == ["by phone, 3 December"]
    pass_days(world, 30)
    assert lessons_to(world) == [f"About {title}" for title in ("Start", "Week", "Why", "How", "Fuel")]


def test_starting_again_brings_every_lesson_once_more(world: World, ann: int) -> None:
    do(world, ann, "skip", 3)
    pass_days(world, 30)
    assert len(lessons_to(world)) == 4
    do(world, ann, "start_again")
    pass_days(world, 30)
    assert lessons_to(world)[4:] == [f"About {title}" for title in ("Start", "Week", "Why", "How", "Fuel")]
    with world.database.read() as session:
        assert session.scalars(select(Exclusion)).all() == []


def test_a_lesson_of_the_time_before_is_sent_again_and_still_comes_in_its_turn(world: World, ann: int) -> None:
    pass_days(world, 30)
    do(world, ann, "start_again")
    world.drain()
    do(world, ann, "send_again", 4)
    pass_days(world, 30)
    wanted = [f"About {title}" for title in ("Start", "How", "Week", "Why", "How", "Fuel")]
    assert lessons_to(world)[5:] == wanted


def test_a_copy_that_nobody_knows_of_is_sent_once_more_and_the_calendar_stays(world: World, ann: int) -> None:
    before = world.enrollment(ann)
    world.go(days=1)
    do(world, ann, "send_again", 1)
    with world.database.write() as session:
        row = session.scalars(select(Delivery).where(Delivery.state == Sent.QUEUED)).one()
        row.state = Sent.UNKNOWN
    do(world, ann, "send_again", 1)
    world.drain()
    assert lessons_to(world) == ["About Start"] * 2
    assert world.enrollment(ann).due_at == before.due_at


@pytest.mark.parametrize("state", [Sent.REFUSED, Sent.UNKNOWN])
def test_a_lesson_of_the_time_before_that_is_mended_still_comes_in_its_turn(
    world: World, ann: int, state: Sent
) -> None:
    pass_days(world, 30)
    old = mails(world, ann)[3]
    with world.database.write() as session:
        row = session.get_one(Delivery, old.id)
        row.state, row.scope, row.resigned_at = state, "message", world.machine
    do(world, ann, "start_again")
    world.drain()
    do(world, ann, "send_again", 4)
    pass_days(world, 30)
    wanted = [f"About {title}" for title in ("Start", "How", "Week", "Why", "How", "Fuel")]
    assert lessons_to(world)[-6:] == wanted


def test_a_copy_that_is_settled_late_leaves_the_calendar_as_it_is(world: World, ann: int) -> None:
    before = world.enrollment(ann)
    world.go(hours=14)
    do(world, ann, "send_again", 1)
    world.drain()
    with world.database.write() as session:
        recording.went_later(session, [session.get_one(Delivery, mails(world, ann)[-1].id)], world.machine)
    assert world.enrollment(ann).anchor_at == before.anchor_at


def test_what_is_sent_again_is_the_newest_copy_and_not_the_highest_number(world: World, ann: int) -> None:
    do(world, ann, "send_again", 1)
    world.drain()
    do(world, ann, "start_again")
    world.drain()
    do(world, ann, "send_again", 1)
    assert sorted(row.copy for row in mails(world, ann)) == [1, 2, 1001, 1002]


def test_one_more_copy_takes_no_wish_for_the_next_lesson_away(world: World, ann: int) -> None:
    do(world, ann, "send_again", 1)
    with world.database.write() as session:
        session.get_one(Enrollment, ann).asked_at = world.course
    world.drain()
    assert lessons_to(world) == ["About Start", "About Start", "About Week"]


def test_who_started_again_and_left_with_a_lesson_waiting_gets_it_when_they_are_back(world: World, ann: int) -> None:
    do(world, ann, "send_again", 1)
    world.drain()
    do(world, ann, "start_again")
    with world.database.write() as session:
        held = session.scalars(select(Delivery).where(Delivery.enrollment_id == ann)).first()
        assert held is not None
        again = {
            name: getattr(held, name) for name in ("kind", "subscriber_id", "course_id", "enrollment_id", "lesson_id")
        }
        session.add(Delivery(**again, copy=2, state=Sent.CANCELLED, attempts=1, not_before=START, created_at=START))
        session.get_one(Enrollment, ann).had = [held.lesson_id]
        signup.leave(session, session.get_one(Enrollment, ann), signup.Origin(), now=world.machine)
    with world.database.write() as session:
        assert signup.come_back(session, session.get_one(Enrollment, ann), signup.Origin(), now=world.machine)
    world.drain()
    assert lessons_to(world) == ["About Start"] * 3


ACTS = st.one_of(
    st.tuples(st.just("pause"), st.floats(0.01, 20)),
    st.tuples(st.just("resume")),
    st.tuples(st.just("next_now")),
    st.tuples(st.just("set_pace"), st.sampled_from(list(Pace))),
    st.tuples(st.just("set_hours"), st.sampled_from([None, "00:00", "07:00", "23:30"]), st.sampled_from([None, [2]])),
    st.tuples(st.just("set_zone"), st.sampled_from(["Pacific/Kiritimati", "Pacific/Niue", "Europe/Berlin", ""])),
    st.tuples(st.just("skip"), st.integers(1, 5)),
    st.tuples(st.just("unskip"), st.integers(1, 5)),
    st.tuples(st.just("send_again"), st.integers(1, 5)),
)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[World]:
    """One world for all examples: each is another reader, and their clocks are their own."""
    folder = tmp_path_factory.mktemp("controls")
    path = folder / "course.db"
    path.write_bytes(sqlite_template.read_bytes())
    world = World(Database(f"sqlite:///{path}"), folder / "outbox")
    yield world
    world.close()


@given(script=st.lists(st.tuples(st.floats(0.001, 6), ACTS), max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_changed_and_whenever_no_lesson_comes_twice_early_or_beside_another(
    lasting: World, script: list[tuple[float, tuple[Any, ...]]]
) -> None:
    world = lasting
    world.go_to(START + timedelta(days=1000 * next(NUMBERS)))
    reader = world.enroll(f"runner{next(NUMBERS)}@controls.test")
    again, skipped, sent = 0, set[int](), list[tuple[Delivery, Enrollment]]()
    for days, (name, *given_with) in script:
        _live(world, reader, days, sent)
        arguments = [world.course + timedelta(days=given_with[0])] if name == "pause" else given_with
        try:
            do(world, reader, name, *arguments)
        except NotNow:
            continue
        again += name == "send_again"
        skipped = skipped | {*arguments} if name == "skip" else skipped - {*arguments} if name == "unskip" else skipped
    _live(world, reader, 200, sent)
    lessons = [(row, was) for row, was in sent if row.copy < 1000]
    assert sorted({1, 2, 3, 4, 5} - skipped) == sorted(row.lesson_id or 0 for row, _ in lessons)
    assert len(sent) - len(lessons) == again
    assert world.enrollment(reader).status == Enrolled.FINISHED
    for (before, _), (row, was) in pairwise(lessons):
        if row.asked_at is None:
            days = Pace(was.pace).days(GAPS[row.lesson_id or 0])
            assert row.created_at - before.created_at >= max(timedelta(days=days) - SLACK, timedelta(0))
        assert row.created_at - before.created_at >= controls.JUST_NOW or row.lesson_id == 1


def _live(world: World, reader: int, days: float, sent: list[tuple[Delivery, Enrollment]]) -> None:
    """Moves the clock from one instant at which something is due to the next, and looks at each mail as it goes."""
    end = world.course + timedelta(days=days)
    for _ in range(200):
        was = world.enrollment(reader)
        while world.sender.step("lesson"):
            pass
        for row in mails(world, reader)[len(sent) :]:
            if row.state == Sent.QUEUED:
                break  # one more copy, asked for in a pause: it waits for its end
            assert row.state == Sent.ACCEPTED
            assert not (was.paused_until and was.paused_until > world.course)
            if row.asked_at is None and row.copy < 1000:
                assert _open(was, row.created_at, world, reader)
            sent.append((row, was))
        waiting = [at for at in (world.enrollment(reader).due_at, _queued(world, reader)) if at]
        if not waiting or min(waiting) > end or world.course >= end:
            break
        world.go_to(max(world.course, min(waiting)))
    else:
        raise AssertionError(f"nothing moves: {was.due_at} {world.course} {_queued(world, reader)}")
    world.go_to(end)


def _queued(world: World, reader: int) -> datetime | None:
    return next((row.not_before for row in mails(world, reader) if row.state == Sent.QUEUED), None)


def _open(was: Enrollment, at: datetime, world: World, reader: int) -> bool:
    with world.database.read() as session:
        person = subscribers.by_id(session, was.subscriber_id)
        local = at.astimezone(ZoneInfo((person and person.timezone) or "America/New_York"))
    hour = time.fromisoformat(was.hour or "07:00")
    last = time(21) if hour < time(21) else time.max
    return hour <= local.time() <= last and (was.weekdays is None or local.weekday() in was.weekdays)
