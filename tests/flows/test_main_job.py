"""A runner signs up, confirms, and five lessons arrive in order; one who leaves gets no more."""

import os
import re
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.fake_provider.client import FakeProvider
from tests.fake_provider.waiting import eventually
from tests.flows.conftest import NewProvider, NewSite
from tests.flows.forked import PATIENCE
from tests.flows.inbox import Inbox, Ledger, Mail, Maildir, parsed
from tests.flows.site import DAY, Site, listens

ANN, BOB = "ann@runner.test", "bob@runner.test"
COURSE = 5  # lessons
READY = 3.0  # seconds from start to the first page


def join(site: Site, inbox: Inbox, address: str) -> None:
    """Signs up over HTTP and presses the button that the mail leads to."""
    assert site.sign_up(address).status_code == 200
    mail = eventually(lambda: inbox.confirmation(address))
    assert "Start the course" in site.get(mail.confirm_url).text
    assert "You are in" in site.post(mail.confirm_url).text


def leave(site: Site, mail: Mail) -> None:
    """As a mail program does it for the button beside the subject."""
    answer = site.post(mail.leave_url, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200


def numbers(mails: list[Mail]) -> list[str]:
    return [re.findall(r"Lesson \d of \d", mail.text)[0] for mail in mails]


def in_order(count: int) -> list[str]:
    return [f"Lesson {number} of {COURSE}" for number in range(1, count + 1)]


def live_through_the_course(site: Site, inbox: Inbox) -> None:
    """Ann goes to the end; Bob leaves after his second lesson, and a day of hers later he still has no third."""
    join(site, inbox, ANN)
    join(site, inbox, BOB)
    second = eventually(lambda: inbox.lessons(BOB)[1:2], 30)
    leave(site, second[0])
    had = len(inbox.lessons(BOB))
    eventually(lambda: len(inbox.lessons(ANN)) == COURSE, 60)

    assert numbers(inbox.lessons(ANN)) == in_order(COURSE)
    assert numbers(inbox.lessons(BOB)) == in_order(had)
    assert had < COURSE
    assert len({mail.send_id for mail in inbox.mails()}) == len(inbox.mails())
    assert not [mail for mail in inbox.mails() if "{{" in mail.text + mail.subject]


def test_five_lessons_arrive_by_every_way(new_site: NewSite, new_provider: NewProvider) -> None:
    """All ways at once, since most of a story is waiting for its next day."""
    stories = [partial(_into_the_outbox, new_site())]
    for provider in ("smtp", "resend", "postmark"):
        fake = new_provider(smtp=provider == "smtp")
        key = {} if provider == "smtp" else {"provider_key": "a-key-of-the-tests"}
        site = new_site(provider=provider, provider_url=fake.url, **key)
        stories.append(partial(_through_a_provider, site, fake))
    with ThreadPoolExecutor(len(stories)) as pool:
        for story in [pool.submit(story) for story in stories]:
            story.result()


def _into_the_outbox(site: Site) -> None:
    """At a day a second, as the README tells a newcomer to try it."""
    process = site.run(speed=DAY)
    inbox = Maildir(site)

    live_through_the_course(site, inbox)

    for path in inbox.files():
        _is_a_proper_mail(path)
    assert process.end() == 0
    assert site.faults() == []


def _through_a_provider(site: Site, fake: FakeProvider) -> None:
    process = site.run(speed=4 * DAY)

    live_through_the_course(site, Ledger(fake))

    assert fake.duplicates() == {}
    assert not [entry for entry in fake.entries() if entry.unresolved]
    assert site.get("/outbox").status_code == 404
    assert process.end() == 0
    eventually(lambda: site.states() == {"accepted": len(fake.entries())})
    assert site.faults() == []


def _is_a_proper_mail(path: Path) -> None:
    mail = parsed(path)
    assert not mail.defects
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert all(not part.defects for part in mail.walk())
    unsubscribe, posts = mail.get_all("List-Unsubscribe", []), mail.get_all("List-Unsubscribe-Post", [])
    if "/confirmations/" in mail.as_string().replace("=\n", ""):
        assert (unsubscribe, posts, mail["List-Id"]) == ([], [], None)
    else:
        assert len(unsubscribe) == 1
        assert posts == ["List-Unsubscribe=One-Click"]
        assert mail["List-Id"]


def test_a_log_that_cannot_be_written_stops_no_mail(new_site: NewSite) -> None:
    site = new_site()
    logs_to_a_full_disk = f'exec "{sys.executable}" -m course run --port {site.port} --speed {4 * DAY} 2>/dev/full'
    process = site.start_command(["/bin/sh", "-c", logs_to_a_full_disk], "run")
    eventually(lambda: listens(site.port), PATIENCE)
    inbox = Maildir(site)
    join(site, inbox, ANN)
    eventually(lambda: len(inbox.lessons(ANN)) == COURSE, 60)
    assert numbers(inbox.lessons(ANN)) == in_order(COURSE)
    assert process.end() in {0, 120}  # 120 is Python's own: what the log had left could not be written


@pytest.mark.parametrize(("name", "by"), [("run", signal.SIGINT), ("web", signal.SIGTERM), ("worker", signal.SIGINT)])
def test_a_process_ends_when_it_is_told(name: str, by: signal.Signals, new_site: NewSite) -> None:
    site = new_site()
    site.from_nothing = True
    process = {"run": site.run, "web": site.web, "worker": site.worker}[name](speed=DAY)
    if name == "worker":
        eventually(lambda: site.query("SELECT ticked_at FROM installation") != [(None,)])

    assert process.end(by) == 0

    assert "Traceback" not in process.said


def test_it_is_ready_within_three_seconds(new_site: NewSite) -> None:
    """From nothing: no folder, no database, no secret, no course. Where the machine is busy with other things, what
    counts is the time that the process itself had."""
    assert any(_seconds_to_the_first_page(new_site()) < READY for _ in range(3))


def _seconds_to_the_first_page(site: Site) -> float:
    site.from_nothing = True
    process = site.run()
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)
    took = process.cpu_seconds() if busy else site.ready_after
    assert site.get("/").status_code == 200
    assert process.end() == 0
    return took


def test_a_signal_lets_the_batch_in_hand_finish(new_site: NewSite, new_provider: NewProvider) -> None:
    fake = new_provider()
    site = new_site(provider="postmark", provider_url=fake.url, provider_key="k")
    site.from_nothing = True
    process = site.run()
    fake.behave(accept_delay=1.0)
    site.sign_up(ANN)
    eventually(lambda: fake.state()["calls"] == 1)

    assert process.end() == 0

    assert [entry.to for entry in fake.entries()] == [ANN]
    assert site.states() == {"accepted": 1}
