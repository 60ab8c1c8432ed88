"""Notices: a crash at any point sends one three times at most, and loses none; alarms reach each coach once."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from course.actions import alarming, notices
from course.actions.lanes import Backoff
from course.core.letter import Message
from course.core.outcome import Accepted, Misconfigured, Outcome, Refused, Uncertain, Unreachable
from course.mail.provider import Provider, Ready, always
from course.store import admins, alarms, calls, installation
from course.store.models import Admin, Notice
from course.worker.alarm import AlarmBell
from course.worker.notifier import Notifier
from tests.factories import START, World

LINK = "https://course.example/admin/links/1-2-3.x"
GIVEN = {"link": LINK, "life": "one hour", "inviter": "Kim <script>"}


class Desk(Provider):
    """A provider that answers as it is told, and remembers what it took."""

    name = "desk"
    honours_keys = True

    def __init__(self, *answers: Outcome) -> None:
        self.answers = list(answers)
        self.taken: list[tuple[str, str]] = []

    def build(self, messages: Sequence[Message]) -> bytes:
        [message] = messages
        return f"{message.send_id} {message.to} {message.subject}".encode()

    def post(self, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
        self.taken.append((key, body.decode()))
        return [self.answers.pop(0) if self.answers else Accepted()] * count


def notifier(world: World, provider: Provider, point: Callable[[str], None] = lambda _: None) -> Notifier:
    sending = replace(world.sender.sending, provider=provider)
    return Notifier(world.database, sending, world.now, Backoff(600.0, random.Random(1)), point)


def queue(world: World, kind: str = "password", email: str = "kim@clinic.test") -> None:
    with world.database.write() as session:
        notices.queue(session, kind, email, world.letters.notice(kind, email, GIVEN), world.machine)


def rows(world: World) -> list[Notice]:
    with world.database.read() as session:
        return session.query(Notice).order_by(Notice.id).all()


def drain(one: Notifier) -> None:
    while one.step():
        pass


def test_a_notice_is_sent_as_it_was_written(world: World) -> None:
    queue(world, "invitation")
    drain(notifier(world, world.provider))
    [mail] = world.mails()
    assert (mail["To"], mail["Subject"]) == ("kim@clinic.test", "You are invited to run the email course")
    html, text = (mail.get_body((kind,)).get_content() for kind in ("html", "plain"))  # type: ignore[union-attr]
    assert LINK in html
    assert LINK in text
    assert "Kim &lt;script&gt;" in html
    assert "List-Unsubscribe" not in mail
    assert (rows(world)[0].done_at, rows(world)[0].problem) == (world.machine, "")


@pytest.mark.parametrize("place", ["marked", "answered"])
def test_a_worker_that_dies_loses_no_notice_and_sends_it_three_times_at_most(world: World, place: str) -> None:
    class Died(Exception):
        pass

    def die(at: str) -> None:
        if at == place:
            raise Died

    queue(world)
    desk = Desk()
    for _ in range(5):
        try:
            drain(notifier(world, desk, die))
        except Died:
            assert not notifier(world, desk).step()  # nobody touches it for the lease
        world.go(minutes=11)
    [row] = rows(world)
    assert row.attempts == 3
    assert row.done_at
    assert "three times" in row.problem
    assert len(desk.taken) == (3 if place == "answered" else 0)
    assert len({key for key, _ in desk.taken}) <= 1  # the same key: a provider that honours it sends one mail


def test_after_a_crash_another_worker_sends_it(world: World) -> None:
    queue(world)
    desk = Desk()

    def die(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        notifier(world, desk, die).step()
    world.go(minutes=11)
    drain(notifier(world, desk))
    [row] = rows(world)
    assert (len(desk.taken), row.attempts, row.problem, bool(row.done_at)) == (1, 2, "", True)


def test_a_lost_answer_is_tried_again_under_the_same_key(world: World) -> None:
    queue(world)
    desk = Desk(*[Uncertain("no answer")] * 9)
    for _ in range(9):
        drain(notifier(world, desk))
        world.go(minutes=11)
    [row] = rows(world)
    assert (len(desk.taken), len(set(desk.taken)), row.problem) == (3, 1, "no answer")
    assert row.done_at


def test_a_worker_that_comes_back_late_overwrites_nothing_newer(world: World) -> None:
    queue(world)
    sending, backoff = replace(world.sender.sending, provider=Desk()), Backoff(1.0, random.Random(1))

    def take() -> notices.Taken:
        with world.database.write() as session:
            taken = notices.take(sending, session, world.machine)
            assert taken
            return taken

    def hear(taken: notices.Taken, outcome: Outcome) -> Notice:
        with world.database.write() as session:
            notices.record(session, sending, taken, outcome, world.machine, backoff)
        return rows(world)[0]

    late = take()
    world.go(minutes=11)
    newer = take()
    assert hear(late, Refused("too late", "message")).done_at is None
    assert hear(late, Accepted()).done_at  # but what did arrive has arrived
    assert hear(newer, Refused("no", "message")).problem == ""


def test_a_refused_notice_is_over_and_says_why(world: World) -> None:
    queue(world)
    queue(world, email="sam@clinic.test")
    drain(notifier(world, Desk(Refused("no such mailbox", "recipient"))))
    assert [(row.problem, bool(row.done_at)) for row in rows(world)] == [("no such mailbox", True), ("", True)]


@pytest.mark.parametrize("trouble", [Misconfigured("bad key"), Unreachable("refused")])
def test_trouble_of_the_account_costs_no_try_and_pauses_all(world: World, trouble: Outcome) -> None:
    queue(world)
    desk = Desk(trouble, trouble)
    one = notifier(world, desk)
    drain(one)
    [row] = rows(world)
    assert (len(desk.taken), row.attempts, row.done_at, row.problem) == (1, 0, None, trouble.reason)  # type: ignore[union-attr]
    with world.database.read() as session:
        lane = calls.lane(session, "desk", "test")
    assert lane.failures == 1
    assert lane.paused_until
    for _ in range(100):
        world.go(minutes=11)
        drain(one)
    assert rows(world)[0].done_at
    assert len(desk.taken) == 3
    with world.database.read() as session:
        assert calls.lane(session, "desk", "test").failures == 0
        assert not alarms.ringing(session)


def test_a_mailbox_that_puts_us_off_is_given_up_after_a_day(world: World) -> None:
    queue(world)
    queue(world, email="sam@clinic.test")
    wait = Unreachable("greylisted", scope="message")
    desk = Desk(wait, Accepted(), *[wait] * 1000)
    for _ in range(30):
        drain(notifier(world, desk))
        world.go(hours=1)
    first, second = rows(world)
    assert (second.done_at is not None, second.problem) == (True, "")
    assert first.problem == "greylisted"
    assert first.done_at
    assert first.done_at - first.created_at <= timedelta(hours=26)


def test_a_notice_that_cannot_be_built_stops_no_other(world: World) -> None:
    class Picky(Desk):
        def build(self, messages: Sequence[Message]) -> bytes:
            if messages[0].to.startswith("kim"):
                raise ValueError("not this one")
            return super().build(messages)

    queue(world)
    queue(world, email="sam@clinic.test")
    desk = Picky()
    drain(notifier(world, desk))
    assert ["not this one" in row.problem for row in rows(world)] == [True, False]
    assert len(desk.taken) == 1


def test_old_bodies_are_forgotten_and_those_with_a_link_at_once(world: World) -> None:
    queue(world)
    ring(world)
    with world.database.write() as session:
        coach(session)
        [alarm] = alarms.ringing(session)
        alarming.tell_coaches(session, world.letters, alarm, world.machine)
    one = notifier(world, Desk())
    drain(one)
    assert [bool(row.message) for row in rows(world)] == [False, True]
    world.go(days=31)
    one.tidy()
    assert [bool(row.message) for row in rows(world)] == [False, False]


# Alarms


def coach(session: object, email: str = "kim@clinic.test", **values: object) -> None:
    row = {
        "name": "Kim", "timezone": "Europe/Lisbon", "password_hash": "x", "totp_secret": "", "totp_counter": 0,
        "recovery_hashes": [], "session_key": "k", "weekly_mail": True, "created_at": START, "seen_at": None,
    }  # fmt: skip
    admins.add(session, Admin(email=email, email_key=email, **(row | values)))  # type: ignore[arg-type]


def subjects(world: World) -> list[tuple[str, str]]:
    return [(row.email, str(row.message["subject"])) for row in rows(world) if row.kind == "alarm"]


@pytest.mark.parametrize("road_works", [True, False])
def test_each_coach_is_told_once_when_trouble_begins_and_once_when_it_is_over(world: World, road_works: bool) -> None:
    with world.database.write() as session:
        coach(session)
        coach(session, "sam@clinic.test", timezone="")
        coach(session, "invited@clinic.test", password_hash="")
    bell = AlarmBell(
        world.database,
        lambda: world.machine,
        world.letters,
        lambda _title, _text: "" if road_works else "HTTP status 500",
    )
    ring(world)
    for _ in range(3):
        bell.ring()
        world.go(minutes=2)
    told = [("kim@clinic.test", "Mail is stopped"), ("sam@clinic.test", "Mail is stopped")]
    assert subjects(world) == told
    with world.database.write() as session:
        alarms.clear(session, "lane:x", world.machine)
    for _ in range(3):
        bell.ring()
        world.go(minutes=2)
    assert subjects(world) == told + [(who, f"Over: {what}") for who, what in told]
    text = str(rows(world)[-2].message["text"])
    assert "From Monday, November 23, 15:00 to Monday, November 23, 15:06, Europe/Lisbon time." in text
    assert "https://course.example/admin" in text


def test_trouble_that_begins_again_before_it_was_told_over_is_told_as_new(world: World) -> None:
    """The road by which it is told was closed meanwhile."""
    told, is_open = list[str](), [True]

    def tell(_: str, text: str) -> str:
        if not is_open[0]:
            return "the road is closed"
        told.append(text)
        return ""

    bell = AlarmBell(world.database, lambda: world.machine, world.letters, tell)

    def trouble(text: str) -> None:
        with world.database.write() as session:
            alarms.ring(session, "unknown", text, world.machine)

    trouble("First.")
    bell.ring()
    world.go(minutes=2)
    is_open[0] = False
    with world.database.write() as session:
        alarms.clear(session, "unknown", world.machine)
    bell.ring()
    world.go(minutes=2)
    trouble("Second.")
    is_open[0] = True
    for _ in range(3):
        bell.ring()
        world.go(minutes=2)
    assert told == ["First.", "Second."]
    with world.database.read() as session:
        assert [alarm.text for alarm in alarms.ringing(session)] == ["Second."]


def test_trouble_that_ends_while_it_is_told_is_told_over(world: World) -> None:
    told: list[str] = []

    def tell(_: str, text: str) -> str:
        if not told:
            with world.database.write() as session:
                alarms.clear(session, "lane:x", world.machine)
        told.append(text)
        return ""

    ring(world)
    world.go(seconds=1)
    bell = AlarmBell(world.database, lambda: world.machine, world.letters, tell)
    for _ in range(3):
        bell.ring()
        world.go(minutes=2)
    assert [text.startswith("Over: ") for text in told] == [False, True]


def test_trouble_that_is_over_before_anybody_was_told_is_not_told(world: World) -> None:
    with world.database.write() as session:
        coach(session)
    ring(world)
    with world.database.write() as session:
        alarms.clear(session, "lane:x", world.machine)
    bell = AlarmBell(world.database, lambda: world.machine, world.letters, None)
    assert not bell.ring()
    assert subjects(world) == []


def test_where_mail_itself_is_the_trouble_the_notices_wait_for_it(world: World) -> None:
    with world.database.write() as session:
        coach(session)
    bell = AlarmBell(world.database, lambda: world.machine, world.letters, None)
    desk = Desk(*[Misconfigured("bad key")] * 3)
    one = notifier(world, desk)
    queue(world)
    drain(one)  # notices that the account is shut: an alarm rings
    assert bell.ring()
    for _ in range(40):
        world.go(minutes=11)
        drain(one)
        bell.ring()
    drain(one)
    assert [who for who, _ in subjects(world)] == ["kim@clinic.test"] * 2
    assert all(row.done_at and not row.problem for row in rows(world))
    assert len(desk.taken) == 6


def test_that_no_worker_lives_rings_until_one_does(world: World) -> None:
    bell = AlarmBell(world.database, lambda: world.machine, world.letters, None)

    def watched() -> list[str]:
        bell.watch()
        with world.database.read() as session:
            return [alarm.text for alarm in alarms.ringing(session)]

    def tick() -> None:
        with world.database.write() as session:
            installation.note_tick(session, world.machine)

    assert watched() == [], "none ever ran: somebody is just beginning"
    tick()
    world.go(minutes=5)
    assert watched() == []
    world.go(minutes=1)
    assert watched() == ["No worker has run since 2026-11-23 15:00 UTC."]
    tick()
    assert watched() == []


def test_a_step_that_only_fails_rings_until_it_works(world: World) -> None:
    bell = AlarmBell(world.database, lambda: world.machine, world.letters, None)
    for wrong, texts in (
        ("OSError: disk full", ["A worker cannot do its part 'settle'. It says: OSError: disk full. It tries again; "]),
        ("", []),
    ):
        bell.step("settle", wrong)
        with world.database.read() as session:
            assert [alarm.text.removesuffix("nothing is lost.") for alarm in alarms.ringing(session)] == texts


def ring(world: World) -> None:
    with world.database.write() as session:
        alarms.ring(session, "lane:x", "Mail is stopped. postmark said: bad key. What is due waits.", world.machine)
