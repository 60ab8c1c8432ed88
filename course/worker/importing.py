"""Takes in the lists of readers that coaches bring."""

from collections.abc import Callable
from dataclasses import dataclass

from course.actions import reader_import
from course.core.clock import Now
from course.store.db import Database


@dataclass(frozen=True, slots=True)
class Importer:
    database: Database
    now: Callable[[], Now]

    def step(self) -> bool:
        """Some lines of one list. True: there may be more."""
        with self.database.read() as session:
            lines = reader_import.next_lines(session)
        if lines is None:
            return False
        now = self.now()
        with self.database.write() as session:
            reader_import.step(session, lines, now)
        return True
