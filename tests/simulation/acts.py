"""What readers do in a simulation, one transaction each; buttons.py has their pages, coach.py what all others do."""

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from course.actions import guarding, readers_file, signup
from course.actions.signup import Confirmed, Origin
from course.core.readers_csv import Row
from course.core.status import Enrolled
from course.store import courses, enrollments, subscribers
from course.store.models import Course, Enrollment, Subscriber
from tests.factories import KEY
from tests.simulation import buttons, coach
from tests.simulation.buttons import BUTTONS
from tests.simulation.script import Act, address
from tests.simulation.stage import SLUG

if TYPE_CHECKING:
    from tests.simulation.world import World


def perform(world: "World", act: Act) -> bool:
    """False: there was nothing to do, or it was not allowed."""
    if act.name in coach.ACTS:
        return coach.ACTS[act.name](world, act.value)
    if act.name == "still_waiting" and any(one.email_key == address(act.who) for one in world.readers()):
        return False
    with world.stage.database.write() as session:
        course = courses.by_slug(session, SLUG)
        person = subscribers.by_key(session, address(act.who))
        assert course
        return _READER[act.name](world, session, course, person, act)


def on_the_spot(rng: Random, now: datetime, who: int) -> Act:
    """Something that a reader, or a coach for them, may do at any moment."""
    name = rng.choice((*BUTTONS, "leave", "leave", "come_back", "come_back", "bring_back", "sign_up"))
    return Act(now, name, who, buttons.drawn(rng, name, 5))


# Readers


def _sign_up(world: "World", session: Session, course: Course, person: Subscriber | None, act: Act) -> bool:
    wanted = signup.checked(address(act.who), "Ann", world.script.zones[act.who - 1])
    signup.sign_up(session, course, wanted, Origin(), world.clock)
    if act.name == "sign_up" and act.value is None:  # they try again if no mail comes
        for days in (1, 3, 9):
            world.plan(Act(world.clock + timedelta(days=days), "still_waiting", act.who))
    return True


def _confirm(world: "World", session: Session, course: Course, person: Subscriber | None, act: Act) -> bool:
    if signup.look(session, person, course, world.clock) != Confirmed.READY or person is None:
        return False
    signup.confirm(session, person, course, Origin(), now=world.clock, course_now=world.clock)
    world.chronicle.back(act.who)
    return True


def _import(world: "World", session: Session, course: Course, person: Subscriber | None, act: Act) -> bool:
    row = Row(2, address(act.who).upper(), "Ann", world.script.zones[act.who - 1])
    readers_file.import_rows(session, course, [row], "a list", world.now())
    return True


def _leave(world: "World", session: Session, course: Course, person: Subscriber | None, act: Act) -> bool:
    found = _enrollment(session, course, person)
    if found is None:
        return False
    signup.leave(session, found, Origin(), now=world.clock)
    world.web.left(world.clock, guarding.departure(KEY, address(act.who), course.id), found.subscriber_id)
    world.chronicle.away(act.who)
    return True


def _come_back(world: "World", session: Session, course: Course, person: Subscriber | None, act: Act) -> bool:
    found = _enrollment(session, course, person)
    if found is None or not signup.come_back(session, found, Origin(), now=world.clock):
        return False
    if found.status != Enrolled.STOPPED:  # whom a coach stopped stays so
        world.chronicle.back(act.who)
    return True


def _press(world: "World", session: Session, course: Course, person: Subscriber | None, act: Act) -> bool:
    found = _enrollment(session, course, person)
    return found is not None and buttons.press(world, session, found.id, act.name, act.value)


def _enrollment(session: Session, course: Course, person: Subscriber | None) -> Enrollment | None:
    return enrollments.of(session, person.id, course.id) if person else None


_READER: dict[str, Any] = {
    "sign_up": _sign_up,
    "still_waiting": _sign_up,
    "confirm": _confirm,
    "import": _import,
    "leave": _leave,
    "leave_for_good": _leave,
    "come_back": _come_back,
} | dict.fromkeys(BUTTONS, _press)
