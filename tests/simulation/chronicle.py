"""Writes down for the oracle what a world goes through: each turn, who is away, and what fits nowhere."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from course.core.tokens import send_id
from tests.factories import KEY
from tests.simulation import story
from tests.simulation.reading import had_arrived
from tests.simulation.records import COPY_AGAIN, Absence, Delivery, Reader, Round, Run, Turn, Wish
from tests.simulation.script import address

if TYPE_CHECKING:
    from tests.simulation.world import World


class Chronicle:
    """`tell` is given the turn and a line for each thing that happens."""

    def __init__(self, world: "World", tell: Callable[[int, str], None] | None) -> None:
        self.world, self.run = world, Run()
        self._tell, self._writes = tell, -1
        self._linked: set[tuple[int, str]] = set()

    @property
    def turn(self) -> int:
        """The number of the last turn, from 1; 0 before the first."""
        return len(self.run.turns)

    def observe(self, label: str, *, restored: bool = False) -> None:
        """A turn, if anything was written since the last one; or the database is another one."""
        world, observer = self.world, self.world.observer
        if observer.writes == self._writes and not restored:
            return
        self._writes = observer.writes
        rows, readers = observer.deliveries(), observer.readers()
        world.counts.unknown |= {row.id for row in rows.values() if row.state == "unknown"}
        self._note_links(readers.values())
        for row in rows.values():
            if row.promise not in self.run.send_ids:
                self.run.send_ids[row.promise] = send_id(KEY, row.email_key, 1, *row.promise[1:])
        edition = world.book.edition(observer.lessons())
        suppressed, excluded = observer.suppressed(), frozenset(world.excluded)
        self.run.turns.append(
            Turn(self.turn + 1, world.clock, label, rows, readers, suppressed, edition, restored, excluded)
        )
        if self._tell:
            self.say(label, *story.changes(self.run.turns))

    def _note_links(self, readers: Iterable[Reader]) -> None:
        """Which unsubscribe link is whose."""
        for reader in readers:
            if (reader.id, reader.email_key) not in self._linked:
                self._linked.add((reader.id, reader.email_key))
                link = self.world.stage.letters.links.leave(reader.id, 0)
                self.run.leave_links.setdefault(link, set()).add(reader.email_key)

    def away(self, who: int) -> None:
        """The reader wants no more mail, or is to get none, as of the turn that is coming."""
        key = address(who)
        if not any(one.email_key == key and one.until is None for one in self.run.absences):
            self.run.absences.append(Absence(key, self.turn + 1, None))

    def back(self, who: int) -> None:
        self.run.absences = [
            one._replace(until=self.turn + 1) if one.email_key == address(who) and one.until is None else one
            for one in self.run.absences
        ]

    def wish(self, row: Delivery) -> None:
        """Somebody asks for one more copy of what this row tells of; or for another try, if it was refused."""
        another = (*row.promise[:2], row.copy + COPY_AGAIN)
        match row.state:
            case "refused" if row.scope == "message":
                self.run.wishes.append(Wish(self.turn + 1, row.promise, "retry"))
            case state:
                repeat = state == "accepted" or had_arrived(self.run.last, row)
                self.run.wishes.append(Wish(self.turn + 1, another, "repeat" if repeat else "copy"))

    def begin_again(self, reader: Reader) -> None:
        self.run.rounds.append(Round(self.turn + 1, reader.email_key, reader.id, reader.copy + 1))

    def unskip(self, reader: int, lesson: int) -> None:
        """The lesson is for this reader after all, wherever in the course they are by now."""
        self.run.unskipped.add((reader, lesson, self.run.last.readers[reader].copy))

    def misfit(self, rule: str, text: str) -> None:
        self.run.misfit.append((self.turn, rule, text))

    def say(self, *words: str) -> None:
        if self._tell:
            depth = "  " * max(0, len(self.world.crew.stack) - 1)
            self._tell(self.turn, f"{self.world.clock:%m-%d %H:%M:%S} {depth}{' '.join(words)}")
