"""Changes of a running course: what is shown before is what happens, nobody gets a lesson twice, none is skipped but by
choice, and undo is exact."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from course.actions import edits as changes
from course.actions import publishing
from course.actions.edits import CHOICES, Change, Choice, Kind
from course.actions.publishing import Difference, Outdated
from course.core import lesson_file
from course.core.errors import CourseError
from course.core.sequence import Timetable
from course.core.status import Enrolled, Sent
from course.store import courses, edits, enrollments
from course.store.models import Delivery, Draft, Edit, Enrollment, Term
from tests.actions.steps import ANN, lessons_to, pass_days
from tests.factories import START, World, lesson_text

DAY = timedelta(days=1)


def present(world: World, session: Session) -> Timetable:
    return courses.terms_of(session, world.the_course(session).id).at(world.course)


def new_lesson(world: World, title: str) -> int:
    """A lesson that is in no timetable yet: a draft."""
    with world.database.write() as session:
        lesson = courses.add_lesson(session, world.the_course(session).id, title.lower(), "", world.machine)
        write(session, lesson.id, title)
        return lesson.id


def write(session: Session, lesson: int, title: str, body: str = "New words.\n") -> None:
    draft = session.get(Draft, lesson)
    source = lesson_text(title, body)
    if draft:
        draft.source, draft.version = source, draft.version + 1
    else:
        session.add(Draft(lesson_id=lesson, source=source, version=1, author="Ben", updated_at=START))
    session.flush()


def lesson_at(world: World, place: int) -> int:
    with world.database.read() as session:
        return present(world, session).steps[place - 1].lesson


def propose(world: World, change: Change, choice: Choice, summary: str = "a change") -> int:
    with world.database.write() as session:
        course, now = world.the_course(session), world.now()
        found = publishing.foresee(session, course, change, choice, now)
        return publishing.propose(session, course, change, choice, found, summary=summary, author="Ben", now=now).id


def publish(world: World, edit_id: int) -> Difference | None:
    with world.database.write() as session:
        edit = session.get_one(Edit, edit_id)
        found = publishing.publish(session, edit, edit.as_of, "Ben", world.now())
    world.go(milliseconds=1)
    return found


def make(world: World, change: Change, choice: Choice | None = None) -> int:
    edit = propose(world, change, choice or CHOICES[change.kind][0])
    assert publish(world, edit) is None
    return edit


def undo(world: World, edit_id: int) -> None:
    with world.database.write() as session:
        publishing.undo(session, session.get_one(Edit, edit_id), world.now())
    world.go(milliseconds=1)


def insert(world: World, lesson: int, place: int, gap: int = 2) -> Change:
    with world.database.read() as session:
        draft = session.get(Draft, lesson)
        return changes.insert(
            present(world, session), lesson, place, gap, draft=draft and draft.version, revision=None, fresh=True
        )


def groups(world: World, edit_id: int) -> dict[str, int]:
    with world.database.read() as session:
        return session.get_one(Edit, edit_id).groups


def titles(world: World) -> list[str]:
    with world.database.read() as session:
        steps = present(world, session).steps
        found = courses.revisions(session, (step.revision for step in steps))
        return [lesson_file.parse(found[step.revision].source).title for step in steps]


def subjects(*names: str) -> list[str]:
    return [f"About {name}" for name in names]


# --- Each kind of change ---


def test_a_new_text_reaches_every_copy_that_is_not_sent_yet(world: World) -> None:
    world.enroll(ANN)
    world.drain()
    world.enroll("bob@runner.test")
    with world.database.write() as session:
        first = present(world, session).steps[0].lesson
        write(session, first, "Better start")
    edit = make(world, changes.text(first, 1))
    assert groups(world, edit) == {"had": 1, "next": 1}
    world.drain()
    assert lessons_to(world) == subjects("Start")
    assert lessons_to(world, "bob@runner.test") == subjects("Better start")


def test_a_new_lesson_comes_to_those_who_are_not_past_it(world: World) -> None:
    world.enroll("early@runner.test")
    pass_days(world, 8)  # had three
    world.enroll(ANN)
    pass_days(world, 1)  # had one
    extra = new_lesson(world, "Extra")
    edit = make(world, insert(world, extra, 3))
    assert groups(world, edit) == {"later": 1, "past": 1}
    pass_days(world, 40)
    assert lessons_to(world) == subjects("Start", "Week", "Extra", "Why", "How", "Fuel")
    assert lessons_to(world, "early@runner.test") == subjects("Start", "Week", "Why", "How", "Fuel")


@pytest.mark.parametrize(
    ("choice", "early", "finished"),
    [(Choice.AHEAD, 0, 0), (Choice.ALL, 1, 0), (Choice.FINISHERS, 1, 1), (Choice.NEW, 0, 0)],
)
def test_a_coach_chooses_whether_those_past_its_place_get_it(
    world: World, choice: Choice, early: int, finished: int
) -> None:
    world.enroll("done@runner.test")
    pass_days(world, 30)
    world.enroll("early@runner.test")
    pass_days(world, 8)
    make(world, insert(world, new_lesson(world, "Extra"), 2), choice)
    world.enroll("new@runner.test")
    pass_days(world, 40)
    got = [lessons_to(world, f"{who}@runner.test").count("About Extra") for who in ("early", "done", "new")]
    assert got == [early, finished, 1]


def test_a_new_first_lesson_goes_at_once_and_the_old_one_waits(world: World) -> None:
    make(world, insert(world, new_lesson(world, "Welcome"), 1, gap=2))
    world.enroll(ANN)
    world.drain()
    assert lessons_to(world) == subjects("Welcome")
    pass_days(world, 3)
    assert lessons_to(world) == subjects("Welcome", "Start")


def test_an_archived_lesson_is_passed_over(world: World) -> None:
    world.enroll(ANN)
    pass_days(world, 1)
    with world.database.read() as session:
        change = changes.archive(present(world, session), present(world, session).steps[1].lesson)
    edit = make(world, change)
    assert groups(world, edit) == {"next": 1}
    pass_days(world, 30)
    assert lessons_to(world) == subjects("Start", "Why", "How", "Fuel")


def test_the_last_lesson_is_archived_and_who_waited_for_it_has_finished(world: World) -> None:
    reader = world.enroll(ANN)
    pass_days(world, 11)
    with world.database.read() as session:
        change = changes.archive(present(world, session), present(world, session).steps[4].lesson)
    edit = make(world, change)
    assert (world.enrollment(reader).status, world.enrollment(reader).due_at) == (Enrolled.FINISHED, None)
    undo(world, edit)
    assert world.enrollment(reader).status == Enrolled.ACTIVE
    pass_days(world, 10)
    assert lessons_to(world)[-1] == "About Fuel"


def test_a_copy_that_was_put_back_is_taken_back_with_its_lesson(world: World) -> None:
    reader = world.enroll(ANN)
    pass_days(world, 4)  # had two
    with world.database.write() as session:
        found = session.get_one(Enrollment, reader)
        second = found.had[1]
        row = session.scalars(select(Delivery).where(Delivery.lesson_id == second)).one()
        row.state, row.not_before = Sent.QUEUED, world.machine + DAY
        found.due_at = None
        change = changes.archive(present(world, session), second)
    edit = make(world, change)
    assert groups(world, edit) == {"next": 1}
    assert world.enrollment(reader).had == [lesson_at(world, 1)]
    assert world.enrollment(reader).due_at is not None
    pass_days(world, 30)
    assert lessons_to(world)[2:] == subjects("Why", "How", "Fuel")


def test_a_copy_that_is_put_back_after_its_lesson_left_does_not_hold_its_reader_up(world: World) -> None:
    reader = world.enroll(ANN)
    pass_days(world, 4)
    with world.database.read() as session:
        change = changes.archive(present(world, session), present(world, session).steps[1].lesson)
    make(world, change)
    with world.database.write() as session:
        found = session.get_one(Enrollment, reader)
        row = session.scalars(select(Delivery).where(Delivery.lesson_id == found.had[1])).one()
        row.state, row.not_before, found.due_at = Sent.QUEUED, world.machine, None
    pass_days(world, 30)
    assert lessons_to(world)[2:] == subjects("Why", "How", "Fuel")


def test_a_lesson_is_moved_and_the_days_stay_with_the_places(world: World) -> None:
    world.enroll(ANN)
    pass_days(world, 1)
    with world.database.read() as session:
        change = changes.move(present(world, session), present(world, session).steps[4].lesson, 2)
    make(world, change)
    assert titles(world) == ["Start", "Fuel", "Week", "Why", "How"]
    with world.database.read() as session:
        assert [step.gap for step in present(world, session).steps] == [0, 3, 4, 3, 4]
    pass_days(world, 30)
    assert lessons_to(world) == subjects("Start", "Fuel", "Week", "Why", "How")


def test_a_shorter_gap_that_lies_in_the_past_goes_at_the_next_opening(world: World) -> None:
    reader = world.enroll(ANN)
    pass_days(world, 2.1)  # Wednesday, noon in New York
    with world.database.read() as session:
        second = present(world, session).steps[1].lesson
        change = changes.gap(present(world, session), second, 1)
    edit = make(world, change)
    due = world.enrollment(reader).due_at
    assert due
    assert due.isoformat() == "2026-11-26T12:00:00+00:00"  # Thursday, 7 am there
    with world.database.read() as session:
        [effect] = edits.effects(session, edit)
        assert (effect.due_after, effect.arrives_at) == (due, due)


def test_other_hours_move_what_is_not_sent(world: World) -> None:
    reader = world.enroll(ANN)
    world.drain()
    make(world, changes.hours("06:00", [5, 6]))
    due = world.enrollment(reader).due_at
    assert due
    assert due.isoformat() == "2026-11-28T11:00:00+00:00"  # Saturday, 6 am in New York


def test_a_change_for_new_readers_touches_nobody_who_is_here(world: World) -> None:
    reader = world.enroll(ANN)
    world.drain()
    world.go(hours=1)
    before = world.enrollment(reader).due_at
    make(world, changes.hours("06:00", [5, 6]), Choice.NEW)
    assert world.enrollment(reader).due_at == before
    world.go(hours=1)
    late = world.enroll("new@runner.test")
    world.drain()
    due = world.enrollment(late).due_at
    assert due
    assert due.isoformat() == "2026-11-28T11:00:00+00:00"


def test_what_came_for_new_readers_stays_theirs_whatever_is_changed_later(world: World) -> None:
    world.enroll(ANN)
    world.drain()
    world.go(hours=1)
    extra = new_lesson(world, "Extra")
    make(world, insert(world, extra, 2), Choice.NEW)
    with world.database.write() as session:
        write(session, extra, "Extra two")
        moved = changes.move(present(world, session), extra, 3)
    make(world, moved)
    make(world, changes.text(extra, 1))
    with world.database.read() as session:
        longer = changes.gap(present(world, session), extra, 5)
    make(world, longer)
    world.go(hours=1)
    world.enroll("new@runner.test")
    pass_days(world, 40)
    assert "About Extra two" not in lessons_to(world)
    assert "About Extra two" in lessons_to(world, "new@runner.test")


# --- What was shown, and what is ---


def test_a_reader_who_moved_on_after_the_preview_is_shown_before_anything_changes(world: World) -> None:
    world.enroll(ANN)
    world.drain()
    extra = new_lesson(world, "Extra")
    edit = propose(world, insert(world, extra, 2), Choice.AHEAD)
    pass_days(world, 4)  # lesson 2 went meanwhile
    found = publish(world, edit)
    assert found is not None
    [(was, now)] = found.lines
    assert was
    assert (was.group, now) == ("next", None)
    assert titles(world) == ["Start", "Week", "Why", "How", "Fuel"]
    assert publish(world, edit) is None  # it was shown as it is now
    assert groups(world, edit) == {"past": 1}


def test_what_another_coach_has_looked_at_again_is_shown_again_to_me(world: World) -> None:
    edit = propose(world, insert(world, new_lesson(world, "Extra"), 2), Choice.AHEAD)
    with world.database.write() as session:
        row = session.get_one(Edit, edit)
        assert publishing.publish(session, row, START - DAY, "Ben", world.now()) == Difference([])
    assert titles(world) == ["Start", "Week", "Why", "How", "Fuel"]


def test_a_draft_that_was_changed_after_the_preview_is_not_published(world: World) -> None:
    extra = new_lesson(world, "Extra")
    edit = propose(world, insert(world, extra, 2), Choice.AHEAD)
    with world.database.write() as session:
        write(session, extra, "Other words")
    with pytest.raises(Outdated, match="changed the text"):
        publish(world, edit)


def test_two_coaches_who_change_the_course_at_once_do_not_mix(world: World) -> None:
    one, two = new_lesson(world, "One"), new_lesson(world, "Two")
    first, second = (
        propose(world, insert(world, one, 2), Choice.AHEAD),
        propose(world, insert(world, two, 3), Choice.AHEAD),
    )
    world.go(seconds=1)
    publish(world, first)
    with pytest.raises(Outdated, match="changed the course meanwhile"):
        publish(world, second)


def test_a_text_that_cannot_be_sent_is_not_even_proposed(world: World) -> None:
    lesson = new_lesson(world, "Extra")
    with world.database.write() as session:
        session.get_one(Draft, lesson).source = "+++\ntitle = 'No subject'\n+++\nWords.\n"
    with pytest.raises(CourseError, match="subject"):
        propose(world, insert(world, lesson, 2), Choice.AHEAD)


@pytest.mark.parametrize("place", [0, 7])
def test_there_is_no_such_place(world: World, place: int) -> None:
    lesson = new_lesson(world, "Extra")
    with pytest.raises(CourseError, match="from 1 to 6"):
        insert(world, lesson, place)


def test_two_lessons_never_go_at_once(world: World) -> None:
    with world.database.read() as session, pytest.raises(CourseError, match="from 1 to 365"):
        changes.gap(present(world, session), present(world, session).steps[1].lesson, 0)


def test_the_only_lesson_stays(world: World) -> None:
    for _ in range(4):
        with world.database.read() as session:
            change = changes.archive(present(world, session), present(world, session).steps[0].lesson)
        make(world, change)
    with world.database.read() as session, pytest.raises(CourseError, match="only lesson"):
        changes.archive(present(world, session), present(world, session).steps[0].lesson)


# --- Undo ---


def test_undo_puts_every_date_and_the_text_back(world: World) -> None:
    readers = [world.enroll(f"r{n}@runner.test") for n in range(3)]
    pass_days(world, 5)
    before = [world.enrollment(reader).due_at for reader in readers]
    extra = new_lesson(world, "Extra")
    edit = make(world, insert(world, extra, 3, gap=1))
    assert [world.enrollment(reader).due_at for reader in readers] != before
    undo(world, edit)
    assert [world.enrollment(reader).due_at for reader in readers] == before
    with world.database.read() as session:
        assert "Extra" in session.get_one(Draft, extra).source
        assert session.scalars(select(Term).where(Term.edit_id == edit)).all() == []


def test_undo_is_shut_once_a_mail_that_it_changed_is_on_its_way(world: World) -> None:
    world.enroll(ANN)
    world.drain()
    edit = make(world, insert(world, new_lesson(world, "Extra"), 2, gap=1))
    with world.database.read() as session:
        assert publishing.may_undo(session, session.get_one(Edit, edit)) == ""
    pass_days(world, 2)
    with pytest.raises(Outdated, match="on its way"):
        undo(world, edit)


def test_undo_stays_open_while_only_other_mails_went(world: World) -> None:
    world.enroll(ANN)
    world.drain()
    with world.database.write() as session:
        last = present(world, session).steps[4].lesson
        write(session, last, "Better fuel")
    edit = make(world, changes.text(last, 1))
    pass_days(world, 4)  # lesson 2 went
    undo(world, edit)
    pass_days(world, 30)
    assert lessons_to(world)[-1] == "About Fuel"


def test_undo_is_shut_by_a_later_change(world: World) -> None:
    edit = make(world, changes.hours("06:00", list(range(7))))
    make(world, changes.hours("08:00", list(range(7))))
    with pytest.raises(Outdated, match="changed after it"):
        undo(world, edit)


# --- Any history of changes, with readers on the move ---


def any_change(world: World, rng: random.Random) -> Change | None:
    with world.database.write() as session:
        now = present(world, session)
        steps, kind = now.steps, rng.choice(list(Kind))
        one = rng.choice(steps).lesson
        if kind is Kind.TEXT:
            title = lesson_file.parse(courses.newest_revision(session, one).source).title
            write(session, one, title, f"Words number {rng.random()}.\n")
            return changes.text(one, session.get_one(Draft, one).version)
        if kind is Kind.MOVE and len(steps) > 1:
            return changes.move(now, one, rng.randint(1, len(steps)))
        if kind is Kind.ARCHIVE and len(steps) > 3:
            return changes.archive(now, one)
        if kind is Kind.GAP:
            return changes.gap(now, one, rng.randint(1, 6))
        if kind is Kind.HOURS:
            return changes.hours(rng.choice(("05:30", "07:00", "19:15")), rng.sample(range(7), rng.randint(1, 7)))
        lives = {step.lesson for step in steps}
        shelved = [
            row for row in courses.lessons_of(session, world.the_course(session).id).values() if row.id not in lives
        ]
        old = [row for row in shelved if session.get(Draft, row.id) is None]
        if old and rng.random() < 0.5:
            newest = courses.newest_revision(session, rng.choice(old).id)
            place = rng.randint(1, len(steps) + 1)
            return changes.insert(now, newest.lesson_id, place, 2, draft=None, revision=newest.id, fresh=False)
    extra = new_lesson(world, f"Extra{rng.randrange(10**9)}")
    return insert(world, extra, rng.randint(1, len(steps) + 1), rng.randint(1, 5))


def plans(world: World) -> dict[int, tuple[Any, ...]]:
    with world.database.read() as session:
        rows = session.scalars(select(Enrollment).order_by(Enrollment.id))
        return {row.id: (row.status, row.due_at, tuple(row.had)) for row in rows}


ZONES = ("America/New_York", "Europe/Berlin", "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Apia")


@pytest.mark.parametrize("seed", range(10))
def test_any_history_of_changes_repeats_nothing_and_skips_nothing_but_by_choice(world: World, seed: int) -> None:
    rng = random.Random(seed)
    for n in range(rng.randint(2, 5)):
        world.enroll(f"r{n}@runner.test", timezone=rng.choice(ZONES))
        pass_days(world, rng.choice((0, 0.4, 2, 5)))
    for n in range(rng.randint(3, 8)):
        if rng.random() < 0.3:
            world.enroll(f"late{n}@runner.test", timezone=rng.choice(ZONES))
        pass_days(world, rng.choice((0, 0.3, 1, 3)))
        change = any_change(world, rng)
        if change is None:
            continue
        before = plans(world)
        edit = make(world, change, rng.choice(CHOICES[change.kind]))
        assert sum(groups(world, edit).values()) == len(before)
        _stored_plans_are_those_shown(world, edit)
        if rng.random() < 0.3:
            undo(world, edit)
            assert plans(world) == before
    _what_was_shown_last_is_what_happens(world, rng)


def _stored_plans_are_those_shown(world: World, edit: int) -> None:
    now = plans(world)
    with world.database.read() as session:
        for effect in edits.effects(session, edit):
            status, due, _ = now[effect.enrollment_id]
            assert due == effect.due_after
            assert (status == Enrolled.ACTIVE) == (effect.lesson_after is not None)


def _what_was_shown_last_is_what_happens(world: World, rng: random.Random) -> None:
    change = None
    while change is None:
        change = any_change(world, rng)
    edit = make(world, change, rng.choice(CHOICES[change.kind]))
    with world.database.read() as session:
        shown = edits.effects(session, edit)
        went_before = Counter(session.scalars(select(Delivery.id).where(Delivery.lesson_id.is_not(None))))
    pass_days(world, 120)
    with world.database.read() as session:
        rows = session.scalars(select(Delivery).where(Delivery.lesson_id.is_not(None)).order_by(Delivery.id)).all()
        after = [row for row in rows if row.id not in went_before]
        for effect in shown:
            mine = [row for row in after if row.enrollment_id == effect.enrollment_id]
            first = (mine[0].lesson_id, mine[0].created_at) if mine else (None, None)
            assert _near(first, (effect.lesson_after, effect.due_after)), (change, effect.enrollment_id)
            if effect.arrives_at:
                [arrived] = [row.created_at for row in mine if row.lesson_id == change.lesson]
                assert abs(arrived - effect.arrives_at) < timedelta(seconds=1)
        _nobody_twice_and_nobody_without(world, session, rows)


def _near(one: tuple[Any, Any], two: tuple[Any, Any]) -> bool:
    if one[0] != two[0] or (one[1] is None) != (two[1] is None):
        return False
    return one[1] is None or abs(one[1] - two[1]) < timedelta(seconds=1)  # the clock of `make` ticks a little


def _nobody_twice_and_nobody_without(world: World, session: Session, rows: Any) -> None:
    twice = [key for key, n in Counter((row.enrollment_id, row.lesson_id) for row in rows).items() if n > 1]
    assert twice == []
    excluded = enrollments.exclusions(session, plans(world).keys())
    terms = courses.terms_of(session, world.the_course(session).id)
    for reader in session.scalars(select(Enrollment)):
        due = {step.lesson for step in terms.at(reader.enrolled_at).steps}
        assert reader.status == Enrolled.FINISHED
        assert due <= set(reader.had) | excluded[reader.id]
