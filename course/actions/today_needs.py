"""What needs a coach, and in one line whether all is well. In the words of somebody who runs a course, not of its
machinery: what is wrong, since when, that nothing is lost, what to do."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from course.actions import restoring, today
from course.core.clock import Now
from course.store import alarms, calls, courses, deliveries, installation
from course.store import today as store
from course.store.models import Revision
from course.store.today import Dead

SILENT = timedelta(minutes=1)  # without a sign of life from any worker
EVENTS_LATE = timedelta(minutes=10)
BLIPS = 3  # failures in a row that are not worth a word, if no alarm says otherwise
SHOWN = 50  # unknown mails on the page; of more there is a number
IMPORTS = timedelta(days=7)  # how long a list that failed is worth a look
LANE = (
    "We try again by ourselves, and nothing is lost. If it stays like this, ask whoever looks after the server to "
    "check the account at the provider: its key, its sender address, its bill."
)


class Kind(StrEnum):
    """What a need is about; the page has a piece for each."""

    WORKER = "worker"
    LANE = "lane"
    GUARD = "guard"
    UNKNOWN = "unknown"
    DEAD = "dead"
    EVENTS = "events"
    IMPORT = "import"
    PAUSED = "paused"


class Tone(StrEnum):
    WELL = "well"
    LOOK = "look"  # mail goes out, but something waits for a coach
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Need:
    """`since` is machine time. `stops`: as long as this is so, no mail goes out at all."""

    kind: Kind
    title: str
    text: str
    since: datetime | None = None
    stops: bool = False
    about: Any = None  # what the page needs for the action


@dataclass(frozen=True, slots=True)
class Refused:
    """Mails of one lesson that the provider refused for what is in them; `lesson` 0: confirmations."""

    course: int
    lesson: int
    mails: int
    said: str  # the provider's words
    held: bool  # nobody else gets this text until it is changed
    mended: bool  # the lesson has a newer text now


@dataclass(frozen=True, slots=True)
class Status:
    tone: Tone
    title: str
    last: datetime | None  # when the last mail went
    waiting: int  # mails that might be gone by now


def needs(session: Session, now: Now) -> list[Need]:
    """Worst first."""
    found = [*_worker(session, now), *_lanes(session), *_guard(session), *_unknown(session), *_dead(session, now)]
    return [*found, *_events(session, now), *_imports(session, now), *_paused(session)]


def status(session: Session, found: list[Need], now: Now) -> Status:
    stopped = next((need for need in found if need.stops), None)
    waiting = store.count_waiting(session, now.machine, now.course)
    if stopped:
        title = "The course is paused." if stopped.kind is Kind.PAUSED else "No mail is going out."
        return Status(Tone.STOPPED, title, store.last_went(session), waiting)
    if found:
        things = "One thing needs" if len(found) == 1 else f"{len(found)} things need"
        return Status(Tone.LOOK, f"Mail is going out. {things} a look.", store.last_went(session), waiting)
    return Status(Tone.WELL, "Everything is going out.", store.last_went(session), waiting)


def _worker(session: Session, now: Now) -> list[Need]:
    ticked_at = installation.the(session).ticked_at
    if ticked_at and now.machine - ticked_at < SILENT:
        return []
    text = (
        "The part of this site that sends is not running. Nothing is lost: what is due goes as soon as it runs again. "
        "Ask whoever looks after the server to start it (course worker, or course run)."
    )
    return [Need(Kind.WORKER, "Nobody is sending", text, ticked_at, stops=True)]


def _lanes(session: Session) -> list[Need]:
    """The account that mails go through now; what was wrong with one that is no longer used is over."""
    newest, ringing = calls.newest(session), {alarm.key: alarm for alarm in alarms.ringing(session)}
    found = []
    for lane in calls.lanes(session):
        if newest and (newest.provider, newest.account) != (lane.provider, lane.account):
            continue
        alarm = ringing.get(f"lane:{lane.provider}:{lane.account}")
        if alarm is None and lane.failures < BLIPS:
            continue
        title, text = f"{lane.provider.capitalize()} does not take our mail", LANE
        about = {"provider": lane.provider, "account": lane.account, "said": lane.reason, "at": lane.paused_until}
        found.append(Need(Kind.LANE, title, text, alarm.since if alarm else None, stops=True, about=about))
    return found


def _guard(session: Session) -> list[Need]:
    row = installation.the(session)
    if row.guard_at is None:
        return []
    held = store.count_unknown(session, restoring.WHY)
    text = (
        "This site runs on a database that was put back or moved, and it is older than the last mails. So that nobody "
        "gets a mail twice, what may have gone already is held back until the provider tells us about it. You need "
        "not do anything."
    )
    return [Need(Kind.GUARD, "An older copy of the database is in use", text, row.guard_at, about=held)]


def _unknown(session: Session) -> list[Need]:
    count = store.count_unknown(session)
    if not count:
        return []
    rows = store.unknown(session, SHOWN)
    hopeless = any(row.resigned_at for row in rows)
    text = "The connection broke while they went, so nobody knows whether they arrived. " + (
        "The provider could not say, so you decide."
        if hopeless
        else "We are still asking the provider, and it usually settles itself: you may wait."
    )
    what = "We do not know whether a mail arrived" if count == 1 else f"We do not know whether {count:,} mails arrived"
    return [Need(Kind.UNKNOWN, what, text, rows[0].since, about=(count, rows))]


def _dead(session: Session, now: Now) -> list[Need]:
    found = []
    for group in store.dead(session):
        terms = courses.terms_of(session, group.course_id)
        number, title = today.named(session, terms, group.lesson or 0, now.course)
        what = f"lesson {number}, “{title}”" if group.lesson else "the confirmation"
        step = next((step for step in terms.at(now.course).steps if step.lesson == group.lesson), None)
        mended = bool(step and group.revision and step.revision != group.revision)
        readers = "A reader" if group.mails == 1 else f"{group.mails:,} readers"
        about = _refused(session, group, mended)
        text = _advice(about)
        found.append(Need(Kind.DEAD, f"{readers} did not get {what}", text, group.since, about=about))
    return found


def _refused(session: Session, group: Dead, mended: bool) -> Refused:
    newest = deliveries.by_id(session, group.newest)
    revision = session.get(Revision, group.revision) if group.revision else None
    held = bool(revision and revision.held_at and not mended)
    said = (newest.reason if newest else "") or ""
    return Refused(group.course_id, group.lesson or 0, group.mails, said, held, mended)


def _advice(about: Refused) -> str:
    if about.mended:
        return "The provider refused the text as it was. There is a newer one now: send them that."
    if not about.lesson:
        return "The provider refused it. Once that is mended, send it again."
    if about.held:
        return "The provider refused the text again and again, so nobody else is sent it. Change it, and publish it."
    return "The provider refused the text. Change it and publish it, then send it again."


def _events(session: Session, now: Now) -> list[Need]:
    since = store.events_wait_since(session, now.machine - EVENTS_LATE)
    if since is None:
        return []
    text = "What the provider tells us about bounces and complaints is kept, but not worked through. Nothing is lost."
    return [Need(Kind.EVENTS, "News of the provider waits", text, since)]


def _imports(session: Session, now: Now) -> list[Need]:
    title, found = "A list of readers was not brought in whole", []
    for row in store.failed_imports(session, now.machine - IMPORTS):
        text = (
            f"It stopped after {row.done:,} of {row.lines:,} lines. Those are in; bring the list in again for the rest."
        )
        found.append(Need(Kind.IMPORT, title, text, row.created_at, about=courses.by_id(session, row.course_id)))
    return found


def _paused(session: Session) -> list[Need]:
    text = "People may sign up, and nothing is lost, but no lesson is sent until you let it go on."
    everything = courses.all_courses(session)
    paused = [course for course in everything if course.paused_at]
    stops = len(paused) == len(everything)
    return [
        Need(Kind.PAUSED, f"“{course.title}” is paused", text, course.paused_at, stops=stops, about=course)
        for course in paused
    ]
