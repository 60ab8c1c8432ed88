"""A course with some dozen readers, weeks of history, and answers; written down as it would have come about."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from course.actions.planning import Planner
from course.core.status import Enrolled, Sent
from course.store import courses
from course.store.models import Answer, Consent, Delivery, Enrollment, Subscriber
from tests.factories import World

FIRST = (
    "Ann", "Ben", "Cara", "Dev", "Ella", "Finn", "Gita", "Hugo", "Ines", "Jon", "Kofi", "Lena", "Mia", "Noor", "Omar",
    "Pia", "Quinn", "Rosa", "Sam", "Tess",
)  # fmt: skip
SOURCES = ("blog: workouts for runner’s knee", "blog: strength for runners", "the clinic’s front desk", "")
SAYS = (
    "I ran 18 km last week and felt fine until the last two.",
    "My long run was twice my other runs. I see it now!",
    "Tuesdays are hard, I have the kids.\nSaturday mornings work.",
    "Both. My left calf is the weaker one.",
    "=HYPERLINK(\"https://example.org\") is what I typed <b>for fun</b>",
)  # fmt: skip
DAYS = (0, 3, 7, 10, 14)  # of the lessons of tests/factories
LOST = {2: 9, 1: 3, 4: 2}  # after lesson n + 1, so many of 60 leave


def fill(world: World, readers: int = 60) -> None:
    """The newest of them joined today, the oldest ten weeks ago; after lesson 3 many leave."""
    with world.database.write() as session:
        course = world.the_course(session)
        lessons = [step.lesson for step in courses.terms_of(session, course.id).at(world.course).steps]
        leavers = [after for after, count in LOST.items() for _ in range(count * readers // 60)]
        leaves = {readers - 1 - 3 * n: after for n, after in enumerate(leavers)}  # all of them came as far as that
        for n in reversed(range(readers)):  # as they came, the oldest first
            joined = world.machine - timedelta(days=70 * n / readers, minutes=5)
            _reader(session, world, course.id, lessons, n, joined, leaves.get(n))
        for n in range(readers // 6):  # they never confirmed
            person = _person(session, 1000 + n, world.machine - timedelta(days=n), confirmed=False)
            session.execute(insert(Consent), [_consent(person, course.id, "signup", world.machine - timedelta(days=n))])


def _reader(
    session: Session, world: World, course: int, lessons: list[int], n: int, joined: datetime, leaves: int | None
) -> None:
    person = _person(session, n, joined, confirmed=True)
    day = (world.machine - joined) / timedelta(days=1)
    had = [lesson for lesson, at in zip(lessons, DAYS, strict=True) if at <= day]
    had = had[: leaves + 1] if leaves is not None else had
    anchor = joined + timedelta(days=DAYS[len(had) - 1])
    row = Enrollment(
        subscriber_id=person, course_id=course, status=Enrolled.ACTIVE, pace="normal", source=SOURCES[n % 7 % 4],
        enrolled_at=joined, anchor_at=anchor, had=had, copy=1, links=0, reason="",
    )  # fmt: skip
    kinds = [("signup", joined), ("confirm", joined)]
    if leaves is not None:
        row.status, row.ended_at = Enrolled.LEFT, anchor + timedelta(hours=6)
        kinds.append(("leave", row.ended_at))
    elif len(had) == len(lessons):
        row.status = Enrolled.FINISHED
    else:
        plan = Planner(world.the_course(session), courses.terms_of(session, course)).next(row, "")
        row.due_at = plan and plan.due_at
    session.add(row)
    session.flush()
    session.execute(insert(Consent), [_consent(person, course, kind, at) for kind, at in kinds])
    for place, lesson in enumerate(had):
        at = joined + timedelta(days=DAYS[place])
        session.execute(insert(Delivery), [_delivery(person, course, row.id, lesson, place, at)])
        if (n + place) % 3 and (place < 3 or n % 2):
            said = SAYS[n % 5] if (n + place) % 4 == 0 else ""
            session.add(
                Answer(
                    enrollment_id=row.id, lesson_id=lesson, copy=1, done_at=at + timedelta(hours=9), text=said,
                    answered_at=at + timedelta(hours=9) if said else None,
                )
            )  # fmt: skip


def _person(session: Session, n: int, joined: datetime, *, confirmed: bool) -> int:
    name = FIRST[n % len(FIRST)]
    email = f"{name.lower()}{n}@runner.test"
    row = Subscriber(
        email=email,
        email_key=email,
        name=name,
        timezone="",
        created_at=joined,
        confirmed_at=joined if confirmed else None,
    )
    session.add(row)
    session.flush()
    return row.id


def _consent(person: int, course: int, kind: str, at: datetime) -> dict[str, Any]:
    what = {"source": "", "wording": "2026-11", "ip": "", "user_agent": "", "note": ""}
    return {"subscriber_id": person, "course_id": course, "kind": kind, "at": at} | what


def _delivery(person: int, course: int, enrollment: int, lesson: int, place: int, at: datetime) -> dict[str, Any]:
    return {
        "kind": "lesson", "subscriber_id": person, "course_id": course, "enrollment_id": enrollment,
        "lesson_id": lesson, "copy": 1, "number": place + 1, "count": 5, "state": Sent.ACCEPTED, "attempts": 1,
        "created_at": at, "done_at": at, "heard": None if (enrollment + place) % 40 == 0 else "delivered",
    }  # fmt: skip
