"""Databases for the tests: SQLite and a real PostgreSQL, each migrated once and empty again for every test."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from course.store.db import Database
from course.store.migrations import migrate
from course.store.models import Base
from tests import postgres
from tests.factories import World


def missing(what: str) -> None:
    """Skips, unless COURSE_REQUIRE (set by .ci/run) says that this machine must have it."""
    if what in os.environ.get("COURSE_REQUIRE", ""):
        pytest.fail(f"{what} is not installed, and COURSE_REQUIRE asks for it")
    pytest.skip(f"{what} is not installed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take long come first: one of them, begun last, would run on alone. Those that wait for processes
    and those that keep Chromium busy take turns, so that the processors always have something to do."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[int, str]:
    if item.path.name == "test_crashes.py":
        return 0, ""  # it waits for leases, and nothing takes longer
    slow = {Path(__file__).parent / "flows", Path(__file__).parent / "browser"}
    return (1, item.path.name) if item.path.parent in slow else (2, "")


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: looking through it for garbage again and again finds none."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


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
    # With hundreds of databases the vacuum would never rest; and nobody will ask for this data after a power cut.
    with postgres.running(binaries, autovacuum="off", full_page_writes="off", jit="off") as found:
        migrated = Database(found.create("template_course"))
        migrate(migrated)
        migrated.close()
        yield found


@pytest.fixture(scope="session")
def kept_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all tests: to make a fresh one for each, and to compile every statement again for it, costs
    more than all they do."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("kept") / "course.db")
    yield from _kept(f"sqlite:///{path}")


@pytest.fixture(scope="session")
def kept_postgresql(request: pytest.FixtureRequest) -> Iterator[Database]:
    yield from _kept(str(request.getfixturevalue("cluster").create_from("template_course")))


def _kept(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Which engine; its URL."""
    kept: Database = request.getfixturevalue(f"kept_{request.param}")
    return kept.url.render_as_string(hide_password=False)


@pytest.fixture
def database(request: pytest.FixtureRequest, database_url: str) -> Database:
    """A migrated database without a row; on both engines."""
    if database_url.startswith("sqlite"):
        kept: Database = request.getfixturevalue("kept_sqlite")
        _restore(kept, request.getfixturevalue("sqlite_template"))
    else:
        kept = request.getfixturevalue("kept_postgresql")
        _empty(kept)
    return kept


def _restore(kept: Database, template: Path) -> None:
    kept.engine.dispose()
    for part in ("-wal", "-shm"):
        Path(f"{kept.url.database}{part}").unlink(missing_ok=True)
    shutil.copy(template, str(kept.url.database))


def _empty(kept: Database) -> None:
    tables = (f'DELETE FROM "{table.name}"' for table in reversed(Base.metadata.sorted_tables))
    numbers = "SELECT setval(format('%%I', sequencename)::regclass, 1, false) FROM pg_sequences"
    with kept.write() as session:
        session.connection().exec_driver_sql("; ".join([*tables, numbers]))


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
