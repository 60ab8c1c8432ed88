"""`course readers`: people from and to CSV files."""

import sys
from collections import Counter
from pathlib import Path

import click

from course.actions import readers_file
from course.actions.readers_file import Line, Result
from course.cli.opening import open_parts
from course.core import readers_csv


@click.group()
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
    parts, lines = open_parts(), list[Line]()
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
        report.write_text("".join(readers_csv.write(table)), encoding="utf-8")
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
    parts = open_parts()
    with parts.database.read() as session:
        for line in readers_file.export(session, readers_file.the_course(session, slug)):
            click.echo(line, nl=False)
