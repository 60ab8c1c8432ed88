"""The rule that everything else is for: a promise is taken once (I1 of the fault catalogue)."""

from collections import Counter, defaultdict
from typing import Any

from tests.simulation.reading import Found, Violation, changes
from tests.simulation.records import COPY_AGAIN, Promise, Run, Taken, Turn


def one_acceptance(run: Run) -> Found:
    """I1: a promise is taken once; once more where the course's policy resent it, or where nobody can know, after a
    backup without a journal, that somebody had moved it forward."""
    resent = defaultdict(set)
    for _, _, row in changes(run):
        if row.resent_at:
            resent[run.send_id(row)].add(row.resent_at)
    seen: Counter[tuple[str, int]] = Counter()
    for entry in run.ledger:
        life = _life(run, entry)
        seen[entry.send_id, life] += 1
        again = min(len(resent[entry.send_id]), 1 + len(run.restores))
        if seen[entry.send_id, life] > 1 + again + _unheard_of(run, entry):
            yield Violation(entry.turn, "I1 duplicate", f"{entry.send_id[:6]} for {entry.to} was taken again")


def _unheard_of(run: Run, entry: Taken) -> int:
    """How often it was taken because a reader or a coach had moved something that no database and no journal knows."""
    return sum(
        any(one.send_id == entry.send_id and since < one.turn <= until for one in run.ledger)
        and len({_plan(turn, entry.to) for turn in run.turns[since - 1 : until]}) > 1
        for since, until in run.unwitnessed
    )


def _plan(turn: Turn, email_key: str) -> Any:
    """What decides when a reader's lessons are due."""
    mine = (one for one in turn.readers.values() if one.email_key == email_key)
    wishes = [(r.zone, r.status, r.pace, r.hour, r.weekdays, r.paused_until, bool(r.asked_at)) for r in mine]
    return turn.edition, *wishes


def _life(run: Run, entry: Taken) -> int:
    """A promise is made anew where its making was lost with a database: to those who sign up once more, and to those
    who ask once more for the same copy, or for the same round."""
    lost = [run.forgotten.get(entry.to, 0)] if entry.unsubscribe else run.restores
    promise = _promises(run).get(entry.send_id)
    asked = [wish.turn for wish in run.wishes if wish.promise == promise and wish.kind != "retry"]
    if promise and entry.unsubscribe:
        mine = (promise[0], promise[2] % COPY_AGAIN)
        asked += [one.turn for one in run.rounds if (one.email_key, one.copy) == mine]
    return sum(entry.turn > turn > 0 for turn in lost) + sum(entry.turn >= turn for turn in asked)


def _promises(run: Run) -> dict[str, Promise]:
    """What each send id stands for; worked out once."""
    if "promises" not in run.worked_out:
        run.worked_out["promises"] = {send_id: promise for promise, send_id in run.send_ids.items()}
    return run.worked_out["promises"]  # type: ignore[no-any-return]


RULES = (one_acceptance,)
