"""A backup of the database, and its return: with what this machine wrote down since, or without."""

from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.simulation.script import Act, number
from tests.simulation.stage import Book

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass(frozen=True)
class Backup:
    database: bytes
    book: Book
    excluded: set[tuple[int, int]]
    turn: int


def make(world: "World") -> Backup:
    world.crew.tick()
    return Backup(world.stage.raw.serialize(), deepcopy(world.book), set(world.excluded), world.turn)


def put_back(world: "World", backup: Backup, *, journal: bool) -> None:
    """An older database takes the place of this one, and the workers start again; with `journal` or without what this
    machine wrote down."""
    before, excluded = {reader.email_key for reader in world.readers()}, world.excluded
    world.stage.raw.deserialize(backup.database)
    world.book, world.excluded = backup.book, set(backup.excluded)
    world.observe("RESTORED" if journal else "RESTORED, and no journal", restored=True)
    world.run.restores.append(world.turn)
    for lost in sorted(before - {reader.email_key for reader in world.readers()}):
        world.run.forgotten[lost] = world.turn
    for reader, lesson in sorted(excluded - world.excluded):  # skips that no journal tells of
        if reader in world.run.last.readers:
            world.chronicle.unskip(reader, lesson)
    if not journal:
        world.run.unwitnessed.append((backup.turn, world.turn))
        _lose_journals(world, backup.turn)
    if world.book.paused:  # made in a pause of the course: the coach ends it once more
        world.plan(Act(world.clock + timedelta(days=2), "course_resume"))
    world.crew.switch(restored=True)


def _lose_journals(world: "World", since: int) -> None:
    """Who left after the backup is a reader again, and nobody can know better."""
    for path in world.folder.glob("*.journal"):
        path.unlink()
    for who in [one.email_key for one in world.run.absences if one.since > since and one.until is None]:
        world.chronicle.back(number(who))
