"""`course run`, `web` and `worker`: processes that stay."""

import socket

import click

from course import serving
from course.assembly import Parts
from course.cli import folders
from course.cli.admins import first_link
from course.cli.opening import open_parts

SPEED = click.option(
    "--speed",
    type=click.IntRange(1, 10_000_000),
    default=1,
    show_default=True,
    metavar="N",
    help="Run the course calendar N times faster (86400: a day in a second). Only where nobody can be reached.",
)
HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
PORT = click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port to listen on.")


@click.command()
@HOST
@PORT
@SPEED
def run(host: str, port: int, speed: int) -> None:
    """Start everything in one process: the site and the worker.

    Imports the courses that come with the package and that the database does not have yet.
    """
    listener = serving.bound(host, port)
    parts = open_parts(speed, port)
    for slug in folders.import_shipped(parts):
        click.echo(f"Imported the course {slug!r}.")
    _say_where(parts, listener)
    if parts.settings.provider == "outbox":
        click.echo(f"Outbox:        http://{host}:{port}/outbox   (no mail leaves this machine)")
    if link := first_link(parts):
        click.echo(f"Coach's door:  {link}   (good once)")
    if parts.speed > 1:
        click.echo(f"Calendar:      {parts.speed} times faster than real time")
    serving.serve(parts, listener, worker=True)


@click.command()
@HOST
@PORT
@SPEED
def web(host: str, port: int, speed: int) -> None:
    """Start the site alone. Start as many as you like; they share the database."""
    listener = serving.bound(host, port)
    parts = open_parts(speed, port)
    _say_where(parts, listener)
    serving.serve(parts, listener, worker=False)


def _say_where(parts: Parts, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    here = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    click.echo(f"Sign-up page:  {parts.settings.public_url}/")
    if parts.settings.public_url != here:
        click.echo(f"Listening on:  {here}")


@click.command()
@SPEED
def worker(speed: int) -> None:
    """Start a worker alone: it sends what is due. Start as many as you like; they share the database."""
    parts = open_parts(speed)
    click.echo("The worker sends what is due. Ctrl-C ends it.")
    serving.work(parts)
