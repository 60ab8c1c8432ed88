"""A runner's numbers: kept when they are told, in their own mails from then on, and nowhere else."""

import json
import logging
from datetime import timedelta

import pytest
from sqlalchemy import inspect, text, update

from course.actions import profiling
from course.core.profile import Goal, Profile, Told
from course.core.units import Units
from course.store import subscribers
from course.store.models import Profile as Row
from tests.actions.steps import ANN
from tests.factories import World

BODY = "Hi {{ first_name }}.\n\n{{ plan_table }}\n\n{{ fueling }}\n\nRun {{ 10 km }}.\n"
FORM = {"units": "km", "goal": "half", "weekly": "31", "longest": "11", "body": "63.7", "race": ""}


@pytest.fixture
def runner(world: World) -> int:
    """The subscriber's id of a reader who has had lesson 1; lesson 2 has blocks."""
    with world.database.write() as session:
        session.execute(text("UPDATE revision SET source = replace(source, :old, :new)"),
                        {"old": "Hi {{ first_name }}, see [your page]({{ course_page }}).\n", "new": BODY})  # fmt: skip
    world.enroll(ANN)
    world.enroll("bob@runner.test", "Bob")
    world.drain()
    with world.database.read() as session:
        found = subscribers.by_key(session, ANN)
        assert found
        return found.id


def tell(world: World, runner: int, form: dict[str, str], days: tuple[str, ...] = ("1", "3", "6")) -> Told:
    with world.database.write() as session:
        return profiling.save(session, runner, form, days, world.course, "America/New_York")


def newest(world: World, to: str) -> str:
    found = [mail for mail in world.mails() if mail["To"] == to]
    return "\n".join(str(part.get_content()) for part in found[-1].walk() if part.get_content_type() == "text/plain")


def test_what_is_told_is_kept_changed_and_forgotten(world: World, runner: int) -> None:
    told = tell(world, runner, FORM | {"race": "2027-04-18"})
    assert told.wrong == {}
    with world.database.read() as session:
        kept = profiling.of(session, runner)
    assert kept == told.profile
    assert kept
    assert (kept.units, kept.goal, kept.running_days, kept.body_kg) == (Units.KM, Goal.HALF, (1, 3, 6), 63.7)
    assert tell(world, runner, {"units": "mi"}, ()).profile.says_nothing
    with world.database.write() as session:
        assert profiling.of(session, runner) == Profile(Units.MI, told_on=world.course.date())
        profiling.forget(session, runner)
        assert profiling.of(session, runner) is None
        profiling.forget(session, runner)


def test_a_form_with_something_wrong_changes_nothing(world: World, runner: int) -> None:
    tell(world, runner, FORM)
    assert "weekly" in tell(world, runner, FORM | {"weekly": "lots", "body": "99"}).wrong
    with world.database.read() as session:
        kept = profiling.of(session, runner)
    assert kept
    assert (kept.weekly_km, kept.body_kg) == (31, 63.7)


def test_the_next_mail_has_their_numbers_and_nobody_elses_mail_has(world: World, runner: int) -> None:
    assert "Sam's first eight weeks" in newest(world, ANN)
    tell(world, runner, FORM)
    world.live(4)
    mine, theirs = newest(world, ANN), newest(world, "bob@runner.test")
    assert "Your next eight weeks" in mine
    assert "12.1" in mine
    assert "You, 64 kg" in mine
    assert "Run 10 km." in mine
    assert "Sam's" not in mine
    assert "Sam's first eight weeks" in theirs
    assert "Run 6.2 mi (10 km)." in theirs
    with world.database.write() as session:
        profiling.forget(session, runner)
    world.live(4)
    assert "Sam's first eight weeks" in newest(world, ANN)


def test_units_alone_are_enough_to_be_told_ones_own(world: World, runner: int) -> None:
    tell(world, runner, {"units": "mi"}, ())
    world.live(4)
    mail = newest(world, ANN)
    assert "Run 6.2 mi." in mail
    assert "Sam's first eight weeks" in mail
    assert "km" not in mail


def test_numbers_grow_old(world: World, runner: int) -> None:
    tell(world, runner, FORM)
    with world.database.write() as session:
        session.execute(update(Row).values(updated_at=world.course - timedelta(days=32)))
    world.live(4)
    assert "over 30 days old" in newest(world, ANN)


def test_they_are_in_no_log_and_in_no_other_table(world: World, runner: int, caplog: pytest.LogCaptureFixture) -> None:
    """The mail itself has them, where its body is kept; nothing else does."""
    caplog.set_level(logging.DEBUG)
    tell(world, runner, FORM | {"weekly": "31.37", "body": "63.71"})
    world.live(4)
    assert "31.37" not in caplog.text
    assert "63.71" not in caplog.text
    with world.database.read() as session:
        for table in inspect(session.connection()).get_table_names():
            rows = session.execute(text(f'SELECT * FROM "{table}"')).all()
            kept = json.dumps([[str(value) for value in row] for row in rows])
            assert ("63.71" in kept) is (table == "profile"), table
