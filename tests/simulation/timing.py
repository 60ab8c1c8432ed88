"""Rules about order and time: I4 and I5 of the fault catalogue. Hours are worked out by hours.py."""

from collections import defaultdict
from datetime import datetime
from itertools import pairwise

from tests.simulation import hours
from tests.simulation.reading import Found, Mark, Violation, holds, marks, promised
from tests.simulation.records import Delivery, Promise, Run, instant
from tests.simulation.truth import SLACK


def one_at_a_time(run: Run) -> Found:
    """I4: lesson k+1 is not marked before k is settled, or unknown for 72 h."""
    for mark in marks(run):
        order = {lesson: place for place, (lesson, _) in enumerate(mark.turn.edition.lessons)}
        others = [row for row in mark.turn.deliveries.values() if row.enrollment == mark.reader.id]
        # Several wait in the queue of who left amid a retry and came back: one that comes later waits for this one. A
        # restored backup leaves several in doubt: one that goes again goes before those that come later.
        later = [row for row in others if order.get(row.lesson, 0) > order.get(mark.row.lesson, 0)]
        behind = {row.id for row in later if run.restores or row.state == "queued"}
        waiting = [row for row in others if row.id not in {mark.row.id, *behind} and holds(row)]
        if waiting and not mark.extra:
            text = f"{mark.name} goes while {waiting[0].lesson} is {waiting[0].state}"
            yield Violation(mark.turn.number, "I4 overtaking", text)


def in_order(run: Run) -> Found:
    """I4: a lesson goes only before all that come later in the course; and nothing is left out on the way. One that the
    calendar had given up, before a restore showed that it never went, may come late."""
    given_up = {
        (row.enrollment, row.lesson)
        for turn in run.turns[: max(run.restores, default=0)]
        for row in turn.deliveries.values()
        if row.resigned_at
    }
    for mark in marks(run):
        order = [lesson for lesson, _ in mark.turn.edition.lessons]
        if mark.before or mark.extra or mark.row.lesson not in order:
            continue  # a second try of what went wrong
        place = order.index(mark.row.lesson)
        rows = (row for row in mark.turn.deliveries.values() if row.enrollment == mark.reader.id)
        sent = {row.lesson for row in rows if row.round == mark.row.round}
        passed = [one for one in order[place + 1 :] if one in sent]
        missed = [one for one in order[:place] if one not in sent and (mark.reader.id, one) not in mark.turn.excluded]
        late = (mark.reader.id, mark.row.lesson) in given_up or _unskipped(run, mark)
        if passed and not late:
            yield Violation(mark.turn.number, "I4 order", f"{mark.name} after {passed}")
        if missed:
            yield Violation(mark.turn.number, "I4 order", f"{mark.name} before {missed}")


def _unskipped(run: Run, mark: Mark) -> bool:
    """A lesson whose skip was taken back comes next, however far the reader is."""
    return (mark.reader.id, mark.row.lesson, mark.row.round) in run.unskipped


def on_time(run: Run) -> Found:
    """I5: never in a pause, never outside the window."""
    for mark in marks(run):
        turn, reader = mark.turn, mark.reader
        if reader.paused_until and turn.at < instant(reader.paused_until):
            yield Violation(turn.number, "I5 pause", f"{mark.name} goes before {reader.paused_until}")
        if turn.edition.paused:
            yield Violation(turn.number, "I5 pause", f"{mark.name} goes while the course is paused")
        if not _asked(mark.row, turn.at) and not hours.is_open(reader, turn.edition, turn.at):
            yield Violation(
                turn.number, "I5 window", f"{mark.name} goes at {hours.local(reader, turn.edition, turn.at)}"
            )


def gaps_are_kept(run: Run) -> Found:
    """I5: never before the gap is over, counted from when the lesson before was let go, or truly taken if that was
    later, by the reader's own calendar."""
    let_go: dict[tuple[int, int], list[tuple[Promise, int | None, datetime]]] = defaultdict(list)
    for mark in marks(run):
        first = mark.before is None  # a second try was due when the first one was made
        if first and not mark.asked and not mark.extra:
            gaps = dict(mark.turn.edition.lessons)
            gap = gaps.get(mark.row.lesson or 0, 0)
            # What a restored database does not know of, and the provider never took, has not gone.
            there = {row.promise for row in mark.turn.deliveries.values()}
            before = [(lesson, at) for one, lesson, at in let_go[mark.reader.id, mark.row.round] if one in there]
            earlier = [*before, *_taken(run, mark)]
            # A lesson that came into the course after the backup was made is not known to anybody any more.
            known = [(one, at) for one, at in earlier if one in gaps or not run.restores]
            since = max((at for lesson, at in known if lesson != mark.row.lesson), default=None)
            anchor = since or instant(mark.reader.enrolled_at)
            if why := hours.too_early(mark.reader, mark.turn.edition, gap, anchor, mark.turn.at):
                yield Violation(mark.turn.number, "I5 gap", f"{mark.name} goes {why}")
        if not mark.repeat:  # one more copy of what had arrived leaves the calendar as it is
            let_go[mark.reader.id, mark.row.round].append((mark.row.promise, mark.row.lesson, mark.turn.at))


def _taken(run: Run, mark: Mark) -> list[tuple[int | None, datetime]]:
    """When the provider took this reader's lessons of the same round, before this mark."""
    rows = promised(run, mark.turn)
    before = (one for one in run.ledger if one.to == mark.reader.email_key and one.turn < mark.turn.number)
    mine = [(rows[one.send_id], one.at) for one in before if one.unsubscribe and one.send_id in rows]
    repeats = {one.row.promise for one in marks(run) if one.repeat}
    return [(row.lesson, at) for row, at in mine if row.round == mark.row.round and row.promise not in repeats]


def quiet_hours(run: Run) -> Found:
    """I5: a replay keeps to the window as well, since it may be what the provider takes first."""
    for entry in run.ledger:
        turn = run.turns[entry.licence - 1]
        row = promised(run, turn).get(entry.send_id)
        if row is None or row.enrollment is None or _asked(row, entry.at - SLACK):
            continue
        reader = turn.readers[row.enrollment]
        if not any(hours.is_open(reader, turn.edition, at) for at in (entry.at, entry.at - SLACK)):
            text = f"{entry.to} gets lesson {row.lesson} at {hours.local(reader, turn.edition, entry.at)}"
            yield Violation(entry.turn, "I5 quiet", text)


def plans_are_openings(run: Run) -> Found:
    """I5: what was not asked for is planned for the very instant at which the reader's window opens."""
    for before, turn in pairwise(run.turns):
        for reader in turn.readers.values():
            known = before.readers.get(reader.id)
            if reader.due_at is None or reader.asked_at or (known and known.due_at == reader.due_at):
                continue
            if not hours.is_opening(reader, turn.edition, instant(reader.due_at)):
                at = hours.local(reader, turn.edition, instant(reader.due_at))
                yield Violation(turn.number, "I5 plan", f"reader {reader.id} is planned for {at}")


def _asked(row: Delivery, at: datetime) -> bool:
    """Whether the reader asked for it so lately that it may go at any hour."""
    return row.asked_at is not None and at - instant(row.asked_at) < hours.AT_ONCE


RULES = (one_at_a_time, in_order, on_time, gaps_are_kept, quiet_hours, plans_are_openings)
