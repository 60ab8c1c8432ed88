import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from course.mail.render import Composer
from course.paths import shipped
from course.store.db import Database
from course.store.models import Base
from tests.factories import World
from tests.web.site import Site


@pytest.fixture(scope="session")
def kept_postgresql(request: pytest.FixtureRequest) -> str:
    """One database for all tests here: a fresh one for each would cost more than all they do."""
    return str(request.getfixturevalue("cluster").create_from("template_course"))


@pytest.fixture(scope="session")
def sqlite_world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which the course is already."""
    folder = tmp_path_factory.mktemp("world")
    path = Path(shutil.copy(sqlite_template, folder / "course.db"))
    database = Database(f"sqlite:///{path}")
    World(database, folder / "outbox").close()
    database.close()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without a reader; on both engines."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_world"), tmp_path / "course.db")
        return f"sqlite:///{tmp_path / 'course.db'}"
    url: str = request.getfixturevalue("kept_postgresql")
    _empty(url)
    return url


def _empty(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(f'DELETE FROM "{table.name}"'.encode())
        for (name,) in connection.execute("SELECT sequencename FROM pg_sequences").fetchall():
            connection.execute(f'ALTER SEQUENCE "{name}" RESTART'.encode())


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
