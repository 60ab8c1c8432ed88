"""The Monday mail: what happened in the week before, in six lines, to each coach who wants it.

It is due from seven in the morning of a Monday on the coach's clock, for a day: after that it is no Monday mail any
more. Its key names the coach and the Monday, and a key is taken once, so it goes once whatever the workers do.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from course.actions import notices, today_needs
from course.actions.letters import Letters
from course.core import schedule
from course.core.clock import Now
from course.core.letter import Message
from course.core.schedule import Window
from course.store import admins, courses, today_week
from course.store import notices as store
from course.store.models import Admin
from course.store.today_week import Happened

HOUR = time(7)
LATEST = timedelta(days=1)
WEEK = timedelta(days=7)
NAMES = 3


@dataclass(frozen=True, slots=True)
class Monday:
    """One coach's mail of one Monday. The week before it is told: from midnight to midnight."""

    coach: Admin
    date: date
    zone: str

    @property
    def key(self) -> str:
        return f"weekly:{self.coach.id}:{self.date}"

    @property
    def at(self) -> datetime:
        """When it is due: at seven, or as soon as the clock shows more."""
        window = Window(HOUR, time.max, schedule.ALL_WEEK, self.zone)
        return schedule.opening(window, self.midnight(0))

    def midnight(self, weeks: int) -> datetime:
        """Of the Monday so many weeks ago."""
        return schedule.utc(datetime.combine(self.date - weeks * WEEK, time.min, ZoneInfo(self.zone)))


def due(session: Session, now: datetime, known: Collection[str] = ()) -> list[Monday]:
    """The mails that are to go now, and are not queued yet; without those whose keys the caller knows."""
    first = next(iter(courses.all_courses(session)), None)
    found = [
        _monday(coach, coach.timezone or (first.timezone if first else "UTC"), now)
        for coach in admins.everyone(session)
        if coach.weekly_mail and coach.password_hash
    ]
    fresh = [one for one in found if one.at <= now < one.at + LATEST and one.coach.created_at < one.at]
    queued = store.known(session, [one.key for one in fresh])
    return [one for one in fresh if one.key not in queued and one.key not in known]


def _monday(coach: Admin, zone: str, now: datetime) -> Monday:
    """The newest Monday on this clock; until its seven o'clock the one before may still be due, so not that one."""
    today = now.astimezone(ZoneInfo(zone)).date()
    this = Monday(coach, today - timedelta(days=today.weekday()), zone)
    return this if this.at <= now else Monday(coach, this.date - WEEK, zone)


def message(session: Session, letters: Letters, monday: Monday, now: Now) -> Message | None:
    """None: there are no readers, and nothing happened. Changes nothing."""
    since, until = monday.midnight(1), monday.midnight(0)
    mine = [course.id for course in courses.all_courses(session)]
    this = today_week.happened(session, mine, since, until)
    active = today_week.count_active(session, monday.at)
    if not active and not any(this):
        return None
    before = today_week.happened(session, mine, monday.midnight(2), since)
    names = today_week.names(session, since, until, NAMES)
    values = dict(_lines(this, before, names))
    values |= {
        "week": _span(monday.date - WEEK, monday.date - timedelta(days=1)),
        "subject": f"Last week: {this.joined:,} joined, {this.finished:,} finished, {this.left + this.stopped:,} left",
        "way": f"{_readers(active)} on their way; {_many(today_week.sent(session, since, until), 'lesson')} went out.",
        "problems": _problems([need.title for need in today_needs.needs(session, now)]),
        "link": f"{letters.links.public_url}/admin",
    }
    return letters.notice("weekly", monday.coach.email, values)


def queue(session: Session, monday: Monday, mail: Message, now: datetime) -> bool:
    """False: another worker was faster."""
    return notices.queue_once(session, monday.key, "weekly", monday.coach.email, mail, now)


def _lines(this: Happened, before: Happened, names: list[str]) -> Iterator[tuple[str, str]]:
    among = f", among them {_listed(names)}" if this.joined > len(names) > 0 else f": {_listed(names)}" if names else ""
    yield "joined", f"{this.joined:,} joined ({before.joined:,} the week before){among}."
    yield "finished", f"{this.finished:,} finished the course ({before.finished:,} the week before)."
    back = f"; mail to {_many(this.stopped, 'reader')} came back" if this.stopped else ""
    yield "left", f"{this.left:,} left ({before.left:,} the week before){back}."
    yield "answers", f"{_many(this.answered, 'answer')} to your questions ({before.answered:,} the week before)."


def _problems(titles: list[str]) -> str:
    if not titles:
        return "Nothing needs you."
    things = "One thing needs" if len(titles) == 1 else f"{len(titles)} things need"
    return f"{things} you: {'; '.join(titles)}."


def _span(first: date, last: date) -> str:
    """ "November 16 to 22", "November 30 to December 6"."""
    end = f"{last.day}" if first.month == last.month else f"{last:%B} {last.day}"
    return f"{first:%B} {first.day} to {end}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _readers(count: int) -> str:
    return "1 reader is" if count == 1 else f"{count:,} readers are"
