"""Lessons between folders and the database: what came in comes out, and nobody's work is overwritten."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from course.actions import controls, lesson_files, lesson_import
from course.actions.lesson_files import Files
from course.actions.lesson_import import Done
from course.cli import folders
from course.core import lesson_file
from course.core.errors import BadFile
from course.paths import shipped
from course.store import courses
from course.store.models import Course, Edit, Exclusion, Lesson, Revision, Term
from tests.actions.steps import lessons_to, on_sqlite, pass_days
from tests.factories import COURSE_TOML, START, TITLES, World, files, lesson_text

[SHIPPED] = folders.files_in(shipped("lessons"))
numbers = count(1)
# Every example takes a course of its own, so that the world may be shared.
shared = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ALL = [f"About {title}" for title in TITLES]


def import_files(world: World, wanted: Files) -> dict[str, Done]:
    with world.database.write() as session:
        entries = lesson_import.import_course(session, wanted, world.machine, world.course)
    assert len({entry.file for entry in entries}) == len(entries)
    return {entry.file: entry.done for entry in entries}


def export(world: World, slug: str = "running") -> Files:
    with world.database.read() as session:
        return lesson_import.export_course(session, world.the_course(session, slug), world.course)


def changed(wanted: Files, name: str, text: str) -> Files:
    return replace(wanted, lessons={**wanted.lessons, name: text})


def course_of(titles: Sequence[str], gaps: Sequence[int], slug: str = "running") -> Files:
    return files(slug, COURSE_TOML.replace("[0, 3, 4, 3, 4]", str(list(gaps))), tuple(titles))


def rows(world: World, table: type) -> int:
    with world.database.read() as session:
        return session.query(table).count()


def everything(world: World) -> list[int]:
    return [rows(world, table) for table in (Course, Lesson, Revision, Edit, Term, Exclusion)]


def in_course(world: World, slug: str = "running") -> list[tuple[str, int]]:
    """Slugs and gaps of the lessons as they are now."""
    with world.database.read() as session:
        course = world.the_course(session, slug)
        by_id = {lesson.id: slug for slug, lesson in courses.lessons_of(session, course.id).items()}
        steps = courses.terms_of(session, course.id).at(world.course).steps
        return [(by_id[step.lesson], step.gap) for step in steps]


def edit_here(world: World, slug: str, text: str) -> None:
    """As an editor inside the course does it: a revision that no file knows."""
    with world.database.write() as session:
        course = world.the_course(session)
        lesson = courses.lessons_of(session, course.id)[slug]
        edit = courses.add_edit(session, course, "text", "coach", world.machine)
        revision = courses.add_revision(session, lesson, text, lesson_file.digest(text), "coach", world.machine)
        courses.add_term(session, edit, lesson, "revision", revision.id)


def change_course_here(world: World, **columns: str) -> None:
    with world.database.write() as session:
        for name, value in columns.items():
            setattr(world.the_course(session), name, value)


def due(world: World, enrollment: int) -> object:
    return world.enrollment(enrollment).due_at


# ── in and out ──


def test_the_shipped_course_comes_out_as_it_came_in_byte_for_byte(world: World) -> None:
    done = import_files(world, replace(SHIPPED, slug="shipped"))
    assert set(done.values()) == {Done.NEW}
    assert export(world, "shipped") == replace(SHIPPED, slug="shipped")


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@on_sqlite
def test_files_of_any_system_come_out_byte_for_byte(world: World, ends: str, mark: str) -> None:
    def written(text: str) -> str:
        return mark + text.replace("\n", ends)

    toml = COURSE_TOML + 'about = """\nTwo\nlines.\n"""\n'
    plain = files("other", toml)
    wanted = Files("other", written(plain.course), {name: written(text) for name, text in plain.lessons.items()})
    import_files(world, wanted)
    assert export(world, "other") == wanted


bodies = st.lists(
    st.sampled_from(
        ["a\n", "é 𝄞\n", "\r\n", "+++\n", "{{ first_name }}\n", "{{ x }}", "<b>", "\u2028", "\\", '"', "\t", "'''\n"]
    ),
    min_size=1,
    max_size=6,
).map("".join)
words = st.text("aé\"'\\#=[ ", min_size=1, max_size=8).filter(str.strip)


@shared
@given(st.lists(st.tuples(words, bodies.filter(str.strip)), min_size=1, max_size=4), st.data())
def test_random_edits_come_out_byte_for_byte_and_importing_again_does_nothing(
    world: World, texts: list[tuple[str, str]], data: st.DataObject
) -> None:
    slug = f"random-{next(numbers)}"
    wanted = import_random(world, slug, texts, data)
    before = everything(world)
    assert set(import_files(world, wanted).values()) == {Done.UNCHANGED}
    assert everything(world) == before
    edited = [(title, data.draw(bodies.filter(str.strip))) for title, _ in texts]
    wanted = import_random(world, slug, edited, data)
    assert export(world, slug) == wanted


def import_random(world: World, slug: str, texts: list[tuple[str, str]], data: st.DataObject) -> Files:
    gaps = [0, *(data.draw(st.integers(1, 9)) for _ in texts[1:])]
    title = texts[0][0].replace("\\", "").replace('"', "") or "T"
    toml = COURSE_TOML.replace("[0, 3, 4, 3, 4]", f"{gaps}  # days").replace("Five lessons", title + ".")
    lessons = {f"{n:02d}-l{n}.md": lesson_file.dump(a_lesson(*text)) for n, text in enumerate(texts, 1)}
    wanted = Files(slug, toml, lessons)
    import_files(world, wanted)
    assert export(world, slug) == wanted
    return wanted


def a_lesson(title: str, body: str) -> lesson_file.LessonText:
    title = " ".join(title.split())
    return lesson_file.LessonText(title, title, "", "", "", "", body)


def test_a_first_import_names_every_file(world: World) -> None:
    done = import_files(world, files("other"))
    assert done == {"course.toml": Done.NEW} | dict.fromkeys(files().lessons, Done.NEW)
    assert in_course(world, "other") == [("start", 0), ("week", 3), ("why", 4), ("how", 3), ("fuel", 4)]
    with world.database.read() as session:
        course = world.the_course(session, "other")
        assert (course.title, course.sender, course.disclaimer) == ("Five lessons", "Coaches", "Not a diagnosis.")
        timetable = courses.terms_of(session, course.id).at(world.course)
        assert (timetable.hour, timetable.weekdays) == ("07:00", (0, 1, 2, 3, 4, 5, 6))


def test_an_import_that_changes_nothing_writes_nothing(world: World) -> None:
    before = everything(world)
    for _ in range(2):
        assert set(import_files(world, files()).values()) == {Done.UNCHANGED}
    assert everything(world) == before


def test_a_changed_file_makes_a_revision_and_the_old_one_stays(world: World) -> None:
    wanted = changed(files(), "02-week.md", lesson_text("Week", "New words.\n"))
    before = rows(world, Revision)
    done = import_files(world, wanted)
    assert done.pop("02-week.md") is Done.CHANGED
    assert set(done.values()) == {Done.UNCHANGED}
    assert rows(world, Revision) == before + 1
    assert export(world).lessons == wanted.lessons
    assert set(import_files(world, wanted).values()) == {Done.UNCHANGED}


@on_sqlite
def test_a_file_that_is_put_back_to_what_it_was_is_a_change(world: World) -> None:
    import_files(world, changed(files(), "02-week.md", lesson_text("Week", "New words.\n")))
    assert import_files(world, files())["02-week.md"] is Done.CHANGED
    assert export(world) == files()


def test_new_words_reach_whoever_did_not_get_the_lesson_yet(world: World) -> None:
    reader = world.enroll()
    world.drain()
    import_files(world, changed(files(), "02-week.md", lesson_text("Week", "New words for lesson two.\n")))
    pass_days(world, 4)
    [_, second] = [mail for mail in world.mails() if mail["List-Unsubscribe"]]
    assert "New words for lesson two." in str(second.get_body(("plain",)))
    assert world.enrollment(reader).had == [1, 2]


# ── both sides ──


def test_a_lesson_that_changed_on_both_sides_is_a_conflict_and_overwrites_nothing(world: World) -> None:
    edit_here(world, "week", lesson_text("Week", "From the coach.\n"))
    before = everything(world)
    wanted = changed(files(), "02-week.md", lesson_text("Week", "From the file.\n"))
    for _ in range(2):
        done = import_files(world, wanted)
        assert done.pop("02-week.md") is Done.CONFLICT
        assert set(done.values()) == {Done.UNCHANGED}
    assert everything(world) == before
    assert "From the coach." in export(world).lessons["02-week.md"]


@on_sqlite
def test_a_file_that_did_not_change_leaves_an_edit_inside_the_course_alone(world: World) -> None:
    edit_here(world, "week", lesson_text("Week", "From the coach.\n"))
    assert set(import_files(world, files()).values()) == {Done.UNCHANGED}
    assert "From the coach." in export(world).lessons["02-week.md"]


def test_what_was_exported_after_an_edit_comes_back_as_known_and_may_be_changed_then(world: World) -> None:
    edit_here(world, "week", lesson_text("Week", "From the coach.\n"))
    exported = export(world)
    before = everything(world)
    assert set(import_files(world, exported).values()) == {Done.UNCHANGED}
    assert everything(world) == before
    again = changed(exported, "02-week.md", exported.lessons["02-week.md"] + "\nAnd more.\n")
    assert import_files(world, again)["02-week.md"] is Done.CHANGED
    assert export(world) == again


@on_sqlite
def test_a_conflict_ends_when_the_export_is_compared_and_imported(world: World) -> None:
    edit_here(world, "week", lesson_text("Week", "From the coach.\n"))
    mine = changed(files(), "02-week.md", lesson_text("Week", "From the file.\n"))
    assert import_files(world, mine)["02-week.md"] is Done.CONFLICT
    import_files(world, export(world))
    assert import_files(world, mine)["02-week.md"] is Done.CHANGED
    assert export(world) == mine


def test_a_course_file_and_the_course_may_change_in_different_places(world: World) -> None:
    change_course_here(world, disclaimer="See a clinician.")
    wanted = replace(files(), course=COURSE_TOML.replace("Five lessons", "Five good lessons"))
    assert import_files(world, wanted)["course.toml"] is Done.CHANGED
    with world.database.read() as session:
        course = world.the_course(session)
        assert (course.title, course.disclaimer) == ("Five good lessons", "See a clinician.")
    assert export(world).course == wanted.course.replace("Not a diagnosis.", "See a clinician.")


def test_a_course_that_changed_on_both_sides_is_a_conflict_and_overwrites_nothing(world: World) -> None:
    change_course_here(world, title="From the coach")
    toml = COURSE_TOML.replace("Five lessons", "From the file").replace("[0, 3,", "[0, 9,").replace("Coaches", "Others")
    before = everything(world)
    done = import_files(world, replace(files(), course=toml))
    assert done.pop("course.toml") is Done.CONFLICT
    assert set(done.values()) == {Done.UNCHANGED}
    assert everything(world) == before
    with world.database.read() as session:
        course = world.the_course(session)
        assert (course.title, course.sender) == ("From the coach", "Coaches")
    assert in_course(world)[1] == ("week", 3)


@on_sqlite
def test_a_new_lesson_waits_while_its_gap_is_in_a_course_file_that_was_not_taken(world: World) -> None:
    """It has no place yet; half a lesson would stop the whole course."""
    reader = world.enroll()
    change_course_here(world, title="From the coach")
    titles = ("Start", "New", *TITLES[1:])
    wanted = course_of(titles, [0, 1, 3, 4, 3, 4])
    wanted = replace(wanted, course=wanted.course.replace("Five lessons", "From the file"))
    wanted = changed(wanted, "01-start.md", lesson_text("Start", "New words.\n"))
    done = import_files(world, wanted)
    assert done["course.toml"] is Done.CONFLICT
    assert done["02-new.md"] is Done.CONFLICT
    assert done["01-start.md"] is Done.CHANGED
    assert in_course(world) == [("start", 0), ("week", 3), ("why", 4), ("how", 3), ("fuel", 4)]
    pass_days(world, 16)
    assert list(world.lessons()) == ALL
    assert world.enrollment(reader).status == "finished"


@on_sqlite
def test_both_sides_may_make_the_same_change(world: World) -> None:
    change_course_here(world, title="Better")
    wanted = replace(files(), course=COURSE_TOML.replace("Five lessons", "Better"))
    assert import_files(world, wanted)["course.toml"] is Done.CHANGED
    assert export(world) == wanted


@on_sqlite
def test_a_gap_or_an_hour_that_was_changed_inside_the_course_stays_while_its_file_is_unchanged(world: World) -> None:
    with world.database.write() as session:
        course = world.the_course(session)
        edit = courses.add_edit(session, course, "gap", "coach", world.machine)
        courses.add_term(session, edit, courses.lessons_of(session, course.id)["week"], "gap", 9)
        courses.add_term(session, edit, None, "hour", "18:00")
    before = everything(world)
    assert set(import_files(world, files()).values()) == {Done.UNCHANGED}
    assert everything(world) == before
    exported = export(world)
    assert exported.course == COURSE_TOML.replace("[0, 3,", "[0, 9,") + 'send_at = "18:00"\n'
    assert set(import_files(world, exported).values()) == {Done.CHANGED, Done.UNCHANGED}
    assert everything(world) == before


# ── the timetable ──


def test_a_changed_gap_plans_every_waiting_reader_anew(world: World) -> None:
    one, other = world.enroll(), world.enroll("bob@runner.test")
    world.drain()
    went = world.course
    assert due(world, one) == due(world, other)
    world.go(days=1)
    done = import_files(world, course_of(TITLES, [0, 5, 4, 3, 4]))
    assert (done.pop("course.toml"), set(done.values())) == (Done.CHANGED, {Done.UNCHANGED})
    for reader in (one, other):
        assert due(world, reader) == went.replace(hour=12, day=went.day + 5)  # 7 am in New York
    pass_days(world, 5)
    assert list(world.lessons()) == [ALL[0], ALL[0], ALL[1], ALL[1]]


def test_a_changed_hour_plans_every_waiting_reader_anew(world: World) -> None:
    reader = world.enroll()
    world.drain()
    import_files(world, replace(files(), course=COURSE_TOML + 'send_at = "18:30"\nweekdays = ["sun"]\n'))
    assert due(world, reader) == START.replace(day=29, hour=23, minute=30)


@on_sqlite
def test_a_lesson_that_went_is_not_touched_by_a_new_plan(world: World) -> None:
    reader = world.enroll()
    world.drain()
    import_files(world, course_of(TITLES, [0, 1, 1, 1, 1]))
    pass_days(world, 10)
    assert list(world.lessons()) == ALL
    assert world.enrollment(reader).status == "finished"


def live_and_list(world: World, address: str) -> list[str]:
    pass_days(world, 30)
    return lessons_to(world, address)


def test_a_new_lesson_is_got_by_readers_before_it_and_skipped_by_readers_past_it(world: World) -> None:
    world.enroll("past@runner.test")
    pass_days(world, 8)  # lessons 1, 2 and 3
    world.enroll("before@runner.test")
    world.drain()
    done = import_files(world, course_of(("Start", "Week", "New", *TITLES[2:]), [0, 3, 2, 4, 3, 4]))
    assert done["03-new.md"] is Done.NEW
    assert in_course(world) == [("start", 0), ("week", 3), ("new", 2), ("why", 4), ("how", 3), ("fuel", 4)]
    assert live_and_list(world, "before@runner.test") == [*ALL[:2], "About New", *ALL[2:]]
    assert live_and_list(world, "past@runner.test") == ALL


@on_sqlite
def test_two_new_lessons_side_by_side_are_both_skipped_by_readers_past_them(world: World) -> None:
    world.enroll("past@runner.test")
    pass_days(world, 4)  # lessons 1 and 2
    import_files(world, course_of(("Start", "One", "Two", *TITLES[1:]), [0, 1, 1, 3, 4, 3, 4]))
    assert live_and_list(world, "past@runner.test") == ALL


@on_sqlite
def test_a_new_lesson_is_got_by_a_reader_who_started_again_and_is_before_it(world: World) -> None:
    reader = world.enroll("again@runner.test")
    pass_days(world, 30)
    with world.database.write() as session:
        found = controls.hold(session, reader)
        assert found
        controls.start_again(session, found, world.now())
    world.drain()
    import_files(world, course_of(("Start", "Week", "New", *TITLES[2:]), [0, 3, 2, 4, 3, 4]))
    assert live_and_list(world, "again@runner.test") == [*ALL, *ALL[:2], "About New", *ALL[2:]]


def test_a_lesson_at_the_end_goes_to_those_who_are_on_their_way_and_not_to_those_who_finished(world: World) -> None:
    finished = world.enroll("done@runner.test")
    pass_days(world, 16)
    world.enroll("before@runner.test")
    world.drain()
    import_files(world, course_of((*TITLES, "New"), [0, 3, 4, 3, 4, 2]))
    assert live_and_list(world, "before@runner.test") == [*ALL, "About New"]
    assert live_and_list(world, "done@runner.test") == ALL
    assert world.enrollment(finished).status == "finished"
    assert rows(world, Exclusion) == 1


def test_a_lesson_without_a_file_is_kept_and_said_and_goes_on_being_sent(world: World) -> None:
    wanted = course_of(("Start", "Week", "How", "Fuel"), [0, 3, 3, 4])
    done = import_files(world, wanted)
    assert done["why"] is Done.KEPT
    assert done["course.toml"] is Done.CHANGED
    assert in_course(world) == [("start", 0), ("week", 3), ("why", 4), ("how", 3), ("fuel", 4)]
    world.enroll()
    assert live_and_list(world, "ann@runner.test") == ALL
    before = everything(world)
    done = import_files(world, wanted)
    assert done.pop("why") is Done.KEPT
    assert set(done.values()) == {Done.UNCHANGED}
    assert everything(world) == before


@on_sqlite
def test_lessons_may_change_places(world: World) -> None:
    import_files(world, course_of(("Start", "Why", "Week", "How", "Fuel"), [0, 3, 4, 3, 4]))
    assert in_course(world) == [("start", 0), ("why", 3), ("week", 4), ("how", 3), ("fuel", 4)]
    assert export(world) == course_of(("Start", "Why", "Week", "How", "Fuel"), [0, 3, 4, 3, 4])


orders = st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)


@shared
@given(st.lists(orders, min_size=2, max_size=4))
@example([["a", "b", "c"], ["b", "c"], ["c", "d", "b"]])
@on_sqlite
def test_any_order_of_files_is_the_order_of_the_course_and_what_has_no_file_stays_beside_its_neighbour(
    world: World, imports: list[list[str]]
) -> None:
    slug, seen = f"order-{next(numbers)}", list[str]()
    for titles in imports:
        wanted = course_of(titles, [0, *range(1, len(titles))], slug)
        before = [title for title, _ in in_course(world, slug)] if seen else []
        done = import_files(world, wanted)
        now = [title for title, _ in in_course(world, slug)]
        assert [title for title in now if title in titles] == titles
        kept = [title for title in before if title not in titles]
        for title in kept:
            assert now.index(title) == 0 or now[now.index(title) - 1] == before[before.index(title) - 1]
        assert {file for file, what in done.items() if what is Done.KEPT} == set(seen) - set(titles)
        seen = sorted({*seen, *titles})
        steady = everything(world)
        import_files(world, wanted)
        assert everything(world) == steady


def test_imports_at_once_come_one_after_the_other(world: World) -> None:
    """Two processes that start on an empty database both want to bring the shipped course."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(import_files(world, files("other")))
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    first, *others = sorted(results, key=lambda done: Done.NEW not in done.values())  # type: ignore[attr-defined]
    assert set(first.values()) == {Done.NEW}  # type: ignore[attr-defined]
    assert [set(done.values()) for done in others] == [{Done.UNCHANGED}] * 2  # type: ignore[attr-defined]
    assert in_course(world, "other") == in_course(world)


# ── files that cannot be used ──


REST = dict(list(files().lessons.items())[1:])
BAD: dict[str, tuple[Files, str]] = {
    "a lesson": (changed(files(), "02-week.md", "no front matter"), "running/02-week.md:1: the file does not begin"),
    "the course": (replace(files(), course="title = 1"), "running/course.toml:1: title is not a text"),
    "the number of gaps": (
        replace(files(), course=COURSE_TOML.replace("[0, 3,", "[0,")), "running/course.toml:6: 4 gaps for 5 lessons",
    ),
    "no lessons": (replace(files(), lessons={}), "running/course.toml:6: 5 gaps for 0 lessons"),
    "a name": (
        replace(files(), lessons={"start.md": lesson_text("S"), **REST}),
        "running/start.md: the name says no order. Name it like 01-first-steps.md",
    ),
    "two of one name": (
        replace(files(), lessons={**REST, "02-week.md": lesson_text("A"), "07-week.md": lesson_text("A")}),
        "running/07-week.md: two lessons are called week. Rename one of them",
    ),
    "a long name": (
        replace(files(), lessons={f"01-{'a' * 120}.md": lesson_text("A"), **REST}),
        "the name is over 120 characters. Shorten it",
    ),
    "the folder": (files("Läufe 1"), "Läufe 1: the folder's name cannot stand in a link. Name it like plan-and-lift"),
    "a long folder": (files("a" * 81), "the folder's name cannot stand in a link"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
@on_sqlite
def test_files_that_cannot_be_used_are_named_and_change_nothing(world: World, name: str) -> None:
    wanted, said = BAD[name]
    if "01-start.md" in wanted.lessons:
        wanted = changed(
            wanted, "01-start.md", wanted.lessons["01-start.md"] + "More.\n"
        )  # a change that would be fine
    before, course = everything(world), export(world)
    with pytest.raises(BadFile) as caught:
        import_files(world, wanted)
    assert said in str(caught.value)
    assert everything(world) == before
    assert export(world) == course
    assert said in "\n".join(map(str, lesson_files.check(wanted)))


@on_sqlite
def test_every_fault_of_every_file_is_named_at_once(world: World) -> None:
    wanted = changed(changed(replace(files(), course="gaps = []"), "02-week.md", "x"), "05-fuel.md", "+++\n+++\n")
    with pytest.raises(BadFile) as caught:
        import_files(world, wanted)
    assert {fault.file for fault in caught.value.faults} == {
        "running/course.toml", "running/02-week.md", "running/05-fuel.md",
    }  # fmt: skip
    assert len(caught.value.faults) >= 6


@on_sqlite
def test_what_only_readers_would_meet_is_checked_and_does_not_stop_an_import(world: World) -> None:
    wanted = changed(files(), "02-week.md", lesson_text("Week", "{{ firstname }} [x](y.md)\n"))
    assert [fault.line for fault in lesson_files.check(wanted)] == [7, 7]
    assert import_files(world, wanted)["02-week.md"] is Done.CHANGED
    assert lesson_files.check(files()) == []


@on_sqlite
def test_courses_stand_side_by_side(world: World) -> None:
    reader = world.enroll()
    before = due(world, reader)
    import_files(world, course_of(("Start",), [0], "second"))
    assert in_course(world) == [("start", 0), ("week", 3), ("why", 4), ("how", 3), ("fuel", 4)]
    assert in_course(world, "second") == [("start", 0)]
    assert due(world, reader) == before


def test_who_and_when_is_noted_with_every_change(world: World) -> None:
    world.go(days=2)
    import_files(world, changed(files(), "02-week.md", lesson_text("Week", "New words.\n")))
    with world.database.read() as session:
        edit = session.query(Edit).order_by(Edit.id.desc()).first()
        revision = session.query(Revision).order_by(Revision.id.desc()).first()
        assert edit is not None
        assert revision is not None
        assert (edit.kind, edit.author, edit.created_at) == ("import", "import", world.machine)
        assert (revision.author, revision.created_at) == ("import", world.machine)
        assert [(term.name, term.value) for term in terms_of(session, edit)] == [("revision", revision.id)]


def terms_of(session: Session, edit: Edit) -> list[Term]:
    return session.query(Term).where(Term.edit_id == edit.id).all()
