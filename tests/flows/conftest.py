"""Sites and providers for the flows; each ends what it started."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.fake_provider.client import FakeProvider
from tests.flows.site import Site

LONG = (
    pytest.mark.long,
    pytest.mark.skipif(os.environ.get("COURSE_LONG") != "1", reason="COURSE_LONG=1 runs it"),
)
NewSite = Callable[..., Site]
NewProvider = Callable[..., FakeProvider]


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell that starts us in the background makes us ignore Ctrl-C, and what we start would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def new_site(ending: ExitStack, tmp_path: Path) -> NewSite:
    """Makes a site: new_site(provider="smtp", …), in a folder of its own."""

    def make(**settings: str) -> Site:
        return ending.enter_context(Site(tmp_path / uuid.uuid4().hex[:8], dict(settings)))

    return make


@pytest.fixture
def new_provider(ending: ExitStack, tmp_path: Path) -> NewProvider:
    """Starts a fake provider: new_provider(rates={…}), or new_provider(smtp=True)."""

    def make(*, smtp: bool = False, options: tuple[str, ...] = (), **script: Any) -> FakeProvider:
        folder = tmp_path / f"provider-{uuid.uuid4().hex[:8]}"
        return ending.enter_context(FakeProvider(folder, script, smtp, options))

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The setting for a database in which there is nothing yet; on SQLite that is no setting at all."""
    if request.param == "sqlite":
        return {}
    return {"database_url": request.getfixturevalue("cluster").create(f"t_{uuid.uuid4().hex}")}
