"""Every page and every mail, at two widths, in light and dark: nothing sticks out, is nameless, too pale or refused.

COURSE_SCREENSHOTS=folder keeps a picture of each for people to look at.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import looks
from tests.browser.watch import watching
from tests.fake_provider.waiting import eventually
from tests.flows.inbox import Mail, Maildir
from tests.flows.site import DAY, Site

pytestmark = pytest.mark.browser
ANN, EVE = "ann@runner.test", "a.rather.long.address.of.somebody@subdomain.of.a.rather.long.domain.test"
Pages = dict[str, str]  # name -> path


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a reader at the end of the course, one who left in it, and one who did not confirm."""
    with Site(tmp_path_factory.mktemp("looks")) as site:
        site.run(20 * DAY)
        inbox = Maildir(site)
        for address in (ANN, EVE):
            site.sign_up(address, name="Annabel-Wilhelmina", timezone="Europe/Lisbon")
            mail = eventually(lambda to=address: inbox.confirmation(to))
            site.post(mail.confirm_url)
        site.post(eventually(lambda: inbox.lessons(EVE))[0].leave_url)
        site.sign_up("new@runner.test")
        eventually(lambda: len(inbox.lessons(ANN)) == 5 and inbox.confirmation("new@runner.test"), 40)
        yield site


@pytest.fixture(scope="module")
def pages(lived: Site) -> Pages:
    """Those that a GET shows."""
    inbox = Maildir(lived)
    lesson, left, new = inbox.lessons(ANN)[0], inbox.lessons(EVE)[0], inbox.confirmation("new@runner.test")
    assert new
    return {
        "landing": "/",
        "confirm-ready": new.confirm_url,
        "confirm-finished": _confirmation(inbox, ANN).confirm_url,
        "confirm-unknown": "/confirmations/nonsense",
        "reader-finished": _link(lesson, "readers"),
        "reader-left": _link(left, "readers"),
        "lesson": _link(lesson, "lessons"),
        "unsubscribe-ask": lesson.leave_url,
        "unsubscribe-left": left.leave_url,
        "unsubscribe-unknown": "/unsubscriptions/nonsense",
        "error-404": "/nothing/here",
        "outbox": "/outbox",
        "outbox-mail": f"/outbox/{lesson.send_id}",
        "outbox-text": f"/outbox/{lesson.send_id}?show=text",
        "outbox-headers": f"/outbox/{lesson.send_id}?show=headers",
        "outbox-source": f"/outbox/{lesson.send_id}?show=source",
    }


def _confirmation(inbox: Maildir, address: str) -> Mail:
    found = inbox.confirmation(address)
    assert found
    return found


def _link(mail: Mail, kind: str) -> str:
    return str(re.findall(rf"http\S+/{kind}/[\w.~-]+", mail.text)[0])


def test_pages(browser: Browser, lived: Site, pages: Pages, screenshots: Path) -> None:
    found: dict[str, list[str]] = {}
    with watching(browser, lived.url, timezone_id="Europe/Lisbon") as watched:
        page = watched.page()
        for name, path in pages.items():
            watched.go(page, path)
            found |= _looked_at(page, f"page-{name}", screenshots)
        for name in _forms(watched.go(page, "/"), lived):
            found |= _looked_at(page, f"page-{name}", screenshots)

    expected = re.compile(r"status of (404|422)")  # Chromium logs the status of those that are meant to have it
    assert found == {}
    assert [fault for fault in watched.faults if not expected.search(fault)] == []


def _forms(page: Page, site: Site) -> Iterator[str]:
    """The pages that a POST shows, one after the other."""
    page.locator("form[action='/signups']").evaluate("form => form.noValidate = true")
    page.get_by_label("Email").fill("x" * 70 + "@runner..test")
    page.get_by_label("First name").fill("www.example.org")
    page.get_by_role("button", name="Send me lesson 1").click()
    page.wait_for_load_state()
    yield "landing-wrong"
    address = f"forms.{EVE}"
    page.get_by_label("Email").fill(address)
    page.get_by_label("First name").fill("Eve")
    page.get_by_role("button", name="Send me lesson 1").click()
    page.wait_for_load_state()
    yield "check-inbox"
    inbox = Maildir(site)
    link = eventually(lambda: inbox.confirmation(address)).confirm_url
    page.goto(link)
    page.get_by_role("button", name="Start the course").click()
    page.wait_for_load_state()
    yield "confirmed"
    page.goto(link)
    yield "confirm-already"
    page.goto(_link(eventually(lambda: inbox.lessons(address))[0], "readers"))
    yield "reader-active"
    page.goto(inbox.lessons(address)[0].leave_url)
    page.get_by_role("button", name="Leave the course").click()
    page.wait_for_load_state()
    yield "unsubscribed"
    page.get_by_role("button", name="Undo").click()
    page.wait_for_load_state()
    yield "returned"


def test_mails(browser: Browser, lived: Site, screenshots: Path) -> None:
    """As a mail program shows them: the HTML part alone."""
    inbox, found = Maildir(lived), dict[str, list[str]]()
    mails = [_confirmation(inbox, ANN), *inbox.lessons(ANN)]
    with watching(browser, lived.url) as watched:
        page = watched.page()
        for number, mail in enumerate(mails):
            watched.go(page, f"/outbox/{mail.send_id}/html")
            name = f"mail-lesson-{number}" if number else "mail-confirm"
            found |= _looked_at(page, name, screenshots, mail=True)

    assert found == {}
    assert watched.faults == []


def _looked_at(page: Page, name: str, folder: Path, *, mail: bool = False) -> dict[str, list[str]]:
    """What is wrong by name, or nothing; in every way."""
    found = {}
    page.wait_for_load_state()
    expect(page.get_by_text("Something broke on our side")).to_have_count(0)
    for width, height, scheme in looks.WAYS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        if wrong := looks.faults(page, mail=mail):
            found[f"{name} at {width} in {scheme}"] = wrong
        looks.picture(page, folder / f"{name}-{width}-{scheme}.png")
    return found
