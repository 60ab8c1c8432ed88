"""Looks at the database between two transactions, by SQL of its own."""

import sqlite3
from datetime import datetime
from typing import Any

from tests.simulation.records import Delivery, Reader

_DELIVERIES = """
SELECT d.id, d.kind, s.email_key, d.enrollment_id, d.lesson_id, d.copy, d.state, d.scope, d.reason, d.call_id,
       d.attempts, d.asked_at, d.resigned_at, d.resent_at, d.heard
FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id"""
_READERS = """
SELECT e.id, e.subscriber_id, s.email_key, s.timezone, e.status, e.pace, e.hour, e.weekdays, e.paused_until,
       e.enrolled_at, e.asked_at, e.due_at, e.had, e.copy
FROM enrollment e JOIN subscriber s ON s.id = e.subscriber_id"""
_WORK = {
    "confirm": "SELECT 1 FROM delivery WHERE state = 'queued' AND kind = 'confirm' AND not_before <= :now LIMIT 1",
    "lesson": """
SELECT 1 FROM delivery d JOIN course c ON c.id = d.course_id
WHERE d.state = 'queued' AND d.kind = 'lesson' AND d.not_before <= :now AND c.paused_at IS NULL
UNION ALL
SELECT 1 FROM enrollment e JOIN subscriber s ON s.id = e.subscriber_id JOIN course c ON c.id = e.course_id
WHERE e.status = 'active' AND e.due_at <= :now AND c.paused_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM suppression x WHERE x.email_key = s.email_key)
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.enrollment_id = e.id AND d.state IN ('sending', 'unknown')
                  AND d.resigned_at IS NULL)
LIMIT 1""",
    "settle": "SELECT 1 FROM call WHERE state != 'done' AND next_try_at <= :now LIMIT 1",
    "listen": "SELECT 1 FROM provider_event WHERE processed_at IS NULL AND next_try_at <= :now LIMIT 1",
}
_NEXT = """
SELECT min(at) FROM (
  SELECT min(due_at) at FROM enrollment WHERE status = 'active' AND due_at > :now
  UNION ALL SELECT min(not_before) FROM delivery WHERE state = 'queued' AND not_before > :now
  UNION ALL SELECT min(paused_until) FROM lane WHERE paused_until > :now
  UNION ALL SELECT min(next_try_at) FROM provider_event WHERE processed_at IS NULL AND next_try_at > :now)"""
_LANE = "SELECT 1 FROM lane WHERE provider = :name AND paused_until > :now"
_CALLS = "SELECT next_try_at, marked_at FROM call WHERE state != 'done'"
_OPEN = (
    "SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending') OR state = 'unknown' AND resigned_at IS NULL"
)


class Observer:
    """`raw` is the engine's own connection; nothing is asked while a transaction is open."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self._deliveries: dict[int, Delivery] = {}
        self._readers: dict[int, Reader] = {}

    @property
    def writes(self) -> int:
        return self._raw.total_changes

    def deliveries(self) -> dict[int, Delivery]:
        self._deliveries = self._rows(_DELIVERIES, Delivery, self._deliveries)
        return self._deliveries

    def readers(self) -> dict[int, Reader]:
        self._readers = self._rows(_READERS, Reader, self._readers)
        return self._readers

    def suppressed(self) -> dict[str, tuple[str, str]]:
        rows = self._raw.execute("SELECT email_key, reason, created_at FROM suppression")
        return {key: (reason, since) for key, reason, since in rows}

    def has_work(self, kind: str, now: datetime) -> bool:
        return self._raw.execute(_WORK[kind], {"now": text(now)}).fetchone() is not None

    def lane_is_shut(self, name: str, now: datetime) -> bool:
        return self._raw.execute(_LANE, {"name": name, "now": text(now)}).fetchone() is not None

    def next(self, now: datetime) -> str | None:
        """The next instant at which something in the database falls due, calls to settle apart."""
        return self._one(_NEXT, now=text(now))

    def calls(self) -> list[tuple[str, str]]:
        """When open calls are to be tried again, and when they were marked."""
        return self._raw.execute(_CALLS).fetchall()

    def open(self) -> int:
        """Deliveries that are not settled."""
        return self._one(_OPEN)

    def is_guarded(self) -> bool:
        return self._one("SELECT guard_at FROM installation") is not None

    def lessons(self) -> dict[str, int]:
        return dict(self._raw.execute("SELECT slug, id FROM lesson").fetchall())

    def exclusions(self) -> set[tuple[int, int]]:
        return set(self._raw.execute("SELECT enrollment_id, lesson_id FROM exclusion").fetchall())

    def do(self, statement: str, **values: Any) -> None:
        self._raw.execute(statement, values)

    def _one(self, statement: str, **values: Any) -> Any:
        return self._raw.execute(statement, values).fetchone()[0]

    def _rows(self, query: str, row: Any, before: dict[int, Any]) -> dict[int, Any]:
        """By id; a row that did not change is the same object as before."""
        found = {}
        for values in self._raw.execute(query):
            known = before.get(values[0])
            found[values[0]] = known if known == values else row._make(values)
        return found


def text(at: datetime) -> str:
    """As SQLAlchemy writes an instant to SQLite."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")
