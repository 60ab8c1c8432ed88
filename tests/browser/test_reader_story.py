"""A runner and their own page, told by a real browser: from the first lesson to the certificate, out and back again."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import looks
from tests.browser.watch import Watched, watching
from tests.fake_provider.waiting import eventually
from tests.flows.inbox import Maildir
from tests.flows.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("reader's story")]  # one reader for all
SPEED = 1200  # ten minutes in half a second: the next lesson may be asked for soon, and no other comes by itself
ANN = "ann@runner.test"
WAYS = looks.WAYS if looks.PICTURES else (looks.PHONE, looks.DESK_DARK)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("own")) as found:
        found.run(SPEED)
        yield found


@pytest.fixture(scope="module")
def watched(browser: Browser, site: Site) -> Iterator[Watched]:
    with watching(browser, site.url, timezone_id="Europe/Lisbon", accept_downloads=True) as found:
        yield found
        assert found.faults == []


@pytest.fixture(scope="module")
def page(watched: Watched) -> Page:
    return watched.page()


def look(page: Page, folder: Path, name: str) -> None:
    """On a phone in light and on a desk in dark; the other two as well where pictures are wanted."""
    assert looks.look(page, folder, f"own-{name}", WAYS) == []


def own(site: Site, email: str = ANN) -> str:
    """The link to the reader's own page, out of a lesson."""
    text = eventually(lambda: Maildir(site).lessons(email))[-1].text
    return str(re.findall(r"http\S+/readers/[\w.~-]+", text)[0])


def join(site: Site, email: str) -> str:
    site.sign_up(email, "Ann", "Europe/Lisbon")
    site.post(eventually(lambda: Maildir(site).confirmation(email)).confirm_url)
    return own(site, email)


def test_a_runner_confirms_tells_the_goal_and_checks_hour_and_zone(
    page: Page, watched: Watched, site: Site, screenshots: Path
) -> None:
    site.sign_up(ANN, "Ann", "Europe/Lisbon")
    watched.go(page, eventually(lambda: Maildir(site).confirmation(ANN)).confirm_url)
    page.get_by_role("button", name="Start the course").click()
    look(page, screenshots, "confirmed")
    times = page.get_by_role("link", name="Check the hour and the time zone").get_attribute("href")
    page.get_by_role("link", name="Tell us your goal and your units").click()
    page.get_by_role("radio", name="Kilometers and kilograms").check()
    page.get_by_label("What are you training for?").select_option("A half marathon")
    page.get_by_role("button", name="Use my numbers").click()
    expect(page.get_by_text("Your next lessons use these numbers.")).to_be_visible()
    watched.go(page, str(times))
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Lisbon")
    expect(page.get_by_text("there now.")).to_be_visible()


def test_the_runner_reads_lesson_1_ticks_it_and_answers_its_question(
    page: Page, watched: Watched, site: Site, screenshots: Path
) -> None:
    watched.go(page, own(site))
    page.get_by_role("link", name=re.compile("^Read lesson 1")).click()
    expect(page.get_by_text("Lesson 1 of 5")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name=re.compile("^Done: lesson 1")).click()
    expect(page.get_by_text("1 done")).to_be_visible()
    page.locator("#lesson-1 summary, .ask summary").first.click()
    page.get_by_label("Your answer, in a line").first.fill("Ten km, on flat ground")
    page.get_by_role("button", name="Send my answer").first.click()
    expect(page.get_by_text("You wrote: Ten km, on flat ground")).to_be_visible()
    look(page, screenshots, "active")


def test_the_runner_sees_what_each_pace_means_and_goes_faster(
    page: Page, watched: Watched, site: Site, screenshots: Path
) -> None:
    watched.go(page, own(site))
    for summary in page.locator(".tool > summary").all():
        summary.click()
    look(page, screenshots, "tools")
    page.get_by_role("radio", name=re.compile("Faster")).check()
    page.get_by_role("button", name="Use this pace").click()
    expect(page.get_by_role("status")).to_contain_text("at this pace")
    expect(page.get_by_role("status")).to_be_focused()


def test_the_runner_takes_a_break_of_a_week_and_comes_back(
    page: Page, watched: Watched, site: Site, screenshots: Path
) -> None:
    watched.go(page, own(site))
    page.get_by_text("Take a break").click()
    page.get_by_role("button", name="1 week").click()
    expect(page.get_by_text(re.compile("You are on a break until"))).to_be_visible()
    look(page, screenshots, "paused")
    page.get_by_role("button", name="End my break now").click()
    expect(page.get_by_text("Good to have you back. Your lessons go on.")).to_be_visible()


def test_the_runner_asks_for_the_next_lessons_now_and_ticks_all_five(
    page: Page, watched: Watched, site: Site, screenshots: Path
) -> None:
    for number in range(2, 6):
        watched.go(page, own(site))
        page.get_by_role("button", name=f"Send me lesson {number} now").click()
        expect(page.get_by_text("Your next lesson is on its way.")).to_be_visible()
        eventually(lambda n=number: len(Maildir(site).lessons(ANN)) == n)
        page.wait_for_timeout(700)  # the ten minutes in which no second one is given
    watched.go(page, own(site))
    expect(page.get_by_text("You have had every lesson.")).to_be_visible()
    for number in range(2, 6):
        page.get_by_role("button", name=re.compile(f"^Done: lesson {number}")).click()
        expect(page.get_by_text(f"{number} done")).to_be_visible()
    expect(page.get_by_text("You did it.")).to_be_visible()
    look(page, screenshots, "finished")


def test_the_runner_prints_the_certificate_and_saves_the_picture(
    page: Page, watched: Watched, site: Site, screenshots: Path
) -> None:
    watched.go(page, own(site))
    page.get_by_role("link", name="See your certificate").click()
    expect(page.get_by_role("article", name="Certificate")).to_contain_text("Ann")
    look(page, screenshots, "certificate")
    page.evaluate("window.print = () => { window.printed = true }")
    page.get_by_role("button", name="Print it").click()
    assert page.evaluate("window.printed")
    paper = page.pdf(path=screenshots / "own-certificate.pdf", format="A4", print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save the picture").click()
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
    saved.value.save_as(screenshots / "own-certificate.png")


def test_the_runner_gets_the_second_link_changes_the_name_and_downloads_the_data(
    page: Page, watched: Watched, site: Site, screenshots: Path
) -> None:
    watched.go(page, own(site))
    page.get_by_text("My numbers, name, address and data").click()
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_text("We sent a link to a•••@runner.test.")).to_be_visible()
    link = eventually(lambda: re.findall(r"http\S+/readers/private/\S+", Maildir(site).to(ANN)[-1].text))[0]
    watched.go(page, f"/outbox/{Maildir(site).to(ANN)[-1].send_id}/html")
    looks.picture(page, screenshots / "own-mail-access.png")
    assert looks.faults(page, mail=True) == []
    watched.go(page, link)
    page.get_by_label("First name").fill("Annabel")
    page.get_by_role("button", name="Save my name").click()
    expect(page.get_by_text("greet you by this name")).to_be_visible()
    look(page, screenshots, "private")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download my data").click()
    data = saved.value.path().read_text()
    assert '"ann@runner.test"' in data
    assert "Ten km, on flat ground" in data


def test_the_runner_leaves_and_comes_back(page: Page, watched: Watched, site: Site, screenshots: Path) -> None:
    watched.go(page, join(site, "bea@runner.test"))
    page.get_by_role("button", name="Leave the course").click()
    expect(page.get_by_text("You have left the course")).to_be_visible()
    look(page, screenshots, "left")
    page.get_by_role("button", name="Come back to the course").click()
    expect(page.get_by_text("You missed nothing.")).to_be_visible()


def test_a_wrong_day_is_refused_beside_its_field_and_the_form_works_with_the_keyboard_alone(
    browser: Browser, site: Site, screenshots: Path
) -> None:
    with watching(browser, site.url) as watched:
        page = watched.go(watched.page(), join(site, "kay@runner.test"))
        page.get_by_text("Take a break").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="1 week")).to_be_focused()
        page.locator("#until").evaluate("(field) => { field.form.noValidate = true; field.value = '' }")
        page.get_by_role("button", name="Pause my lessons").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.locator("#until")).to_have_attribute("aria-invalid", "true")
        look(page, screenshots, "refused")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#until")).to_be_focused()
        page.set_viewport_size({"width": 600, "height": 400})  # a desk at 200 %
        assert looks.faults(page) == []
        assert [fault for fault in watched.faults if "422" not in fault] == []


def test_without_javascript_every_button_works(browser: Browser, site: Site) -> None:
    with watching(browser, site.url, java_script_enabled=False) as watched:
        page = watched.go(watched.page(), join(site, "plain@runner.test"))
        page.get_by_role("button", name=re.compile("^Done: lesson 1")).click()
        expect(page.get_by_text("1 done")).to_be_visible()
        page.get_by_text("Change the hour").click()
        page.get_by_label("Hour").fill("18:30")
        page.get_by_label("Time zone").select_option("Asia/Tokyo")
        page.get_by_role("button", name="Use these times").click()
        expect(page.get_by_text("All times are Asia/Tokyo time.")).to_be_visible()
        expect(page.get_by_text(re.compile("Next: .*6:30 pm"))).to_be_visible()
        page.get_by_role("button", name="Leave the course").click()
        page.get_by_role("button", name="Come back to the course").click()
        expect(page.get_by_text("You missed nothing.")).to_be_visible()
        assert watched.faults == []
