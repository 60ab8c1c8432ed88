"""What the provider tells of messages: early, late, doubled, out of order, or never."""

import heapq
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from course.actions import events
from course.core.happening import Event, Happened
from tests.simulation.records import Taken

if TYPE_CHECKING:
    from tests.simulation.world import World


class News:
    def __init__(self, world: "World") -> None:
        self.world = world
        self._told: list[tuple[datetime, int, str, Event]] = []

    def tell(self, account: str, entry: Taken, what: Happened, mailbox: str) -> None:
        """An event on its way to us, perhaps."""
        world = self.world
        world.run.genuine.add((entry.send_id, what))
        if not world.quiet and world.rng.random() < 0.4:
            return
        identity = f"{entry.send_id}-{what}-{len(world.run.ledger)}"
        for _ in range(world.rng.choice((1, 1, 1, 2))):
            wait = timedelta(hours=world.rng.choice((0, 0.001, 0.1, 2, 50)) * world.rng.random())
            event = Event(identity, what, entry.send_id, mailbox, world.clock, "as told", "{}")
            self._add(world.clock + wait, account, event)

    def forge(self, event: Event) -> None:
        self._add(self.world.clock, self.world.account.traits.name, event)

    def _add(self, at: datetime, account: str, event: Event) -> None:
        heapq.heappush(self._told, (at, next(self.world.order), account, event))

    def next(self) -> list[datetime]:
        """When the next event comes; [] if none does."""
        return [at for at, *_ in self._told[:1]]

    def deliver(self, *, early: bool = False) -> None:
        """Hands over the events whose time has come; `early`: the next one, whatever its time."""
        world = self.world
        due = [entry for entry in self._told if entry[0] <= world.clock] or (self._told[:1] if early else [])
        for entry in due:
            self._told.remove(entry)
        heapq.heapify(self._told)
        if due:
            world.rng.shuffle(due)
            with world.stage.database.write() as session:
                for _, _, account, event in due:
                    events.store(session, account, account, [event], world.clock)
            world.observe("events arrive")
            if early:
                world.crew.instant(world.crew.any())
