"""`course admin`: the coaches, for whoever looks after the server."""

import secrets

import click

from course.actions import coaches
from course.assembly import Parts
from course.cli.opening import open_parts
from course.core.errors import CourseError
from course.core.tokens import Purpose
from course.store import admins
from course.store.models import Admin


@click.group("admin")
def manage_admins() -> None:
    """Coaches: who may sign in at /admin."""


@manage_admins.command("list")
def list_admins() -> None:
    """List the coaches."""
    parts = open_parts()
    with parts.database.read() as session:
        found = admins.everyone(session)
    for coach in found:
        click.echo(f"{coach.email}: {coach.name or '(no name yet)'}, {_state(coach)}")
    if not found:
        click.echo("No coaches yet. `course admin add EMAIL` makes one.")


def _state(coach: Admin) -> str:
    if not coach.password_hash:
        return "invited"
    step = "with a second step" if coach.totp_secret else "no second step"
    return f"last in {coach.seen_at:%Y-%m-%d %H:%M} UTC, {step}" if coach.seen_at else step


@manage_admins.command("add")
@click.argument("email")
def add_admin(email: str) -> None:
    """Make somebody a coach, and print a link by which they set their password.

    The link is good once, for seven days. It stands on a line of its own; no mail is sent.
    """
    parts = open_parts()
    now = parts.now().machine
    with parts.database.write() as session:
        coach = coaches.invite(session, email, secrets.token_bytes(coaches.KEY_BYTES), now, None)
    click.echo(f"{coach.email} is a coach. This link sets their password; it is good once, for seven days:", err=True)
    click.echo(coaches.link(parts.letters.links, coach, Purpose.INVITE, now))


@manage_admins.command("link")
@click.argument("email")
def link_admin(email: str) -> None:
    """Print a link to a new password, for a coach who lost the password, the phone or both.

    The link is good once, for one day (an invitation: seven days). When it is used, the second step is turned off and
    every session of this coach ends.
    """
    parts = open_parts()
    now = parts.now().machine
    with parts.database.write() as session:
        coach = coaches.named(session, email)
        purpose = coaches.best_purpose(coach)
        coaches.note_link(session, None, coach, now)
    also = " It also turns the second step off." if coach.totp_secret else ""
    click.echo(f"This link is good once, for {coaches.IN_WORDS[purpose]}.{also}", err=True)
    click.echo(coaches.link(parts.letters.links, coach, purpose, now))


@manage_admins.command("remove")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do it even if nobody is left.")
def remove_admin(email: str, yes: bool) -> None:
    """Take a coach out: their sessions and links end at once."""
    parts = open_parts()
    with parts.database.write() as session:
        coach = coaches.named(session, email)
        if admins.count(session) == 1 and not yes:
            raise CourseError(f"{coach.email} is the only coach. Add another one first, or say --yes.")
        coaches.remove(session, coach, parts.now().machine, None)
    click.echo(f"{coach.email} is no longer a coach.")


def first_link(parts: Parts) -> str:
    """By which a newcomer becomes the first coach; "" where there is one."""
    with parts.database.read() as session:
        there = admins.count(session)
    return "" if there else coaches.first_link(parts.letters.links, parts.now().machine)
