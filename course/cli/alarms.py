"""`course alarms`: what is wrong now, and whether the road by which it is told is open."""

import click

from course.assembly import teller_of
from course.cli.opening import open_parts
from course.core.errors import CourseError
from course.store import alarms


@click.command("alarms")
@click.option(
    "--try", "is_trial", is_flag=True, help="Tell COURSE_ALERT_URL that this is a trial, and say what came of it."
)
def list_alarms(is_trial: bool) -> None:
    """List the alarms that ring now: what a person has to mend."""
    parts = open_parts()
    with parts.database.read() as session:
        ringing = alarms.ringing(session)
    for alarm in ringing:
        click.echo(f"since {alarm.since:%Y-%m-%d %H:%M} UTC: {alarm.text}")
    if not ringing:
        click.echo("No alarm rings.")
    if is_trial:
        tell = teller_of(parts.settings)
        if tell is None:
            raise CourseError("COURSE_ALERT_URL is empty: alarms go to the coaches, to the log and to /healthz only.")
        if wrong := tell("Email course: a trial", "A trial of COURSE_ALERT_URL. Nothing is wrong."):
            raise CourseError(f"COURSE_ALERT_URL did not take the trial: {wrong}")
        click.echo("COURSE_ALERT_URL took the trial. See whether you have it.")
