"""Today: the next seven days are what then happens; what needs a coach is told, and is over once it was seen to."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from course.actions import controls, guarding, today, today_acts, today_needs
from course.actions.edits import Choice
from course.actions.today_needs import Kind, Tone
from course.core.status import Sent
from course.store import alarms, calls, courses, installation
from course.store.models import (
    Admin,
    Alarm,
    AuditEntry,
    Course,
    Delivery,
    Enrollment,
    Exclusion,
    Installation,
    ProviderEvent,
    ReaderImport,
    Revision,
)
from course.worker.alarm import AlarmBell
from tests.actions.steps import on_sqlite, pass_days
from tests.actions.test_publishing import insert, make, new_lesson
from tests.factories import World

NEW_YORK = "America/New_York"


@pytest.fixture
def coach(world: World) -> Admin:
    row = Admin(
        email="kim@clinic.test", email_key="kim@clinic.test", name="Kim", timezone="", password_hash="x",
        totp_secret="", totp_counter=0, recovery_hashes=[], session_key="", weekly_mail=True,
        created_at=world.machine, seen_at=None,
    )  # fmt: skip
    with world.database.write() as session:
        session.add(row)
    return row


def tick(world: World) -> None:
    with world.database.relaxed() as session:
        installation.note_tick(session, world.machine)


def coming(world: World, **options: Any) -> Counter[tuple[date, int]]:
    with world.database.read() as session:
        week = today.coming(session, world.course, NEW_YORK, **options)
    return Counter({(day.date, one.lesson): one.count for day in week.days for one in day.mails})


def sent_since(world: World, at: Any) -> Counter[tuple[date, int]]:
    with world.database.read() as session:
        rows = session.execute(select(Delivery.done_at, Delivery.lesson_id).where(Delivery.done_at >= at))
        return Counter((done.astimezone(ZoneInfo(NEW_YORK)).date(), lesson) for done, lesson in rows)


def test_the_next_week_is_what_then_happens_mail_for_mail(world: World) -> None:
    """Zones, hours, paces, pauses, skips, eras of the timetable: all of them at once."""
    zones = ("", "Asia/Tokyo", "Europe/Berlin", "Pacific/Auckland")
    readers = []
    for n in range(14):
        readers.append(world.enroll(f"r{n}@runner.test", timezone=zones[n % 4]))
        pass_days(world, 0.7)
    extra = new_lesson(world, "Extra")
    make(world, insert(world, extra, 2), Choice.NEW)
    world.go(hours=1)
    readers += [world.enroll(f"new{n}@runner.test", timezone=zones[n]) for n in range(3)]
    with world.database.write() as session:
        lessons = [step.lesson for step in courses.terms_of(session, 1).at(world.course).steps]
        session.add(Exclusion(enrollment_id=readers[-1], lesson_id=lessons[2]))
        session.execute(update(Enrollment).where(Enrollment.id == readers[-2]).values(hour="18:30", weekdays=[1, 4]))
        held = {n: controls.hold(session, readers[n]) for n in (11, 12)}
        controls.pause(session, held[12], world.course + timedelta(days=2), world.now())
        controls.set_pace(session, held[11], "faster", world.now())
    pass_days(world, 0.01)
    began = world.course
    expected, sum_only = coming(world), coming(world, exact=0)
    end = (began.astimezone(ZoneInfo(NEW_YORK)) + timedelta(days=7)).replace(hour=0, minute=0, second=0, microsecond=0)
    pass_days(world, (end - began) / timedelta(days=1) - 1e-6)
    happened = sent_since(world, began)
    assert expected == happened
    assert happened.total() > 20
    assert {lesson for _, lesson in happened} == {2, 3, 4, 5, extra}
    assert {lesson for _, lesson in sum_only} == {0}
    assert 0 < sum_only.total() < happened.total()  # each reader's next lesson only


def test_a_paused_course_sends_nothing_next_week(world: World) -> None:
    world.enroll()
    with world.database.write() as session:
        world.the_course(session).paused_at = world.machine
    assert coming(world).total() == 0


def test_the_last_week_and_the_one_before(world: World) -> None:
    world.enroll("first@runner.test")
    pass_days(world, 8)
    world.enroll("second@runner.test")
    world.sign_up("asked@runner.test")
    pass_days(world, 7.5)
    with world.database.read() as session:
        this, last = today.lately(session, world.now())
    assert (this.asked, this.joined, this.finished) == (0, 0, 1)
    assert (last.asked, last.joined, last.finished) == (2, 1, 0)


# --- What needs somebody ---


def unknown(session: Any, **values: Any) -> None:
    row = session.scalars(select(Delivery).where(Delivery.lesson_id.is_not(None))).one()
    row.state, row.done_at, row.reason = Sent.UNKNOWN, None, "the connection broke"
    for name, value in values.items():
        setattr(row, name, value)


def refused(session: Any, world: World) -> None:
    row = session.scalars(select(Delivery).where(Delivery.lesson_id.is_not(None))).one()
    row.state, row.scope, row.reason = Sent.REFUSED, "message", "a word that we do not like"


def lane(session: Any, failures: int, reason: str, ringing: bool, world: World) -> None:
    found = calls.lane(session, "outbox", "test")
    found.failures, found.reason = failures, reason
    if ringing:
        alarms.ring(session, "lane:outbox:test", "Mail is stopped. outbox said: no", world.machine)


def event(world: World) -> ProviderEvent:
    ago = world.machine - timedelta(hours=1)
    return ProviderEvent(
        provider="resend", account="test", event_id="1", what="delivered", send_id="x", recipient="ann@runner.test",
        at=ago, detail="", raw="{}", received_at=ago, next_try_at=ago,
    )  # fmt: skip


def brought(world: World, state: str) -> ReaderImport:
    return ReaderImport(
        course_id=1, source="", options={}, state=state, lines=900, done=300, report={}, author="Kim",
        created_at=world.machine, finished_at=world.machine,
    )  # fmt: skip


def note(session: Any, **values: Any) -> None:
    session.execute(update(Installation).values(values))


Trouble = Callable[[Any, World], None]
CASES: dict[str, tuple[Trouble, list[Kind], Tone]] = {
    "nothing": (lambda s, w: None, [], Tone.WELL),
    "no worker": (lambda s, w: note(s, ticked_at=None), [Kind.WORKER], Tone.STOPPED),
    "a worker that is silent": (
        lambda s, w: note(s, ticked_at=w.machine - timedelta(minutes=2)), [Kind.WORKER], Tone.STOPPED,
    ),
    "a blip of the line": (lambda s, w: lane(s, 2, "timed out", False, w), [], Tone.WELL),
    "a line that stays closed": (lambda s, w: lane(s, 3, "timed out", False, w), [Kind.LANE], Tone.STOPPED),
    "a key that is refused": (lambda s, w: lane(s, 1, "bad key", True, w), [Kind.LANE], Tone.STOPPED),
    "a line that is no longer used": (
        lambda s, w: setattr(calls.lane(s, "postmark", "old"), "failures", 9), [], Tone.WELL,
    ),
    "an unknown mail": (lambda s, w: unknown(s), [Kind.UNKNOWN], Tone.LOOK),
    "a refused mail": (refused, [Kind.DEAD], Tone.LOOK),
    "a guard": (
        lambda s, w: note(s, guard_at=w.machine), [Kind.GUARD], Tone.LOOK,
    ),
    "events that nobody works through": (lambda s, w: s.add(event(w)), [Kind.EVENTS], Tone.LOOK),
    "a list that failed": (lambda s, w: s.add(brought(w, "failed")), [Kind.IMPORT], Tone.LOOK),
    "a list that failed, and came in later": (
        lambda s, w: s.add_all([brought(w, "failed"), brought(w, "done")]), [], Tone.WELL,
    ),
    "a paused course": (lambda s, w: setattr(s.get(Course, 1), "paused_at", w.machine), [Kind.PAUSED], Tone.STOPPED),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_needs_a_coach(world: World, case: str) -> None:
    trouble, kinds, tone = CASES[case]
    world.enroll()
    world.drain()
    tick(world)
    with world.database.write() as session:
        trouble(session, world)
    with world.database.read() as session:
        found = today_needs.needs(session, world.now())
        status = today_needs.status(session, found, world.now())
    assert [need.kind for need in found] == kinds
    assert status.tone == tone
    assert status.last == world.machine


def test_what_waits_is_counted_while_nobody_sends(world: World) -> None:
    for n in range(3):
        world.enroll(f"r{n}@runner.test")
    world.sign_up("asks@runner.test")
    with world.database.read() as session:
        assert today_needs.status(session, today_needs.needs(session, world.now()), world.now()).waiting == 3 + 4


def test_a_coach_says_that_a_mail_arrived_and_the_next_lesson_is_planned(world: World, coach: Admin) -> None:
    reader = world.enroll()
    world.drain()
    with world.database.write() as session:
        unknown(session, resigned_at=world.machine)
        session.get_one(Enrollment, reader).due_at = None
        alarms.ring(session, "unknown", "Nobody can say", world.machine)
    with world.database.write() as session:
        ids = session.scalars(select(Delivery.id).where(Delivery.state == Sent.UNKNOWN)).all()
        assert today_acts.settle(session, ids, arrived=True, coach=coach, now=world.machine) == 1
        assert today_acts.settle(session, ids, arrived=False, coach=coach, now=world.machine) == 0
    assert world.enrollment(reader).due_at
    AlarmBell(world.database, lambda: world.machine, world.letters, None).watch()
    with world.database.read() as session:
        entry = session.scalars(select(AuditEntry)).one()
        assert session.get(Alarm, "unknown") is None
    assert (entry.action, entry.what) == ("a mail arrived", "lesson 1 to ann@runner.test")


def test_a_refused_text_that_was_mended_goes_to_all_who_missed_it(world: World, coach: Admin) -> None:
    for n in range(3):
        world.enroll(f"r{n}@runner.test")
    world.drain()
    with world.database.write() as session:
        first = session.scalars(select(Delivery.revision_id).where(Delivery.lesson_id.is_not(None))).first()
        session.execute(
            update(Delivery).where(Delivery.revision_id == first).values(state=Sent.REFUSED, scope="message")
        )
        session.get_one(Revision, first).held_at = world.machine
    with world.database.read() as session:
        [need] = (need for need in today_needs.needs(session, world.now()) if need.kind is Kind.DEAD)
    assert need.title == "3 readers did not get lesson 1, “Start”"
    assert (need.about.mails, need.about.held, need.about.mended) == (3, True, False)
    with world.database.write() as session:
        assert today_acts.retry(session, 1, need.about.lesson, coach=coach, now=world.now()) == 3
        assert today_acts.retry(session, 1, need.about.lesson, coach=coach, now=world.now()) == 0
    world.drain()
    with world.database.read() as session:
        assert (
            session.scalar(select(func.count()).where(Delivery.state == Sent.ACCEPTED, Delivery.kind == "lesson")) == 3
        )
        assert session.scalars(select(AuditEntry.what)).all() == ["1 Start: 3 mails"]


@on_sqlite
def test_vouching_lifts_the_guard_and_is_noted(world: World, coach: Admin) -> None:
    with world.database.write() as session:
        installation.the(session).guard_at = world.machine
        alarms.ring(session, guarding.ALARM, "restored", world.machine)
        assert today_acts.vouch(session, coach, world.machine) == 0
        assert installation.the(session).guard_at is None
        assert session.scalars(select(AuditEntry.action)).one() == "vouch for the database"
