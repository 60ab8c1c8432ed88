"""Where a coach gets the form, and where a runner lands in a crowd; told by a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.blog import blog
from tests.browser.looks import look
from tests.browser.watch import Watched, watching
from tests.flows.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("form pages")]  # one site for all
SLUG = "running"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """One sign-up an hour is served as it comes; and the link for the first coach."""
    with Site(tmp_path_factory.mktemp("form"), {"signups_per_ip": "1"}) as found:
        said = found.run()
        link = re.search(r"http://\S+/admin/links/\S+", said.said)
        assert link, said.said
        found.sign_up("the-one@runner.test")
        yield found, link[0]


def enter(watched: Watched, link: str) -> Page:
    page = watched.go(watched.page(), link)
    page.get_by_label("Your name").fill("Kim")
    page.get_by_label("Email").fill("kim@clinic.test")
    page.get_by_label("Password", exact=True).fill("four unrelated words here")
    page.get_by_role("button", name="Go in").click()
    expect(page).to_have_url(re.compile("/admin$"))
    return page


def test_a_coach_names_the_post_and_copies_the_form(
    browser: Browser, site: tuple[Site, str], screenshots: Path
) -> None:
    with watching(browser, site[0].url, permissions=["clipboard-read", "clipboard-write"]) as watched:
        page = enter(watched, site[1])
        page.get_by_text("More", exact=True).click()
        page.get_by_role("link", name="Sign-up form").click()
        expect(page.get_by_role("heading", name="Put the form into a page")).to_be_visible()
        page.get_by_label("Which page is it for?").fill('post "knee" & more')
        page.get_by_role("button", name="Copy").first.click()
        expect(page.get_by_text("Copied.")).to_be_visible()
        copied: str = page.evaluate("navigator.clipboard.readText()")
        assert 'name="source" value="post &#34;knee&#34; &amp; more"' in copied
        assert copied.startswith(f'<form action="{site[0].url}/signups" method="post" data-look>')
        assert f'<script async src="{site[0].url}/embed.js"></script>' in copied
        frame = page.frame_locator("iframe").first
        expect(frame.get_by_role("button", name="Send me lesson 1")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert look(page, screenshots, "embed") == []
        page.get_by_label("Like the blog").check()
        expect(page.locator("#scripted")).not_to_contain_text("data-look")
        assert watched.faults == []


def refused(watched: Watched) -> list[str]:
    return [fault for fault in watched.faults if "status of 429" not in fault]


def fill(page: Page, email: str) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_role("button", name="Send me lesson 1").click()


def test_in_a_crowd_the_browser_does_a_sum_and_goes_on_by_itself(browser: Browser, site: tuple[Site, str]) -> None:
    with watching(browser, site[0].url) as watched:
        page = watched.go(watched.page(), "/")
        fill(page, "worked@runner.test")
        expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
        expect(page.get_by_text("worked@runner.test")).to_be_visible()
        assert any("/static/vendor/altcha" in url for url in watched.asked)
        assert refused(watched) == []


def test_from_a_blog_too(browser: Browser, site: tuple[Site, str]) -> None:
    with blog(site[0].url) as post, watching(browser, post) as watched:
        page = watched.go(watched.page(), "/post")
        fill(page, "blogged@runner.test")
        expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()


def test_in_a_crowd_without_javascript_the_form_is_good_after_five_seconds(
    browser: Browser, site: tuple[Site, str], screenshots: Path
) -> None:
    with watching(browser, site[0].url, java_script_enabled=False) as watched:
        page = watched.go(watched.page(), "/")
        fill(page, "waited@runner.test")
        expect(page.get_by_role("heading", name="One moment")).to_be_visible()
        expect(page.get_by_label("Email")).to_have_value("waited@runner.test")
        page.get_by_role("button", name="Send me lesson 1").click()
        expect(page.get_by_role("alert")).to_contain_text("a little too quick")
        page.wait_for_timeout(5000)
        page.get_by_role("button", name="Send me lesson 1").click()
        expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()


def test_how_the_page_for_a_crowd_looks(browser: Browser, site: tuple[Site, str], screenshots: Path) -> None:
    """While the sum is being done: the worker is kept from its script."""
    with watching(browser, site[0].url) as watched:
        page = watched.page()
        page.route("**/vendor/altcha*", lambda route: route.abort())
        watched.go(page, "/")
        fill(page, "late@runner.test")
        expect(page.get_by_text("Wait 5 seconds, then press the button.")).to_be_visible()
        assert look(page, screenshots, "crowd") == []
