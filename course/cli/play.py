"""`course play`: see the whole course in the terminal, without waiting for it."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import click

from course.actions import playing, readers_file
from course.actions.playing import Break, Runner
from course.cli.opening import open_parts
from course.core import lesson_file, schedule
from course.core.errors import CourseError
from course.core.schedule import Pace
from course.store import courses

MOMENT = "YYYY-MM-DDTHH:MM"


@click.command()
@click.argument("slug", required=False)
@click.option("--zone", help="The runner's time zone; the course's if left away.")
@click.option("--signed-up", metavar=MOMENT, help="When the runner confirms, on their clock; now if left away.")
@click.option("--pace", type=click.Choice([str(pace) for pace in Pace]), default="normal", show_default=True,
              help="How the runner takes the days between two lessons.")  # fmt: skip
@click.option("--hour", metavar="HH:MM", help="The runner's own send hour.")
@click.option("--pause", "pauses", multiple=True, metavar="FROM..UNTIL", help="Two dates; may be given several times.")
def play(
    slug: str | None, zone: str | None, signed_up: str | None, pace: str, hour: str | None, pauses: tuple[str, ...]
) -> None:
    """Show what one runner gets, and when: a line for each lesson of SLUG (the first course if left away).

    It is worked out by the functions that send the lessons. Nothing is stored, and nothing is sent.
    """
    if zone and not schedule.known_zone(zone):
        raise CourseError(f"There is no time zone {zone!r}. Names look like Europe/Berlin.")
    parts = open_parts()
    now = parts.now().course
    with parts.database.read() as session:
        course = readers_file.the_course(session, slug)
        clock = ZoneInfo(zone or course.timezone)
        start = _moment(signed_up, clock) if signed_up else now
        runner = Runner(enrolled_at=start, timezone=zone or "", pace=pace, hour=_hour(hour) if hour else None)
        breaks = [_break(text, clock) for text in pauses]
        played = playing.play_newcomer(session, course, runner, breaks)
        revisions = courses.revisions(session, (one.revision for one in played))
    for one in played:
        text = lesson_file.parse(revisions[one.revision].source)
        click.echo(f"{one.at.astimezone(clock).isoformat(timespec='minutes')}  lesson {one.number}  {text.title}")
    if not played:
        click.echo(f"{course.slug} has no lessons yet.")


def _moment(text: str, clock: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CourseError(f"{text!r} is no moment. Write it like 2026-12-01T18:30.") from None
    return found if found.tzinfo else found.replace(tzinfo=clock)


def _hour(text: str) -> str:
    try:
        return f"{time.fromisoformat(text):%H:%M}"
    except ValueError:
        raise CourseError(f"{text!r} is no hour. Write it like 07:00.") from None


def _break(text: str, clock: ZoneInfo) -> Break:
    first, _, last = text.partition("..")
    try:
        begins, ends = (datetime.combine(date.fromisoformat(day), time.min, clock) for day in (first, last))
    except ValueError:
        raise CourseError(f"{text!r} is no pause. Write it like 2026-12-01..2026-12-10.") from None
    if ends <= begins:
        raise CourseError(f"The pause {text} ends before it began.")
    return Break(begins, ends)
