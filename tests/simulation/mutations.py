"""Guards of the engine, each taken away in turn: a suite that does not notice proves nothing.

`python -m tests.simulation.mutations` prints which seed noticed and by which rule.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from course.actions import events, marking, planning, recording, settling
from course.core import schedule
from course.core.outcome import Accepted, Uncertain, Unreachable
from course.core.status import Enrolled, Sent
from course.store import calls, deliveries, enrollments
from course.store.models import Call, Delivery
from course.worker.sender import Sender
from tests.simulation.reading import Violation
from tests.simulation.simulate import simulate
from tests.simulation.stage import Stage

Patch = pytest.MonkeyPatch
SEEDS = 150  # at most, for each guard
NOT_TAKEN = Unreachable("believed without proof", scope="message")


def resend_unknowns_blindly(patch: Patch) -> None:
    patch.setattr(settling, "ask", lambda provider, case, now, witness: [NOT_TAKEN for _ in case.open])


def take_no_answer_for_not_sent(patch: Patch) -> None:
    """Every "the answer was lost" becomes "it was not taken"."""
    post = settling.post

    def certain(*args: Any) -> Any:
        return [NOT_TAKEN if isinstance(outcome, Uncertain) else outcome for outcome in post(*args)]

    patch.setattr(settling, "post", certain)


def requeue_after_a_crash(patch: Patch) -> None:
    """What a dead worker had marked goes back into the queue."""
    take = settling.take

    def requeue(session: Any, sending: Any, now: Any) -> Any:
        left = select(Call.id).where(Call.state == "sending", Call.next_try_at <= now.machine)
        mine = update(Delivery).where(Delivery.call_id.in_(left), Delivery.state == Sent.SENDING)
        session.execute(mine.values(state=Sent.QUEUED, not_before=now.machine, reason="requeued"))
        return take(session, sending, now)

    patch.setattr(settling, "take", requeue)


def no_fence(patch: Patch) -> None:
    """Whoever answers last is right, whoever the delivery belongs to by then."""

    def unfenced(session: Any, ids: Any, state: Any, *, call_id: Any = None, **values: Any) -> int:
        if ids:
            session.execute(update(Delivery).where(Delivery.id.in_(ids)).values(state=state, **values))
        return len(ids)

    patch.setattr(deliveries, "set_state", unfenced)


def leaving_is_not_looked_at_again(patch: Patch) -> None:
    """The mark believes that who was put back in the queue still reads."""
    rows, queued = enrollments.rows, deliveries.take_queued

    def still_reading(*args: Any) -> Any:
        return [_like(row, status=Enrolled.ACTIVE) for row in rows(*args)]

    patch.setattr(marking.enrollments, "rows", still_reading)
    patch.setattr(
        marking.deliveries, "take_queued", lambda *args: [_like(row, suppressed=None) for row in queued(*args)]
    )


def replay_to_those_who_left(patch: Patch) -> None:
    patch.setattr(settling, "_wanted", lambda session, row: True)


def replay_at_night(patch: Patch) -> None:
    patch.setattr(settling, "_may_leave", lambda *args: True)


def replay_moves_no_anchor(patch: Patch) -> None:
    patch.setattr(enrollments, "went_later", lambda *args: None)


def replay_what_is_settled(patch: Patch) -> None:
    """A call is posted again with those in it whose delivery has gone another way since."""
    take = settling.take

    def with_all(*args: Any) -> Any:
        case = take(*args)
        return case and replace(case, left=case.left & frozenset(case.open))

    patch.setattr(settling, "take", with_all)


def a_late_no_is_believed(patch: Patch) -> None:
    """ "Not taken" counts, even though another worker posted the same call."""
    patch.setattr(recording, "no_proof", lambda outcome: outcome)


def absence_is_believed_at_once(patch: Patch) -> None:
    looked_up = settling._looked_up
    patch.setattr(settling, "_looked_up", lambda provider, case, settled: looked_up(provider, case, settled=True))


def absence_needs_no_neighbour(patch: Patch) -> None:
    """An empty answer is believed, even if the question finds nothing at all."""

    def looked_up(provider: Any, case: Any, *, settled: bool) -> Any:
        found = provider.look_up(case.send_ids)
        absent = NOT_TAKEN if settled else Uncertain("not found yet")
        return [Accepted(found[one]) if found.get(one) else absent for one in case.send_ids]

    patch.setattr(settling, "_looked_up", looked_up)


def a_thawed_worker_posts_anyway(patch: Patch) -> None:
    patch.setattr(Sender, "_patience", property(lambda self: float("inf")))


def the_window_is_not_checked(patch: Patch) -> None:
    patch.setattr(schedule, "is_open", lambda window, at: True)


def the_pause_is_not_checked(patch: Patch) -> None:
    may_leave = planning.Planner.may_leave

    def unpaused(self: Any, reader: Any, *args: Any, **options: Any) -> bool:
        facts = {name: getattr(reader, name) for name in planning.Reader.__annotations__}
        return may_leave(self, SimpleNamespace(**facts | {"paused_until": None}), *args, **options)  # type: ignore[arg-type]

    patch.setattr(planning.Planner, "may_leave", unpaused)


def the_next_lesson_does_not_wait(patch: Patch) -> None:
    patch.setattr(enrollments, "hold", lambda *args: None)


def nobody_is_released(patch: Patch) -> None:
    patch.setattr(recording, "release", lambda *args: None)


def another_accounts_calls_are_left_alone(patch: Patch) -> None:
    def mine(session: Any, provider: str, account: str, now: Any, lease_until: Any, hopeless: Any) -> Any:
        of_account = (Call.provider == provider, Call.account == account)
        found = session.scalar(select(Call).where(Call.state != "done", Call.next_try_at <= now, *of_account).limit(1))
        if found:
            found.state, found.lease_until, found.next_try_at = "unknown", lease_until, lease_until
        return found

    patch.setattr(calls, "take_open", mine)


def the_account_fault_stops_nothing(patch: Patch) -> None:
    patch.setattr(recording, "_trouble", lambda outcomes: None)


def the_account_fault_burns_attempts(patch: Patch) -> None:
    put_back = recording._put_back

    def dear(session: Any, call_id: str, failed: Any, *args: Any) -> None:
        put_back(session, call_id, failed, *args)
        for row in deliveries.many(session, [member for member, _ in failed]).values():
            row.attempts += 1

    patch.setattr(recording, "_put_back", dear)


def any_event_is_believed(patch: Patch) -> None:
    """An event's recipient is not compared with whom the message went to."""

    def delivery(session: Any, letters: Any, event: Any) -> Any:
        rows = session.scalars(select(Delivery)).all()
        return next((row for row in rows if settling.send_id_of(session, letters, row) == event.send_id), None)

    patch.setattr(events, "_delivery", delivery)


def a_new_lesson_goes_to_everybody(patch: Patch) -> None:
    patch.setattr(enrollments, "exclude_past", lambda *args: None)


def an_edit_plans_nothing_anew(patch: Patch) -> None:
    patch.setattr(planning, "replan", lambda *args: None)


def had_is_forgotten(patch: Patch) -> None:
    """The cache beside the plan loses what it knew; the unique key is the second line."""
    save = enrollments.save_plans

    def forget(session: Any, plans: Any) -> None:
        save(session, [plan | {"had": plan["had"][1:]} if "had" in plan else plan for plan in plans])

    patch.setattr(enrollments, "save_plans", forget)


def no_unique_key(patch: Patch) -> None:
    had_is_forgotten(patch)
    fresh = Stage.fresh

    def without(self: Stage) -> None:
        fresh(self)
        self.raw.execute("DROP INDEX uq_delivery_lesson")

    patch.setattr(Stage, "fresh", without)


MUTATIONS: dict[str, Callable[[Patch], None]] = {
    mutation.__name__.replace("_", " "): mutation
    for mutation in (
        resend_unknowns_blindly,
        take_no_answer_for_not_sent,
        requeue_after_a_crash,
        no_fence,
        leaving_is_not_looked_at_again,
        replay_to_those_who_left,
        replay_at_night,
        replay_moves_no_anchor,
        replay_what_is_settled,
        a_late_no_is_believed,
        absence_is_believed_at_once,
        absence_needs_no_neighbour,
        a_thawed_worker_posts_anyway,
        the_window_is_not_checked,
        the_pause_is_not_checked,
        the_next_lesson_does_not_wait,
        nobody_is_released,
        another_accounts_calls_are_left_alone,
        the_account_fault_stops_nothing,
        the_account_fault_burns_attempts,
        any_event_is_believed,
        a_new_lesson_goes_to_everybody,
        an_edit_plans_nothing_anew,
        no_unique_key,
    )
}


def noticed(mutation: Callable[[Patch], None], seeds: int = SEEDS) -> tuple[int, Violation] | None:
    """The first seed that fails without the guard, and why."""
    with pytest.MonkeyPatch.context() as patch:
        mutation(patch)
        for seed in range(1, seeds + 1):
            if found := simulate(seed).violations:
                return seed, found[0]
    return None


def _like(row: Any, **changes: Any) -> Any:
    """A row of a query with some of its columns changed."""
    return SimpleNamespace(**dict(row._mapping) | {name: changes[name] for name in changes if name in row._mapping})


def main() -> int:
    missed = 0
    for name, mutation in MUTATIONS.items():
        found = noticed(mutation)
        missed += found is None
        print(
            f"{name:40}", f"seed {found[0]}: {found[1].rule}: {found[1].text}" if found else "NOT NOTICED", flush=True
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
