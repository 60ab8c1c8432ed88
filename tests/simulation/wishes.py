"""Rules about what somebody asked for: one more copy, the course from the beginning, a lesson skipped (I1, I3)."""

from itertools import pairwise
from typing import Any

from tests.simulation.reading import Found, Violation, changes, marks
from tests.simulation.records import COPY_AGAIN, Delivery, Promise, Reader, Run, Turn, instant


def copies_are_wished(run: Run) -> Found:
    """I1: a lesson is promised in the round that its reader is in; and once more only where somebody asked for that, or
    came back for what they had missed. A database that was put back learns again of copies that there were before."""
    known: set[Promise] = set()
    for turn, before, row in changes(run):
        if before is None and row.lesson and row.promise not in known and not _is_wished(run, turn, row):
            yield Violation(turn.number, "I1 copy", f"delivery {row.id} is copy {row.copy}, which nobody asked for")
        known.add(row.promise)


def _is_wished(run: Run, turn: Turn, row: Delivery) -> bool:
    if row.copy < COPY_AGAIN:
        return turn.readers[row.enrollment or 0].copy == row.copy
    wish = run.wish(row.promise, turn.number)
    return wish is not None or _was_dropped(turn, row)


def _was_dropped(turn: Turn, row: Delivery) -> bool:
    first = (row.email_key, row.lesson, row.kind, row.copy - COPY_AGAIN)
    rows = turn.deliveries.values()
    return any((r.email_key, r.lesson, r.kind, r.copy) == first and _missed(r) for r in rows)


def _missed(row: Delivery) -> bool:
    """The reader had left before it went, or their address refused it."""
    return row.state == "cancelled" or (row.state == "refused" and row.scope == "recipient")


def wishes_are_granted(run: Run) -> Found:
    """I3: what somebody asked to be sent again waits to be sent, from that turn on; what becomes of it is for the other
    rules."""
    for wish in run.wishes:
        turn = run.turns[wish.turn - 1]
        if not any(row.promise == wish.promise and row.state == "queued" for row in turn.deliveries.values()):
            yield Violation(turn.number, "I3 wish", f"a {wish.kind} of {wish.promise} was asked for and is not queued")


def rounds_are_begun(run: Run) -> Found:
    """I1, I3: the course begins again for whom it should, with nothing had; and for nobody else."""
    begun = {(one.turn, one.enrollment, one.copy) for one in run.rounds}
    for before, turn in pairwise(run.turns):
        for reader in turn.readers.values():
            was = before.readers.get(reader.id, reader).copy
            if was != reader.copy and (turn.number, reader.id, reader.copy) not in begun and not turn.restored:
                yield Violation(turn.number, "I1 round", f"reader {reader.id} begins again, and nobody asked for it")
    for number, enrollment, copy in sorted(begun):
        reader = run.turns[number - 1].readers[enrollment]
        if (reader.copy, reader.had, reader.status) != (copy, "[]", "active"):
            yield Violation(number, "I3 round", f"reader {enrollment} asked to begin again, and did not")


def skips_hold(run: Run) -> Found:
    """I1: a lesson that somebody chose not to get, or that is not for this reader, is not promised."""
    for mark in marks(run):
        if mark.before is None and (mark.reader.id, mark.row.lesson) in mark.turn.excluded:
            yield Violation(mark.turn.number, "I1 skipped", f"{mark.name} goes, though it was to be skipped")


def repeats_put_nothing_off(run: Run) -> Found:
    """I5: one more copy of what had arrived leaves the calendar as it is, while nothing else is decided anew."""
    for wish in run.wishes:
        if wish.kind != "repeat":
            continue
        before = run.turns[wish.turn - 2]
        reader = next(one for one in before.readers.values() if one.email_key == wish.promise[0])
        due_at = reader.due_at
        for later in run.turns[wish.turn - 1 :]:
            now = later.readers.get(reader.id)
            if now is None or due_at is None or _plan(later, now) != _plan(before, reader):
                break
            if later.at >= instant(due_at):
                break  # a worker that comes late goes by another opening
            if now.due_at and now.due_at > due_at:
                yield Violation(
                    later.number, "I5 repeat", f"reader {reader.id} is put off from {due_at} to {now.due_at}"
                )
                break


def _plan(turn: Turn, reader: Reader) -> Any:
    """What decides when the reader's next lesson is due, apart from the lessons before it."""
    return turn.edition, turn.excluded, turn.restored, reader._replace(due_at=None)


RULES = (copies_are_wished, wishes_are_granted, rounds_are_begun, skips_hold, repeats_put_nothing_off)
