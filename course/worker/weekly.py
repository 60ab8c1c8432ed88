"""The Monday mail, looked for each minute."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from course.actions import weekly
from course.actions.letters import Letters
from course.core.clock import Now
from course.store.db import Database

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WeeklyMail:
    database: Database
    letters: Letters
    now: Callable[[], Now]
    _seen: set[str] = field(default_factory=set)  # keys that this process need not look at again

    def step(self) -> bool:
        """Counts without holding up any writer; what it found is queued in a transaction of its own."""
        now = self.now()
        with self.database.read() as session:
            mondays = weekly.due(session, now.machine, self._seen)
            mails = [(monday, weekly.message(session, self.letters, monday, now)) for monday in mondays]
        for monday, mail in mails:
            if mail is not None:
                with self.database.relaxed() as session:
                    if weekly.queue(session, monday, mail, now.machine):
                        log.info("the Monday mail of %s is queued", monday.date)
            self._seen.add(monday.key)
        return False
