"""Where everybody stands, on both databases."""

from course.actions import signup, standing
from course.actions.edits import Choice
from course.store import courses, enrollments
from course.store.models import Answer, Exclusion
from tests.actions.steps import pass_days
from tests.actions.test_publishing import insert, make, new_lesson
from tests.factories import World


def test_every_reader_is_counted_where_they_stand(world: World) -> None:
    finished = world.enroll("finished@runner.test")
    pass_days(world, 20)
    left = world.enroll("left@runner.test")
    third = world.enroll("third@runner.test")
    pass_days(world, 5)
    skips = world.enroll("skips@runner.test")
    world.drain()
    with world.database.write() as session:
        lessons = [s.lesson for s in courses.terms_of(session, world.the_course(session).id).at(world.course).steps]
        signup.leave(session, enrollments.by_id(session, left), signup.Origin(), now=world.machine)  # type: ignore[arg-type]
        session.add(Exclusion(enrollment_id=skips, lesson_id=lessons[1]))
        session.add(
            Answer(enrollment_id=third, lesson_id=lessons[0], copy=1, done_at=world.machine, text="", answered_at=None)
        )
    world.go(hours=1)
    extra = new_lesson(world, "Extra")
    make(world, insert(world, extra, 2), Choice.NEW)
    world.go(hours=1)
    world.enroll("new@runner.test")
    world.drain()
    with world.database.read() as session:
        found = standing.numbers(session, world.the_course(session))
        rows = found.lessons
        assert (found.readers, found.active, found.finished, found.gone) == (5, 3, 1, 1)
        assert [rows[n].waiting for n in (*lessons, extra)] == [0, 0, 2, 0, 0, 1]
        assert [rows[n].sent for n in (*lessons, extra)] == [5, 3, 1, 1, 1, 0]
        assert [rows[n].stopped for n in (*lessons, extra)] == [0, 1, 0, 0, 0, 0]
        assert [rows[n].done for n in lessons] == [1, 0, 0, 0, 0]
        assert finished
        assert found.readers == sum(1 for _ in enrollments.everybody(session, 1))
