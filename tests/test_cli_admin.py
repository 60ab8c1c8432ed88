"""`course admin`: coaches, for whoever looks after the server."""

from pathlib import Path

import pytest

from course.actions import coaches
from course.cli.admins import first_link
from course.cli.opening import open_parts
from course.store import admins
from course.store.db import Database
from course.store.models import AuditEntry
from tests.test_cli import course, database, done, home, refused  # noqa: F401 (fixtures)


def test_adding_a_coach_prints_a_link_alone_on_its_line(home: Path, database: Database) -> None:  # noqa: F811
    link = done("admin", "add", "Kim@Clinic.test")
    assert link.count("\n") == 1
    assert link.startswith("http://127.0.0.1:8000/admin/links/")
    parts = open_parts()
    with database.read() as session:
        token = link.strip().rpartition("/")[2]
        way = coaches.way(session, parts.letters.links, token, parts.now().machine)
        assert way
        assert way.coach
        assert (way.purpose, way.coach.email) == ("invite", "Kim@clinic.test")
    assert "kim@clinic.test" in done("admin", "list").lower()
    assert "is a coach already" in refused("admin", "add", "kim@clinic.test")


@pytest.mark.parametrize("address", ["nonsense", "é@x.test", ""])
def test_an_address_that_is_none_is_refused_in_words(home: Path, address: str) -> None:  # noqa: F811
    assert refused("admin", "add", address)


def test_a_new_link_says_that_it_takes_the_second_step_off(home: Path, database: Database) -> None:  # noqa: F811
    first = done("admin", "add", "kim@clinic.test")
    assert done("admin", "link", "kim@clinic.test").startswith("http://127.0.0.1:8000/admin/links/")
    with database.write() as session:
        [row] = admins.everyone(session)
        row.password_hash, row.totp_secret = "x", "A" * 32
    result = course("admin", "link", "KIM@clinic.test")
    assert "turns the second step off" in result.stderr
    assert result.stdout.count("\n") == 1
    assert result.stdout != first
    with database.read() as session:
        assert admins.everyone(session)[0].totp_secret  # not before it is used
        assert {entry.who for entry in session.query(AuditEntry)} == {"command line"}
    assert "with a second step" in done("admin", "list")
    assert "is no coach here" in refused("admin", "link", "sam@clinic.test")


def test_the_last_coach_is_only_taken_out_on_purpose(home: Path, database: Database) -> None:  # noqa: F811
    done("admin", "add", "kim@clinic.test")
    done("admin", "add", "sam@clinic.test")
    done("admin", "remove", "sam@clinic.test")
    assert "only coach" in refused("admin", "remove", "kim@clinic.test")
    with database.read() as session:
        assert admins.count(session) == 1
    done("admin", "remove", "kim@clinic.test", "--yes")
    assert "No coaches yet" in done("admin", "list")


def test_a_link_for_the_first_coach_is_offered_until_there_is_one(home: Path) -> None:  # noqa: F811
    link = first_link(open_parts())
    assert link.startswith("http://127.0.0.1:8000/admin/links/")
    done("admin", "add", "kim@clinic.test")
    assert first_link(open_parts()) == ""
