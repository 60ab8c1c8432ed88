"""From `course run` to the admin in a minute, told by a real browser: the printed link, a second step with a phone, a
second coach."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import looks
from tests.browser.watch import Watched, watching
from tests.fake_provider.waiting import eventually
from tests.flows.inbox import Maildir
from tests.flows.site import Site

pytestmark = pytest.mark.browser
PASSWORD = "four unrelated words here"
NEW_PASSWORD = "and now some other ones"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("coach")) as found:
        yield found


def test_a_newcomer_is_in_within_a_minute_sets_up_a_second_step_and_invites_another_coach(
    browser: Browser, site: Site, screenshots: Path
) -> None:
    said = site.run()
    link = re.search(r"http://\S+/admin/links/\S+", said.said)
    assert link, said.said
    with watching(browser, site.url) as watched:
        look = Looker(screenshots)
        page = _come_in(watched, link[0], look)
        secret = _set_up_second_step(page, look)
        _sign_in_with_it(watched, page, secret, look)
        look(page, "people")
        _invite(page, look)
    with watching(browser, site.url) as second:
        _accept(second, site, look)
        _forget_the_password(second, site, look)
    refused = re.compile(r"status of (410|422)")  # the browser notes these answers, and they are meant
    assert [fault for fault in watched.faults + second.faults if not refused.search(fault)] == []
    assert look.faults == []


class Looker:
    """Looks at a page on a phone in light, and on a desk in dark."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[str] = []

    def __call__(self, page: Page, name: str) -> None:
        self.faults += looks.look(page, self.folder, f"coach-{name}", (looks.PHONE, looks.DESK_DARK))


def _come_in(watched: Watched, link: str, look: Looker) -> Page:
    page = watched.go(watched.page(), link)
    look(page, "first")
    page.get_by_label("Your name").fill("Dana")
    page.get_by_label("Email").fill("dana@clinic.test")
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_label("Password", exact=True).evaluate("(field) => field.removeAttribute('minlength')")
    page.get_by_role("button", name="Go in").click()
    expect(page.get_by_role("alert")).to_contain_text("at least 12 characters")
    expect(page.get_by_label("Your name")).to_have_value("Dana")
    look(page, "first-refused")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Go in").click()
    expect(page).to_have_url(re.compile("/admin$"))
    expect(page.get_by_role("status")).to_contain_text("Welcome, Dana")
    watched.go(page, link)
    expect(page.get_by_role("heading", name="This link is used up")).to_be_visible()
    look(page, "used-up")
    return page


def _set_up_second_step(page: Page, look: Looker) -> str:
    page.goto(page.url.split("/admin")[0] + "/admin")
    page.get_by_text("More", exact=True).click()
    look(page, "more")
    page.get_by_role("link", name="Your account").click()
    look(page, "account")
    page.get_by_role("link", name="Set it up").click()
    look(page, "second-step")
    page.get_by_text("Reading this on the phone itself?").click()
    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    expect(page.locator(".codes li")).to_have_count(10)
    look(page, "codes")
    return secret


def _sign_in_with_it(watched: Watched, page: Page, secret: str, look: Looker) -> None:
    page.get_by_role("link", name="I have them").click()
    look(page, "account-on")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Sign out Dana").click()
    expect(page.get_by_role("status")).to_contain_text("You are signed out")
    watched.go(page, "/admin/people")
    look(page, "login")
    page.get_by_label("Email").fill("dana@clinic.test")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    look(page, "code")
    now = int(datetime.now(UTC).timestamp()) // 30
    page.get_by_label("Code").fill(pyotp.TOTP(secret).generate_otp(now + 1))  # that of this moment was used
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="People")).to_be_visible()


def _invite(page: Page, look: Looker) -> None:
    page.get_by_label("Their email").fill("kim@clinic.test")
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_role("status")).to_contain_text("An invitation to kim@clinic.test is on its way")
    page.get_by_role("link", name="kim@clinic.test").click()
    look(page, "person")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Who did what").click()
    page.get_by_label("By").select_option("Dana")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row").filter(has_text="kim@clinic.test")).to_be_visible()
    look(page, "audit")


def _accept(watched: Watched, site: Site, look: Looker) -> None:
    page = watched.go(watched.page(), _mailed(site, "invited"))
    look(page, "invitation")
    page.get_by_label("Your name").fill("Kim")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Go in").click()
    expect(page).to_have_url(re.compile("/admin$"))


def _forget_the_password(watched: Watched, site: Site, look: Looker) -> None:
    watched.context.clear_cookies()
    page = watched.go(watched.page(), "/admin/login")
    page.get_by_role("link", name="Forgotten your password?").click()
    look(page, "forgotten")
    page.get_by_label("Email").fill("kim@clinic.test")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("heading", name="Look in your inbox")).to_be_visible()
    look(page, "forgotten-sent")
    watched.go(page, _mailed(site, "new password"))
    look(page, "reset")
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page).to_have_url(re.compile("/admin$"))
    expect(page.get_by_role("status")).to_contain_text("Your password is set")


def _mailed(site: Site, subject: str) -> str:
    """The link in the newest mail to Kim whose subject says so."""

    def found() -> list[str]:
        mails = [mail for mail in Maildir(site).to("kim@clinic.test") if subject in mail.subject]
        return re.findall(r"http\S+/admin/links/\S+", mails[-1].text) if mails else []

    return eventually(found, 20)[0]
