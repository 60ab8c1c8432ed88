"""Sends the notices, as the sender does lessons: mark, send, record. Simpler, since one may arrive twice."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from course.actions import notices, settling, throttle
from course.actions.lanes import Backoff
from course.actions.notices import Taken
from course.actions.sending import Sending
from course.core.clock import Now
from course.core.outcome import Outcome, Refused
from course.store.db import Database

log = logging.getLogger(__name__)


def _pass(_: str) -> None:
    """Nothing happens at a point."""


@dataclass(frozen=True, slots=True)
class Notifier:
    """`point` is told each time a step stands between two transactions; tests end the world there."""

    database: Database
    sending: Sending
    now: Callable[[], Now]
    backoff: Backoff
    point: Callable[[str], None] = _pass

    def step(self) -> bool:
        """One notice. No transaction is open while the provider is called."""
        with self.database.write() as session:
            taken = notices.take(self.sending, session, self.now().machine)
        if taken is None:
            return False
        self.point("marked")
        outcome = self._post(taken)
        self.point("answered")
        with self.database.relaxed() as session:
            notices.record(session, self.sending, taken, outcome, self.now().machine, self.backoff)
        log.info("notice: %s", type(outcome).__name__.lower())
        return True

    def tidy(self) -> bool:
        """Forgets what need not be kept: old bodies, old tries at doors."""
        now = self.now().machine
        with self.database.relaxed() as session:
            notices.tidy(session, now)
            throttle.prune(session, now)
        return False

    def _post(self, taken: Taken) -> Outcome:
        provider = self.sending.provider
        try:
            body = provider.build([taken.message])
        except Exception as error:  # it must not keep the others from going
            return Refused(f"the mail cannot be built: {error}", "message")
        return settling.post(provider, body, taken.message.send_id, 1)[0]
