"""SIGKILL and SIGSTOP mid-course, answers lost after accepting, two workers: nothing is repeated, nothing is lost."""

import uuid
from pathlib import Path

import pytest

from course import assembly
from course.mail.http import Patience
from course.settings import Settings
from tests import postgres
from tests.conftest import missing
from tests.fake_provider.waiting import eventually
from tests.flows import conftest, crashes
from tests.flows.conftest import NewProvider, NewSite
from tests.flows.site import DAY, FAULT
from tests.flows.test_main_job import COURSE

AROUND_THE_WORLD = [
    *("Pacific/Auckland", "Asia/Tokyo", "Asia/Kolkata", "Asia/Dubai", "Europe/Berlin", "Europe/Lisbon"),
    *("America/Sao_Paulo", "America/New_York", "America/Denver", "Pacific/Honolulu"),
]


def test_a_crash_repeats_nothing_and_loses_nothing(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """One round for each pair of a database and a provider, all at once; `make proofs` goes on to 200."""
    pairs = [pair for pair in crashes.PAIRS if pair[0] == "sqlite" or postgres.find()]

    def new_database() -> str:
        return str(request.getfixturevalue("cluster").create(f"t_{uuid.uuid4().hex}"))

    tallies = crashes.run(pairs, len(pairs), 1, tmp_path, new_database)

    print(crashes.table(tallies))
    assert crashes.wrong(tallies) == []
    if len(pairs) < len(crashes.PAIRS):
        missing("postgresql")


def test_what_the_logs_of_a_round_may_not_have() -> None:
    at = "2026-11-23 16:06:57,718"
    alarm = f"{at} WARNING course.worker.alarm: alarm: Mail is stopped. postmark said: no answer (OSError: reset)."
    wrong = [f"{at} ERROR course.worker.loop: x", "Traceback (most recent call last):", "builtins.ValueError: x"]
    assert FAULT.findall("\n".join([alarm, *wrong, '  File "x.py", line 1', alarm])) == wrong


@pytest.mark.parametrize("empty_database", ["postgresql", pytest.param("sqlite", marks=conftest.LONG)], indirect=True)
def test_two_workers_share_the_work(
    empty_database: dict[str, str], new_site: NewSite, new_provider: NewProvider
) -> None:
    """With answers lost on the way and no leader: each lesson goes once, and either of them can do it all. Who looks
    first when something falls due may be the same one each time."""
    fake = new_provider(latency=0.3, list=[{"do": "ok_then_reset"}, {"do": "5xx"}])
    site = new_site(provider="resend", provider_key="k", provider_url=fake.url, **empty_database)
    site.import_lessons()
    readers = [f"reader{number}@runner.test" for number in range(50)]
    site.import_readers(readers, AROUND_THE_WORLD)
    workers = [site.worker(2 * DAY), site.worker(2 * DAY)]

    eventually(lambda: site.states() == {"accepted": COURSE * len(readers)}, 120, 0.25)

    assert fake.duplicates() == {}
    assert len(fake.entries()) == COURSE * len(readers)
    other, busy = sorted(workers, key=lambda worker: worker.said.count("accepted"))
    assert busy.end() == 0
    so_far = other.said.count("accepted")
    site.import_readers(["late@runner.test"])
    eventually(lambda: other.said.count("accepted") > so_far, 60)
    assert other.end() == 0
    assert fake.duplicates() == {}
    assert site.faults() == []


def test_a_call_is_over_when_others_may_take_it_up() -> None:
    """Where people are reached: its lease ends after it, and that it was not taken is believed after that only."""
    patience = Patience()
    longest = 30 + patience.total + patience.read  # from the mark until it begins, and until it is cut off
    settings = Settings.model_construct(provider="postmark", provider_url="", settle=None)
    assert longest < assembly.LEASE.total_seconds() < settings.settle_seconds
