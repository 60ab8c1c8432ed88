"""The command `course`. Every command works beside a running server and without one."""

import sys
from typing import Any

import click

from course import __version__, assembly, settings
from course.cli import admins, alarms, deliveries, lessons, play, processes, readers
from course.core.errors import CourseError


class Friendly(click.Group):
    """Says what went wrong in words, without a traceback, and exits 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CourseError as error:
            click.echo(str(error), err=True)
            sys.exit(1)
        except BrokenPipeError:
            raise  # click ends quietly when nobody reads on
        except OSError as error:  # a folder, a file, a disk
            click.echo(f"{error.filename}: {error.strerror}" if error.filename else str(error), err=True)
            sys.exit(1)


@click.group(cls=Friendly, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """An email course: a runner signs up, confirms, and gets the lessons, each exactly once.

    Settings come from the environment; `course settings` lists them all. Without any, the course keeps its database
    in ./var and its mail in ./var/outbox, and can reach nobody.
    """


@main.command("settings")
def list_settings() -> None:
    """List every setting with its value, where it comes from, and what it means."""
    found = settings.load()
    for name, value, source, meaning in settings.listing(found):
        click.echo(f"{name} = {value or '(empty)'}   [{source}]\n    {meaning}")
    for line in assembly.winners(found):
        click.echo(line)


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)


for command in (
    processes.run, processes.web, processes.worker, lessons.lessons, readers.readers, play.play,
    deliveries.manage_deliveries, deliveries.vouch_for_database, alarms.list_alarms, admins.manage_admins,
):  # fmt: skip
    main.add_command(command)
