"""The command line: every command explains itself, and what goes wrong is said in words with exit code 1."""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from course import __version__
from course.cli import main
from course.core import lesson_file
from course.core.tokens import mark
from course.paths import shipped
from course.settings import Settings
from course.store import alarms
from course.store.db import Database
from course.store.models import Consent, Enrollment, Installation
from tests.factories import COURSE_TOML, files
from tests.mail import http_server

LESSONS = shipped("lessons")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_template: Path) -> Path:
    """A COURSE_HOME with a migrated database, and no other setting."""
    for name in [name for name in os.environ if name.upper().startswith("COURSE_")]:
        monkeypatch.delenv(name)
    found = tmp_path / "home"
    found.mkdir()
    shutil.copy(sqlite_template, found / "course.db")
    monkeypatch.setenv("COURSE_HOME", str(found))
    monkeypatch.setenv("COURSE_JOURNAL", str(tmp_path / "journal"))
    monkeypatch.chdir(tmp_path)
    return found


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{home / 'course.db'}")
    yield found
    found.close()


def course(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def done(*arguments: object) -> str:
    """What a command says that works."""
    result = course(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object, code: int = 1) -> str:
    """What a command says that does not work: words on stderr, no traceback."""
    result = course(*arguments)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result.stderr


def write_course(folder: Path, **lessons: str) -> Path:
    """A small course as a folder; `lessons` replace files by slug."""
    folder.mkdir(parents=True, exist_ok=True)
    small = files()
    (folder / "course.toml").write_text(small.course)
    for name, text in small.lessons.items():
        (folder / name).write_text(lessons.get(name[3:-3], text))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


# ── every command ──


@pytest.mark.parametrize("path", list(commands(main)), ids=" ".join)
def test_every_command_says_what_it_does_and_what_it_takes(path: tuple[str, ...]) -> None:
    said = done(*path, "--help")
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    assert re.search(rf"Usage: main {' '.join(path)} .*\n\n  [A-Z][^\n]{{15,}}", said)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts[0]} says nothing"
            assert parameter.opts[0] in said
    assert said == done(*path, "-h")


def test_the_first_help_names_every_command() -> None:
    said = done("--help")
    assert [name for name in main.commands if not re.search(rf"^  {name} ", said, re.MULTILINE)] == []
    assert "course settings" in said


def test_the_version_is_printed() -> None:
    assert done("version") == f"{__version__}\n"


def test_an_unknown_command_is_refused(home: Path) -> None:
    assert "No such command 'start'" in refused("start", code=2)
    assert sorted(path.name for path in home.iterdir()) == ["course.db"]


@pytest.mark.parametrize(
    "arguments",
    [["lessons", "export", "out"], ["readers", "export"], ["settings"], ["worker"], ["run"], ["deliveries", "list"]],
    ids=" ".join,
)
def test_a_bad_setting_stops_every_command_with_words(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.setenv("COURSE_PROVIDER", "pigeon")
    said = refused(*arguments)
    assert said == "COURSE_PROVIDER is 'pigeon': input should be 'outbox', 'smtp', 'resend' or 'postmark'\n"


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://me:geheim@127.0.0.1:1/course", "sqlite:////nonexistent/folder/course.db"]
)
def test_a_database_that_cannot_be_used_is_said_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("COURSE_DATABASE_URL", url)
    said = refused("readers", "export")
    assert "geheim" not in said
    assert "/course" in said
    assert len(said.splitlines()) == 1


def test_the_database_of_a_newer_release_is_refused(database: Database) -> None:
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert "This database belongs to another version of the course" in refused("readers", "export")


def test_the_real_command_ends_with_code_1_and_no_traceback(tmp_path: Path) -> None:
    environment = os.environ | {"COURSE_SETTLE": "soon"}
    command = [sys.executable, "-m", "course", "settings"]
    root = Path(__file__).parents[1]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=root, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("COURSE_SETTLE is 'soon': ")
    assert len(result.stderr.splitlines()) == 1


def test_a_database_that_is_made_here_is_for_its_owner_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "new"))
    done("lessons", "import", write_course(tmp_path / "running"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir() if path.is_file()}
    assert set(modes) >= {"course.db", "secret"}
    assert set(modes.values()) == {0o600}


# ── the secret key, and what rings ──

OLD, NEW = "the-old-key-" + "o" * 32, "the-new-key-" + "n" * 32


def test_a_machine_with_another_secret_key_does_not_start(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    monkeypatch.setenv("COURSE_SECRET_KEY", OLD)
    done("deliveries", "list")
    monkeypatch.setenv("COURSE_SECRET_KEY", NEW)
    for command in (["deliveries", "list"], ["admin", "add", "kim@clinic.test"], ["worker"], ["vouch"]):
        said = refused(*command)
        assert said.startswith("The links of this database are signed with another secret key. Set COURSE_SECRET_KEY ")
        assert "`course vouch --new-secret`" in said
        assert OLD not in said
    with database.read() as session:
        [row] = session.scalars(select(Installation))
        assert row.secret_mark == mark(OLD)


def test_a_secret_key_is_changed_while_the_old_one_is_still_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    for secrets in (OLD, f"{OLD} {NEW}", f"{NEW} {OLD}", NEW):
        monkeypatch.setenv("COURSE_SECRET_KEY", secrets)
        done("deliveries", "list")
    monkeypatch.setenv("COURSE_SECRET_KEY", OLD)
    assert "signed with another secret key" in refused("deliveries", "list")


def test_a_secret_that_is_lost_is_given_up_by_word_only(home: Path) -> None:
    done("deliveries", "list")
    (home / "secret").unlink()
    assert "put the file `secret` back into COURSE_HOME" in refused("deliveries", "list")
    assert done("vouch", "--new-secret") == "Links are signed with this secret key from now on.\n"
    done("deliveries", "list")


def test_what_rings_is_listed(database: Database) -> None:
    assert done("alarms") == "No alarm rings.\n"
    with database.write() as session:
        alarms.ring(session, "x", "Mail is stopped. postmark said: no.", datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert done("alarms") == "since 2026-11-23 12:00 UTC: Mail is stopped. postmark said: no.\n"


def test_the_road_of_alarms_is_tried_before_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "COURSE_ALERT_URL is empty" in refused("alarms", "--try")
    with http_server.serving() as server:
        monkeypatch.setenv("COURSE_ALERT_URL", f"{server.url}/ping")
        server.script = [http_server.says(500), http_server.says(200)]
        assert refused("alarms", "--try") == "COURSE_ALERT_URL did not take the trial: HTTP status 500\n"
        assert done("alarms", "--try").endswith("COURSE_ALERT_URL took the trial. See whether you have it.\n")
        assert [request.path for request in server.seen] == ["/ping", "/ping"]
        assert b"Nothing is wrong." in server.seen[1].body


# ── lessons ──


def test_the_shipped_lessons_are_imported_once_and_exported_byte_for_byte(tmp_path: Path) -> None:
    names = ["course.toml", *sorted(path.name for path in (LESSONS / "running").glob("*.md"))]
    assert done("lessons", "import", LESSONS) == "".join(f"running/{name}: new\n" for name in names)
    assert done("lessons", "import", LESSONS / "running") == "".join(f"running/{name}: unchanged\n" for name in names)
    assert done("lessons", "export", tmp_path / "out") == f"{tmp_path / 'out' / 'running'}: 5 lessons\n"
    assert content(tmp_path / "out" / "running") == content(LESSONS / "running")
    assert set(re.findall(": (.+)", done("lessons", "import", tmp_path / "out"))) == {"unchanged"}


def test_a_course_may_be_imported_from_inside_its_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(write_course(tmp_path / "plan-and-lift"))
    assert "plan-and-lift/course.toml: new" in done("lessons", "import", ".")


def test_several_courses_are_imported_at_once(tmp_path: Path) -> None:
    write_course(tmp_path / "all" / "one")
    write_course(tmp_path / "all" / "two")
    (tmp_path / "all" / "notes").mkdir()
    said = done("lessons", "import", tmp_path / "all")
    assert re.findall("(.+)/course.toml: new", said) == ["one", "two"]


def test_a_conflict_is_said_with_what_to_do_and_the_others_are_imported(tmp_path: Path, database: Database) -> None:
    folder = write_course(tmp_path / "running")
    done("lessons", "import", folder)
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE revision SET digest = 'changed here' WHERE lesson_id = 2")
    for slug in ("01-start", "02-week"):
        (folder / f"{slug}.md").write_text((folder / f"{slug}.md").read_text() + "More.\n")
    result = course("lessons", "import", folder)
    assert result.exit_code == 1
    assert "running/01-start.md: changed\n" in result.stdout
    assert "running/02-week.md: conflict (changed in the file and in the course; export" in result.stdout
    assert result.stderr == "1 not imported, because they changed on both sides.\n"


def test_a_lesson_without_a_file_is_said(tmp_path: Path) -> None:
    folder = write_course(tmp_path / "running")
    done("lessons", "import", folder)
    (folder / "03-why.md").unlink()
    (folder / "course.toml").write_text(COURSE_TOML.replace("[0, 3, 4, 3, 4]", "[0, 3, 3, 4]"))
    assert "running/why: kept (it has no file here, and stays in the course)\n" in done("lessons", "import", folder)


@pytest.mark.parametrize("command", ["import", "check"])
def test_every_fault_is_said_with_file_line_and_remedy(tmp_path: Path, command: str, database: Database) -> None:
    folder = write_course(tmp_path / "running", week="+++\ntitle = 1\n+++\nBody.\n", why="Hi")
    assert refused("lessons", command, folder).splitlines() == [
        "running/02-week.md:1: the subject is missing. Add subject = \"…\" to the front matter",
        "running/02-week.md:2: title is not a text. Write title = \"…\" with quotation marks",
        "running/03-why.md:1: the file does not begin with front matter. Put \"+++\" on the first line",
    ]  # fmt: skip
    with database.read() as session:
        assert session.query(Installation).count() == (command == "import")
        assert session.connection().exec_driver_sql("SELECT count(*) FROM course").scalar_one() == 0


def test_checking_finds_what_only_readers_would_meet(tmp_path: Path) -> None:
    text = files().lessons["02-week.md"] + "{{ firstname }}\n"
    folder = write_course(tmp_path / "running", week=text)
    assert refused("lessons", "check", folder) == (
        "running/02-week.md:8: {{ firstname }} is no placeholder. Did you mean {{ first_name }}?\n"
    )
    assert "running/02-week.md: new" in done("lessons", "import", folder)


def test_checking_needs_no_database_and_makes_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("COURSE_PROVIDER", "pigeon")
    assert done("lessons", "check", LESSONS) == "No faults.\n"
    assert not (tmp_path / "nowhere").exists()


def test_a_mail_that_would_be_cut_off_is_a_fault(tmp_path: Path) -> None:
    body = "".join(f"Word {n} of a long lesson.\n\n" for n in range(2000))
    folder = write_course(tmp_path / "running", week=lesson_file.dump(lesson_of("Week", body)))
    assert re.fullmatch(
        r"running/02-week.md: the mail has \d+ KB, and some mail programs cut it off at 102. Split the lesson in two\n",
        refused("lessons", "check", folder),
    )


def lesson_of(title: str, body: str) -> lesson_file.LessonText:
    return lesson_file.LessonText(title, title, "", "", "", "", body)


@pytest.mark.parametrize("command", ["import", "check"])
def test_a_folder_without_a_course_is_said(tmp_path: Path, command: str) -> None:
    (tmp_path / "empty").mkdir()
    assert refused("lessons", command, tmp_path / "empty") == (
        f"{tmp_path / 'empty'} holds no course.toml, nor does any folder in it.\n"
    )
    assert "does not exist" in refused("lessons", command, tmp_path / "nowhere", code=2)


def test_a_file_that_is_not_utf_8_is_said(tmp_path: Path) -> None:
    folder = write_course(tmp_path / "running")
    (folder / "02-week.md").write_bytes("+++\ntitle = \"Zoë\"\n".encode("latin-1"))  # fmt: skip
    assert refused("lessons", "import", folder) == f"{folder / '02-week.md'}: not UTF-8 at byte 15. Save it as UTF-8\n"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    done("lessons", "import", write_course(tmp_path / "running"))
    (tmp_path / "file").write_text("")
    assert refused("lessons", "export", tmp_path / "file" / "out").strip() == (
        f"{tmp_path / 'file' / 'out' / 'running'}: Not a directory"
    )


# ── readers ──


@pytest.fixture
def small_course(tmp_path: Path) -> None:
    done("lessons", "import", write_course(tmp_path / "running"))


@pytest.mark.usefixtures("small_course")
def test_readers_come_in_with_a_count_of_what_became_of_them(tmp_path: Path, database: Database) -> None:
    (tmp_path / "r.csv").write_bytes("email;name\nann@x.test;Ann\nANN@x.test;\nbob\nzoe@x.test;Zoë\n".encode("utf-16"))
    said = done("readers", "import", tmp_path / "r.csv", "--consent", "on paper", "--report", tmp_path / "report.csv")
    assert re.search(r"line 4: email: .+@.+\n", said)
    assert (
        "      2 enrolled\n      1 already in this course, unchanged\n      1 not usable, see the lines above\n" in said
    )
    assert (tmp_path / "report.csv").read_text().splitlines()[:3] == ["line,result,detail", "2,added,", "3,known,"]
    again = done("readers", "import", tmp_path / "r.csv", "--consent", "on paper")
    assert "      3 already in this course, unchanged\n" in again
    assert "enrolled" not in again
    with database.read() as session:
        assert session.query(Enrollment).count() == 2
        assert {note for (note,) in session.query(Consent.note)} == {"on paper"}


@pytest.mark.usefixtures("small_course")
def test_readers_go_out_and_come_in_again(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("email,name\n+a@x.test,=1+1\n")
    done("readers", "import", tmp_path / "r.csv", "--consent", "on paper", "--course", "running")
    said = done("readers", "export", "--course", "running")
    assert said.splitlines()[0] == "email,name,timezone,status,source,enrolled_at,lessons,due_at"
    assert said.splitlines()[1].startswith("'+a@x.test,'=1+1,,active,import,")
    (tmp_path / "again.csv").write_text(said)
    assert "1 already in this course" in done("readers", "import", tmp_path / "again.csv", "--consent", "on paper")


@pytest.mark.usefixtures("small_course")
def test_what_is_wrong_with_a_readers_file_is_said(tmp_path: Path, database: Database) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"email\nz\xf6e@x.test\n")
    assert refused("readers", "import", bad, "--consent", "x") == f"{bad}:2: not UTF-8. Save it as CSV UTF-8\n"
    bad.write_text("name\nAnn\n")
    assert refused("readers", "import", bad, "--consent", "x").startswith(f"{bad}:1: there is no column email. ")
    assert "Missing option '--consent'" in refused("readers", "import", bad, code=2)
    assert "does not exist" in refused("readers", "import", tmp_path / "nowhere.csv", "--consent", "x", code=2)
    with database.read() as session:
        assert session.query(Enrollment).count() == 0


@pytest.mark.usefixtures("small_course")
def test_a_course_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("email\nann@x.test\n")
    for arguments in (["import", tmp_path / "r.csv", "--consent", "x"], ["export"]):
        assert refused("readers", *arguments, "--course", "third").strip().endswith("There is no course 'third'.")


def test_without_any_course_the_way_to_one_is_said() -> None:
    assert refused("readers", "export") == "There is no course yet: course lessons import\n"


# ── settings and processes ──


def test_every_setting_is_listed_with_value_source_and_meaning(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("COURSE_SECRET_KEY", "0123456789abcdef" * 2)
    said = done("settings")
    assert said.count("COURSE_") >= len(Settings.model_fields)
    assert f"COURSE_HOME = {home}   [environment]\n    Folder for the database" in said
    assert "COURSE_PROVIDER = outbox   [default]\n    Who delivers mail" in said
    assert "COURSE_SECRET_KEY = (set)   [environment]\n" in said
    assert "COURSE_FROM = (empty)   [default]\n" in said
    assert "0123456789abcdef" not in said


@pytest.mark.usefixtures("small_course")
def test_where_a_course_and_the_environment_differ_the_winner_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "running: postal_address = 1 Test Street, Testville   [course.toml]\n" in done("settings")
    monkeypatch.setenv("COURSE_POSTAL_ADDRESS", "2 New Street")
    monkeypatch.setenv("COURSE_REPLY_TO", "help@course.example")
    said = done("settings")
    assert "running: postal_address = 2 New Street   [environment]\n" in said
    assert "running: reply_to = help@course.example   [environment]\n" in said


def test_a_port_that_is_taken_is_said_with_a_remedy(database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("run", "--port", port)
    assert re.search(rf"127.0.0.1:{port} cannot be used \(.+\). Choose another one with --port", said)
    with database.read() as session:  # it is said before anything is done
        assert session.connection().exec_driver_sql("SELECT slug FROM course").scalars().all() == []


@pytest.mark.parametrize("command", ["run", "web", "worker"])
def test_a_fast_calendar_is_refused_where_people_could_be_reached(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    environment = {
        "PROVIDER": "postmark", "PROVIDER_KEY": "key", "FROM": "c@course.example", "POSTAL_ADDRESS": "1 Street",
        "PUBLIC_URL": "https://course.example",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(f"COURSE_{name}", value)
    assert refused(command, "--speed", "60").startswith("--speed is only for a course that can reach nobody")


@pytest.mark.parametrize("arguments", [["run", "--port", "70000"], ["web", "--port", "x"], ["worker", "--speed", "0"]])
def test_a_number_that_makes_no_sense_is_refused(arguments: list[str]) -> None:
    assert "Invalid value for" in refused(*arguments, code=2)
