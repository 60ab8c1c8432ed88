"""SIGKILL mid-course, answers dropped after accepting, two workers: nothing is repeated and nothing is lost.

Each crash strikes while a call is under way: the provider holds it for a moment before it takes it, and the process dies
in that moment, so the mail is taken and nobody of ours knows. Every round has readers of its own, which is why the
rounds' leases run out side by side.
"""

import os
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fake_provider.client import FakeProvider
from tests.fake_provider.waiting import eventually
from tests.flows.inbox import Maildir
from tests.flows.site import DAY, Site
from tests.flows.test_main_job import ANN, COURSE, in_order, join, numbers
from tests.postgres import Cluster

SPEED = 20 * DAY
READERS = 8  # a round
HELD = 0.6  # seconds from a request until the provider takes it: room for a kill
ROUNDS = 40 if os.environ.get("COURSE_LONG") == "1" else 3
DROPPED = [{"do": "ok_then_reset"}, {"do": "ok_then_5xx"}, {"do": "200_truncated"}, {"do": "5xx"}, {"do": "429"}]


@dataclass
class Course:
    """A site whose provider loses answers, with some readers for each crash."""

    site: Site
    fake: FakeProvider
    workers: int = 0  # besides `course run`
    readers: list[str] = field(default_factory=list)
    struck: int = 0  # crashes while a call was under way

    def go(self) -> None:
        """Through all rounds to the end of the course."""
        self.start()
        for number in range(ROUNDS):
            self.crash(number)
        self.fake.behave(list=DROPPED)
        eventually(self.finished, 180, 0.25)

    def start(self) -> None:
        self.site.run(SPEED)
        for _ in range(self.workers):
            self.site.worker(SPEED)

    def crash(self, number: int) -> None:
        """New readers; a kill as soon as a call is under way; and a start."""
        self.fake.behave(accept_delay=HELD)
        calls, taken = self.fake.state()["calls"], len(self.fake.entries())
        added = [f"reader{number}-{one}@runner.test" for one in range(READERS)]
        self.readers += added
        self.site.import_readers(added)
        eventually(lambda: self.fake.state()["calls"] > calls, 30, 0.02)
        for process in self.site.processes:
            if process.poll() is None:
                process.kill()
        eventually(lambda: len(self.fake.entries()) > taken, 5)
        self.struck += 1
        self.fake.behave()
        self.start()

    def finished(self) -> bool:
        return self.site.states() == {"accepted": COURSE * len(self.readers)}

    def subjects(self) -> dict[str, list[str]]:
        """What the provider took for each reader, in order."""
        found = defaultdict(list)
        for entry in self.fake.entries():
            found[entry.to].append(entry.subject)
        return dict(found)


Started = Callable[[str, str], "Future[Course]"]


@pytest.fixture(scope="module")
def courses(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> "dict[tuple[str, str], Future[Course]]":
    """All of them at once: most of their time they wait for a lease to end."""
    engines = {"sqlite": {}}
    if _has_postgresql():
        cluster: Cluster = request.getfixturevalue("cluster")
        engines["postgresql"] = {"cluster": cluster}  # type: ignore[dict-item]
    stack, threads = ExitStack(), ThreadPoolExecutor(8)
    request.addfinalizer(stack.close)
    request.addfinalizer(threads.shutdown)
    started = {}
    for provider in ("postmark", "resend"):
        for engine, parts in engines.items():
            folder = tmp_path_factory.mktemp(f"{provider}-{engine}")
            url = {"database_url": parts["cluster"].create(f"crash_{provider}")} if parts else {}  # type: ignore[attr-defined]
            started[provider, engine] = threads.submit(_live, stack, folder, provider, url)
    return started


def _has_postgresql() -> bool:
    from tests import postgres

    return postgres.find() is not None


def _live(stack: ExitStack, folder: Path, provider: str, database: dict[str, str]) -> Course:
    fake = stack.enter_context(FakeProvider(folder / "provider"))
    settings = {"provider": provider, "provider_key": "k", "provider_url": fake.url} | database
    site = stack.enter_context(Site(folder / "site", settings))
    course = Course(site, fake, workers=1 if database else 0)
    course.go()
    return course
