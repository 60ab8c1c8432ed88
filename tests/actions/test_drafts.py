"""Drafts: two coaches in one lesson, versions that never come again, and what is left when a draft is thrown away."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from course.actions import authoring, drafts
from course.actions.drafts import Conflict, Writing
from course.core import lesson_file
from course.store import courses
from course.store.models import Draft, Lesson
from tests.factories import World, lesson_text


def lesson_id(world: World, place: int = 1) -> int:
    with world.database.read() as session:
        steps = courses.terms_of(session, world.the_course(session).id).at(world.course).steps
        return steps[place - 1].lesson


def look(world: World, lesson: int) -> Writing:
    with world.database.read() as session:
        return drafts.open_text(session, session.get_one(Lesson, lesson), world.course)


def save(world: World, lesson: int, title: str, seen: int, author: str = "Kim") -> Writing | Conflict:
    with world.database.write() as session:
        row = session.get_one(Lesson, lesson)
        now = {"now": world.machine, "course_now": world.course}
        return drafts.save(session, row, lesson_text(title), seen, author=author, **now)


def saved(world: World, lesson: int, title: str, seen: int, author: str = "Kim") -> Writing:
    found = save(world, lesson, title, seen, author)
    assert isinstance(found, Writing)
    return found


def discard(world: World, lesson: int, seen: int) -> bool:
    with world.database.write() as session:
        return drafts.discard(session, session.get_one(Lesson, lesson), seen)


def test_without_a_draft_the_text_is_what_readers_get(world: World) -> None:
    found = look(world, lesson_id(world))
    assert (found.version, found.source, found.is_draft) == (0, lesson_text("Start"), False)
    assert found.published is not None


def test_each_save_is_a_version_and_readers_still_get_the_published_text(world: World) -> None:
    lesson = lesson_id(world)
    first = saved(world, lesson, "One", 0)
    second = saved(world, lesson, "Two", first.version)
    assert 0 < first.version < second.version
    assert (second.author, second.updated_at, second.source) == ("Kim", world.machine, lesson_text("Two"))
    assert look(world, lesson).published.source == lesson_text("Start")  # type: ignore[union-attr]


def test_who_saves_over_a_version_that_they_have_not_seen_is_told_and_writes_nothing(world: World) -> None:
    lesson = lesson_id(world)
    saved(world, lesson, "Kim's", 0)
    told = save(world, lesson, "Ann's", 0, "Ann")
    assert isinstance(told, Conflict)
    assert (told.theirs.author, told.theirs.source) == ("Kim", lesson_text("Kim's"))
    assert look(world, lesson).source == lesson_text("Kim's")
    assert saved(world, lesson, "Ann's", told.theirs.version, "Ann").author == "Ann"


def test_a_save_whose_answer_was_lost_may_be_repeated(world: World) -> None:
    lesson = lesson_id(world)
    first = saved(world, lesson, "One", 0)
    assert saved(world, lesson, "One", 0).version == first.version


def test_a_text_as_it_was_published_makes_no_draft(world: World) -> None:
    lesson = lesson_id(world)
    assert saved(world, lesson, "Start", 0).version == 0
    with world.database.read() as session:
        assert session.get(Draft, lesson) is None


@pytest.mark.parametrize("end", ["discarded", "published"])
def test_a_page_that_saw_an_earlier_draft_cannot_save_over_the_next_one(world: World, end: str) -> None:
    """The next draft begins anew, but not with a number that was there before."""
    lesson = lesson_id(world)
    seen = saved(world, lesson, "One", 0).version
    if end == "discarded":
        assert discard(world, lesson, seen)
    else:
        with world.database.write() as session:
            row = session.get_one(Draft, lesson)
            digest = lesson_file.digest(row.source)
            owner = session.get_one(Lesson, lesson)
            courses.add_revision(session, owner, row.source, digest, "Kim", world.machine)
            session.delete(row)
    world.go(seconds=30)
    next_one = saved(world, lesson, "Two", 0, "Ann")
    assert next_one.version != seen
    assert isinstance(save(world, lesson, "Three", seen), Conflict)


def test_a_draft_is_thrown_away_only_as_it_was_seen(world: World) -> None:
    lesson = lesson_id(world)
    first = saved(world, lesson, "One", 0)
    second = saved(world, lesson, "Two", first.version)
    assert not discard(world, lesson, first.version)
    assert discard(world, lesson, second.version)
    assert look(world, lesson).source == lesson_text("Start")
    assert discard(world, lesson, second.version)  # a second press finds nothing to do


def test_a_lesson_that_was_never_published_goes_with_its_draft(world: World) -> None:
    with world.database.write() as session:
        course = world.the_course(session)
        lesson = authoring.add_lesson(session, course, "New", author="Kim", now=world.machine).id
    found = look(world, lesson)
    assert found.published is None
    assert drafts_place(world, lesson) == (6, 6)
    assert discard(world, lesson, found.version)
    with world.database.read() as session:
        assert session.get(Lesson, lesson) is None
        assert session.get(Draft, lesson) is None


def drafts_place(world: World, lesson: int) -> tuple[int, int]:
    with world.database.read() as session:
        course = world.the_course(session)
        return drafts.place(session, course, session.get_one(Lesson, lesson), world.course)


def test_a_lesson_has_its_place_in_the_course(world: World) -> None:
    assert drafts_place(world, lesson_id(world, 2)) == (2, 5)


def test_what_was_not_changed_keeps_its_bytes_however_it_was_written() -> None:
    by_hand = '+++\n# mine\ntitle   = \'Start\'\nsubject = """\\\n   Hello"""\n+++\nHi,\r\n\r\nrun.\r\n'
    text = lesson_file.parse_draft(by_hand)
    typed = replace(text, body=text.body.replace("\r\n", "\n"))
    assert drafts.source_of(typed, by_hand) == by_hand
    assert drafts.source_of(replace(typed, title="New"), by_hand).startswith('+++\ntitle = "New"\n')
    assert drafts.source_of(replace(typed, text="x"), by_hand) != by_hand


def test_what_is_too_long_is_named_by_its_field() -> None:
    text = lesson_file.parse(lesson_text("Start"))
    assert drafts.too_long(replace(text, body="x" * drafts.MAX_BODY)) == {}
    found = drafts.too_long(replace(text, body="x" * (drafts.MAX_BODY + 1), title="t" * 1001))
    assert set(found) == {"body", "title"}
    assert "100,001 characters, and at most 100,000" in found["body"]


def test_a_version_is_a_number_that_every_database_holds(world: World) -> None:
    world.machine += timedelta(days=40 * 365)
    assert saved(world, lesson_id(world), "One", 0).version < 2**31


def test_of_two_saves_at_the_same_moment_one_is_told(world: World) -> None:
    lesson, both = lesson_id(world), Barrier(2)

    def at_once(author: str) -> Writing | Conflict:
        both.wait()
        return save(world, lesson, f"{author}'s", 0, author)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(at_once, ["Kim", "Ann"]))
    [kept] = [one for one in found if isinstance(one, Writing)]
    [told] = [one for one in found if isinstance(one, Conflict)]
    assert told.theirs.source == kept.source == look(world, lesson).source
