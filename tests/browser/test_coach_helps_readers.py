"""A coach and the readers, told by a real browser: a list comes in, one reader is helped, the course is played."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.looks import look
from tests.browser.watch import Watched, watching
from tests.fake_provider.waiting import eventually
from tests.flows.inbox import Maildir
from tests.flows.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("coach helps readers")]  # one site for all
PASSWORD = "four unrelated words here"
LIST = "E-Mail;First name\n" + "".join(f"r{number}@list.test;R{number}\n" for number in range(1000))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """`make run`, and the link that it prints."""
    with Site(tmp_path_factory.mktemp("readers")) as found:
        said = found.run()
        link = re.search(r"http://\S+/admin/links/\S+", said.said)
        assert link, said.said
        yield found, link[0]


@pytest.fixture(scope="module")
def watched(browser: Browser, site: tuple[Site, str]) -> Iterator[Watched]:
    with watching(browser, site[0].url) as found:
        page = found.go(found.page(), site[1])
        page.get_by_label("Your name").fill("Kim")
        page.get_by_label("Email").fill("kim@clinic.test")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Go in").click()
        expect(page).to_have_url(re.compile("/admin$"))
        page.close()
        yield found
        refused = re.compile(r"status of 422")  # the browser notes these answers, and they are meant
        assert [fault for fault in found.faults if not refused.search(fault)] == []


def readers(watched: Watched) -> Page:
    page = watched.page()
    watched.go(page, "/admin")
    page.get_by_role("link", name="Readers", exact=True).click()
    return page


def test_a_coach_imports_1000_readers_and_sees_which_lines_were_not_taken(watched: Watched, screenshots: Path) -> None:
    page = readers(watched)
    page.get_by_role("link", name="Bring in a list").click()
    page.get_by_label("Or paste the lines here").fill(LIST + "nobody;X\nr1@list.test;Again\n")
    page.get_by_role("button", name="Look at this list").click()
    expect(page.get_by_text("Of 1,002 lines, 1,000 are new readers.")).to_be_visible()
    assert look(page, screenshots, "readers-dry-run") == []
    page.get_by_label("They already agreed").check()
    page.get_by_role("button", name="Bring in 1,000 readers").click()
    expect(page.get_by_text("where and when these people agreed").first).to_be_visible()
    page.get_by_label("They already agreed").check()
    page.get_by_label("Where and when they agreed").fill("signed at the clinic")
    page.get_by_role("button", name="Bring in 1,000 readers").click()
    expect(page.get_by_role("heading", name="The list is in", exact=True)).to_be_visible(timeout=60_000)
    not_taken = page.get_by_role("row")
    expect(not_taken.filter(has_text="1002")).to_contain_text("An email address must have an @-sign.")
    expect(not_taken.filter(has_text="1003")).to_contain_text("already here")
    assert look(page, screenshots, "readers-list-is-in") == []
    page.get_by_role("link", name="See these readers").click()
    expect(page.get_by_role("row")).to_have_count(51)
    assert look(page, screenshots, "readers-list") == []
    page.close()


def test_a_coach_pauses_an_injured_runner_until_a_date_and_sends_a_lesson_again(
    watched: Watched, site: tuple[Site, str], screenshots: Path
) -> None:
    inbox = _join(site[0], "ann@runner.test", "Ann")
    page = readers(watched)
    page.get_by_label("Address or name").fill("ann@")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Ann").click()
    expect(page.get_by_text(re.compile(r"Lesson 2 goes \w+day, "))).to_be_visible()
    assert look(page, screenshots, "readers-reader") == []
    page.get_by_text("Pause until a day").click()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text(re.compile(r"^Paused until .* Lesson 2 goes"))).to_be_visible()
    page.get_by_role("button", name="End the pause").click()
    page.get_by_text("Send a lesson again").click()
    page.get_by_role("button", name="Send it again").click()
    expect(page.get_by_text("Lesson 1 goes once more.").first).to_be_visible()
    eventually(lambda: len(inbox.lessons("ann@runner.test")) == 2)
    page.reload()
    expect(page.get_by_text(re.compile("Kim: send again"))).to_be_visible()
    page.get_by_role("link", name="See it").first.click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("Ann").first).to_be_visible()
    assert look(page, screenshots, "readers-mail") == []
    page.close()


def test_a_coach_finds_why_one_reader_got_nothing(watched: Watched, site: tuple[Site, str]) -> None:
    _join(site[0], "ben@runner.test", "Ben")
    page = readers(watched)
    page.get_by_label("Address or name").fill("Ben")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Ben").click()
    page.get_by_text("Stop the course for them").click()
    page.get_by_label("Reason (optional)").fill("moved to Peru")
    page.get_by_role("button", name="Stop", exact=True).click()
    why = page.get_by_text(re.compile("The course was stopped for them .* The reason: moved to Peru"))
    expect(why).to_be_visible()
    page.close()


def test_play_the_course(watched: Watched, screenshots: Path) -> None:
    page = watched.page()
    watched.go(page, "/admin")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Play the course").click()
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_label("Pace").select_option("slower")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_text("Times are Berlin time.")).to_be_visible()
    page.get_by_text("Look at the mail").nth(1).click()
    expect(page.frame_locator("iframe").nth(1).get_by_text("Hi Sam")).to_be_visible()
    assert look(page, screenshots, "readers-play") == []
    page.close()


def _join(site: Site, address: str, name: str) -> Maildir:
    """Somebody who signed up, confirmed and has lesson 1."""
    inbox = Maildir(site)
    site.sign_up(address, name)
    site.post(eventually(lambda: inbox.confirmation(address)).confirm_url)
    eventually(lambda: inbox.lessons(address))
    return inbox
