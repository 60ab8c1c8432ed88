"""Which state of a delivery may follow which: what the ledger must never allow."""

from course.core.status import FOLLOWS, UNSETTLED, Sent


def reachable(start: Sent, without: Sent | None = None) -> set[Sent]:
    found, todo = set[Sent](), [start]
    while todo:
        for state in FOLLOWS[todo.pop()] - found - {without}:
            found.add(state)
            todo.append(state)
    return found


def test_every_state_says_what_may_follow() -> None:
    assert set(FOLLOWS) == set(Sent)


def test_what_a_provider_accepted_is_final() -> None:
    assert FOLLOWS[Sent.ACCEPTED] == frozenset()


def test_what_was_cancelled_is_final() -> None:
    assert FOLLOWS[Sent.CANCELLED] == frozenset()


def test_nothing_is_accepted_that_was_not_on_its_way() -> None:
    assert {state for state, after in FOLLOWS.items() if Sent.ACCEPTED in after} == set(UNSETTLED)


def test_nothing_on_its_way_is_cancelled_before_it_is_known_what_became_of_it() -> None:
    assert Sent.CANCELLED not in FOLLOWS[Sent.SENDING]


def test_every_unsettled_state_leads_to_an_end() -> None:
    for state in UNSETTLED:
        assert {Sent.ACCEPTED, Sent.REFUSED, Sent.CANCELLED} <= reachable(state)


def test_what_is_queued_again_is_marked_again_before_anything_can_be_accepted() -> None:
    assert Sent.ACCEPTED not in reachable(Sent.QUEUED, without=Sent.SENDING)


def test_states_are_stored_as_words_that_fit_their_column() -> None:
    assert [len(state) <= 10 for state in Sent] == [True] * len(Sent)
