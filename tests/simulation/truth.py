"""Rules about what was sent and what the rows say of it: I2, I3, I6 to I9, I11 and I12 of the fault catalogue."""

import json
from collections import Counter, defaultdict
from datetime import timedelta

from tests.simulation.reading import Found, Violation, changes, holds, promised
from tests.simulation.records import COPY_AGAIN, Delivery, Reader, Run, Taken, Turn, instant

BOUNCE = timedelta(days=30)  # then a confirmation may be tried again
SLACK = timedelta(minutes=1)  # from the mark to the provider, a worker that is not frozen
FOLLOWS = {
    None: {"queued", "sending", "refused"},
    "queued": {"sending", "cancelled", "refused", "accepted"},  # accepted: by an event
    "sending": {"accepted", "refused", "unknown", "queued"},
    "unknown": {"accepted", "refused", "queued", "cancelled"},
    "accepted": set(),
    "refused": {"queued"},  # a coach retries it
    "cancelled": set(),
}


def nobody_who_left(run: Run) -> Found:
    """I2: nothing is taken for a person who was gone before the transaction that let it go; and that was just now."""
    for entry in run.ledger:
        turn = run.turns[entry.licence - 1]
        if entry.at - turn.at > SLACK:
            yield Violation(entry.turn, "I2 late", f"the leave to send to {entry.to} was old")
        if _suppressed(turn, entry):
            yield Violation(entry.turn, "I2 suppressed", f"{entry.to} is suppressed")
        if not entry.unsubscribe:
            continue  # a confirmation is for whoever asks
        if any(one.email_key == entry.to and one.holds(entry.licence) for one in run.absences):
            yield Violation(entry.turn, "I2 left", f"{entry.to} had left")
        for reader in turn.readers.values():
            if reader.email_key == entry.to and reader.status not in {"active", "finished"}:
                yield Violation(entry.turn, "I2 stopped", f"{entry.to} is {reader.status}")


def _suppressed(turn: Turn, entry: Taken) -> bool:
    reason, since = turn.suppressed.get(entry.to, ("", ""))
    may_confirm = not entry.unsubscribe and reason == "bounce" and turn.at - instant(since) >= BOUNCE
    return bool(reason) and not may_confirm


def states_are_true(run: Run) -> Found:
    """I3, I9: a row says accepted only if the provider took it; queued, refused and cancelled only if it did not."""
    entries = defaultdict(list)
    for entry in run.ledger:
        entries[entry.send_id].append(entry)
    for turn, before, row in changes(run):
        if before is not None and before.state == row.state:
            continue
        taken = [one for one in entries[run.send_id(row)] if one.turn < turn.number]
        of_call = [one for one in taken if before and before.call and one.key.startswith(before.call)]
        if row.state == "accepted" and not taken:
            yield Violation(turn.number, "I3 loss", f"delivery {row.id} is accepted, and the provider never took it")
        if row.state in {"queued", "refused"} and of_call and not _gave_up(before, row):
            yield Violation(turn.number, "I9 untrue", f"delivery {row.id} is {row.state}, but the provider took it")
        known = row.resent_at or _copied(turn, row) or (run.restores and not row.lesson)  # of the history that was lost
        if row.state == "cancelled" and any(_remembered(run, one) for one in taken) and not known:
            yield Violation(turn.number, "I9 untrue", f"delivery {row.id} is cancelled, but the provider took it")


def _remembered(run: Run, entry: Taken) -> bool:
    """It went to somebody whom no restored database has forgotten since."""
    return entry.turn > run.forgotten.get(entry.to, 0)


def _gave_up(before: Delivery | None, row: Delivery) -> bool:
    """Somebody chose so: the course's policy; or the provider said that it failed after it had taken it."""
    resent = before is not None and row.resent_at != before.resent_at
    return resent or row.heard == "failed"


def _copied(turn: Turn, row: Delivery) -> bool:
    """There is another copy of it, or a copy of that copy."""
    same = [
        r for r in turn.deliveries.values() if (r.email_key, r.lesson, r.kind) == (row.email_key, row.lesson, row.kind)
    ]
    return any(r.copy > row.copy and (r.copy - row.copy) % COPY_AGAIN == 0 for r in same)


def legal(run: Run) -> Found:
    """I7: only legal changes of state."""
    for turn, before, row in changes(run):
        was = before and before.state
        mended = turn.number - 1 in run.restores  # a worker brings the older database up to date
        if was != row.state and row.state not in FOLLOWS[was] and not mended:
            yield Violation(turn.number, "I7 state", f"delivery {row.id} went from {was} to {row.state}")


def had_is_true(run: Run) -> Found:
    """`had` names exactly the lessons for which the reader has a delivery in their present round, at every turn."""
    for turn in run.turns:
        lessons = defaultdict(set)
        for row in turn.deliveries.values():
            lessons[row.enrollment, row.round].add(row.lesson)
        for reader in turn.readers.values():
            there = lessons[reader.id, reader.copy]
            if set(json.loads(reader.had)) != there:
                text = f"reader {reader.id} had {reader.had}, deliveries say {sorted(there)}"
                yield Violation(turn.number, "had", text)
                return


def nobody_is_stuck(run: Run) -> Found:
    """I3: an active reader has a next lesson planned, or one that is not settled, at every turn."""
    for turn in run.turns:
        held = {row.enrollment for row in turn.deliveries.values() if holds(row)}
        for reader in turn.readers.values():
            if reader.status == "active" and reader.due_at is None and reader.id not in held:
                yield Violation(turn.number, "I3 stuck", f"reader {reader.id} is active, and nothing will ever be sent")
                return


def account_faults_cost_little(run: Run) -> Found:
    """I6: while the account is at fault there are single probes, and not many."""
    faults = defaultdict(list)
    for post in run.posts:
        if post.fault and post.first:
            faults[post.fault].append(post)
    for posts in faults.values():
        later = [post for post in posts if post.at > posts[0].at]
        if any(post.count > 1 for post in later[2:]):
            yield Violation(later[0].turn, "I6 probes", "more than one message in a probe of an account at fault")
        minutes = (posts[-1].at - posts[0].at) / timedelta(minutes=1)
        if len(later) > 12 + minutes:
            yield Violation(posts[-1].turn, "I6 probes", f"{len(posts)} calls in {minutes:.0f} min of fault")


def attempts_are_fair(run: Run) -> Found:
    """I6: a message that is put back because of the account has as many attempts as before it was marked."""
    marked: dict[int, int] = {}
    for turn, before, row in changes(run):
        if row.state == "sending" and (before is None or before.state != "sending"):
            marked[row.id] = before.attempts if before else 0
        fault = row.state == "queued" and before and before.state == "sending" and (row.reason or "").startswith("401")
        if fault and row.attempts != marked[row.id]:
            yield Violation(turn.number, "I6 attempts", f"delivery {row.id} paid for the account's fault")


def strangers_change_nothing(run: Run) -> Found:
    """I8: an event counts only if the provider truly told it of this message."""
    for turn, before, row in changes(run):
        new = row.heard and (before is None or before.heard != row.heard)
        if new and (run.send_id(row), row.heard) not in run.genuine:
            yield Violation(turn.number, "I8 forged", f"delivery {row.id} heard {row.heard}, which nobody told")


def letters_are_whole(run: Run) -> Found:
    """I11, I12: one unsubscribe link, which is this reader's; no placeholder left."""
    for entry in run.ledger:
        owners = [run.leave_links.get(link.strip("<>"), set()) for link in entry.unsubscribe]
        if len(owners) > 1 or not all(entry.to in one for one in owners):
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
    mine = (reader.id, reader.copy)
    there = {row.lesson for row in run.last.deliveries.values() if (row.enrollment, row.round) == mine}
    since = run.restores[-1] if run.restores else 0
    if _had(run.turns[since - 1].readers.get(reader.id), reader):  # as the backup knew them
        since = 0
    finished = next(turn for turn in run.turns[since:] if _had(turn.readers.get(reader.id), reader))
    for lesson, _ in finished.edition.lessons:  # what was added later is not for those who had finished
        if lesson not in there and (reader.id, lesson) not in run.last.excluded:
            yield Violation(run.last.number, "I3 loss", f"reader {reader.id} never got lesson {lesson}")


def _had(then: Reader | None, reader: Reader) -> bool:
    return then is not None and then.status == "finished" and (then.had, then.copy) == (reader.had, reader.copy)


def ledger_adds_up(run: Run) -> Found:
    """I9: what the provider took is what is accepted, and the unknowns that truly went."""
    went = Counter(entry.send_id for entry in run.ledger)
    remembered = Counter(entry.send_id for entry in run.ledger if _remembered(run, entry))
    for send_id, row in promised(run, run.last).items():
        if row.state == "accepted" and not went[send_id]:
            yield Violation(run.last.number, "I9 count", f"delivery {row.id} is accepted and was never taken")
        known = row.heard == "failed" or row.resent_at or _copied(run.last, row) or (run.restores and not row.lesson)
        if remembered[send_id] and row.state not in {"accepted", "unknown"} and not known:
            yield Violation(run.last.number, "I9 count", f"delivery {row.id} is {row.state} and was taken")


RULES = (
    nobody_who_left,
    states_are_true,
    legal,
    had_is_true,
    nobody_is_stuck,
    account_faults_cost_little,
    attempts_are_fair,
    strangers_change_nothing,
    letters_are_whole,
    nothing_is_left,
    ledger_adds_up,
)
