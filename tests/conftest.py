"""Databases for the tests: SQLite and a real PostgreSQL, each test on a fresh copy of a migrated one."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from course.store.db import Database
from course.store.migrations import migrate
from tests import postgres
from tests.factories import World


def missing(what: str) -> None:
    """Skips, unless COURSE_REQUIRE (set by .ci/run) says that this machine must have it."""
    if what in os.environ.get("COURSE_REQUIRE", ""):
        pytest.fail(f"{what} is not installed, and COURSE_REQUIRE asks for it")
    pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "course.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    binaries = postgres.find()
    if binaries is None:
        missing("postgresql")
        return
    # With hundreds of databases the vacuum would never rest.
    with postgres.running(binaries, autovacuum="off") as found:
        migrated = Database(found.create("template_course"))
        migrate(migrated)
        migrated.close()
        yield found


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh, migrated database; on both engines."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "course.db")
        return f"sqlite:///{tmp_path / 'course.db'}"
    return request.getfixturevalue("cluster").create_from("template_course")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    yield found
    found.close()


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    """A small course, an outbox, a sender, and two clocks that the test sets."""
    found = World(database, tmp_path / "outbox")
    yield found
    found.close()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Debian's Chromium."""
    path = shutil.which("chromium")
    if path is None:
        missing("chromium")
    return str(path)
