"""What a run leaves behind: plain values, which the oracle judges.

A run is a list of turns. A turn is the state of the database after one transaction: between two turns nothing that the
engine does can be seen by anybody, so every interleaving of transactions is an order of turns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

COPY_AGAIN = 1000  # from here on, copies are those that somebody asked for
Promise = tuple[str, int | str, int]  # address key, lesson or kind, copy


class Delivery(NamedTuple):
    """A row of `delivery`; instants are texts, as SQLite keeps them."""

    id: int
    kind: str
    email_key: str
    enrollment: int | None
    lesson: int | None
    copy: int
    state: str
    scope: str | None
    reason: str | None
    call: str | None
    attempts: int
    asked_at: str | None
    resigned_at: str | None
    resent_at: str | None
    heard: str | None

    @property
    def promise(self) -> Promise:
        """To whom, what, which copy: the same row in whatever database."""
        return self.email_key, self.lesson if self.lesson is not None else self.kind, self.copy

    @property
    def round(self) -> int:
        """In which round of the course it was promised: who starts again begins another one."""
        return self.copy % COPY_AGAIN


class Reader(NamedTuple):
    """A row of `enrollment`, with its subscriber's address and zone."""

    id: int
    subscriber: int
    email_key: str
    zone: str
    status: str
    pace: str
    hour: str | None
    weekdays: str | None
    paused_until: str | None
    enrolled_at: str
    asked_at: str | None
    due_at: str | None
    had: str
    copy: int  # the round that they are in


class Edition(NamedTuple):
    """The course as its files said it at some time."""

    lessons: tuple[tuple[int, int], ...]  # lesson id and gap in days, in order
    hour: str
    until: str
    zone: str
    paused: bool = False


class Turn(NamedTuple):
    """The database after one transaction."""

    number: int
    at: datetime
    label: str
    deliveries: Mapping[int, Delivery]
    readers: Mapping[int, Reader]
    suppressed: Mapping[str, tuple[str, str]]  # address key -> reason, since
    edition: Edition
    restored: bool = False  # not a transaction: an older database took the place of this one
    excluded: frozenset[tuple[int, int]] = frozenset()  # enrollment and lesson that is not for it, as people chose


class Taken(NamedTuple):
    """A message that the provider truly accepted."""

    turn: int
    licence: int  # the turn of the transaction that let it go
    at: datetime
    send_id: str
    to: str
    key: str  # of the request it came in
    unsubscribe: tuple[str, ...]
    unresolved: bool  # a placeholder was left in what a person would read


class Post(NamedTuple):
    """A call to the provider. `fault`: the account was at fault then; `first`: not a replay."""

    turn: int
    at: datetime
    key: str
    count: int
    first: bool
    fault: int  # number of the account fault, 0 for none


class Absence(NamedTuple):
    """A person who does not want mail of the course, or must not get it, between two turns."""

    email_key: str
    since: int
    until: int | None

    def holds(self, turn: int) -> bool:
        return self.since < turn and (self.until is None or turn < self.until)


class Wish(NamedTuple):
    """Somebody pressed "send again", as of a turn. Of what had arrived it is a `repeat`, of what nobody knows another
    `copy`; what was refused gets a `retry`."""

    turn: int
    promise: Promise  # what is to be sent
    kind: Literal["repeat", "copy", "retry"]


class Round(NamedTuple):
    """A reader starts again, as of a turn."""

    turn: int
    email_key: str
    enrollment: int
    copy: int  # the number of the round that begins


@dataclass(slots=True)
class Run:
    """All that the oracle is told."""

    turns: list[Turn] = field(default_factory=list)
    ledger: list[Taken] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    send_ids: dict[Promise, str] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    unskipped: set[tuple[int, int, int]] = field(default_factory=set)  # enrollment, lesson and round: a skip was undone
    leave_links: dict[str, set[str]] = field(default_factory=dict)  # unsubscribe URL -> whose it is or was
    genuine: set[tuple[str, str]] = field(default_factory=set)  # send id and word of the events truly told
    worked_out: dict[str, Any] = field(default_factory=dict)
    restores: list[int] = field(default_factory=list)  # turns
    unwitnessed: list[tuple[int, int]] = field(default_factory=list)  # turns that no journal tells of: since, until
    forgotten: dict[str, int] = field(default_factory=dict)  # who had signed up after the backup -> turn of the restore
    misfit: list[tuple[int, str, str]] = field(default_factory=list)  # what the world itself found: turn, rule, text

    def send_id(self, row: Delivery) -> str:
        return self.send_ids[row.promise]

    def wish(self, promise: Promise, turn: int) -> Wish | None:
        """The newest one for this, at that turn."""
        return next((w for w in reversed(self.wishes) if w.promise == promise and w.turn <= turn), None)

    @property
    def last(self) -> Turn:
        return self.turns[-1]


@lru_cache(maxsize=65_536)
def instant(text: str) -> datetime:
    """What SQLite keeps, as an aware datetime."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
