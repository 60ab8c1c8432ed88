"""Courses in folders: read from disk, checked, and brought in."""

from pathlib import Path

from course.actions import lesson_files, lesson_import
from course.assembly import Parts
from course.core.course_file import FILE
from course.core.errors import BadFile, CourseError, Fault
from course.core.pictures import NAME
from course.mail.render import Composer, CourseFacts
from course.paths import shipped
from course.store import courses

TOO_BIG = 80_000  # bytes of HTML; Gmail cuts mails off at about 102 KB


def files_in(folder: Path) -> list[lesson_files.Files]:
    """The courses of a folder: the folder itself if it holds a course.toml, else each folder in it that does."""
    homes = [folder] if (folder / FILE).is_file() else sorted(p.parent for p in folder.glob(f"*/{FILE}"))
    if not homes:
        raise CourseError(f"{folder} holds no {FILE}, nor does any folder in it.")
    return [
        lesson_files.Files(
            home.resolve().name,
            _text(home / FILE),
            {p.name: _text(p) for p in sorted(home.glob("*.md"))},
            {
                p.name: p.read_bytes()
                for p in sorted(home.glob(f"{lesson_files.FIGURES}/*.*"))
                if NAME.fullmatch(p.name)
            },
        )
        for home in homes
    ]


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadFile([Fault(str(path), 0, f"not UTF-8 at byte {error.start}", "Save it as UTF-8")]) from None


def import_shipped(parts: Parts) -> list[str]:
    """Imports the courses that come with the package and that the database does not have yet; their slugs."""
    now, added = parts.now(), []
    for files in files_in(shipped("lessons")):
        with parts.database.write() as session:
            if courses.by_slug(session, files.slug) is None:
                lesson_import.import_course(session, files, now.machine, now.course)
                added.append(files.slug)
    return added


def faults_of(files: lesson_files.Files) -> list[Fault]:
    """Everything wrong with the files of a course, the size of its mails included."""
    faults = lesson_files.check(files)
    if faults:
        return faults
    text, composer = lesson_files.read(files), Composer(shipped("templates") / "mail")
    facts = CourseFacts(
        slug=files.slug, title=text.title, sender=text.sender, sender_email="", reply_to="", list_id="", landing="",
        postal_address=text.postal_address, disclaimer=text.disclaimer,
    )  # fmt: skip
    for name, source in files.lessons.items():
        size = len("".join(composer.lesson(facts, source, "mail").html.segments).encode())
        if size > TOO_BIG:
            problem = f"the mail has {size // 1000} KB, and some mail programs cut it off at 102"
            faults.append(Fault(f"{files.slug}/{name}", 0, problem, "Split the lesson in two"))
    return faults
