"""`course lessons`: courses as folders of files."""

from pathlib import Path

import click

from course.actions import lesson_files, lesson_import
from course.actions.lesson_import import Done
from course.cli import folders
from course.cli.opening import open_parts
from course.core.course_file import FILE
from course.core.errors import BadFile, CourseError
from course.store import courses


@click.group()
def lessons() -> None:
    """Courses as folders of files: course.toml and NN-slug.md."""


@lessons.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def import_lessons(folder: Path) -> None:
    """Bring the files of FOLDER into the course.

    FOLDER is a course (it holds course.toml; its name is the course's) or holds courses. A file that did not change
    since its last import does nothing; one that changed here and in the course is a conflict and overwrites nothing.
    """
    parts, conflicts = open_parts(), 0
    for files in folders.files_in(folder):
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
    parts = open_parts()
    with parts.database.read() as session:
        for course in courses.all_courses(session):
            files = lesson_import.export_course(session, course, parts.now().course)
            home = folder / files.slug
            home.mkdir(parents=True, exist_ok=True)
            for name, text in {FILE: files.course, **files.lessons}.items():
                (home / name).write_bytes(text.encode())
            for name, data in files.pictures.items():
                (home / lesson_files.FIGURES).mkdir(exist_ok=True)
                (home / lesson_files.FIGURES / name).write_bytes(data)
            click.echo(f"{home}: {len(files.lessons)} lessons")


@lessons.command("check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def check_lessons(folder: Path) -> None:
    """Name every fault in the files of FOLDER, with line and remedy. Changes nothing and needs no database."""
    faults = [fault for files in folders.files_in(folder) for fault in folders.faults_of(files)]
    if faults:
        raise BadFile(faults)
    click.echo("No faults.")
