"""Rings alarms from whichever process notices, and tells each once: the coaches by mail, and whoever watches the server
by a road of its own."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from course.actions import alarming
from course.actions.letters import Letters
from course.mail.alert import Tell
from course.store import alarms, deliveries, installation
from course.store.db import Database

log = logging.getLogger(__name__)
RETRY = timedelta(minutes=1)
SILENT = timedelta(minutes=5)  # without a sign of life from any worker


@dataclass(frozen=True, slots=True)
class AlarmBell:
    """`tell` None: alarms go to the coaches, to the log and to /healthz only."""

    database: Database
    now: Callable[[], datetime]
    letters: Letters
    tell: Tell | None

    def watch(self) -> bool:
        """Notices that no worker is alive, and that the last unknown mail was settled: any process may run this."""
        now = self.now()
        with self.database.relaxed() as session:
            ticked_at = installation.the(session).ticked_at
            if ticked_at and now - ticked_at > SILENT:
                alarms.ring(session, "worker", f"No worker has run since {ticked_at:%Y-%m-%d %H:%M} UTC.", now)
            elif ticked_at:
                alarms.clear(session, "worker", now)
            if not deliveries.any_resigned(session):
                alarms.clear(session, "unknown", now)
        return False

    def step(self, name: str, wrong: str) -> None:
        """A step of the worker does nothing but fail; or, with nothing wrong, it works."""
        with self.database.relaxed() as session:
            if wrong:
                text = f"A worker cannot do its part {name!r}. It says: {wrong}. It tries again; nothing is lost."
                alarms.ring(session, f"step:{name}", text, self.now())
            else:
                alarms.clear(session, f"step:{name}", self.now())

    def ring(self) -> bool:
        """Tells one alarm. True if there was one and it was told."""
        now = self.now()
        with self.database.relaxed() as session:
            taken = alarms.take_untold(session, now, RETRY)
            if taken is None:
                return False
            alarm, is_first = taken
            if is_first:
                alarming.tell_coaches(session, self.letters, alarm, now)
            key, cleared_at, text = alarm.key, alarm.cleared_at, _text(alarm.text, over=alarm.cleared_at is not None)
        log.warning("alarm: %s", text)
        if self.tell and (wrong := self.tell("Email course: " + text.split(".")[0], text)):
            log.warning("the alarm could not be told, trying again in a minute: %s", wrong)
            return False
        with self.database.relaxed() as session:
            alarms.told(session, key, cleared_at, now)
        return True


def _text(text: str, *, over: bool) -> str:
    return f"Over: {text}" if over else text
