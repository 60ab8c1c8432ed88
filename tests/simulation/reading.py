"""Reads a run: which rows a turn changed, and which lessons it let go."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from tests.simulation.records import Delivery, Reader, Run, Turn


class Violation(NamedTuple):
    turn: int
    rule: str
    text: str


Found = Iterator[Violation]


class Mark(NamedTuple):
    """A lesson that was let go: its row, and the reader as the transaction left them."""

    turn: Turn
    before: Delivery | None
    row: Delivery
    reader: Reader
    asked: bool  # the reader asked for it since the lesson before
    retried: bool  # it was refused once, and a coach let it go again
    repeat: bool  # one more copy of what had arrived

    @property
    def name(self) -> str:
        return f"lesson {self.row.lesson} of reader {self.reader.id}"

    @property
    def extra(self) -> bool:
        """A coach's own wish: another try of what was refused, another copy of what had arrived, or of what nobody knew
        the end of."""
        mine = (self.row.enrollment, self.row.lesson, self.row.round)
        same = [row for row in self.turn.deliveries.values() if (row.enrollment, row.lesson, row.round) == mine]
        again = any((row.reason or "").startswith("sent again") for row in same if row.copy < self.row.copy)
        return again or self.retried or self.repeat


def changes(run: Run) -> Iterator[tuple[Turn, Delivery | None, Delivery]]:
    """Each delivery that a turn changed, with what it was before. A restored database is no change."""
    for before, turn in pairwise(run.turns):
        if turn.restored:
            continue
        for row in turn.deliveries.values():
            known = before.deliveries.get(row.id)
            if known is not row:
                yield turn, known, row


def marks(run: Run) -> list[Mark]:
    """Each lesson that was let go, in the order of time; worked out once."""
    if "marks" not in run.worked_out:
        run.worked_out["marks"] = list(_marks(run))
    return run.worked_out["marks"]  # type: ignore[no-any-return]


def _marks(run: Run) -> Iterator[Mark]:
    asked: dict[int, bool] = defaultdict(bool)
    refused = set()
    for before, turn in pairwise(run.turns):
        for reader in turn.readers.values():
            asked[reader.id] |= bool(reader.asked_at)
        if turn.restored:
            continue
        for row in turn.deliveries.values():
            known = before.deliveries.get(row.id)
            if row.state == "refused":
                refused.add(row.promise)
            if known is not row and row.lesson and row.enrollment and _let_go(known, row):
                retried = row.promise in refused
                repeat = had_arrived(turn, row)
                yield Mark(turn, known, row, turn.readers[row.enrollment], asked[row.enrollment], retried, repeat)
                asked[row.enrollment] &= repeat  # what they asked for is the next lesson, not one that they had


def had_arrived(turn: Turn, row: Delivery) -> bool:
    """Whether an earlier copy of the same lesson, in the same round, was accepted."""
    mine = (row.enrollment, row.lesson, row.round)
    earlier = (one for one in turn.deliveries.values() if one.copy < row.copy and one.state == "accepted")
    return any((one.enrollment, one.lesson, one.round) == mine for one in earlier)


def _let_go(known: Delivery | None, row: Delivery) -> bool:
    return row.state == "sending" and (known is None or known.state != "sending" or known.call != row.call)


def promised(run: Run, turn: Turn) -> dict[str, Delivery]:
    """The deliveries of a turn by send id."""
    return {run.send_id(row): row for row in turn.deliveries.values()}


def holds(row: Delivery) -> bool:
    """Whether the reader's next lesson has to wait for this one."""
    return bool(row.lesson) and (row.state in {"queued", "sending"} or (row.state == "unknown" and not row.resigned_at))
