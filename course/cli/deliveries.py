"""`course deliveries` and `course vouch`: what needs somebody."""

import click

from course.actions import guarding, mending
from course.cli.opening import open_parts


@click.group("deliveries")
def manage_deliveries() -> None:
    """Mails that need somebody: nobody knows whether they arrived, or the provider refused them."""


@manage_deliveries.command("list")
def list_deliveries() -> None:
    """List them, with the number that the other commands take."""
    parts = open_parts()
    with parts.database.read() as session:
        found = mending.problems(session)
    for one in found:
        click.echo(
            f"{one.delivery}: {one.what} to {one.address}, {one.since:%Y-%m-%d %H:%M} UTC: {one.state}. {one.reason}"
        )
    click.echo(f"{len(found)} need somebody." if found else "No mail needs somebody.")


@manage_deliveries.command("arrived")
@click.argument("number", type=int)
def note_arrived(number: int) -> None:
    """Say that an unknown delivery arrived."""
    parts = open_parts()
    with parts.database.write() as session:
        mending.arrived(session, number, parts.now().machine)


@manage_deliveries.command("again")
@click.argument("number", type=int)
def send_again(number: int) -> None:
    """Send an unknown delivery once more; the reader may then have it twice."""
    parts = open_parts()
    with parts.database.write() as session:
        mending.send_again(session, number, parts.now().machine)


@manage_deliveries.command("retry")
@click.argument("numbers", type=int, nargs=-1)
def retry_deliveries(numbers: tuple[int, ...]) -> None:
    """Send refused mails again, with the lesson's newest text: these, or all of them."""
    parts = open_parts()
    with parts.database.write() as session:
        ids = numbers or [one.delivery for one in mending.problems(session)]
        click.echo(f"{mending.retry(session, ids, parts.now().machine)} queued again.")


@click.command("vouch")
@click.option(
    "--new-secret", is_flag=True, help="Only say that the old secret key is lost; links mailed so far are dead."
)
def vouch_for_database(new_secret: bool) -> None:
    """Say that this database is the truth, after a move or a restored backup.

    Mails that were held because they may have gone already are sent. Look at `course deliveries list` before.
    """
    parts = open_parts(new_secret=new_secret)
    if new_secret:
        click.echo("Links are signed with this secret key from now on.")
        return
    with parts.database.write() as session:
        count = guarding.vouch(session, parts.now().machine)
    click.echo(f"The guard is lifted; {count} held mails go out.")
