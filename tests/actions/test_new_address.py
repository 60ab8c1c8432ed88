"""A reader's new address, and a backup from before it: the lessons that went to the new one do not go to the old."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from course.actions import readers_own_address
from course.actions.controls import NotNow, hold
from course.actions.signup import Origin
from course.store.models import Course, Subscriber
from tests.actions.test_guard import a_world, back_up, note_tick, restore
from tests.factories import World
from tests.web.site import Site

NEW = "ann@new.test"


@pytest.fixture
def path(sqlite_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "course.db"))


def ask(world: World, enrollment: int, email: str) -> None:
    with world.database.write() as session:
        found = hold(session, enrollment)
        assert found
        person, course = session.get_one(Subscriber, found.subscriber_id), session.get_one(Course, found.course_id)
        readers_own_address.ask(session, world.letters, found, person, course, email, world.machine)


def test_a_restored_backup_does_not_send_to_the_old_address_what_the_new_one_had(path: Path) -> None:
    world = a_world(path)
    enrollment = world.enroll()
    world.drain()
    note_tick(world)
    back_up(world, path)
    ask(world, enrollment, NEW)
    ends = int((world.machine + timedelta(hours=1)).timestamp())
    link = world.letters.links.address(enrollment, 0, ends, readers_own_address.number(NEW))
    assert "Your lessons come here now" in Site(world).post(link).text
    world.live(8)
    assert [mail["To"] for mail in world.mails() if mail["List-Unsubscribe"]] == ["ann@runner.test", NEW, NEW]
    restore(world, path)
    assert world.restart()
    world.live(8)
    assert world.enrollment(enrollment).status == "left"
    assert [mail["To"] for mail in world.mails() if mail["List-Unsubscribe"]] == ["ann@runner.test", NEW, NEW]


def test_an_address_that_had_mails_before_it_was_forgotten_is_not_taken_over(world: World) -> None:
    """The ids of those mails would come again, and a provider would take the new ones for repeats."""
    first, second = world.enroll(), world.enroll("bob@runner.test", "Bob")
    world.drain()
    ask(world, first, NEW)
    with world.database.write() as session:
        found = hold(session, first)
        assert found
        person = session.get_one(Subscriber, found.subscriber_id)
        readers_own_address.take(session, found, person, Origin(), world.machine)
    with world.database.write() as session:
        found = hold(session, second)
        assert found
        person = session.get_one(Subscriber, found.subscriber_id)
        person.new_email = "ann@runner.test"
        with pytest.raises(NotNow, match="cannot be used"):
            readers_own_address.take(session, found, person, Origin(), world.machine)
    anew = world.enroll()
    assert world.enrollment(anew).copy == 2  # who has that address may sign up anew, and gets mails of their own
    world.drain()
    assert list(world.lessons())[-1] == "About Start"
