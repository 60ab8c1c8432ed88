"""SIGKILL mid-course, answers dropped after accepting, two workers: nothing is repeated and nothing is lost.

Each crash strikes while a call is under way: the provider holds it for a moment before it takes it, and the process
dies in that moment, so the mail is taken and nobody of ours knows. Every round has readers of its own, so that the
leases of all rounds run out side by side.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fake_provider.client import FakeProvider
from tests.fake_provider.waiting import eventually
from tests.flows import conftest
from tests.flows.conftest import NewProvider, NewSite
from tests.flows.inbox import Ledger, Maildir
from tests.flows.site import DAY, Site
from tests.flows.test_main_job import COURSE, in_order, numbers

SPEED = 20 * DAY
READERS = 3  # a round
HELD = 1.5  # seconds: room for a kill
Seen = dict[str, Any]
MOMENTS: list[tuple[dict[str, Any], Callable[[Seen, Seen], bool]]] = [
    # The request is there and not yet taken; it is taken, and its answer is still to come.
    ({"accept_delay": HELD}, lambda before, now: now["taking"] > 0),
    ({"rates": [[1.0, {"do": "slow", "seconds": HELD}]]}, lambda before, now: now["accepted"] > before["accepted"]),
]
DROPPED = [{"do": "ok_then_reset"}, {"do": "5xx"}]


@dataclass
class Course:
    """A site whose provider loses answers, with some readers for each crash."""

    site: Site
    fake: FakeProvider
    rounds: int
    workers: int = 0  # besides `course run`
    readers: list[str] = field(default_factory=list)
    struck: int = 0  # crashes while a call was under way

    def go(self) -> None:
        """Through all rounds to the end of the course."""
        self.start()
        for number in range(2 * self.rounds):
            if self.struck < self.rounds:
                self.crash(number)
        self.fake.behave(list=DROPPED)
        eventually(self.finished, 120, 0.25)

    def start(self) -> None:
        for _ in range(self.workers):
            self.site.start("worker", "--speed", str(SPEED))
        self.site.run(SPEED)

    def crash(self, number: int) -> None:
        """New readers; a kill as soon as a call of theirs is under way; and a start."""
        links = self.sign_up([f"reader{number}-{one}@runner.test" for one in range(READERS)])
        held, in_flight = MOMENTS[number % len(MOMENTS)]
        self.fake.behave(**held)
        before = self.fake.state()
        for link in links:
            self.site.post(link)
        eventually(lambda: in_flight(before, self.fake.state()), 30, 0.01)
        self.kill()
        eventually(lambda: self.fake.state()["taking"] == 0)
        self.struck += self.fake.state()["accepted"] > before["accepted"]
        self.fake.behave()
        self.start()

    def sign_up(self, addresses: list[str]) -> list[str]:
        """The links in their confirmation mails."""
        self.readers += addresses
        for address in addresses:
            assert self.site.sign_up(address).status_code == 200
        inbox = Ledger(self.fake)
        return [eventually(lambda to=to: inbox.confirmation(to), 30).confirm_url for to in addresses]

    def kill(self) -> None:
        for process in self.site.processes:
            if process.poll() is None:
                process.kill()

    def finished(self) -> bool:
        return self.site.states() == {"accepted": (1 + COURSE) * len(self.readers)}


def _cases() -> list[Any]:
    """Provider, database and how often it is killed: a pair of each, and all of them many times over."""
    short = [("resend", "sqlite"), ("postmark", "postgresql")]
    every = [(provider, engine) for provider in ("resend", "postmark") for engine in ("sqlite", "postgresql")]
    return [
        *(pytest.param(provider, engine, 3, marks=_needs(engine)) for provider, engine in short),
        *(pytest.param(provider, engine, 40, marks=[*_needs(engine), *conftest.LONG]) for provider, engine in every),
    ]


def _needs(engine: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.postgres] if engine == "postgresql" else []


@pytest.mark.parametrize(("provider", "empty_database", "rounds"), _cases(), indirect=["empty_database"])
def test_a_crash_repeats_nothing_and_loses_nothing(
    provider: str, empty_database: dict[str, str], rounds: int, new_site: NewSite, new_provider: NewProvider
) -> None:
    fake = new_provider(options=("--for", "3600"))
    site = new_site(provider=provider, provider_key="k", provider_url=fake.url, **empty_database)
    course = Course(site, fake, rounds, workers=1 if empty_database else 0)

    course.go()

    assert course.struck == rounds
    assert fake.duplicates() == {}
    inbox = Ledger(fake)
    assert {one: numbers(inbox.lessons(one)) for one in course.readers} == dict.fromkeys(
        course.readers, in_order(COURSE)
    )
    assert site.faults() == []
    seen = fake.state()
    settled = seen["replayed"] if provider == "resend" else seen["lookups"]
    assert settled >= rounds, "every call that was struck was asked about"


def test_the_outbox_is_never_in_doubt(new_site: NewSite) -> None:
    """A file has the name of what it promises, so a kill in the middle of a batch leaves no question."""
    site = new_site()
    readers = [f"reader{number}@runner.test" for number in range(64)]
    inbox = Maildir(site)
    site.run(SPEED)
    site.import_readers(readers)
    for kill_at in (5, 40, 70):
        eventually(lambda at=kill_at: len(inbox.files()) > at, 60, 0.005)
        site.processes[-1].kill()
        site.run(SPEED)

    eventually(lambda: site.states() == {"accepted": COURSE * len(readers)}, 120, 0.25)

    assert len(inbox.files()) == COURSE * len(readers)
    mails = inbox.mails()
    for reader in readers:
        assert sorted(numbers([mail for mail in mails if mail.to == reader])) == in_order(COURSE)
    assert site.faults() == []


@pytest.mark.parametrize("empty_database", ["postgresql", pytest.param("sqlite", marks=conftest.LONG)], indirect=True)
def test_two_workers_share_the_work(
    empty_database: dict[str, str], new_site: NewSite, new_provider: NewProvider
) -> None:
    """With answers lost on the way and no leader: each lesson goes once, and both have done something."""
    fake = new_provider(latency=0.3, list=DROPPED)
    site = new_site(provider="resend", provider_key="k", provider_url=fake.url, **empty_database)
    site.import_lessons()
    readers = [f"reader{number}@runner.test" for number in range(150)]
    site.import_readers(readers)
    workers = [site.worker(SPEED), site.worker(SPEED)]

    eventually(lambda: site.states() == {"accepted": COURSE * len(readers)}, 120, 0.25)

    assert fake.duplicates() == {}
    assert len(fake.entries()) == COURSE * len(readers)
    assert ["accepted" in worker.said for worker in workers] == [True, True]
    assert [worker.end() for worker in workers] == [0, 0]
    assert site.faults() == []
