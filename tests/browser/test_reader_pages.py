"""What readers see of the way in and out, behind the second link, and after the last lesson: in a real browser, on a
phone and on a desk, by day and at night, with axe."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from course.store.db import Database
from tests.browser import looks
from tests.browser.served import served
from tests.browser.watch import watching
from tests.factories import PUBLIC_URL, World
from tests.web.admin import Coach
from tests.web.site import Site, link, sqlite_only
from tests.web.test_reader_private import link_in, newest

pytestmark = [pytest.mark.browser, sqlite_only]
WAYS = looks.WAYS
NEW = "ann.with.a.rather.long.address@subdomain.of.a.rather.long.domain.test"
SHARING = """navigator.canShare = () => true;
navigator.share = async ({ files: [file] }) => {
  document.title = `${file.name} ${file.type} ${file.size > 5000}`;
};"""
OFFER = """You made it. **Come and run with us.**

- Saturdays at nine, at the lake
- All paces

[Book a first visit](https://clinic.example/book)

Or read [what other runners say](https://clinic.example/said).
"""


class Reader:
    """Ann, who has had lesson 1, and her browser."""

    def __init__(self, site: Site, origin: str, browser: Browser, page: Page, folder: Path) -> None:
        self.site, self.origin, self.browser, self.page, self.folder = site, origin, browser, page, folder
        site.reader()
        self.own = link(site.lesson(), "/readers/")

    def go(self, url: str) -> None:
        self.page.goto(self.origin + url.removeprefix(PUBLIC_URL))

    def press(self, name: str | re.Pattern[str]) -> None:
        self.page.get_by_role("button", name=name).click()

    def finishes(self) -> None:
        """Gets all lessons, and ticks them."""
        self.site.go_on(4)
        self.go(self.own)
        for number in range(1, 6):
            self.press(re.compile(f": lesson {number}"))

    def second_link(self) -> str:
        self.go(self.own)
        self.page.get_by_text("My numbers, name, address and data").click()
        self.press("Send me a link")
        expect(self.page.get_by_role("status")).to_contain_text("We sent a link to a•••@")
        return link_in(newest(self.site, "Your link"), "/readers/private/")

    def sees(self, title: str, name: str, ways: Sequence[looks.Way] = (looks.PHONE_DARK, looks.DESK)) -> None:
        """This page, and nothing wrong with how it looks."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(title)
        assert looks.look(self.page, self.folder, name, WAYS if looks.PICTURES else ways) == []
        self.page.set_viewport_size({"width": 180, "height": 400})  # a phone at 200 %
        assert "/admin/" in self.page.url or self.page.evaluate(looks.TOO_WIDE) == []


@pytest.fixture
def ann(browser: Browser, database: Database, tmp_path: Path, screenshots: Path) -> Iterator[Reader]:
    world = World(database, tmp_path / "outbox")
    site = Site(world)
    with served(site) as origin, watching(browser, origin, timezone_id="Europe/Lisbon") as watched:
        yield Reader(site, origin, browser, watched.page(), screenshots)
        assert [fault for fault in watched.faults if not re.search("status of (404|422)", fault)] == []
    world.close()


def test_a_runner_moves_to_a_new_address_and_makes_old_links_useless(ann: Reader) -> None:
    second = ann.second_link()
    ann.go(second)
    ann.page.get_by_label("New address").fill(NEW)
    ann.press("Use this address")
    expect(ann.page.get_by_role("status")).to_contain_text("Look in the inbox of the new address.")
    ann.sees("Only for you", "private-asked")
    address = link_in(newest(ann.site, "new address"), "/readers/addresses/")
    ann.go(address)
    expect(ann.page.get_by_text(NEW)).to_be_visible()
    ann.sees("Is this your new address?", "address-ask", WAYS)
    ann.press("Yes, use this address")
    ann.sees("Your lessons come here now", "address-taken", WAYS)
    ann.go(address)
    ann.sees("This link does not work", "private-dead", WAYS)
    ann.go(second)
    ann.press("Make my old links useless")
    ann.sees("Your old links are useless now", "private-links", WAYS)
    for old in (second, ann.own, f"{second}/numbers"):
        ann.go(old)
        expect(ann.page.get_by_role("heading", level=1)).to_have_text("This link does not work")


def test_an_address_that_somebody_took_meanwhile_is_refused(ann: Reader) -> None:
    ann.go(ann.second_link())
    ann.page.get_by_label("New address").fill("bob@runner.test")
    ann.press("Use this address")
    address = link_in(newest(ann.site, "new address"), "/readers/addresses/")
    ann.site.reader("bob@runner.test", "Bob")
    ann.go(address)
    ann.press("Yes, use this address")
    expect(ann.page.get_by_role("alert")).to_contain_text("cannot be used")
    ann.sees("That did not work", "address-refused")


def test_a_runner_who_comes_after_half_an_hour_is_told_how_to_get_in(ann: Reader) -> None:
    second = ann.second_link()
    ann.site.world.machine += timedelta(minutes=31)
    ann.go(second)
    expect(ann.page.get_by_text("There you can also have a fresh private link mailed to you.")).to_be_visible()


def test_a_runner_is_asked_before_all_is_erased(ann: Reader) -> None:
    ann.go(ann.second_link())
    ann.press("Erase me")
    expect(ann.page.get_by_role("alert")).to_be_focused()
    ann.sees("Only for you", "private-erase-refused")
    ann.page.get_by_role("link", name=re.compile("Tick the box")).click()
    expect(ann.page.locator("#erasure")).to_be_focused()
    ann.page.keyboard.press("Space")
    ann.press("Erase me")
    ann.sees("You are erased", "private-erased", WAYS)
    assert ann.site.rows("subscriber") == []


def test_a_coach_writes_what_comes_next_and_sees_it_as_readers_do(ann: Reader) -> None:
    cookie = {"name": "coach", "value": Coach(ann.site).cookie(), "url": f"{ann.origin}/admin"}
    ann.page.context.add_cookies([cookie])  # type: ignore[list-item]
    ann.go("/admin/courses/running/settings")
    offer = ann.page.get_by_label("What you offer next")
    offer.fill("[Book](www.clinic.example)")
    ann.press("Save")
    expect(ann.page.get_by_role("alert")).to_contain_text("Write it in full")
    expect(offer).to_have_value("[Book](www.clinic.example)")
    offer.fill(OFFER)
    ann.press("Save")
    expect(ann.page.get_by_text("Saved.")).to_be_visible()
    ann.page.get_by_text("How readers see it").click()
    expect(ann.page.get_by_role("link", name="Book a first visit")).to_be_visible()
    ann.sees("Course settings", "afterwards-written")


def test_after_the_last_lesson_the_coaches_say_what_comes_next(ann: Reader) -> None:
    ann.go(ann.own)
    expect(ann.page.get_by_text("What comes next")).to_have_count(0)
    with ann.site.world.database.write() as session:
        ann.site.world.the_course(session).afterwards = OFFER
    ann.finishes()
    expect(ann.page.get_by_role("heading", name="What comes next")).to_be_visible()
    book = ann.page.get_by_role("link", name="Book a first visit")
    assert (book.get_attribute("class"), book.get_attribute("href")) == ("button", "https://clinic.example/book")
    ann.sees("Hello, Ann", "afterwards")
    ann.page.get_by_role("link", name="See your certificate").click()
    expect(ann.page.get_by_role("link", name="Book a first visit")).to_be_visible()
    ann.sees("Five lessons", "afterwards-certificate")


def test_the_certificate_prints_on_one_page_and_its_picture_can_be_shared(
    ann: Reader,
) -> None:
    ann.finishes()
    ann.go(f"{ann.own}/certificate")
    expect(ann.page.get_by_role("button", name="Share the picture")).to_have_count(0)  # this browser has none
    ann.page.add_init_script(SHARING)
    ann.page.reload()
    ann.press("Share the picture")
    expect(ann.page).to_have_title("certificate.png image/png true")
    ann.sees("Five lessons", "certificate-shared")
    for paper, landscape in (("A4", False), ("Letter", False), ("A5", True)):
        printed = ann.page.pdf(format=paper, landscape=landscape)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    with watching(ann.browser, ann.origin, java_script_enabled=False) as plain:
        page = plain.go(plain.page(), ann.own.removeprefix(PUBLIC_URL) + "/certificate")
        expect(page.get_by_role("link", name="Save the picture")).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(0)  # none that would do nothing


def test_a_runner_is_asked_before_starting_again_and_told_what_that_means(ann: Reader) -> None:
    ann.finishes()
    ann.go(ann.own)
    ann.page.get_by_text("Start again from lesson 1").click()
    expect(ann.page.get_by_text("Your ticks and answers begin anew, and so does your certificate.")).to_be_visible()
    ann.press("Start again")
    expect(ann.page.get_by_role("alert")).to_contain_text("Tick the box")
    ann.sees("Hello, Ann", "start-again-refused")
    ann.page.get_by_label("Yes, I want all lessons once more.").check()
    ann.press("Start again")
    expect(ann.page.get_by_role("status")).to_contain_text("Here we go again, from lesson 1.")
    expect(ann.page.get_by_text("0 of 5 lessons sent")).to_be_visible()
    expect(ann.page.get_by_text("Next: on its way now")).to_be_visible()
    ann.sees("Hello, Ann", "started-again")
    ann.site.world.drain()
    ann.page.reload()
    expect(ann.page.get_by_text("1 of 5 lessons sent")).to_be_visible()
    assert str(ann.site.lesson()["Subject"]) == "About Start"


def test_the_way_in_and_the_way_out(ann: Reader) -> None:
    ann.go("/")
    ann.sees("Five lessons", "landing", WAYS)
    ann.page.get_by_label("Email").fill("bob@runner.test")
    ann.press("Send me lesson 1")
    ann.sees("Check your inbox", "inbox")
    ann.site.world.drain()
    ann.go(link(ann.site.world.mails()[-1], "/confirmations/"))
    ann.sees("One last tap", "confirm")
    ann.press("Start the course")
    ann.sees("Lesson 1 is on its way", "confirmed")
    ann.page.go_back()
    ann.page.reload()
    ann.sees("You are in", "confirm-already")
    ann.go("/confirmations/x")
    ann.sees("We do not know this link", "confirm-unknown")
    ann.site.world.drain()
    ann.go(link(ann.site.lesson(), "/unsubscriptions/"))
    ann.sees("Leave the course?", "leave")
    ann.press("Leave the course")
    ann.sees("You have left the course", "left")
    ann.press("Undo, keep my lessons coming")
    ann.sees("Welcome back", "back")
    ann.go("/nothing/here")
    ann.sees("There is nothing here", "nothing")
    ann.go("/courses/running/sample")
    ann.sees("Start", "sample")
    about = ann.page.get_by_role("link", name="About this course, and how to get it by email")
    assert about.get_attribute("href") == f"{PUBLIC_URL}/courses/running"
