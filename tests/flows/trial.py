"""Rounds of real crashes: one database, one provider that loses answers, and workers struck down while they send.

In each round new readers sign up, workers start, and every worker that is awake is killed or frozen: at a random
instant, or by itself at a named point. Who was frozen wakes when its lease is over and others have its work, and goes
on until it is struck again. A round counts if a call was in flight when its workers went down.
"""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from course import assembly
from course.actions import signup
from course.core.status import UNSETTLED, Sent
from course.store import courses, subscribers
from course.store.models import Call, Delivery, Enrollment, Subscriber
from tests.fake_provider.client import FakeProvider
from tests.fake_provider.waiting import eventually
from tests.flows.forked import POINTS, Forked, Strike
from tests.flows.inbox import Inbox
from tests.flows.site import DAY, ROOT, Site

SPEED = 20 * DAY
READERS, LESSONS = 3, 5  # new readers in a round; what each is to get after the confirmation
STARTED = 3.0  # seconds for the provider to hear something; then the round goes on without
NAMED = 3.0  # seconds for a worker to come to its named point; then the strike comes from outside
LEASE = assembly.SHORT_LEASE
MISHAPS: list[dict[str, Any]] = [
    {"accept_delay": 0.4},
    {"rates": {"ok_then_reset": 0.4, "ok_then_5xx": 0.2}},
    {"rates": [[0.5, {"do": "slow", "seconds": 1.0}], [0.2, {"do": "ok_then_hang", "for": 3.0}]]},
    {"rates": {"reset": 0.2, "5xx": 0.1, "429": 0.1, "200_truncated": 0.2}, "lookup_lag": 0.5},
]


@dataclass
class Tally:
    rounds: int = 0
    crashes: int = 0
    freezes: int = 0
    accepted: int = 0
    duplicates: int = 0
    losses: int = 0
    resolved: int = 0  # in doubt when a worker went down, and known in the end
    held: int = 0  # unknown in the end, and listed for a coach
    faults: list[str] = field(default_factory=list)


@dataclass
class Trial:
    """`signs` counts something that grows when the provider takes a mail. `fake` None: the site's own outbox."""

    site: Site
    inbox: Inbox
    signs: Callable[[], int]
    rng: random.Random
    fake: FakeProvider | None = None
    tally: Tally = field(default_factory=Tally)
    readers: list[str] = field(default_factory=list)
    workers: list[Forked] = field(default_factory=list)
    in_doubt: set[int] = field(default_factory=set)

    def go(self, wanted: Callable[["Trial"], bool]) -> None:
        """Rounds for as long as they are wanted, and then on to the end of every reader's course."""
        imports = self.site.fork("lessons", "import", str(ROOT / "lessons"))
        eventually(lambda: imports.poll() is not None, 30)
        with self.waking():
            while wanted(self):
                self.round()
                assert len(self.readers) < READERS * (10 + 5 * self.tally.rounds), "hardly ever was a call in flight"
            self.behave({})
            # Who was woken may yet come to the point where they freeze themselves: they are woken to the very end.
            self.workers.append(self.site.fork("worker", "--speed", str(SPEED)))
            eventually(self.at_rest, 600, 0.25)  # a slow machine is no loss

    @contextmanager
    def waking(self) -> Iterator[None]:
        """Beside the rounds, since on SQLite a frozen worker may hold the lock that a round waits for."""
        over, asleep = Event(), LEASE.total_seconds() + 2

        def wake() -> None:
            until: dict[Forked, float] = {}
            while not over.wait(0.05):
                for worker in [one for one in list(self.workers) if one.frozen()]:
                    if time.monotonic() > until.setdefault(worker, time.monotonic() + asleep):
                        worker.send(signal.SIGCONT)
                        del until[worker]

        thread = Thread(target=wake)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def round(self) -> None:
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        asleep = [worker for worker in self.workers if worker.frozen()]
        began, signs = datetime.now(UTC), self.signs()
        self.behave(self.rng.choice(MISHAPS) | {"seed": self.rng.random()})
        for _ in range(self.rng.choice((1, 1, 2))):
            self.start_worker()
        eventually(self.sign_up, 120)
        _wait(lambda: self.signs() > signs, time.monotonic() + STARTED)
        instant = time.monotonic() + self.rng.uniform(0, self.rng.choice((0.3, 1, 3)))
        awake = [worker for worker in self.workers if worker not in asleep]
        for worker in sorted(awake, key=lambda worker: worker.strike is not None):
            self.strike(worker, instant)
        self.count(began, awake)

    def start_worker(self) -> None:
        """Every other one is to strike itself."""
        strike = Strike(self.rng.choice(POINTS), self.rng.randint(1, 3), self.a_signal())
        named = strike if self.rng.random() < 0.5 else None
        self.workers.append(self.site.fork("worker", "--speed", str(SPEED), strike=named))

    def strike(self, worker: Forked, instant: float) -> None:
        _wait(worker.down, instant + (NAMED if worker.strike else 0))
        if not worker.down():
            worker.send(self.a_signal())
            eventually(worker.down)

    def a_signal(self) -> signal.Signals:
        return self.rng.choice((signal.SIGKILL, signal.SIGSTOP))

    def count(self, began: datetime, struck: list[Forked]) -> None:
        """A lease that was taken in this round, by a mark or by settling, and is still open: its holder fell."""
        with self.site.database.read() as session:
            leases = session.scalars(select(Call.next_try_at).where(Call.state != "done")).all()
            self.in_doubt |= set(session.scalars(select(Delivery.id).where(Delivery.state.in_(UNSETTLED))))
        if not any(lease >= began + LEASE for lease in leases):
            return
        frozen = sum(worker.frozen() for worker in struck)
        self.tally.rounds += 1
        self.tally.freezes += frozen
        self.tally.crashes += len(struck) - frozen

    def sign_up(self) -> bool:
        """As the web does it for people who sign up and press the button at once; and try again if it has to."""
        addresses = [f"reader{len(self.readers) + number}@runner.test" for number in range(READERS)]
        now, at = datetime.now(UTC), self.site.course_time()
        try:
            with self.site.database.write() as session:
                [course] = courses.all_courses(session)
                for address in addresses:
                    signup.sign_up(session, course, signup.checked(address, "Ann"), signup.Origin(), now)
                    person = subscribers.by_key(session, address)
                    assert person
                    signup.confirm(session, person, course, signup.Origin(), now=now, course_now=at)
        except OperationalError:  # on SQLite a frozen worker may hold the lock for longer than a writer waits
            return False
        self.readers += addresses
        return True

    def behave(self, script: dict[str, Any]) -> None:
        if self.fake and not self.fake.smtp:
            self.fake.behave(**script)

    def at_rest(self) -> bool:
        """Nothing is on its way. What nobody can be asked about stays unknown, and that reader's next lesson waits."""
        settled = {Sent.ACCEPTED, Sent.UNKNOWN} if self.fake and self.fake.smtp else {Sent.ACCEPTED}
        # In one snapshot: between two, a lesson may be settled and the next one planned.
        with self.site.database.read() as session:
            due = session.scalar(select(func.count()).where(Enrollment.due_at.is_not(None)))
            return not due and set(session.scalars(select(Delivery.state).distinct())) <= settled

    def restless(self) -> str:
        """What is not at rest, as far as somebody would have to know to find out why."""
        what = Delivery.id, Delivery.enrollment_id, Delivery.state, Delivery.attempts, Delivery.not_before
        with self.site.database.read() as session:
            query = select(*what, Delivery.reason).where(Delivery.state.not_in((Sent.ACCEPTED, Sent.UNKNOWN)))
            mails = [tuple(map(str, row)) for row in session.execute(query)]
            due = session.execute(select(Enrollment.id, Enrollment.due_at).where(Enrollment.due_at.is_not(None)))
            workers = [(worker.pid, worker.poll(), worker.frozen()) for worker in self.workers]
            late = [tuple(map(str, row)) for row in due]
        said = self.workers[-1].said.splitlines()[-10:] if self.workers else []
        return f"{datetime.now(UTC)}: mails {mails}, due {late}, workers {workers}, the last one said {said}"

    def unknown(self) -> dict[int, str]:
        """The address of each delivery that is unknown."""
        query = select(Delivery.id, Subscriber.email).join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        with self.site.database.read() as session:
            return {row.id: row.email for row in session.execute(query.where(Delivery.state == Sent.UNKNOWN))}


def _wait(until: Callable[[], bool], end: float) -> None:
    while not until() and time.monotonic() < end:
        time.sleep(0.01)
