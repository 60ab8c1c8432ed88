from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from course.mail.render import Composer
from course.paths import shipped
from course.store.db import Database
from tests.factories import World
from tests.web.site import Site


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
