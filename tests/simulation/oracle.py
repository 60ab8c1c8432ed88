"""The oracle: what must be true of a run, whatever went wrong in it. Pure functions; each yields what it finds wrong.

The rules are I1 to I12 of the fault catalogue and the goal of the simulation. They look at rows, at the provider's
ledger and at what people did, never at the engine's own opinion, and share no code with it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from tests.simulation import hours
from tests.simulation.records import Delivery, Reader, Run, Taken, Turn, instant

COPY_AGAIN = 1000  # from here on, copies are those that a coach asked for
BOUNCE = timedelta(days=30)  # then a confirmation may be tried again
SLACK = timedelta(minutes=1)  # from the mark to the provider, a worker that is not frozen
PATIENCE = timedelta(hours=72)
FOLLOWS = {
    None: {"queued", "sending", "refused"},
    "queued": {"sending", "cancelled", "refused", "accepted"},  # accepted: by an event
    "sending": {"accepted", "refused", "unknown", "queued"},
    "unknown": {"accepted", "refused", "queued", "cancelled"},
    "accepted": set(),
    "refused": {"queued", "sending", "cancelled"},  # retried by a coach
    "cancelled": {"queued"},  # the reader came back
}


class Violation(NamedTuple):
    turn: int
    rule: str
    text: str


class Mark(NamedTuple):
    """A lesson that was let go: its row, and the reader as the transaction found them."""

    turn: Turn
    before: Delivery | None
    row: Delivery
    reader: Reader
    asked: bool  # the reader asked for it since the lesson before


Found = Iterator[Violation]
Rule = Callable[[Run], Found]


def violations(run: Run) -> list[Violation]:
    """Everything that is wrong with a run, the first of it first."""
    found = [Violation(*one) for one in run.misfit]
    if not found:
        found = [violation for rule in RULES for violation in rule(run)]
    return sorted(found)


def one_acceptance(run: Run) -> Found:
    """I1: a promise is taken once; once more where the course's policy resent it."""
    allowed = {run.send_id(row): 1 + bool(row.resent_at) for row in run.last.deliveries.values()}
    seen: Counter[str] = Counter()
    for entry in run.ledger:
        seen[entry.send_id] += 1
        if seen[entry.send_id] > allowed.get(entry.send_id, 0):
            yield Violation(entry.turn, "I1 duplicate", f"{entry.send_id[:6]} for {entry.to} was taken again")


def nobody_who_left(run: Run) -> Found:
    """I2: nothing is taken for a person who was gone before the transaction that let it go."""
    for entry in run.ledger:
        if entry.unsubscribe:
            gone = [a for a in run.absences if a.email_key == entry.to and a.since < entry.licence]
            if any(one.until is None or entry.licence < one.until for one in gone):
                yield Violation(entry.turn, "I2 left", f"{entry.to} had left")
            if entry.at - run.turns[entry.licence - 1].at > SLACK:
                yield Violation(entry.turn, "I2 late", f"the leave to send to {entry.to} was old")
        turn = run.turns[entry.licence - 1]
        readers = [reader for reader in turn.readers.values() if reader.email_key == entry.to]
        if entry.unsubscribe and any(reader.status not in {"active", "finished"} for reader in readers):
            yield Violation(entry.turn, "I2 stopped", f"{entry.to} is {readers[0].status}")
        if _suppressed(turn, entry):
            yield Violation(entry.turn, "I2 suppressed", f"{entry.to} is suppressed")


def _suppressed(turn: Turn, entry: Taken) -> bool:
    reason, since = turn.suppressed.get(entry.to, ("", ""))
    may_confirm = not entry.unsubscribe and reason == "bounce" and turn.at - instant(since) >= BOUNCE
    return bool(reason) and not may_confirm


def states_are_true(run: Run) -> Found:
    """I3, I9: a row says accepted only if the provider took it; queued, refused and cancelled only if it did not."""
    entries = defaultdict(list)
    for entry in run.ledger:
        entries[entry.send_id].append(entry)
    for turn, before, row in _changes(run):
        if before is not None and before.state == row.state:
            continue
        taken = [one for one in entries[run.send_id(row)] if one.turn < turn.number]
        of_call = [one for one in taken if before and before.call and one.key.startswith(before.call)]
        if row.state == "accepted" and not taken:
            yield Violation(turn.number, "I3 loss", f"delivery {row.id} is accepted, and the provider never took it")
        if row.state in {"queued", "refused"} and of_call and not _gave_up(before, row):
            yield Violation(turn.number, "I9 untrue", f"delivery {row.id} is {row.state}, but the provider took it")
        if row.state == "cancelled" and taken and not (row.resent_at or _copied(run, row)):
            yield Violation(turn.number, "I9 untrue", f"delivery {row.id} is cancelled, but the provider took it")


def _gave_up(before: Delivery | None, row: Delivery) -> bool:
    """Somebody chose so: the course's policy; or the provider said that it failed after it had taken it."""
    resent = before is not None and row.resent_at != before.resent_at
    return resent or row.heard == "failed"


def _copied(run: Run, row: Delivery) -> bool:
    same = (one for one in run.last.deliveries.values() if one.enrollment == row.enrollment and one.kind == row.kind)
    return any(one.lesson == row.lesson and one.copy == row.copy + COPY_AGAIN for one in same)


def legal(run: Run) -> Found:
    """I7: only legal changes of state, and `had` and the plan agree with the deliveries at every turn."""
    for turn, before, row in _changes(run):
        if (before is None or before.state != row.state) and row.state not in FOLLOWS[before and before.state]:
            yield Violation(
                turn.number, "I7 state", f"delivery {row.id} went from {before and before.state} to {row.state}"
            )


def had_is_true(run: Run) -> Found:
    """`had` names the lessons of this copy that went or may have gone, and those that are on their way."""
    for turn in run.turns:
        lessons = defaultdict(set)
        for row in turn.deliveries.values():
            if row.lesson and row.enrollment and row.copy == turn.readers[row.enrollment].copy:
                lessons[row.enrollment].add((row.lesson, row.state))
        for reader in turn.readers.values():
            had = set(_numbers(reader.had))
            there = {lesson for lesson, _ in lessons[reader.id]}
            if had != there:
                yield Violation(
                    turn.number, "had", f"reader {reader.id} had {sorted(had)}, deliveries say {sorted(there)}"
                )
                return


def nobody_is_stuck(run: Run) -> Found:
    """I3: an active reader has a next lesson planned, or one that is not settled."""
    for turn in run.turns:
        held = {row.enrollment for row in turn.deliveries.values() if _holds(row)}
        for reader in turn.readers.values():
            if reader.status == "active" and reader.due_at is None and reader.id not in held:
                yield Violation(turn.number, "I3 stuck", f"reader {reader.id} is active, and nothing will ever be sent")
                return


def one_at_a_time(run: Run) -> Found:
    """I4: lesson k+1 is not marked before k is settled, or unknown for 72 h."""
    for mark in _marks(run):
        others = (row for row in mark.turn.deliveries.values() if row.enrollment == mark.row.enrollment)
        for row in others:
            if row.id != mark.row.id and row.lesson and _holds(row) and row.copy < COPY_AGAIN > mark.row.copy:
                text = f"lesson {mark.row.lesson} of reader {mark.reader.id} goes while {row.lesson} is {row.state}"
                yield Violation(mark.turn.number, "I4 overtaking", text)


def in_order(run: Run) -> Found:
    """I4: a lesson goes only before all that come later in the course; and nothing is left out on the way."""
    for mark in _marks(run):
        order = [lesson for lesson, _ in mark.turn.edition.lessons]
        if mark.before or mark.row.lesson not in order:
            continue  # a second try of what went wrong
        place = order.index(mark.row.lesson)
        sent = {row.lesson for row in mark.turn.deliveries.values() if row.enrollment == mark.reader.id}
        passed = [lesson for lesson in order[place + 1 :] if lesson in sent]
        missed = [
            lesson for lesson in order[:place] if lesson not in sent and (mark.reader.id, lesson) not in run.excluded
        ]
        if passed:
            yield Violation(
                mark.turn.number, "I4 order", f"lesson {mark.row.lesson} of reader {mark.reader.id} after {passed}"
            )
        if missed:
            yield Violation(
                mark.turn.number, "I4 order", f"lesson {mark.row.lesson} of reader {mark.reader.id} before {missed}"
            )


def on_time(run: Run) -> Found:
    """I5: never in a pause, never outside the window, never before the gap is over; by the reader's own clock."""
    for mark in _marks(run):
        turn, reader = mark.turn, mark.reader
        name = f"lesson {mark.row.lesson} of reader {reader.id}"
        if reader.paused_until and turn.at < instant(reader.paused_until):
            yield Violation(turn.number, "I5 pause", f"{name} goes before {reader.paused_until}")
        if turn.edition.paused:
            yield Violation(turn.number, "I5 pause", f"{name} goes while the course is paused")
        if not _asked_now(mark) and not hours.is_open(reader, turn.edition, turn.at):
            yield Violation(turn.number, "I5 window", f"{name} goes at {hours.local(reader, turn.edition, turn.at)}")
        gaps = dict(turn.edition.lessons)
        anchor = max((at for lesson, at in _went(run, mark) if lesson != mark.row.lesson), default=None)
        since = anchor or instant(reader.enrolled_at)
        if mark.before or mark.asked or mark.row.copy >= COPY_AGAIN:
            continue  # a second try was due when the first one was made
        if why := hours.too_early(reader, turn.edition, gaps.get(mark.row.lesson or 0, 0), since, turn.at):
            yield Violation(turn.number, "I5 gap", f"{name} goes {why}")


def quiet_hours(run: Run) -> Found:
    """I5: a replay keeps to the window and the pause as well, since it may be what the provider takes first."""
    for entry in run.ledger:
        turn = run.turns[entry.licence - 1]
        row = _promised(run, turn).get(entry.send_id)
        if row is None or row.enrollment is None:
            continue
        reader = turn.readers[row.enrollment]
        asked = row.asked_at is not None and entry.at - instant(row.asked_at) < hours.AT_ONCE + SLACK
        if not asked and not any(hours.is_open(reader, turn.edition, at) for at in (entry.at, entry.at - SLACK)):
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


def account_faults_cost_little(run: Run) -> Found:
    """I6: while the account is at fault there are single probes, ever fewer, and no delivery pays with an attempt."""
    faults = defaultdict(list)
    for post in run.posts:
        if post.fault and post.first:
            faults[post.fault].append(post)
    for posts in faults.values():
        at_start = [post for post in posts if post.at == posts[0].at]
        later = [post for post in posts if post.at > posts[0].at]
        if any(post.count > 1 for post in later[2:]):
            yield Violation(later[0].turn, "I6 probes", "more than one message in a probe of an account at fault")
        lasted = (posts[-1].at - posts[0].at) / timedelta(minutes=1)
        if len(later) > 12 + lasted:
            yield Violation(
                posts[-1].turn, "I6 probes", f"{len(at_start)}+{len(later)} calls in {lasted:.0f} min of fault"
            )


def attempts_are_fair(run: Run) -> Found:
    """I6: a message that is put back because of the account has as many attempts as before it was marked."""
    marked: dict[int, int] = {}
    for turn, before, row in _changes(run):
        if row.state == "sending" and (before is None or before.state != "sending"):
            marked[row.id] = before.attempts if before else 0
        fault = row.state == "queued" and before and before.state == "sending" and (row.reason or "").startswith("401")
        if fault and row.attempts != marked[row.id]:
            yield Violation(turn.number, "I6 attempts", f"delivery {row.id} paid for the account's fault")


def strangers_change_nothing(run: Run) -> Found:
    """I8: an event counts only if the provider truly told it of this message."""
    for turn, before, row in _changes(run):
        new = row.heard and (before is None or before.heard != row.heard)
        if new and (run.send_id(row), row.heard) not in run.genuine:
            yield Violation(turn.number, "I8 forged", f"delivery {row.id} heard {row.heard}, which nobody told")


def letters_are_whole(run: Run) -> Found:
    """I11, I12: one unsubscribe link, which is this reader's; no placeholder left."""
    rows = _promised(run, run.last)
    for entry in run.ledger:
        row = rows[entry.send_id]
        links = [run.leave_links.get(link.strip("<>")) for link in entry.unsubscribe]
        if links != ([row.enrollment] if row.enrollment else []):
            yield Violation(entry.turn, "I11 links", f"{entry.to}: {entry.unsubscribe}")
        if entry.unresolved:
            yield Violation(entry.turn, "I12 placeholder", f"a placeholder is left in the mail to {entry.to}")


def nothing_is_left(run: Run) -> Found:
    """I3 at the end: every promise is kept, or listed with a reason; every active reader had the whole course."""
    end = run.last
    for row in end.deliveries.values():
        if row.state in {"queued", "sending"} or (row.state == "unknown" and not row.resigned_at):
            yield Violation(end.number, "I3 left over", f"delivery {row.id} is still {row.state}: {row.reason}")
        if row.state in {"refused", "cancelled", "unknown"} and not row.reason:
            yield Violation(end.number, "I3 no reason", f"delivery {row.id} is {row.state}, nobody knows why")
    for reader in end.readers.values():
        if reader.status == "active":
            yield Violation(end.number, "I3 left over", f"reader {reader.id} is still active, due {reader.due_at}")
        elif reader.status == "finished":
            yield from _whole_course(run, reader)


def _whole_course(run: Run, reader: Reader) -> Found:
    there = {row.lesson for row in run.last.deliveries.values() if row.enrollment == reader.id}
    finished = next(turn for turn in run.turns if _is(turn.readers.get(reader.id), "finished", reader.had))
    for lesson, _ in finished.edition.lessons:  # what was added later is not for those who had finished
        if lesson not in there and (reader.id, lesson) not in run.excluded:
            yield Violation(run.last.number, "I3 loss", f"reader {reader.id} never got lesson {lesson}")


def _is(reader: Reader | None, status: str, had: str) -> bool:
    return reader is not None and reader.status == status and reader.had == had


def ledger_adds_up(run: Run) -> Found:
    """I9: what the provider took is what is accepted, and the unknowns that truly went."""
    rows = _promised(run, run.last)
    went = Counter(entry.send_id for entry in run.ledger)
    for send_id, row in rows.items():
        if row.state == "accepted" and not went[send_id]:
            yield Violation(run.last.number, "I9 count", f"delivery {row.id} is accepted and was never taken")
        told = row.heard == "failed" or row.resent_at or _copied(run, row)
        if went[send_id] and row.state not in {"accepted", "unknown"} and not told:
            yield Violation(run.last.number, "I9 count", f"delivery {row.id} is {row.state} and was taken")


RULES: tuple[Rule, ...] = (
    one_acceptance,
    nobody_who_left,
    states_are_true,
    legal,
    had_is_true,
    nobody_is_stuck,
    one_at_a_time,
    in_order,
    on_time,
    quiet_hours,
    plans_are_openings,
    account_faults_cost_little,
    attempts_are_fair,
    strangers_change_nothing,
    letters_are_whole,
    nothing_is_left,
    ledger_adds_up,
)


def _promised(run: Run, turn: Turn) -> dict[str, Delivery]:
    """By send id."""
    return {run.send_id(row): row for row in turn.deliveries.values()}


def _changes(run: Run) -> Iterator[tuple[Turn, Delivery | None, Delivery]]:
    """Each delivery that a turn changed, with what it was before. A restored database is no change."""
    for before, turn in pairwise(run.turns):
        if turn.restored:
            continue
        for row in turn.deliveries.values():
            known = before.deliveries.get(row.id)
            if known is not row:
                yield turn, known, row


def _marks(run: Run) -> Iterator[Mark]:
    """Each lesson that was let go, in the order of time."""
    asked: dict[int, bool] = defaultdict(bool)
    for before, turn in pairwise(run.turns):
        for reader in turn.readers.values():
            asked[reader.id] |= bool(reader.asked_at)
        if turn.restored:
            continue
        for row in turn.deliveries.values():
            known = before.deliveries.get(row.id)
            new_call = known is None or known.state != "sending" or known.call != row.call
            if row.lesson and row.enrollment and row.state == "sending" and new_call:
                yield Mark(turn, known, row, turn.readers[row.enrollment], asked[row.enrollment])
                asked[row.enrollment] = False


def _asked_now(mark: Mark) -> bool:
    return mark.row.asked_at is not None and mark.turn.at - instant(mark.row.asked_at) < hours.AT_ONCE


def _went(run: Run, mark: Mark) -> Iterator[tuple[int | None, datetime]]:
    """When the reader's other lessons were let go, or truly taken, before this mark."""
    for other in _marks_of(run, mark.reader.id):
        if other.turn.number < mark.turn.number:
            yield other.row.lesson, other.turn.at
    rows = {run.send_id(row): row for row in mark.turn.deliveries.values() if row.enrollment == mark.reader.id}
    for entry in run.ledger:
        if entry.send_id in rows and entry.turn < mark.turn.number:
            yield rows[entry.send_id].lesson, entry.at


def _marks_of(run: Run, reader: int) -> Iterator[Mark]:
    return (mark for mark in _marks(run) if mark.reader.id == reader)


def _holds(row: Delivery) -> bool:
    """Whether the reader's next lesson has to wait for this one."""
    return bool(row.lesson) and (row.state in {"queued", "sending"} or (row.state == "unknown" and not row.resigned_at))


def _numbers(text: str) -> list[int]:
    import json

    return [int(number) for number in json.loads(text)]
