"""The story of a newcomer, told by a real browser: from the form to the fifth lesson, out and back again."""

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser.watch import Watched, opened_by, watching
from tests.fake_provider.waiting import eventually
from tests.flows.conftest import LONG
from tests.flows.inbox import Maildir
from tests.flows.site import Site

pytestmark = pytest.mark.browser
ZONE = "Europe/Lisbon"


def test_from_the_form_to_the_fifth_lesson_and_back(browser: Browser, running: Site) -> None:
    with watching(browser, running.url, timezone_id=ZONE) as watched:
        _sign_up(watched, "story@runner.test")
        _confirm(watched)
        _watch_five_lessons_land(watched, running)
        _read_one_in_the_browser(watched)
        _leave_and_undo(watched)

    assert watched.faults == []
    assert watched.asked


def _sign_up(watched: Watched, email: str) -> None:
    page = watched.go(watched.page(), "/")
    expect(page.get_by_label("Your time zone")).to_have_value(ZONE)
    page.get_by_label("Email").fill(email)
    page.get_by_label("First name").fill("Zoë")
    page.get_by_role("button", name="Send me lesson 1").click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    expect(page.get_by_text(email)).to_be_visible()


def _confirm(watched: Watched) -> None:
    page = watched.page()
    _until_listed(watched, page, "Confirm")
    frame = _open(page, "Confirm")
    popup = opened_by(page, frame.get_by_role("link").first.click)
    expect(popup.get_by_role("heading", name="One last tap")).to_be_visible()
    popup.get_by_role("button", name="Start the course").click()
    expect(popup.get_by_role("heading", name="Lesson 1 is on its way")).to_be_visible()
    expect(popup.get_by_text("Lisbon").first).to_be_visible()
    page.close()


def _watch_five_lessons_land(watched: Watched, site: Site) -> None:
    inbox = Maildir(site)
    eventually(lambda: len(inbox.lessons("story@runner.test")) == 5, 60, 0.2)
    page = watched.go(watched.page(), "/outbox")
    expect(page.get_by_role("row").filter(has_text="story@runner.test")).to_have_count(6)
    page.close()


def _read_one_in_the_browser(watched: Watched) -> None:
    page = _newest_lesson(watched)
    frame = page.frame_locator("iframe.frame")
    title = frame.get_by_role("heading", level=1).inner_text()
    popup = opened_by(page, frame.get_by_role("link", name="browser").click)
    expect(popup.get_by_role("heading", level=1)).to_have_text(title)
    expect(popup.get_by_text("Lesson 5 of 5")).to_be_visible()


def _leave_and_undo(watched: Watched) -> None:
    page = _newest_lesson(watched)
    frame = page.frame_locator("iframe.frame")
    popup = opened_by(page, frame.get_by_role("link", name="Leave").click)
    expect(popup.get_by_role("heading", name="Leave the course?")).to_be_visible()
    popup.get_by_role("button", name="Leave the course").click()
    expect(popup.get_by_role("heading", name="You have left the course")).to_be_visible()
    popup.get_by_role("button", name="Undo").click()
    expect(popup.get_by_role("heading", name="Welcome back")).to_be_visible()


def _newest_lesson(watched: Watched) -> Page:
    page = watched.go(watched.page(), "/outbox")
    page.get_by_role("row").filter(has_text="story@runner.test").first.get_by_role("link").click()
    page.wait_for_load_state()
    return page


def _open(page: Page, subject: str) -> FrameLocator:
    page.get_by_role("link", name=subject).first.click()
    return page.frame_locator("iframe.frame")


def _until_listed(watched: Watched, page: Page, subject: str) -> None:
    eventually(lambda: watched.go(page, "/outbox").get_by_role("link", name=subject).count(), 15)


def test_without_javascript_the_form_works(browser: Browser, running: Site) -> None:
    with watching(browser, running.url, timezone_id=ZONE, java_script_enabled=False) as watched:
        page = watched.go(watched.page(), "/")
        expect(page.get_by_label("Your time zone")).to_have_value("America/New_York")  # the course's own
        page.get_by_label("Email").fill("plain@runner.test")
        page.get_by_role("button", name="Send me lesson 1").click()
        expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()

    assert watched.faults == []
    assert _stored_zone(running, "plain@runner.test") == "America/New_York"


@pytest.mark.parametrize(
    "zone",
    [
        "Asia/Calcutta",
        "UTC",
        *(
            pytest.param(zone, marks=LONG)
            for zone in ("Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Katmandu")
        ),
    ],
)
def test_the_zone_is_the_device_s_and_is_kept(zone: str, browser: Browser, running: Site) -> None:
    """Chromium names some zones as they were called decades ago; they must be taken all the same."""
    email = f"{zone.replace('/', '-').lower()}@runner.test"
    with watching(browser, running.url, timezone_id=zone) as watched:
        page = watched.go(watched.page(), "/")
        chosen = page.get_by_label("Your time zone")
        expect(chosen).to_be_visible()
        expect(chosen).to_have_value(str(page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")))
        expect(page.get_by_text("there now.")).to_be_visible()
        page.get_by_label("Email").fill(email)
        page.get_by_role("button", name="Send me lesson 1").click()
        expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()

    assert watched.faults == []
    assert _stored_zone(running, email)


def test_another_zone_can_be_chosen(browser: Browser, running: Site) -> None:
    with watching(browser, running.url, timezone_id=ZONE) as watched:
        page = watched.go(watched.page(), "/")
        page.get_by_label("Your time zone").select_option("Pacific/Auckland")
        page.get_by_label("Email").fill("kiwi@runner.test")
        page.get_by_role("button", name="Send me lesson 1").click()
        expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()

    assert _stored_zone(running, "kiwi@runner.test") == "Pacific/Auckland"


def test_a_wrong_field_is_shown_with_what_was_typed(browser: Browser, running: Site) -> None:
    with watching(browser, running.url, timezone_id=ZONE) as watched:
        page = watched.go(watched.page(), "/")
        page.get_by_label("First name").fill("Zoë")
        page.get_by_label("Email").fill("zoe@runner..test")
        page.get_by_label("Your time zone").select_option("Pacific/Auckland")
        page.locator("form[action='/signups']").evaluate("form => form.noValidate = true")
        page.get_by_role("button", name="Send me lesson 1").click()

        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.get_by_label("Email")).to_have_value("zoe@runner..test")
        expect(page.get_by_label("Email")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("First name")).to_have_value("Zoë")
        expect(page.get_by_label("Your time zone")).to_have_value("Pacific/Auckland")  # and not the device's again

    assert [fault for fault in watched.faults if "422" not in fault] == []  # Chromium logs the status itself


def test_the_form_works_with_the_keyboard_alone(browser: Browser, running: Site) -> None:
    with watching(browser, running.url, timezone_id=ZONE) as watched:
        page = watched.go(watched.page(), "/#join")
        page.get_by_label("Email").focus()
        page.keyboard.type("keys@runner.test")
        page.keyboard.press("Tab")
        page.keyboard.type("Kay")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Your time zone")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Send me lesson 1")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()

    assert watched.faults == []


def _stored_zone(site: Site, email: str) -> str:
    [(zone,)] = site.query(f"SELECT timezone FROM subscriber WHERE email = '{email}'")
    return str(zone)
