"""The command `course`. Every command works beside a running server and without one."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click

from course import __version__, assembly, serving, settings
from course.actions import guarding, lesson_import, mending, readers_file
from course.actions.lesson_import import Done
from course.actions.readers_file import Line, Result
from course.core import readers_csv
from course.core.course_file import FILE
from course.core.errors import BadFile, CourseError
from course.store import courses

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


class Friendly(click.Group):
    """Says what went wrong in words, without a traceback, and exits 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CourseError as error:
            click.echo(str(error), err=True)
            sys.exit(1)


@click.group(cls=Friendly, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """An email course: a runner signs up, confirms, and gets the lessons, each exactly once.

    Settings come from the environment; `course settings` lists them all. Without any, the course keeps its database
    in ./var and its mail in ./var/outbox, and can reach nobody.
    """


@main.command()
@HOST
@PORT
@SPEED
def run(host: str, port: int, speed: int) -> None:
    """Start everything in one process: the site and the worker.

    Imports the courses that come with the package and that the database does not have yet.
    """
    parts = _open(speed, port)
    for slug in assembly.import_shipped(parts):
        click.echo(f"Imported the course {slug!r}.")
    here = f"http://{host}:{port}"
    click.echo(f"Sign-up page:  {here}/")
    if parts.settings.provider == "outbox":
        click.echo(f"Outbox:        {here}/outbox   (no mail leaves this machine)")
    if parts.speed > 1:
        click.echo(f"Calendar:      {parts.speed} times faster than real time")
    serving.serve(parts, host, port, worker=True)


@main.command()
@HOST
@PORT
@SPEED
def web(host: str, port: int, speed: int) -> None:
    """Start the site alone. Start as many as you like; they share the database."""
    parts = _open(speed, port)
    click.echo(f"Sign-up page:  http://{host}:{port}/")
    serving.serve(parts, host, port, worker=False)


@main.command()
@SPEED
def worker(speed: int) -> None:
    """Start a worker alone: it sends what is due. Start as many as you like; they share the database."""
    parts = _open(speed)
    click.echo("The worker sends what is due. Ctrl-C ends it.")
    serving.work(parts)


@main.group()
def lessons() -> None:
    """Courses as folders of files: course.toml and NN-slug.md."""


@lessons.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def import_lessons(folder: Path) -> None:
    """Bring the files of FOLDER into the course.

    FOLDER is a course (it holds course.toml; its name is the course's) or holds courses. A file that did not change
    since its last import does nothing; one that changed here and in the course is a conflict and overwrites nothing.
    """
    parts, conflicts = _open(), 0
    for files in assembly.files_in(folder):
        now = parts.now()
        with parts.database.write() as session:
            entries = lesson_import.import_course(session, files, now.machine, now.course)
        for entry in entries:
            click.echo(f"{files.slug}/{entry.file}: {entry.done}{_REMEDIES.get(entry.done, '')}")
            conflicts += entry.done is Done.CONFLICT
    if conflicts:
        raise CourseError(f"{conflicts} not imported, because they changed on both sides.")


_REMEDIES = {
    Done.CONFLICT: " (changed in the file and in the course; export to another folder, compare, import the result)",
    Done.KEPT: " (it has no file here, and stays in the course)",
}


@lessons.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export_lessons(folder: Path) -> None:
    """Write every course to FOLDER/<course>/, as files that `import` takes back."""
    parts = _open()
    with parts.database.read() as session:
        for course in courses.all_courses(session):
            files = lesson_import.export_course(session, course, parts.now().course)
            home = folder / files.slug
            home.mkdir(parents=True, exist_ok=True)
            for name, text in {FILE: files.course, **files.lessons}.items():
                (home / name).write_bytes(text.encode())
            click.echo(f"{home}: {len(files.lessons)} lessons")


@lessons.command("check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def check_lessons(folder: Path) -> None:
    """Name every fault in the files of FOLDER, with line and remedy. Changes nothing and needs no database."""
    faults = [fault for files in assembly.files_in(folder) for fault in assembly.faults_of(files)]
    if faults:
        raise BadFile(faults)
    click.echo("No faults.")


@main.group()
def readers() -> None:
    """The people of a course, from and to CSV files."""


@readers.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--consent", required=True, metavar="NOTE", help="How and when these people agreed; kept as proof.")
@click.option("--course", "slug", metavar="SLUG", help="Which course; the first one if left away.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write what became of every line here.")
def import_readers(file: Path, consent: str, slug: str | None, report: Path | None) -> None:
    """Enroll the people of a CSV FILE: columns email, name, timezone (only email is needed).

    They confirmed elsewhere, so they get no confirmation mail; their first lesson goes at their next send hour.
    Importing the same file again changes nothing. Who left, bounced or complained is not brought back.
    """
    parts, lines = _open(), list[Line]()
    rows = readers_csv.read(file.read_bytes(), str(file))
    with click.progressbar(length=len(rows), label=f"{len(rows)} lines", file=sys.stderr) as bar:
        for start in range(0, len(rows), readers_file.CHUNK):
            now, chunk = parts.now(), rows[start : start + readers_file.CHUNK]
            with parts.database.write() as session:
                course = readers_file.the_course(session, slug)
                lines += readers_file.import_rows(session, course, chunk, consent, now)
            bar.update(len(chunk))
    _report(lines, report)


def _report(lines: list[Line], report: Path | None) -> None:
    if report:
        table = [("line", "result", "detail"), *((str(line.number), line.result, line.detail) for line in lines)]
        report.write_text("".join(readers_csv.write(table)))
    for line in lines:
        if line.result is Result.INVALID:
            click.echo(f"line {line.number}: {line.detail}")
    counts = Counter(line.result for line in lines)
    for result, meaning in readers_file.MEANING.items():
        if counts[result]:
            click.echo(f"{counts[result]:7,} {meaning}")


@readers.command("export")
@click.option("--course", "slug", metavar="SLUG", help="Which course; the first one if left away.")
def export_readers(slug: str | None) -> None:
    """Write everybody of a course as CSV to standard output."""
    parts = _open()
    with parts.database.read() as session:
        for line in readers_file.export(session, readers_file.the_course(session, slug)):
            click.echo(line, nl=False)


@main.group("deliveries")
def manage_deliveries() -> None:
    """Mails that need somebody: nobody knows whether they arrived, or the provider refused them."""


@manage_deliveries.command("list")
def list_deliveries() -> None:
    """List them, with the number that the other commands take."""
    parts = _open()
    with parts.database.read() as session:
        found = mending.problems(session)
    for one in found:
        click.echo(
            f"{one.delivery}: {one.what} to {one.address}, {one.since:%Y-%m-%d %H:%M} UTC: {one.state}. {one.reason}"
        )
    click.echo(f"{len(found)} need somebody." if found else "All is well.")


@manage_deliveries.command("arrived")
@click.argument("number", type=int)
def note_arrived(number: int) -> None:
    """Say that an unknown delivery arrived."""
    parts = _open()
    with parts.database.write() as session:
        mending.arrived(session, number, parts.now().machine)


@manage_deliveries.command("again")
@click.argument("number", type=int)
def send_again(number: int) -> None:
    """Send an unknown delivery once more; the reader may then have it twice."""
    parts = _open()
    with parts.database.write() as session:
        mending.send_again(session, number, parts.now().machine)


@manage_deliveries.command("retry")
@click.argument("numbers", type=int, nargs=-1)
def retry_deliveries(numbers: tuple[int, ...]) -> None:
    """Send refused mails again, with the lesson's newest text: these, or all of them."""
    parts = _open()
    with parts.database.write() as session:
        ids = numbers or [one.delivery for one in mending.problems(session)]
        click.echo(f"{mending.retry(session, ids, parts.now().machine)} queued again.")


@main.command("vouch")
def vouch_for_database() -> None:
    """Say that this database is the truth, after a move or a restored backup.

    Mails that were held because they may have gone already are sent. Look at `course deliveries list` before.
    """
    parts = _open()
    with parts.database.write() as session:
        count = guarding.vouch(session, parts.now().machine)
    click.echo(f"The guard is lifted; {count} held mails go out.")


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


def _open(speed: int | None = None, port: int | None = None) -> assembly.Parts:
    found = settings.load(port)
    serving.log_to_stderr(found.log_level)
    return assembly.open_course(found, speed)
