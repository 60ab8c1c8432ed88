"""Rings alarms from whichever process notices, and tells each once, by a road of its own."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from course.mail.alert import Tell
from course.store import alarms, installation
from course.store.db import Database

log = logging.getLogger(__name__)
RETRY = timedelta(minutes=1)
SILENT = timedelta(minutes=5)  # without a sign of life from any worker


@dataclass(frozen=True, slots=True)
class AlarmBell:
    """`tell` None: alarms go to the log and to /healthz only."""

    database: Database
    now: Callable[[], datetime]
    tell: Tell | None

    def watch(self) -> bool:
        """Notices that no worker is alive: any process may run this."""
        now = self.now()
        with self.database.relaxed() as session:
            ticked_at = installation.the(session).ticked_at
            if ticked_at and now - ticked_at > SILENT:
                alarms.ring(session, "worker", f"No worker has run since {ticked_at:%Y-%m-%d %H:%M} UTC.", now)
            elif ticked_at:
                alarms.clear(session, "worker", now)
        return False

    def ring(self) -> bool:
        """Tells one alarm. True if there was one and it was told."""
        now = self.now()
        with self.database.relaxed() as session:
            found = alarms.take_untold(session, now, RETRY)
            key, text = (found.key, _text(found.text, over=found.cleared_at is not None)) if found else ("", "")
        if not key:
            return False
        log.warning("alarm: %s", text)
        if self.tell and not self.tell("Email course: " + text.split(".")[0], text):
            log.warning("the alarm could not be told; trying again in a minute")
            return False
        with self.database.relaxed() as session:
            alarms.told(session, key, now)
        return True


def _text(text: str, *, over: bool) -> str:
    return f"Over: {text}" if over else text
