"""The fast calendar: kept with the database, shared by its processes, and only where nobody can be reached."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.fake_provider.waiting import eventually
from tests.flows.conftest import NewProvider, NewSite
from tests.flows.inbox import Maildir
from tests.flows.site import DAY
from tests.flows.test_main_job import ANN, COURSE, in_order, join, numbers

SPEED = 4 * DAY
REAL = {"provider": "postmark", "provider_key": "k", "from": "coach@course.example", "postal_address": "1 Test Street"}


def test_it_goes_on_after_a_restart(new_site: NewSite) -> None:
    site = new_site()
    first, inbox = site.run(SPEED), Maildir(site)
    join(site, inbox, ANN)
    eventually(lambda: len(inbox.lessons(ANN)) >= 2, 30)
    assert first.end() == 0
    kept = site.course_time()

    site.run(SPEED)

    assert site.course_time() >= kept > datetime.now(UTC) + timedelta(days=3)
    eventually(lambda: len(inbox.lessons(ANN)) == COURSE, 30)
    assert numbers(inbox.lessons(ANN)) == in_order(COURSE)
    assert site.faults() == []


def test_it_stands_still_while_no_process_runs(new_site: NewSite) -> None:
    site = new_site()
    process = site.run(SPEED)
    eventually(lambda: site.course_time() > datetime.now(UTC) + timedelta(days=2))
    assert process.end() == 0
    now = datetime.now(UTC)

    [kept, later] = (site.course_time(now + timedelta(hours=hours)) for hours in (1, 2))

    assert kept == later
    assert kept > now + timedelta(days=1)


def test_web_and_worker_live_by_the_same_one(new_site: NewSite, empty_database: dict[str, str]) -> None:
    """Every process is told the speed; none begins a calendar of its own."""
    site = new_site(**empty_database)
    site.import_lessons()
    worker, web = site.worker(SPEED), site.web(SPEED)
    inbox = Maildir(site)
    eventually(lambda: site.course_time() > datetime.now(UTC) + timedelta(days=20))

    join(site, inbox, ANN)
    reader_page = re.findall(r"http\S+/readers/[\w.~-]+", eventually(lambda: inbox.lessons(ANN))[0].text)[0]
    eventually(lambda: len(inbox.lessons(ANN)) == COURSE, 30)

    sent = re.findall(r"Sent: \w+, (\w+ \d+)", site.get(reader_page).text)
    assert len(sent) == COURSE
    assert [web.end(), worker.end()] == [0, 0]
    assert site.faults() == []
    had_first = site.query("SELECT anchor_at FROM enrollment")
    assert str(had_first[0][0])[:10] > str(datetime.now(UTC) + timedelta(days=30))[:10]


def test_it_is_refused_where_people_can_be_reached(new_site: NewSite) -> None:
    site = new_site(**REAL, public_url="https://course.example")

    refused = site.command("worker", "--speed", "86400")

    assert refused.returncode == 1
    assert "--speed is only for a course that can reach nobody" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_is_refused_on_a_database_that_reached_people(new_site: NewSite) -> None:
    site = new_site(**REAL, public_url="https://course.example")
    assert site.worker().end() == 0
    site.settings.clear()

    refused = site.command("run", "--speed", "86400", "--port", str(site.port))

    assert refused.returncode == 1
    assert "has mailed real people since" in refused.stderr


def test_people_are_not_reached_by_a_calendar_that_ran_fast(new_site: NewSite) -> None:
    site = new_site()
    process = site.run(SPEED)
    eventually(lambda: site.course_time() > datetime.now(UTC) + timedelta(days=2))
    process.end()
    site.settings.update(REAL, public_url="https://course.example")

    refused = site.command("worker")

    assert refused.returncode == 1
    assert "once ran fast" in refused.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9"])
def test_a_provider_on_this_machine_reaches_nobody(url: str, new_site: NewSite) -> None:
    site = new_site(provider="postmark", provider_key="k", provider_url=url)

    assert site.worker(SPEED).end() == 0


def test_ordinary_speed_is_ordinary_again_at_once(new_site: NewSite) -> None:
    """Who ends `make run SPEED=86400` and types `make run` must not see the days fly on."""
    site = new_site()
    site.run(SPEED).end()
    fast = site.course_time()

    site.run()

    early = site.course_time()
    eventually(lambda: site.query("SELECT ticked_at FROM installation")[0][0] is not None)
    assert site.course_time(datetime.now(UTC) + timedelta(seconds=1)) - early < timedelta(hours=1)
    assert early >= fast - timedelta(seconds=1)


def test_letters_of_a_provider_are_not_sped_up(new_site: NewSite, new_provider: NewProvider) -> None:
    """Backoff is real time: a lane that was told to wait 3 s does wait, however fast the days go."""
    fake = new_provider(list=[{"do": "429", "retry_after": "3"}])
    site = new_site(provider="postmark", provider_key="k", provider_url=fake.url)
    site.run(SPEED)
    site.sign_up(ANN)
    eventually(lambda: fake.state()["refused"] == 1)
    paused = datetime.now(UTC)

    [entry] = eventually(fake.entries, 20)

    assert entry.at - paused.timestamp() > 2
