"""What comes next for a reader, read from append-only facts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.core.sequence import Step, Term, Terms, Timetable

relaxed = settings(max_examples=100, deadline=None)
START = datetime(2026, 11, 23, 15, tzinfo=UTC)
COURSE = [Term(None, "hour", "07:00", None), Term(None, "weekdays", [0, 1, 2, 3, 4, 5, 6], None)]


def lesson(number: int, rank: int, gap: int = 3, since: datetime | None = None) -> list[Term]:
    values = {"rank": rank, "gap": gap, "revision": number * 10}
    return [Term(number, name, value, since) for name, value in values.items()]


FIVE = [*COURSE, *(term for number in range(1, 6) for term in lesson(number, number))]


def ids(timetable: Timetable) -> list[int]:
    return [step.lesson for step in timetable.steps]


def at(terms: list[Term], moment: datetime = START) -> Timetable:
    return Terms(terms).at(moment)


def test_lessons_stand_by_rank_whatever_their_ids_and_the_order_of_the_facts() -> None:
    terms = [*lesson(7, 2), *lesson(9, 1, gap=0), *COURSE, *lesson(3, 3)]
    assert at(terms) == Timetable((Step(9, 0, 90), Step(7, 3, 70), Step(3, 3, 30)), "07:00", (0, 1, 2, 3, 4, 5, 6))


def test_the_newer_fact_wins_and_the_older_one_stays_readable() -> None:
    terms = [*FIVE, Term(2, "gap", 9, None), Term(2, "revision", 21, None), Term(None, "hour", "19:00", None)]
    assert at(terms).steps[1] == Step(2, 9, 21)
    assert at(terms).hour == "19:00"
    assert at(terms[: len(FIVE)]) == at(FIVE)


def test_an_archived_lesson_is_skipped_and_may_come_back() -> None:
    archived = [*FIVE, Term(2, "archived", True, None)]
    assert ids(at(archived)) == [1, 3, 4, 5]
    assert ids(at([*archived, Term(2, "archived", False, None)])) == [1, 2, 3, 4, 5]


def test_new_readers_only_means_those_who_enroll_from_then_on() -> None:
    since = START + timedelta(days=10)
    terms = [*FIVE, *lesson(6, 6, since=since), Term(1, "gap", 8, since)]
    before, after = Terms(terms).at(since - timedelta(microseconds=1)), Terms(terms).at(since)
    assert (ids(before), before.steps[0].gap) == ([1, 2, 3, 4, 5], 3)
    assert (ids(after), after.steps[0].gap) == ([1, 2, 3, 4, 5, 6], 8)


def test_a_fact_for_everybody_that_is_newer_wins_over_one_for_new_readers() -> None:
    terms = [*FIVE, Term(1, "gap", 8, START), Term(1, "gap", 5, None)]
    assert at(terms, START + timedelta(days=1)).steps[0].gap == 5


def test_the_next_lesson_is_the_first_that_was_neither_had_nor_excluded() -> None:
    timetable = at(FIVE)
    assert timetable.next_step([]) == Step(1, 3, 10)
    assert timetable.next_step([1, 3]) == Step(2, 3, 20)
    assert timetable.next_step([1], {2, 3}) == Step(4, 3, 40)
    assert timetable.next_step([5, 4, 3, 2, 1]) is None
    assert timetable.next_step([1, 2], [3, 4, 5]) is None


@relaxed
@given(st.lists(st.integers(0, 9), unique=True), st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_taking_every_next_lesson_gives_each_that_is_wanted_once_and_in_order(
    order: list[int], had: set[int], excluded: set[int]
) -> None:
    timetable = at([*COURSE, *(term for rank, number in enumerate(order, 1) for term in lesson(number + 1, rank))])
    had, excluded = {n + 1 for n in had}, {n + 1 for n in excluded}
    went = []
    while step := timetable.next_step([*had, *went], excluded):
        went.append(step.lesson)
    assert went == [n + 1 for n in order if n + 1 not in had | excluded]


def test_a_lesson_has_its_number_and_one_that_is_gone_stands_past_the_end() -> None:
    timetable = at([*FIVE, Term(2, "archived", True, None)])
    assert [timetable.number(number) for number in (1, 3, 5, 2)] == [1, 2, 4, 5]


facts = st.lists(
    st.tuples(
        st.sampled_from([(None, "hour"), (1, "gap"), (1, "revision"), (2, "gap"), (2, "archived"), (3, "rank")]),
        st.integers(0, 9),
        st.none() | st.integers(0, 5),
    ),
    max_size=12,
)


@relaxed
@given(facts, st.lists(st.integers(-10, 60), min_size=1, max_size=6))
def test_for_a_reader_the_newest_fact_not_after_their_enrollment_wins(
    written: list[tuple[tuple[int | None, str], int, int | None]], enrolled: list[int]
) -> None:
    """The rule as it is said, fact by fact, against the eras as they are kept."""
    terms = [*COURSE, *lesson(1, 1), *lesson(2, 2), *lesson(3, 3)]
    for (about, name), value, days in written:
        terms.append(Term(about, name, value, None if days is None else START + timedelta(days=days)))
    kept = Terms(terms)
    for hours in enrolled:
        moment = START + timedelta(hours=2 * hours)
        said = {(t.lesson, t.name): t.value for t in terms if t.since is None or t.since <= moment}
        live = [n for n in (1, 2, 3) if not said.get((n, "archived"))]
        order = sorted(live, key=lambda n: (said[(n, "rank")], n))
        found = kept.at(moment)
        assert found.steps == tuple(Step(n, said[(n, "gap")], said[(n, "revision")]) for n in order)
        assert found.hour == said[(None, "hour")]


def test_readers_of_one_era_share_one_timetable() -> None:
    kept = Terms([*FIVE, Term(1, "gap", 8, START)])
    assert kept.at(START) is kept.at(START + timedelta(days=900))
    assert kept.at(START) is not kept.at(START - timedelta(seconds=1))


def test_a_course_without_hours_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(KeyError):
        at(lesson(1, 1))
