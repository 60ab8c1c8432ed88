"""The two workers: the real ones, one step at a time. Between two transactions one may die, or freeze."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from course.actions import guarding
from course.actions.lanes import Backoff
from course.actions.sending import Sending
from course.store import installation
from course.store.journal import Journal
from course.worker.sender import Sender

if TYPE_CHECKING:
    from tests.simulation.world import World

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


class Crew:
    def __init__(self, world: "World") -> None:
        self.world = world
        self.workers: list[Worker] = []
        self.stack: list[Worker] = []  # who is in the midst of a step; the last one is at work

    def start(self) -> None:
        self.workers += [self._new_worker(name) for name in "AB"]

    def switch(self, *, restored: bool = False) -> None:
        """The workers start again, with the account that holds now. One in the midst of a step finishes that first.
        `restored`: on an older database, so that they may well set the guard."""
        self.workers = [self._new_worker(worker.name, restored=restored) for worker in self.workers]

    def tick(self) -> None:
        """What the loop of every worker does beside its steps."""
        with self.world.stage.database.relaxed() as session:
            for worker in self.workers:
                installation.beat(session, worker.process, "here", self.world.clock)
            guarding.lift_when_done(session, self.world.clock)
        self.world.observe("tick")

    def _new_worker(self, name: str, *, restored: bool = False) -> Worker:
        """A process starts: it compares its journals with the database, as the real one does."""
        world = self.world
        process = f"{name}{next(world.order)}"
        traits = world.account.traits
        journal = Journal(world.folder, process)
        sending = Sending(
            provider=world.account,
            account=traits.name,
            letters=world.stage.letters,
            lease=traits.lease,
            checks_window=True,
            new_call_id=lambda: f"{world.rng.getrandbits(128):032x}",
        )
        with world.stage.database.write() as session:
            tripped = guarding.check(session, sending, journal.read(), now=world.now(), alone=True)
            installation.beat(session, process, "here", world.clock)
        if tripped:
            journal.settled(world.clock)
            world.say(f"the guard is set by {process}")
            if not restored:
                world.misfit("guard", f"worker {process} takes this database for a restored one")
        journal.began(world.clock)
        backoff = Backoff(600.0, world.rng)
        stage, clocks = world.stage, (world.now, world.awake)
        sender = Sender(stage.database, sending, *clocks, backoff, journal, lambda _: None)
        worker = Worker(name, process, sender)
        worker.sender._threads = Inline()  # type: ignore[assignment]
        worker.sender.point = lambda point: self._point(worker, point)
        world.observe(f"{name} starts as {process}")
        return worker

    def _replace(self, dead: Worker) -> None:
        self.workers = [self._new_worker(one.name) if one is dead else one for one in self.workers]

    def _other(self, worker: Worker) -> Worker:
        return next(one for one in self.workers if one.name != worker.name)

    def any(self) -> Worker:
        return self.world.rng.choice(self.workers)

    # Steps

    def instant(self, worker: Worker) -> None:
        """All that one worker finds to do now."""
        world = self.world
        for kind in ("confirm", "lesson", "settle", "listen"):
            for spins in count():
                turn = world.turn
                if not world.observer.has_work(kind, world.clock):
                    break
                # What a small call of sign-ups left is taken at the next beat: idle is a beat that does nothing at all.
                if not self._step(worker, kind) and (kind != "confirm" or world.turn == turn):
                    break
                if spins > SPINS:
                    world.misfit("progress", f"{kind} goes round in circles")
                    return
                if worker not in self.workers:  # it died; whoever took its place goes on at another time
                    return
            else:
                continue
            if kind in {"confirm", "lesson"}:
                self._expect_idle(worker, kind)

    def _step(self, worker: Worker, kind: str) -> bool:
        world, sender = self.world, worker.sender
        world.counts.steps += 1
        self.stack.append(worker)
        steps = {"settle": sender.settle, "listen": sender.listen}
        try:
            return steps[kind]() if kind in steps else sender.step(kind)  # type: ignore[arg-type]
        except Crash:
            world.counts.crashes += 1
            world.say(f"{worker.name} dies")
            self._replace(worker)
            world.meanwhile()
            return False
        except RuntimeError as error:
            if "adapter stumbles" not in str(error):
                raise
            return False
        finally:
            self.stack.pop()
            world.observe(f"{worker.name} {kind}")

    def _expect_idle(self, worker: Worker, kind: str) -> None:
        """A worker that finds nothing to do while something is due has lost it, unless its lane is shut."""
        world, name = self.world, worker.sender.sending.account
        if worker not in self.workers or world.observer.lane_is_shut(name, world.clock):
            return
        if world.observer.has_work(kind, world.clock):
            world.misfit("I3 idle", f"a {kind} is due and may go, but worker {worker.name} does not take it")

    # What happens between two transactions

    def _point(self, worker: Worker, name: str) -> None:
        world = self.world
        if name == "posting":
            return  # several threads are there at once; the provider has it for them, see `may_crash`
        world.observe(f"{worker.name} {name}")
        if name in {"marked", "taken"}:
            worker.licence = world.turn
        if world.quiet or len(self.stack) > 2 or world.rng.random() >= world.script.meddling:
            return
        match world.rng.choices(("crash", "freeze", "other", "act", "told"), (3, 2, 3, 3, 2))[0]:
            case "crash":
                raise Crash
            case "freeze":
                self._freeze(worker)
            case "other":
                self.instant(self._other(worker))
            case "act":
                world.meddle()
            case "told":
                world.news.deliver(early=True)

    def may_crash(self, where: str) -> None:
        if not self.world.quiet and self.world.rng.random() < self.world.script.meddling / 10:
            self.world.say(f"{self.stack[-1].name} is killed {where}")
            raise Crash

    def _freeze(self, worker: Worker) -> None:
        """The worker stands still past its lease; the world goes on without it."""
        world = self.world
        world.counts.freezes += 1
        lease = worker.sender.sending.lease
        world.clock += lease + timedelta(seconds=world.rng.choice((1, 60, 3600, 40 * 3600)) * world.rng.random())
        world.say(f"{worker.name} froze until now")
        world.perform_due()
        world.meanwhile()
        self.instant(self._other(worker))
