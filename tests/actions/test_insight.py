"""Insight: what readers said and did, counted; and what the numbers say in words."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from course.actions import controls, insight, signup
from course.actions.insight import Funnel, Row
from course.core import readers_csv
from course.core.happening import Happened
from course.store import enrollments
from course.store.deliveries import COPY_AGAIN
from course.store.models import Answer, Delivery, Enrollment
from tests.actions.steps import pass_days
from tests.crowd import LOST, fill
from tests.factories import World


def funnel(world: World) -> Funnel:
    with world.database.read() as session:
        return insight.funnel(session, world.the_course(session), world.course)


def test_the_funnel_counts_readers_not_mails(world: World) -> None:
    reader, other = world.enroll(), world.enroll("bob@runner.test")
    pass_days(world, 4)
    world.sign_up("asked@runner.test")
    with world.database.write() as session:
        controls.send_again(session, controls.hold(session, reader), 1, world.now())  # type: ignore[arg-type]
    world.drain()
    with world.database.write() as session:
        assert session.scalar(select(func.max(Delivery.copy))) == COPY_AGAIN + 1
        first = session.scalars(select(Delivery).where(Delivery.lesson_id == 1).order_by(Delivery.id)).all()
        for row, heard in zip(first, (Happened.DELIVERED, Happened.BOUNCE_SOFT, Happened.DELIVERED), strict=True):
            row.heard = heard
        gone = enrollments.by_id(session, other)
        assert gone
        signup.leave(session, gone, signup.Origin(), now=world.machine)
        session.add(Answer(enrollment_id=reader, lesson_id=2, copy=1, done_at=world.machine, text="", answered_at=None))
    found = funnel(world)
    assert [(row.sent, row.arrived, row.done, row.answered, row.stopped, row.waiting) for row in found.lessons] == [
        (2, 1, 0, 0, 0, 0), (2, 0, 1, 0, 1, 0), (0, 0, 0, 0, 0, 1), (0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0),
    ]  # fmt: skip
    assert (found.asked, found.confirmed, found.readers, found.gone, found.finished) == (3, 2, 2, 1, 0)


def test_a_mail_that_was_unknown_and_went_again_counts_once(world: World) -> None:
    world.enroll()
    world.drain()
    with world.database.write() as session:
        row = session.scalars(select(Delivery).where(Delivery.lesson_id == 1)).one()
        row.state = "cancelled"  # type: ignore[assignment]
        columns = {c.key: getattr(row, c.key) for c in Delivery.__table__.c if c.key not in {"id", "copy", "state"}}
        session.add(Delivery(**columns, copy=COPY_AGAIN + 1, state="accepted"))
    assert funnel(world).lessons[0].sent == 1
    assert funnel(world).lessons[0].arrived is None  # the outbox tells nothing


def test_a_crowd_adds_up_by_week_and_by_source(world: World) -> None:
    fill(world)
    found = funnel(world)
    with world.database.read() as session:
        course = world.the_course(session)
        weeks, (sources, others) = insight.weeks(session, course, world.course), insight.sources(session, course)
        few, rest = insight.sources(session, course, 2)
    assert [row.stopped for row in found.lessons] == [0, LOST[1], LOST[2], 0, LOST[4]]
    assert (found.readers, found.gone, found.asked, found.confirmed) == (60, sum(LOST.values()), 70, 60)
    for rows in (weeks, sources):
        assert sum(one.became.readers for one in rows) == found.readers
        assert sum(one.became.finished for one in rows) == found.finished
        assert sum(one.became.gone for one in rows) == found.gone
    assert others is None
    assert rest
    assert rest.readers == 60 - sum(one.became.readers for one in few)
    assert [one.since for one in weeks][:2] == [date(2026, 11, 23), date(2026, 11, 16)]
    assert weeks[0].became.readers == 1  # on Monday morning, on the course's calendar


def test_readers_of_long_ago_are_one_line(world: World) -> None:
    fill(world)
    world.go(days=70)
    with world.database.read() as session:
        weeks = insight.weeks(session, world.the_course(session), world.course)
    assert weeks[-1].since is None
    assert weeks[-1].became.readers > 30
    assert sum(one.became.readers for one in weeks) == 60


@pytest.mark.parametrize(("hours", "week"), [(-1, date(2026, 10, 26)), (1, date(2026, 11, 2))])
def test_a_week_begins_on_monday_where_the_course_is_in_a_week_that_is_an_hour_longer_too(
    world: World, hours: int, week: date
) -> None:
    reader = world.enroll()
    with world.database.write() as session:
        row = session.get_one(Enrollment, reader)
        midnight = world.course.replace(month=11, day=2, hour=5, minute=0)  # 0:00 in New York, back from summer time
        row.enrolled_at = midnight + timedelta(hours=hours)
    with world.database.read() as session:
        found = insight.weeks(session, world.the_course(session), world.course)
    assert [one.since for one in found if one.became.readers] == [week]


# --- In words ---

EMPTY = Row(1, 1, "Start", "", 0, None, 0, 0, 0, 0)


def of(*lessons: tuple[int, int, int], gone: int | None = None, asked: int = 0, confirmed: int = 0) -> Funnel:
    """Lessons as (sent, done, stopped)."""
    rows = [
        replace(EMPTY, number=n, title=f"L{n}", sent=sent, done=done, stopped=stopped)
        for n, (sent, done, stopped) in enumerate(lessons, 1)
    ]
    readers = rows[0].sent if rows else 0
    return Funnel(asked, confirmed, readers, 0, sum(row.stopped for row in rows) if gone is None else gone, rows)


WORDS = [
    (of(), ["Nobody has joined yet."]),
    (of((3, 0, 0), (2, 0, 0)), ["Nobody has left."]),
    (of((9, 0, 4), (5, 0, 0)), ["4 left so far: too few to say after which lesson most do."]),
    (
        of((100, 90, 4), (80, 20, 12), (60, 50, 1)),
        [
            "The biggest drop is after lesson 2, “L2”: 12 of the 80 who had it (15%) left before the next one.",
            "Lesson 2, “L2”, is ticked as done least: by 25% of those who had it.",
        ],
    ),
    # A share counts, not a number; and whoever leaves after the last lesson had them all.
    (
        of((400, 0, 20), (20, 0, 5), (15, 0, 9)),
        ["The biggest drop is after lesson 2, “L2”: 5 of the 20 who had it (25%) left before the next one."],
    ),
    (
        of((1000, 0, 3), (900, 0, 0), asked=1200, confirmed=1000),
        [
            "The biggest drop is after lesson 1, “L1”: 3 of the 1,000 who had it (under 1%) left before the next one.",
            "Of the 1,200 who signed up on a form, 1,000 confirmed (83%).",
        ],
    ),
]


@pytest.mark.parametrize(("found", "said"), WORDS)
def test_what_the_numbers_say(found: Funnel, said: list[str]) -> None:
    assert insight.in_words(found) == said


def test_every_answer_is_in_the_file_and_none_is_a_formula(world: World) -> None:
    fill(world)
    with world.database.read() as session:
        lessons = insight.lessons_of(session, world.the_course(session), world.course)
        lines = list(readers_csv.write(insight.answers_table(session, lessons)))
        count = session.scalar(select(func.count()).where(Answer.text != ""))
    assert len(lines) == 1 + (count or 0)
    assert any("'=HYPERLINK" in line for line in lines)
    assert not any(cell.startswith("=") for line in lines for cell in line.split(","))
