"""What people do in a simulation: readers, the coach, and the rest of the world. One transaction each."""

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from course.actions import lesson_import, mending, readers_file, signup
from course.actions.planning import Planner
from course.actions.signup import Confirmed, Origin
from course.core.happening import Event, Happened
from course.core.readers_csv import Row
from course.core.status import Enrolled
from course.store import courses, enrollments, subscribers
from course.store.models import Course, Enrollment, Subscriber
from tests.simulation.provider import POISON
from tests.simulation.script import HOURS, WEEKDAYS, ZONES, Act, address
from tests.simulation.stage import SLUG

if TYPE_CHECKING:
    from tests.simulation.world import World


def perform(world: "World", act: Act) -> bool:
    """False: there was nothing to do, or it was not allowed."""
    if act.name in _COACH:
        return _COACH[act.name](world, act.value)
    if act.name == "still_waiting" and any(one.email_key == address(act.who) for one in world.readers()):
        return False
    with world.stage.database.write() as session:
        course = courses.by_slug(session, SLUG)
        person = subscribers.by_key(session, address(act.who))
        assert course
        return _READER[act.name](world, session, course, person, act)


def on_the_spot(rng: Random, now: datetime, who: int) -> Act:
    """Something that a reader may do at any moment."""
    match rng.choice(
        ("leave", "leave", "come_back", "come_back", "sign_up", "zone", "pace", "hour", "weekdays", "ask", "pause")
    ):
        case "zone":
            return Act(now, "zone", who, rng.choice(ZONES))
        case "pace":
            return Act(now, "pace", who, rng.choice(("slower", "normal", "faster")))
        case "hour":
            return Act(now, "hour", who, rng.choice(HOURS))
        case "weekdays":
            return Act(now, "weekdays", who, rng.choice(WEEKDAYS))
        case "pause":
            return Act(now, "pause", who, rng.uniform(0, 5))
        case name:
            return Act(now, name, who)


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
    world.back(act.who)
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
    world.away(act.who)
    return True


def _come_back(world: "World", session: Session, course: Course, person: Subscriber | None, act: Act) -> bool:
    found = _enrollment(session, course, person)
    if found is None or not signup.come_back(session, found, Origin(), now=world.clock):
        return False
    world.back(act.who)
    return True


def _change(world: "World", session: Session, course: Course, person: Subscriber | None, act: Act) -> bool:
    """What the reader's own page writes; then their next lesson is planned anew, if one is planned."""
    found = _enrollment(session, course, person)
    if found is None or person is None:
        return False
    match act.name:
        case "zone":
            person.timezone = act.value
        case "pause":
            found.paused_until = world.clock + timedelta(days=act.value)
        case "ask":
            if found.status != Enrolled.ACTIVE:
                return False
            found.asked_at = world.clock
        case name:
            setattr(found, name, act.value)
    if found.due_at is not None:
        planner = Planner(course, courses.terms_of(session, course.id))
        plan = planner.next(found, person.timezone, enrollments.exclusions(session, [found.id])[found.id])
        found.due_at = plan and plan.due_at
    return True


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
} | dict.fromkeys(("zone", "pause", "ask", "pace", "hour", "weekdays"), _change)


# The coach, and the world


def _insert(world: "World", value: int) -> bool:
    return _edit(world, new=1, at=value)


def _insert_two(world: "World", value: int) -> bool:
    return _edit(world, new=2, at=value)


def _edit(world: "World", new: int, at: int) -> bool:
    """New lessons somewhere after the first; those who had a later one skip them."""
    book = world.book
    place = 1 + at % len(book.lessons)
    slugs = [f"new-{len(book.lessons)}-{n}" for n in range(new)]
    later = [slug for slug, _ in book.lessons[place:]]
    book.lessons[place:place] = [(slug, 1 + at % 3) for slug in slugs]
    ids = world.observer.lessons()
    behind = {ids[slug] for slug in later or [book.lessons[place - 1][0]]}  # or had the last one
    past = {row.enrollment for row in world.run.last.deliveries.values() if row.lesson in behind}
    _import_files(world)
    ids = world.observer.lessons()
    world.run.excluded |= {(reader, ids[slug]) for reader in past if reader for slug in slugs}
    if world.observer.exclusions() != world.run.excluded:
        world.misfit("blast radius", f"{world.observer.exclusions()} are to skip a lesson, not {world.run.excluded}")
    return True


def _text(world: "World", value: int) -> bool:
    book = world.book
    book.texts[book.lessons[value % len(book.lessons)][0]] = f"Hi {{{{ first_name }}}}, edited {world.turn}.\n"
    return _import_files(world)


def _poison(world: "World", value: int) -> bool:
    """A text that the provider refuses; the coach notices after a day, mends it and retries."""
    book = world.book
    slug = book.lessons[value % len(book.lessons)][0]
    book.texts[slug] = f"This is {POISON}.\n"
    world.plan(Act(world.clock + timedelta(days=1 + value % 5), "antidote", 0, slug))
    return _import_files(world)


def _antidote(world: "World", slug: str) -> bool:
    world.book.texts[slug] = f"This is good, {world.turn}.\n"
    _import_files(world)
    refused = [row.id for row in world.run.last.deliveries.values() if row.state == "refused"]
    with world.stage.database.write() as session:
        return mending.retry(session, refused, world.clock) > 0


def _gap(world: "World", value: int) -> bool:
    book = world.book
    place = 1 + value % (len(book.lessons) - 1)
    book.lessons[place] = (book.lessons[place][0], 1 + value % 5)
    return _import_files(world)


def _course_hour(world: "World", value: int) -> bool:
    world.book.hour = f"{5 + value % 9:02d}:00"
    return _import_files(world)


def _import_files(world: "World") -> bool:
    with world.stage.database.write() as session:
        lesson_import.import_course(session, world.book.files(), world.clock, world.clock)
    return True


def _switch(world: "World", value: int) -> bool:
    """Another provider, another account: the workers start again with it."""
    world.account = next(account for account in world.accounts if account is not world.account)
    world.switch()
    return True


def _course_pause(world: "World", value: int) -> bool:
    return _pause_course(world, paused=True)


def _course_resume(world: "World", value: int) -> bool:
    return _pause_course(world, paused=False)


def _pause_course(world: "World", *, paused: bool) -> bool:
    world.book.paused = paused
    with world.stage.database.write() as session:
        courses.by_slug(session, SLUG).paused_at = world.clock if paused else None  # type: ignore[union-attr]
    return True


def _forge(world: "World", value: int) -> bool:
    """Events that nobody sent: for a message of somebody else, and for none."""
    known = sorted(world.run.send_ids.values())
    for send_id, recipient in (
        (known[value % len(known)] if known else "", "r99@reader.test"),
        ("f" * 32, "r1@reader.test"),
    ):
        what = (Happened.COMPLAINT, Happened.DELIVERED, Happened.FAILED)[value % 3]
        world.forge(Event(f"forged-{world.turn}-{recipient}", what, send_id, recipient, world.clock, "", "{}"))
    return True


def _mend(world: "World", value: int) -> bool:
    """The coach goes through the list: some arrived, for some another copy is sent."""
    unknown = [row for row in world.run.last.deliveries.values() if row.state == "unknown"]
    truly = {entry.send_id for entry in world.run.ledger}
    for row in unknown:
        with world.stage.database.write() as session:
            if world.run.send_id(row) in truly and value % 2:
                mending.arrived(session, row.id, world.clock)
            else:
                mending.send_again(session, row.id, world.clock)
    world.plan(Act(world.clock + timedelta(days=9), "mend", 0, value + 1)) if not world.quiet else None
    return bool(unknown)


_COACH: dict[str, Any] = {
    "insert": _insert,
    "insert_two": _insert_two,
    "text": _text,
    "poison": _poison,
    "antidote": _antidote,
    "gap": _gap,
    "course_hour": _course_hour,
    "switch": _switch,
    "course_pause": _course_pause,
    "course_resume": _course_resume,
    "forge": _forge,
    "mend": _mend,
}
