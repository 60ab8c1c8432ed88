"""The buttons of a reader's own page, and of the coach's page of this reader, by the functions behind both.

A button takes the world, a transaction, the enrollment and its value; what cannot be done is a NotNow. What it entitles
the reader to goes into `world.excluded` or the chronicle.
"""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from course.actions import controls, guarding
from course.actions.controls import NotNow
from course.core.schedule import Pace
from course.store.models import Enrollment
from tests.factories import KEY
from tests.simulation.records import Delivery
from tests.simulation.script import HOURS, WEEKDAYS, ZONES, number

if TYPE_CHECKING:
    from tests.simulation.world import World


def press(world: "World", session: Session, enrollment: int, name: str, value: Any) -> bool:
    """False: there was nothing to do, or it was not allowed."""
    found = controls.hold(session, enrollment)
    try:
        if found:
            BUTTONS[name](world, session, found, value)
    except NotNow:
        return False
    return found is not None


def drawn(rng: Random, name: str, longest: float) -> Any:
    """A value for a button; `longest`: days of a pause."""
    match name:
        case "zone":
            return rng.choice(ZONES)
        case "pace":
            return rng.choice(tuple(Pace)).value
        case "hour":
            return rng.choice(HOURS)
        case "weekdays":
            return rng.choice(WEEKDAYS)
        case "pause":
            return rng.uniform(0, longest)
        case "skip" | "unskip" | "again":
            return rng.randrange(1000)
    return None


# When


def _pause(world: "World", session: Session, found: Enrollment, days: float) -> None:
    controls.pause(session, found, world.clock + timedelta(days=days), world.now())


def _resume(world: "World", session: Session, found: Enrollment, value: None) -> None:
    controls.resume(session, found, world.now())


def _ask(world: "World", session: Session, found: Enrollment, value: None) -> None:
    controls.next_now(session, found, world.now())


def _zone(world: "World", session: Session, found: Enrollment, zone: str) -> None:
    controls.set_zone(session, found, zone, world.now())


def _pace(world: "World", session: Session, found: Enrollment, pace: str) -> None:
    controls.set_pace(session, found, pace, world.now())


def _hour(world: "World", session: Session, found: Enrollment, hour: str | None) -> None:
    controls.set_hours(session, found, hour, found.weekdays, world.now())


def _weekdays(world: "World", session: Session, found: Enrollment, days: list[int] | None) -> None:
    controls.set_hours(session, found, found.hour, days, world.now())


# What


def _skip(world: "World", session: Session, found: Enrollment, value: int) -> None:
    """Rather a lesson to come; one that they had is refused."""
    lessons = [lesson for lesson, _ in world.run.last.edition.lessons]
    lesson = _one_of([one for one in lessons if one not in found.had] if value % 5 else lessons, value)
    controls.skip(session, found, lesson, world.now())
    world.excluded.add((found.id, lesson))


def _unskip(world: "World", session: Session, found: Enrollment, value: int) -> None:
    lesson = _one_of(sorted(lesson for reader, lesson in world.excluded if reader == found.id), value)
    controls.unskip(session, found, lesson, world.now())
    world.excluded.discard((found.id, lesson))
    world.chronicle.unskip(found.id, lesson)


def _again(world: "World", session: Session, found: Enrollment, value: int) -> None:
    """One more copy of a lesson that they had, in whatever round."""
    newest: dict[int | None, Delivery] = {
        row.lesson: row for _, row in sorted(world.run.last.deliveries.items()) if row.enrollment == found.id
    }
    lesson = _one_of(sorted(one for one in newest if one), value)
    controls.send_again(session, found, lesson, world.now())
    world.chronicle.wish(newest[lesson])


def _start_again(world: "World", session: Session, found: Enrollment, value: None) -> None:
    controls.start_again(session, found, world.now())
    world.chronicle.begin_again(world.run.last.readers[found.id])
    world.excluded = {(reader, lesson) for reader, lesson in world.excluded if reader != found.id}


def _one_of(lessons: list[int], value: int) -> int:
    """0, which is no lesson, if there is none."""
    return lessons[value % len(lessons)] if lessons else 0


# Whether


def _stop(world: "World", session: Session, found: Enrollment, value: None) -> None:
    who = _who(world, found)
    controls.stop(session, found, "They asked by phone.", world.now())
    named = guarding.departure(KEY, world.run.last.readers[found.id].email_key, found.course_id)
    world.web.left(world.clock, named, found.subscriber_id)
    world.chronicle.away(who)


def _bring_back(world: "World", session: Session, found: Enrollment, value: None) -> None:
    controls.bring_back(session, found, "They asked by phone.", world.now())
    world.chronicle.back(_who(world, found))


def _who(world: "World", found: Enrollment) -> int:
    return number(world.run.last.readers[found.id].email_key)


BUTTONS: dict[str, Callable[["World", Session, Enrollment, Any], None]] = {
    "pause": _pause,
    "resume": _resume,
    "ask": _ask,
    "zone": _zone,
    "pace": _pace,
    "hour": _hour,
    "weekdays": _weekdays,
    "skip": _skip,
    "unskip": _unskip,
    "again": _again,
    "start_again": _start_again,
    "stop": _stop,
    "bring_back": _bring_back,
}
