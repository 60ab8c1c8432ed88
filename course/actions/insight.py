"""Insight: where readers stay, where they stop, what they say. All of it is what they themselves said or did, and what
providers tell of mails; nobody's opening or clicking is watched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from course.actions import standing, today
from course.core import lesson_file, schedule
from course.store import courses
from course.store import insight as store
from course.store.insight import Became
from course.store.models import Course

WEEKS = 12
SOURCES = 20
FEW = 10  # readers: a share of fewer says nothing
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Row:
    """One lesson: how many readers it was sent to, and what they did."""

    id: int
    number: int
    title: str
    question: str
    sent: int
    arrived: int | None  # None: the provider tells nothing
    done: int
    answered: int
    stopped: int  # it was the last one before they left
    waiting: int  # it is their next one


@dataclass(frozen=True, slots=True)
class Funnel:
    asked: int  # signed up on a form
    confirmed: int  # of them
    readers: int  # in the course, however they came
    finished: int
    gone: int
    lessons: list[Row]


@dataclass(frozen=True, slots=True)
class Cohort:
    """Readers of one week, or of one source. `since` None: of all the time before."""

    since: date | None
    source: str
    became: Became


def funnel(session: Session, course: Course, now: datetime) -> Funnel:
    """Of the lessons as they are for who signs up now. `now` is course time."""
    numbers, went = standing.numbers(session, course), store.went(session, course.id)
    told = any(one.told for one in went.values())
    steps = courses.terms_of(session, course.id).at(now).steps
    texts = courses.revisions(session, (step.revision for step in steps))
    rows = []
    for number, step in enumerate(steps, 1):
        text, stands = lesson_file.parse(texts[step.revision].source), numbers.lessons[step.lesson]
        sent, arrived, _ = went.get(step.lesson, (0, 0, 0))
        row = Row(
            step.lesson, number, text.title, text.question, sent, arrived if told else None,
            stands.done, stands.answered, stands.stopped, stands.waiting,
        )  # fmt: skip
        rows.append(row)
    asked, confirmed = store.count_asked(session, course.id), store.count_confirmed(session, course.id)
    return Funnel(asked, confirmed, numbers.readers, numbers.finished, numbers.gone, rows)


def in_words(found: Funnel) -> list[str]:
    """What a coach ought to see in it, the biggest drop first."""
    return [*_drop(found), *_least_done(found), *_confirmation(found)]


def _drop(found: Funnel) -> Iterator[str]:
    before_last = found.lessons[:-1]  # whoever leaves after the last one had them all
    enough = [row for row in before_last if row.stopped and row.sent >= FEW]
    if not found.readers:
        yield "Nobody has joined yet."
    elif not found.gone:
        yield "Nobody has left."
    elif enough:
        worst = max(enough, key=lambda row: (row.stopped / row.sent, row.stopped))
        share = f"{worst.stopped:,} of the {worst.sent:,} who had it ({percent(worst.stopped, worst.sent)})"
        place = f"lesson {worst.number}, “{worst.title}”"
        yield f"The biggest drop is after {place}: {share} left before the next one."
    else:
        yield f"{found.gone:,} left so far: too few to say after which lesson most do."


def _least_done(found: Funnel) -> Iterator[str]:
    """Where readers stay, but do not do what the lesson asks."""
    rows = [row for row in found.lessons if row.sent >= FEW]
    if len(rows) > 1 and any(row.done for row in rows):
        least = min(rows, key=lambda row: row.done / row.sent)
        yield (
            f"Lesson {least.number}, “{least.title}”, is ticked as done least: by {percent(least.done, least.sent)} "
            "of those who had it."
        )


def _confirmation(found: Funnel) -> Iterator[str]:
    if found.asked >= FEW:
        share = percent(found.confirmed, found.asked)
        yield f"Of the {found.asked:,} who signed up on a form, {found.confirmed:,} confirmed ({share})."


def percent(part: int, whole: int) -> str:
    """ "15%"; "under 1%" for what would be rounded away."""
    if part and part * 100 < whole:
        return "under 1%"
    return f"{round(part * 100 / whole) if whole else 0}%"


def weeks(session: Session, course: Course, now: datetime) -> list[Cohort]:
    """By week of sign-up, newest first, on the course's calendar; then all the time before."""
    zone = ZoneInfo(course.timezone)
    today_ = now.astimezone(zone).date()
    monday = today_ - timedelta(days=today_.weekday())
    dates = [monday - n * WEEK for n in reversed(range(WEEKS))]
    found = store.by_week(session, course.id, [_midnight(day, zone) for day in dates])
    nobody = Became(0, 0, 0)
    newest = [Cohort(day, "", found.get(number, nobody)) for number, day in enumerate(dates)][::-1]
    while newest and not newest[-1].became.readers:
        newest.pop()
    return [*newest, Cohort(None, "", found[-1])] if -1 in found else newest


def sources(session: Session, course: Course, limit: int = SOURCES) -> tuple[list[Cohort], Became | None]:
    """By where readers came from, the most first; and what became of the other readers, if there are any."""
    found = [Cohort(None, source, became) for source, became in store.by_source(session, course.id, limit + 1)]
    if len(found) <= limit:
        return found, None
    total, kept = store.became(session, course.id), found[:limit]
    shown = [sum(values) for values in zip(*(one.became for one in kept), strict=True)]
    return kept, Became(*(whole - part for whole, part in zip(total, shown, strict=True)))


def lessons_of(session: Session, course: Course, now: datetime) -> dict[int, tuple[int, str]]:
    """Number and title of every lesson that was ever answered or is in the course, by id; those in it first."""
    terms = courses.terms_of(session, course.id)
    here = [step.lesson for step in terms.at(now).steps]
    every = [row.id for row in courses.lessons_of(session, course.id).values() if courses.has_terms(session, row.id)]
    ordered = dict.fromkeys([*here, *sorted(every)])
    return {lesson: today.named(session, terms, lesson, now) for lesson in ordered}


def table(rows: Sequence[Cohort], others: Became | None) -> Iterator[list[str]]:
    """Lines of a CSV file."""
    yield ["since", "source", "readers", "finished", "left", "on their way"]
    for one in rows:
        since = one.since.isoformat() if one.since else ""
        yield [since, one.source, *_numbers(one.became)]
    if others:
        yield ["", "all other sources", *_numbers(others)]


def funnel_table(found: Funnel) -> Iterator[list[str]]:
    """Lines of a CSV file."""
    yield ["lesson", "title", "sent", "delivered", "done", "answered", "left after it", "wait for it"]
    for row in found.lessons:
        arrived = "" if row.arrived is None else str(row.arrived)
        counts = (row.done, row.answered, row.stopped, row.waiting)
        yield [str(row.number), row.title, str(row.sent), arrived, *map(str, counts)]


def answers_table(session: Session, lessons: dict[int, tuple[int, str]]) -> Iterator[list[str]]:
    """Lines of a CSV file, of every answer."""
    yield ["lesson", "title", "answered at", "email", "name", "answer"]
    for said in store.all_answers(session, list(lessons)):
        number, title = lessons[said.lesson]
        at = f"{schedule.utc(said.at):%Y-%m-%d %H:%M} UTC"
        yield [str(number), title, at, said.email, said.name, said.text]


def _numbers(became: Became) -> list[str]:
    return [str(number) for number in (*became, became.on_their_way)]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return schedule.utc(datetime.combine(day, time.min, zone))
