"""The fast calendar: kept with the database, shared by its processes, and only where nobody can be reached."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.fake_provider.waiting import eventually
from tests.flows.conftest import LONG, NewProvider, NewSite
from tests.flows.inbox import Maildir
from tests.flows.site import DAY, Site
from tests.flows.test_main_job import ANN, COURSE, in_order, join, numbers

SPEED = 10 * DAY
REAL = {
    "provider": "postmark",
    "provider_key": "k",
    "from": "coach@course.example",
    "postal_address": "1 Test Street",
    "public_url": "https://course.example",
}


def test_it_stands_still_between_two_runs_and_goes_on(new_site: NewSite) -> None:
    site = new_site()
    first, inbox = site.run(SPEED), Maildir(site)
    join(site, inbox, ANN)
    eventually(lambda: len(inbox.lessons(ANN)) >= 2, 30)
    reached = site.course_time()
    assert first.end() == 0
    stopped = datetime.now(UTC)
    an_hour, two_hours = (site.course_time(stopped + timedelta(hours=hours)) for hours in (1, 2))

    site.run(SPEED)

    assert reached <= an_hour == two_hours <= site.course_time()
    eventually(lambda: len(inbox.lessons(ANN)) == COURSE, 30)
    assert numbers(inbox.lessons(ANN)) == in_order(COURSE)
    assert site.faults() == []


@pytest.mark.parametrize("empty_database", ["postgresql", pytest.param("sqlite", marks=LONG)], indirect=True)
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

    assert len(re.findall(r"Sent: ", site.get(reader_page).text)) == COURSE
    [(anchor,)] = site.query("SELECT anchor_at FROM enrollment")
    assert str(anchor)[:10] > str(datetime.now(UTC) + timedelta(days=30))[:10]
    assert [web.end(), worker.end()] == [0, 0]
    assert site.faults() == []


def test_it_is_refused_where_people_are_or_were_reached(new_site: NewSite) -> None:
    site = new_site(**REAL)
    assert "--speed is only for a course that can reach nobody" in _refused(site, "worker", "--speed", "86400")

    assert site.worker().end() == 0
    site.settings.clear()

    assert "has mailed real people since" in _refused(site, "worker", "--speed", "86400")


def test_people_are_not_reached_by_a_calendar_that_ran_fast(new_site: NewSite) -> None:
    site = new_site()
    process = site.run(SPEED)
    eventually(lambda: site.course_time() > datetime.now(UTC) + timedelta(days=2))
    process.end()
    site.settings.update(REAL)

    assert "once ran fast" in _refused(site, "worker")


def _refused(site: Site, *arguments: str) -> str:
    """Why, in words."""
    done = site.command(*arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_ordinary_speed_is_ordinary_again_at_once(new_site: NewSite) -> None:
    """Who ends `make run SPEED=86400` and types `make run` must not see the days fly on."""
    site = new_site()
    site.run(SPEED).end()
    fast = site.course_time()

    site.run()

    now = datetime.now(UTC)
    assert site.course_time(now + timedelta(seconds=1)) - site.course_time(now) == timedelta(seconds=1)
    assert site.course_time() >= fast


def test_letters_of_a_provider_are_not_sped_up(new_site: NewSite, new_provider: NewProvider) -> None:
    """Backoff is real time: a lane that was told to wait 2 s does wait, however fast the days go."""
    fake = new_provider(list=[{"do": "429", "retry_after": "2"}])
    site = new_site(provider="postmark", provider_key="k", provider_url=fake.url)
    site.run(SPEED)
    site.sign_up(ANN)
    eventually(lambda: fake.state()["refused"] == 1)
    paused = datetime.now(UTC)

    [entry] = eventually(fake.entries, 20)

    assert entry.at - paused.timestamp() > 1
