"""A world for one seed: the real engine on virtual clocks, two workers, people, and whatever may go wrong.

Everything that is drawn comes from the seed's own `Random`, so a seed is a story that can be told again. At each point
between two transactions a worker may die, freeze past its lease, or be overtaken by anybody else. The world keeps the
clock and says what comes next; crew.py has the workers, news.py what the provider tells, backups.py the databases that
come back, chronicle.py what the oracle is told.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

from course.core.clock import Now
from course.core.happening import Happened
from course.store.journal import Journal
from tests.simulation import acts, backups
from tests.simulation.backups import Backup
from tests.simulation.chronicle import Chronicle
from tests.simulation.crew import Crew
from tests.simulation.news import News
from tests.simulation.observer import Observer
from tests.simulation.provider import Account
from tests.simulation.records import Post, Reader, Run, Taken, instant
from tests.simulation.script import Act, number, script
from tests.simulation.stage import Book, stage

PATIENCE = timedelta(hours=72)  # then the engine gives up
AFTERWARDS = timedelta(days=400)  # so long a world goes on when nothing goes wrong any more


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
        self.clock, self.quiet = self.script.start, False
        self.book, self.counts = Book(), Counts()
        self.folder = folder
        self.accounts = [Account(self, traits) for traits in self.script.traits]
        self.account = self.accounts[0]
        self.web = Journal(folder, "web")
        self.excluded: set[tuple[int, int]] = set()  # enrollment and lesson, as the database should have it
        self.order = count()  # of what is planned for the same instant, and of processes
        self._backup: Backup | None = None
        self._acts = [(act.at, next(self.order), act) for act in self.script.acts]
        heapq.heapify(self._acts)
        self.chronicle, self.crew, self.news = Chronicle(self, tell), Crew(self), News(self)
        self.observe("the beginning")
        self.crew.start()

    # Clocks

    def now(self) -> Now:
        return Now(self.clock, self.clock)

    def awake(self) -> float:
        return (self.clock - self.script.start).total_seconds()

    # Time goes on

    def live(self) -> None:
        """From the first sign-up until nothing is left to do."""
        while (at := self._next()) is not None and at < self.script.end + AFTERWARDS:
            self.clock = max(self.clock, at)
            if not self.quiet:
                self.clock += self.script.lateness * self.rng.random()
            self.quiet = self.clock >= self.script.end
            self.perform_due()
            if self.observer.is_guarded():
                self.crew.tick()
            self.crew.instant(self.crew.workers[0] if self.quiet else self.crew.any())
            if self.run.misfit:
                return

    def _next(self) -> datetime | None:
        found = [*(at for at, *_ in self._acts[:1]), *self.news.next()]
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

    # What people do

    def perform_due(self) -> None:
        while self._acts and self._acts[0][0] <= self.clock:
            self.perform(heapq.heappop(self._acts)[2])
        self.news.deliver()

    def perform(self, act: Act) -> None:
        done = acts.perform(self, act)
        if self.observer.exclusions() != self.excluded:
            self.misfit("blast radius", f"{self.observer.exclusions()} are to skip a lesson, not {self.excluded}")
        self.observe(f"r{act.who} {act.name} {act.value if act.value is not None else ''} {'' if done else '(no)'}")

    def plan(self, act: Act) -> None:
        heapq.heappush(self._acts, (act.at, next(self.order), act))

    def meanwhile(self) -> None:
        """While a worker is gone, perhaps somebody does something."""
        if not self.quiet and self.rng.random() < 0.4:
            self.meddle()

    def meddle(self) -> None:
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

    def back_up(self) -> None:
        self._backup = backups.make(self)

    def restore(self, *, journal: bool) -> bool:
        """False: there is no backup, or a worker is in the midst of a step."""
        backup = self._backup
        if backup is None or self.crew.stack:
            return False
        self._backup = None
        backups.put_back(self, backup, journal=journal)
        return True

    # The provider's side

    def licence(self) -> tuple[int, int]:
        return self.turn, self.crew.stack[-1].licence

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
        self.crew.may_crash(where)

    def tell(self, account: str, entry: Taken, what: Happened, mailbox: str) -> None:
        self.news.tell(account, entry, what, mailbox)

    # For the chronicle

    @property
    def run(self) -> Run:
        return self.chronicle.run

    @property
    def turn(self) -> int:
        return self.chronicle.turn

    def readers(self) -> Iterable[Reader]:
        return self.run.last.readers.values()

    def observe(self, label: str, *, restored: bool = False) -> None:
        self.chronicle.observe(label, restored=restored)

    def misfit(self, rule: str, text: str) -> None:
        self.chronicle.misfit(rule, text)

    def say(self, *words: str) -> None:
        self.chronicle.say(*words)
