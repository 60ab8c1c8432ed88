"""A world for one seed: the real engine on virtual clocks, two workers, people, and whatever may go wrong.

Everything that is drawn comes from the seed's own `Random`, so a seed is a story that can be told again. At each point
between two transactions a worker may die, freeze past its lease, or be overtaken by anybody else.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from course.actions import events, guarding
from course.actions.recording import Backoff
from course.actions.sending import Sending
from course.core.clock import Now
from course.core.happening import Event, Happened
from course.core.tokens import send_id
from course.store import installation
from course.store.journal import Journal
from course.worker.sender import Sender
from tests.factories import KEY
from tests.simulation import acts, story
from tests.simulation.observer import Observer
from tests.simulation.provider import Account
from tests.simulation.records import Absence, Post, Reader, Run, Taken, Turn, instant
from tests.simulation.script import Act, address, number, script
from tests.simulation.stage import Book, stage

PATIENCE = timedelta(hours=72)  # then the engine gives up
AFTERWARDS = timedelta(days=400)  # so long a world goes on when nothing goes wrong any more
SPINS = 300  # steps at one instant, then it is no progress but a loop


class Crash(BaseException):
    """The process is gone, with all that it had in memory."""


class Inline:
    """Posts one after the other, in the order of the group: the same for every run of a seed."""

    def map(self, function: Callable[[int], Any], places: Iterable[int]) -> Iterator[Any]:
        return map(function, places)

    def shutdown(self) -> None:
        """There is no thread to stop."""


@dataclass
class Worker:
    name: str
    process: str
    sender: Sender
    licence: int = 0  # the turn of the transaction that lets it post


@dataclass(frozen=True)
class Backup:
    database: bytes
    book: Book
    excluded: set[tuple[int, int]]
    turn: int


@dataclass
class Counts:
    steps: int = 0
    crashes: int = 0
    freezes: int = 0
    unknown: set[int] = field(default_factory=set)  # deliveries that were unknown once


class World:
    def __init__(self, seed: int, folder: Path, *, tell: Callable[[int, str], None] | None = None) -> None:
        self.rng = Random(seed)
        self.script = script(seed, self.rng)
        self.stage = stage()
        self.stage.fresh()
        self.observer = Observer(self.stage.raw)
        self.observer.do("UPDATE course SET on_unknown = :policy", policy=self.script.on_unknown)
        self.clock, self.turn, self.quiet = self.script.start, 0, False
        self.run, self.book, self.counts = Run(), Book(), Counts()
        self.folder, self._tell, self._writes = folder, tell, -1
        self.accounts = [Account(self, traits) for traits in self.script.traits]
        self.account = self.accounts[0]
        self.stack: list[Worker] = []
        self.web = Journal(folder, "web")
        self.excluded: set[tuple[int, int]] = set()  # enrollment and lesson, as the database should have it
        self._backup: Backup | None = None
        self._restored = False
        self._linked: set[tuple[int, str]] = set()
        self._order = count()
        self._acts = [(act.at, next(self._order), act) for act in self.script.acts]
        heapq.heapify(self._acts)
        self._told: list[tuple[datetime, int, str, Event]] = []
        self.workers: list[Worker] = []
        self.observe("the beginning")
        self.workers += [self._new_worker(name) for name in "AB"]

    # Clocks

    def now(self) -> Now:
        return Now(self.clock, self.clock)

    def awake(self) -> float:
        return (self.clock - self.script.start).total_seconds()

    # Workers

    def _new_worker(self, name: str) -> Worker:
        """A process starts: it compares its journals with the database, as the real one does."""
        process = f"{name}{next(self._order)}"
        traits = self.account.traits
        journal = Journal(self.folder, process)
        sending = Sending(
            provider=self.account,
            account=traits.name,
            letters=self.stage.letters,
            lease=traits.lease,
            checks_window=True,
            new_call_id=lambda: f"{self.rng.getrandbits(128):032x}",
        )
        with self.stage.database.write() as session:
            tripped = guarding.check(session, sending, journal.read(), now=self.now(), alone=True)
            installation.beat(session, process, "here", self.clock)
        if tripped:
            journal.settled(self.clock)
            self.say(f"the guard is set by {process}")
            if not self._restored:
                self.misfit("guard", f"worker {process} takes this database for a restored one")
        journal.began(self.clock)
        backoff = Backoff(600.0, self.rng)
        worker = Worker(name, process, Sender(self.stage.database, sending, self.now, self.awake, backoff, journal))
        worker.sender._threads = Inline()  # type: ignore[assignment]
        worker.sender.point = lambda point: self.point(worker, point)
        self.observe(f"{name} starts as {process}")
        return worker

    def switch(self) -> None:
        """The workers start again, with the account that holds now. One in the midst of a step finishes that first."""
        self.workers = [self._new_worker(worker.name) for worker in self.workers]

    def _replace(self, dead: Worker) -> None:
        self.workers = [self._new_worker(one.name) if one is dead else one for one in self.workers]

    def instant(self, worker: Worker) -> None:
        """All that one worker finds to do now."""
        for kind in ("confirm", "lesson", "settle", "listen"):
            for spins in count():
                turn = self.turn
                if not self.observer.has_work(kind, self.clock):
                    break
                # What a small call of sign-ups left is taken at the next beat: idle is a beat that does nothing at all.
                if not self._step(worker, kind) and (kind != "confirm" or self.turn == turn):
                    break
                if spins > SPINS:
                    self.misfit("progress", f"{kind} goes round in circles")
                    return
                if worker not in self.workers:  # it died; whoever took its place goes on at another time
                    return
            else:
                continue
            if kind in {"confirm", "lesson"}:
                self._expect_idle(worker, kind)

    def _step(self, worker: Worker, kind: str) -> bool:
        self.counts.steps += 1
        self.stack.append(worker)
        sender = worker.sender
        steps = {"settle": sender.settle, "listen": sender.listen}
        try:
            return steps[kind]() if kind in steps else sender.step(kind)  # type: ignore[arg-type]
        except Crash:
            self.counts.crashes += 1
            self.say(f"{worker.name} dies")
            self._replace(worker)
            self._meanwhile()
            return False
        except RuntimeError as error:
            if "adapter stumbles" not in str(error):
                raise
            return False
        finally:
            self.stack.pop()
            self.observe(f"{worker.name} {kind}")

    def _expect_idle(self, worker: Worker, kind: str) -> None:
        """A worker that finds nothing to do while something is due has lost it, unless its lane is shut."""
        name = worker.sender.sending.account
        if worker not in self.workers or self.observer.lane_is_shut(name, self.clock):
            return
        if self.observer.has_work(kind, self.clock):
            self.misfit("I3 idle", f"a {kind} is due and may go, but worker {worker.name} does not take it")

    # What happens between two transactions

    def point(self, worker: Worker, name: str) -> None:
        if name == "posting":
            return  # several threads are there at once; the provider has it for them, see `may_crash`
        self.observe(f"{worker.name} {name}")
        if name in {"marked", "taken"}:
            worker.licence = self.turn
        if self.quiet or len(self.stack) > 2 or self.rng.random() >= self.script.meddling:
            return
        match self.rng.choices(("crash", "freeze", "other", "act", "told"), (3, 2, 3, 3, 2))[0]:
            case "crash":
                raise Crash
            case "freeze":
                self._freeze(worker)
            case "other":
                self.instant(self._other(worker))
            case "act":
                self._meddle()
            case "told":
                self._deliver(early=True)

    def _freeze(self, worker: Worker) -> None:
        """The worker stands still past its lease; the world goes on without it."""
        self.counts.freezes += 1
        lease = worker.sender.sending.lease
        self.clock += lease + timedelta(seconds=self.rng.choice((1, 60, 3600, 40 * 3600)) * self.rng.random())
        self.say(f"{worker.name} froze until now")
        self._perform_due()
        self._meanwhile()
        self.instant(self._other(worker))

    def _meanwhile(self) -> None:
        """While a worker is gone, perhaps somebody does something."""
        if not self.quiet and self.rng.random() < 0.4:
            self._meddle()

    def _other(self, worker: Worker) -> Worker:
        return next(one for one in self.workers if one.name != worker.name)

    def _meddle(self) -> None:
        """Whatever comes next in the script comes now; or a reader does something on the spot."""
        if self._acts and self.rng.random() < 0.3:
            self.perform(heapq.heappop(self._acts)[2])
        else:
            self.perform(acts.on_the_spot(self.rng, self.clock, self._somebody()))

    def _somebody(self) -> int:
        """A reader; rather one whose mail is on its way, or nobody knows."""
        rows = self.run.last.deliveries.values()
        keys = sorted({row.email_key for row in rows if row.state in {"sending", "unknown"} and not row.resigned_at})
        who = self.rng.randrange(1, self.script.readers + 1)
        return number(self.rng.choice(keys)) if keys and self.rng.random() < 0.6 else who

    # Backups

    def back_up(self) -> None:
        self._note_tick()
        self._backup = Backup(self.stage.raw.serialize(), deepcopy(self.book), set(self.excluded), len(self.run.turns))

    def restore(self, *, journal: bool) -> bool:
        """An older database takes the place of this one, and the workers start again; with `journal` or without what
        this machine wrote down."""
        backup = self._backup
        if backup is None or self.stack:
            return False
        self.stage.raw.deserialize(backup.database)
        self.book, self.excluded = backup.book, set(backup.excluded)
        self._backup, self._writes, self._restored = None, -1, True
        before = {reader.email_key for reader in self.readers()}
        self.observe("RESTORED" if journal else "RESTORED, and no journal", restored=True)
        self.run.restores.append(self.turn)
        for lost in sorted(before - {reader.email_key for reader in self.readers()}):
            self.run.forgotten[lost] = self.turn
        if not journal:
            self.run.unwitnessed.append((backup.turn, self.turn))
            self._lose_journals(backup.turn)
        self.switch()
        self._restored = False
        return True

    def _lose_journals(self, since: int) -> None:
        """Who left after the backup is a reader again, and nobody can know better."""
        for path in self.folder.glob("*.journal"):
            path.unlink()
        for who in [one.email_key for one in self.run.absences if one.since > since and one.until is None]:
            self.back(number(who))

    def _note_tick(self) -> None:
        with self.stage.database.relaxed() as session:
            for worker in self.workers:
                installation.beat(session, worker.process, "here", self.clock)
            guarding.lift_when_done(session, self.clock)
        self.observe("tick")

    # Time goes on

    def live(self) -> None:
        """From the first sign-up until nothing is left to do."""
        while (at := self._next()) is not None and at < self.script.end + AFTERWARDS:
            self.clock = max(self.clock, at)
            if not self.quiet:
                self.clock += self.script.lateness * self.rng.random()
            self.quiet = self.clock >= self.script.end
            self._perform_due()
            if self.observer.is_guarded():
                self._note_tick()
            self.instant(self.workers[0] if self.quiet else self.rng.choice(self.workers))
            if self.run.misfit:
                return

    def _next(self) -> datetime | None:
        found = [at for at, *_ in (*self._acts[:1], *self._told[:1])]
        if any(self._may_send(kind) for kind in ("confirm", "lesson")):
            found.append(self.clock + timedelta(seconds=1))  # the ordinary beat of a worker
        if due := self.observer.next(self.clock):
            found.append(instant(due))
        if self.observer.open() or not self.quiet:
            found += [self._settling(instant(again), instant(marked)) for again, marked in self.observer.calls()]
        return min(found, default=None)

    def _may_send(self, kind: str) -> bool:
        name = self.account.traits.name
        return self.observer.has_work(kind, self.clock) and not self.observer.lane_is_shut(name, self.clock)

    def _settling(self, again: datetime, marked: datetime) -> datetime:
        """Workers look at an open call every ten minutes; the world lets them do so ever less often, to be quick."""
        rarely = self.clock + 3 * (self.clock - marked)
        last = marked + PATIENCE
        return max(again, min(rarely, last) if self.clock < last else rarely)

    def _perform_due(self) -> None:
        while self._acts and self._acts[0][0] <= self.clock:
            self.perform(heapq.heappop(self._acts)[2])
        self._deliver()

    def perform(self, act: Act) -> None:
        done = acts.perform(self, act)
        self.observe(f"r{act.who} {act.name} {act.value if act.value is not None else ''} {'' if done else '(no)'}")

    def plan(self, act: Act) -> None:
        heapq.heappush(self._acts, (act.at, next(self._order), act))

    # The provider's side

    def licence(self) -> tuple[int, int]:
        return self.turn, self.stack[-1].licence

    def took(self, entry: Taken) -> None:
        self.run.ledger.append(entry)
        self.say(f"PROVIDER takes {entry.send_id[:6]} for {entry.to}")
        who = number(entry.to)
        if not entry.unsubscribe and who not in self.script.bouncing:
            self.plan(Act(self.clock + timedelta(hours=self.rng.choice((0.01, 1, 30))), "confirm", who))

    def posted(self, key: str, count: int, fault: int) -> None:
        first = not any(post.key == key for post in self.run.posts)
        self.run.posts.append(Post(self.turn, self.clock, key, count, first, fault))
        self.say(f"POST {key[:6]} of {count}")

    def may_crash(self, where: str) -> None:
        if not self.quiet and self.rng.random() < self.script.meddling / 10:
            self.say(f"{self.stack[-1].name} is killed {where}")
            raise Crash

    def tell(self, account: str, entry: Taken, what: Happened, mailbox: str) -> None:
        """The provider's event: early, late, doubled, out of order, or never."""
        self.run.genuine.add((entry.send_id, what))
        if not self.quiet and self.rng.random() < 0.4:
            return
        identity = f"{entry.send_id}-{what}-{len(self.run.ledger)}"
        for _ in range(self.rng.choice((1, 1, 1, 2))):
            wait = timedelta(hours=self.rng.choice((0, 0.001, 0.1, 2, 50)) * self.rng.random())
            event = Event(identity, what, entry.send_id, mailbox, self.clock, "as told", "{}")
            heapq.heappush(self._told, (self.clock + wait, next(self._order), account, event))

    def forge(self, event: Event) -> None:
        heapq.heappush(self._told, (self.clock, next(self._order), self.account.traits.name, event))

    def _deliver(self, *, early: bool = False) -> None:
        """Hands over the events whose time has come; `early`: the next one, whatever its time."""
        due = [entry for entry in self._told if entry[0] <= self.clock] or (self._told[:1] if early else [])
        for entry in due:
            self._told.remove(entry)
        heapq.heapify(self._told)
        if due:
            self.rng.shuffle(due)
            with self.stage.database.write() as session:
                for _, _, account, event in due:
                    events.store(session, account, account, [event], self.clock)
            self.observe("events arrive")
            if early:
                self.instant(self.rng.choice(self.workers))

    # Bookkeeping for the oracle

    def observe(self, label: str, *, restored: bool = False) -> None:
        """A turn, if anything was written since the last one."""
        if self.observer.writes == self._writes:
            return
        self._writes = self.observer.writes
        self.turn += 1
        rows, readers = self.observer.deliveries(), self.observer.readers()
        self.counts.unknown |= {row.id for row in rows.values() if row.state == "unknown"}
        self._note_links(readers.values())
        for row in rows.values():
            if row.promise not in self.run.send_ids:
                self.run.send_ids[row.promise] = send_id(KEY, row.email_key, 1, *row.promise[1:])
        edition = self.book.edition(self.observer.lessons())
        self.run.turns.append(
            Turn(self.turn, self.clock, label, rows, readers, self.observer.suppressed(), edition, restored)
        )
        if self._tell:
            self.say(label, *story.changes(self.run.turns))

    def _note_links(self, readers: Iterable[Reader]) -> None:
        """Which unsubscribe link is whose."""
        for reader in readers:
            if (reader.id, reader.email_key) not in self._linked:
                self._linked.add((reader.id, reader.email_key))
                link = self.stage.letters.links.leave(reader.id, 0)
                self.run.leave_links.setdefault(link, set()).add(reader.email_key)

    def readers(self) -> Iterable[Reader]:
        return self.run.last.readers.values()

    def away(self, who: int) -> None:
        """The reader wants no more mail, as of the turn that is coming."""
        key = address(who)
        if not any(one.email_key == key and one.until is None for one in self.run.absences):
            self.run.absences.append(Absence(key, self.turn + 1, None))

    def back(self, who: int) -> None:
        self.run.absences = [
            one._replace(until=self.turn + 1) if one.email_key == address(who) and one.until is None else one
            for one in self.run.absences
        ]

    def misfit(self, rule: str, text: str) -> None:
        self.run.misfit.append((self.turn, rule, text))

    def say(self, *words: str) -> None:
        if self._tell:
            depth = "  " * max(0, len(self.stack) - 1)
            self._tell(self.turn, f"{self.clock:%m-%d %H:%M:%S} {depth}{' '.join(words)}")
