"""The form in a blog post on another origin: plain, with the script, under the blog's policy, without JavaScript."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import looks
from tests.browser.blog import blog
from tests.browser.watch import Watched, watching
from tests.flows.site import Site

pytestmark = pytest.mark.browser
ZONE = "Europe/Lisbon"
# As strict as a blog can be that lets our origin in.
STRICT = (
    "default-src 'none'; style-src 'self'; script-src COURSE; connect-src COURSE; form-action COURSE; base-uri 'none'"
)
NO_CONNECT = "default-src 'none'; style-src 'self'; script-src COURSE; form-action COURSE"


def fill(page: Page, email: str, form: int = 0) -> None:
    page.get_by_label("Email").nth(form).fill(email)
    page.get_by_label("First name").nth(form).fill("Zoë")
    page.get_by_role("button", name="Send me lesson 1").nth(form).click()


def foreign(watched: Watched, *origins: str) -> list[str]:
    return [url for url in watched.asked if not url.startswith(origins)]


def consents(site: Site, email: str) -> list[tuple[Any, ...]]:
    """(source, time zone) of each sign-up."""
    query = "SELECT consent.source, timezone FROM consent JOIN subscriber ON subscriber.id = subscriber_id WHERE email"
    return site.query(f"{query} = '{email}'")


def test_the_script_answers_in_the_post_under_its_strict_policy(browser: Browser, running: Site) -> None:
    with blog(running.url, policy=STRICT) as post, watching(browser, post, timezone_id=ZONE) as watched:
        page = watched.go(watched.page(), "/post")
        fill(page, "ann@runner")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("should have a period")
        expect(page.get_by_label("Email")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Email")).to_be_focused()
        fill(page, "inline@runner.test")
        said = page.get_by_role("status")
        expect(said).to_contain_text("Check your inbox")
        expect(said).to_be_focused()
        assert page.url == f"{post}/post"
        assert foreign(watched, post, running.url) == []
        assert [fault for fault in watched.faults if running.url not in fault] == []
        assert page.context.cookies() == []
    assert consents(running, "inline@runner.test") == [("blog: runner's knee", ZONE)]


def test_the_plain_form_leads_to_the_answer_on_our_page(browser: Browser, running: Site) -> None:
    with (
        blog(running.url, scripted=False) as post,
        watching(browser, post, java_script_enabled=False) as watched,
    ):
        page = watched.go(watched.page(), "/post")
        fill(page, "plain@runner.test")
        expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
        assert page.url == f"{running.url}/signups"
        assert foreign(watched, post, running.url) == []
        page = watched.go(watched.page(), "/post")
        fill(page, "plain@runner")
        expect(page.get_by_text("We could not sign you up yet.")).to_be_visible()
        expect(page.get_by_label("Email")).to_have_value("plain@runner")
    assert consents(running, "plain@runner.test") == [("blog: runner's knee", "")]


def test_where_the_blog_lets_nothing_connect_the_form_is_posted_as_it_is(browser: Browser, running: Site) -> None:
    with blog(running.url, policy=NO_CONNECT) as post, watching(browser, post, timezone_id=ZONE) as watched:
        page = watched.go(watched.page(), "/post")
        fill(page, "posted@runner.test")
        expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    assert consents(running, "posted@runner.test") == [("blog: runner's knee", ZONE)]


def test_two_forms_on_one_page_answer_each_for_itself(browser: Browser, running: Site) -> None:
    with blog(running.url, forms=2) as post, watching(browser, post, timezone_id=ZONE) as watched:
        page = watched.go(watched.page(), "/post")
        fill(page, "second@runner.test", form=1)
        expect(page.get_by_role("status")).to_contain_text("Check your inbox")
        expect(page.get_by_role("button", name="Send me lesson 1")).to_have_count(1)
        fill(page, "first@runner.test")
        expect(page.get_by_role("status")).to_have_count(2)


def test_how_it_looks_in_the_post(browser: Browser, running: Site, screenshots: Path) -> None:
    with blog(running.url) as post, watching(browser, post) as watched:
        page = watched.go(watched.page(), "/post")
        page.wait_for_function("document.forms[0].elements.timezone")
        assert page.locator("form").evaluate("form => getComputedStyle(form).borderTopWidth") == "4px"
        assert looks.look(page, screenshots, "blog") == []
        fill(page, "ann@runner")
        expect(page.get_by_role("alert")).to_be_visible()
        assert looks.look(page, screenshots, "blog-wrong") == []
