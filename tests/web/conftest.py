import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete

from course.mail.render import Composer
from course.paths import shipped
from course.store.db import Database
from course.store.models import Base
from tests.factories import World
from tests.web.admin import Coach
from tests.web.site import Site


@pytest.fixture(scope="session")
def kept_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all tests here: to make a fresh one for each, and to compile every statement again for it,
    costs more than all they do."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("web") / "course.db")
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
    """A migrated database without a row."""
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
    with kept.write() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(delete(table))
        connection = session.connection()
        for (name,) in connection.exec_driver_sql("SELECT sequencename FROM pg_sequences").all():
            connection.exec_driver_sql(f'ALTER SEQUENCE "{name}" RESTART')


@pytest.fixture(scope="session")
def composer() -> Composer:
    """Remembers what it compiled, over all tests."""
    return Composer(shipped("templates") / "mail")


@pytest.fixture
def world(database: Database, tmp_path: Path, composer: Composer) -> Iterator[World]:
    found = World(database, tmp_path / "outbox")
    found.letters = replace(found.letters, composer=composer)
    found.sender = found.new_sender()
    yield found
    found.close()


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


@pytest.fixture
def coach(site: Site) -> Coach:
    """A coach who is signed in."""
    return Coach(site)
