"""Mark, send, record; settle. Each step returns True when it did work: `while step(): pass`."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from threading import Lock

from sqlalchemy.orm import Session

from course.actions import events, guarding, marking, recording, settling
from course.actions.lanes import Backoff
from course.actions.sending import GROUP, Batch, Kind, Sending
from course.core.clock import Now
from course.core.outcome import HELD_UP, Accepted, Outcome, Refused, Unreachable
from course.store import alarms, calls, enrollments
from course.store.db import Database, is_away
from course.store.journal import Journal

log = logging.getLogger(__name__)
LOOKED_AFTER = 500  # readers in one transaction
LONGEST_WAIT = 5  # a record that fails is tried again after 1, 2, 4 … 2**5 seconds


def _pass(_: str) -> None:
    """Nothing happens at a point."""


@dataclass(slots=True)
class Sender:
    """The only one that calls a provider. `awake` counts seconds, those too in which the machine slept. `point` is told
    each time a step stands between two transactions, and before each request; tests end the world there."""

    database: Database
    sending: Sending
    now: Callable[[], Now]
    awake: Callable[[], float]
    backoff: Backoff
    journal: Journal
    rest: Callable[[float], None]  # for so many seconds
    point: Callable[[str], None] = _pass
    _last_call: str = ""
    _marking: Lock = field(default_factory=Lock)  # threads of one process would only wait for each other in SQLite
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(GROUP, "post"))

    def step(self, kind: Kind) -> bool:
        """One batch. No transaction is open while the provider is called."""
        self.journal.ready()
        with self._marking, self.database.write() as session:
            began = self.awake()
            tripped = self._notice_another_database(session)
            batch = marking.mark(self.sending, session, kind, self.now())
        if tripped:
            self.journal.settled(self.now().machine)
        if batch is None:
            return False
        if batch.members:
            outcomes = self._send_and_record(kind, batch, began)
            for guilty in _refused_together(batch.members, outcomes, self.sending.provider.batch_size):
                self._isolate(kind, guilty)
        return batch.more

    def _notice_another_database(self, session: Session) -> bool:
        """The database was put back to an older one under our feet: it does not know our last call."""
        if not self._last_call or calls.by_id(session, self._last_call):
            return False
        self._last_call = ""
        witness, alone = self.journal.read(), self.database.is_sqlite
        return guarding.check(session, self.sending, witness, now=self.now(), alone=alone)

    def _send_and_record(self, kind: Kind, batch: Batch, began: float) -> list[Outcome]:
        self.point("marked")
        send_ids = [message.send_id for message in batch.messages]
        try:
            self.journal.called(batch.call_id, self.now().machine, send_ids)
        except OSError as error:
            failed = Unreachable(f"the journal cannot be written: {error}", scope="worker")
            self._record(batch, [failed] * len(batch.members), began)
            raise
        self._last_call = batch.call_id
        outcomes = self._send(batch, began)
        self.point("answered")
        self._note_accepted(batch.call_id, send_ids, outcomes)
        self._record(batch, outcomes, began)
        self.point("recorded")
        _tell(kind, outcomes)
        return outcomes

    def _record(self, batch: Batch, outcomes: Sequence[Outcome], began: float) -> None:
        """What is known now would be unknown if it were not written down: a database that is away is waited for, as
        long as nobody else may have taken the call up."""
        members, until = batch.members, began + self.sending.lease.total_seconds() / 2
        for wait in count():
            try:
                with self.database.relaxed() as session:
                    recording.record(session, batch.call_id, members, outcomes, self.now().machine, self.backoff)
                return
            except Exception as error:
                if not is_away(error) or wait > LONGEST_WAIT or self.awake() + 2**wait > until:
                    raise
                log.warning("the answers to a call are not recorded yet, trying again: %s", type(error).__name__)
            self.rest(2**wait)

    def _note_accepted(self, call_id: str, send_ids: Sequence[str], outcomes: Sequence[Outcome]) -> None:
        went = [one for one, outcome in zip(send_ids, outcomes, strict=True) if isinstance(outcome, Accepted)]
        try:
            self.journal.accepted(call_id, went)
        except OSError as error:  # a restored database would have to ask about them; this one knows
            log.warning("the journal does not say what was accepted: %s", error)

    def _isolate(self, kind: Kind, members: Sequence[int]) -> None:
        """Finds what made a call be refused as a whole, by halves: 1 of 1,000 costs 21 calls at most. A crash on the
        way leaves the rest queued."""
        half = len(members) // 2
        if half == 0:
            self._try(kind, members)
            return
        left, right = members[:half], members[half:]
        if not self._try(kind, left):
            self._isolate(kind, right)  # what is wrong lies here, so the whole half need not be posted
            return
        if len(left) > 1:
            self._isolate(kind, left)
        if self._try(kind, right) and len(right) > 1:
            self._isolate(kind, right)

    def _try(self, kind: Kind, members: Sequence[int]) -> bool:
        """Sends these, as one call. True if they were refused."""
        with self.database.write() as session:
            began = self.awake()
            batch = marking.mark(self.sending, session, kind, self.now(), only=members)
        if batch is None or not batch.members:
            return False
        outcomes = self._send_and_record(kind, batch, began)
        return any(isinstance(outcome, Refused) for outcome in outcomes)

    def settle(self) -> bool:
        """One call that nobody knows the end of."""
        sending = self.sending
        self.journal.ready()
        with self._marking, self.database.write() as session:
            began = self.awake()
            tripped = self._notice_another_database(session)
            case = settling.take(session, sending, self.now())
        if tripped:
            self.journal.settled(self.now().machine)
        if case is None:
            return False
        self.point("taken")
        if self.awake() - began > self._patience:
            return True  # held up: people may have left meanwhile, so whoever takes it up next looks again
        if case.bodies:  # it may be posted again, by this process
            self.journal.repeated(case.call_id, self.now().machine, case.send_ids)
        outcomes = settling.ask(sending.provider, case, self.now().machine)
        self._note_accepted(case.call_id, case.send_ids, outcomes)
        self.point("asked")
        with self.database.write() as session:
            settling.settle(session, case, outcomes, self.now(), self.backoff)
        self.point("settled")
        _tell("settled", outcomes)
        return True

    def look_after(self) -> bool:
        """Plans readers who were forgotten. Nothing should ever forget one; if something does, nobody is lost by it."""
        with self.database.read() as session:
            forgotten = enrollments.forgotten(session, LOOKED_AFTER)
        with self.database.write() as session:
            if forgotten:
                recording.plan_next(session, forgotten)
                text = f"No lesson was planned for {len(forgotten)} of the readers. One is now; please report it."
                log.warning("%s", text)
                alarms.ring(session, "forgotten", text, self.now().machine)
            else:
                alarms.clear(session, "forgotten", self.now().machine)
        return len(forgotten) == LOOKED_AFTER

    def listen(self) -> bool:
        """A batch of what the provider told us."""
        with self.database.write() as session:
            return events.process(session, self.sending.letters, self.now().machine)

    def close(self) -> None:
        self._threads.shutdown()
        self.sending.provider.close()

    def _send(self, batch: Batch, began: float) -> list[Outcome]:
        size = self.sending.provider.batch_size
        counts = [len(batch.members[i : i + size]) for i in range(0, len(batch.members), size)]
        posts = self._threads.map(
            lambda index: self._post(batch, began, index, counts[index]), range(len(batch.bodies))
        )
        return [outcome for answers in posts for outcome in answers]

    def _post(self, batch: Batch, began: float, index: int, count: int) -> list[Outcome]:
        if self.awake() - began > self._patience:
            # Frozen or asleep since the mark: others may have taken the call up. Nothing was posted, so put it back.
            return [HELD_UP] * count
        self.point("posting")
        key, half = settling.request_key(batch.call_id, index), self.sending.lease.total_seconds() / 2
        # Asked while the request goes out: a worker that is frozen in the middle of it does not end it after its lease.
        return settling.post(
            self.sending.provider, batch.bodies[index], key, count, lambda: self.awake() - began < half
        )

    @property
    def _patience(self) -> float:
        """Seconds from the mark until a call may no longer begin: well before its lease ends."""
        return min(30.0, self.sending.lease.total_seconds() / 3)


def _refused_together(members: Sequence[int], outcomes: Sequence[Outcome], size: int) -> Iterator[Sequence[int]]:
    """The members of each request that was refused as a whole."""
    for start in range(0, len(members), size):
        first = outcomes[start]
        if isinstance(first, Refused) and first.scope == "call":
            yield members[start : start + size]


def _tell(kind: str, outcomes: list[Outcome]) -> None:
    """How many became what, and why nothing gets through; never to whom."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        name = type(outcome).__name__.lower()
        counts[name] = counts.get(name, 0) + 1
    closed = next((o.reason for o in outcomes if isinstance(o, Unreachable) and o.scope != "message"), "")
    said = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing to do"
    log.info("%s: %s%s", kind, said, f" ({closed})" if closed else "")
