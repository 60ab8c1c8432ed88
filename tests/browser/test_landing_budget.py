"""The front page of the shipped course on a phone: what it weighs, and what search engines and messengers read of it.

Most of what Lighthouse looks at under best practices and SEO, and what a slow network feels of performance; its scores
themselves are measured by hand (docs/evidence.md).
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from course.cli import folders
from course.paths import shipped
from course.store.db import Database
from tests.browser.served import served
from tests.browser.watch import watching
from tests.factories import PUBLIC_URL, World
from tests.web.site import Site, sqlite_only

pytestmark = [pytest.mark.browser, sqlite_only]
BUDGET = 50_000  # bytes, without pictures
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True}
HEAD = """() => Object.fromEntries([
  ["title", document.title], ["lang", document.documentElement.lang], ["charset", document.characterSet],
  ["doctype", document.doctype?.name], ["canonical", document.querySelector("link[rel=canonical]")?.href],
  ...[...document.querySelectorAll("meta[name],meta[property]")].map((m) => [m.name || m.getAttribute("property"),
    m.content])])"""
SHIFT = """() => new Promise((done) => { let sum = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) sum += one.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 300); })"""
VAGUE = {"here", "click here", "click this", "go", "this", "start", "right here", "more", "learn more", "read more"}


@pytest.fixture
def page(browser: Browser, database: Database, tmp_path: Path) -> Iterator[Page]:
    """The front page; nothing may go wrong on it."""
    [files] = folders.files_in(shipped("lessons"))
    world = World(database, tmp_path / "outbox", course=files)
    with served(Site(world)) as origin, watching(browser, origin, **PHONE) as watched:
        yield watched.go(watched.page(), "/")
        assert watched.faults == []  # nothing from elsewhere, no word in the console
    world.close()


def test_it_weighs_little_and_asks_nobody_else(page: Page) -> None:
    sizes: list[dict[str, Any]] = []
    page.on("requestfinished", lambda request: sizes.append({"kind": request.resource_type, **request.sizes()}))
    page.reload(wait_until="networkidle")
    assert {one["kind"] for one in sizes} >= {"document", "stylesheet", "script"}
    sent = [one["responseBodySize"] + one["responseHeadersSize"] for one in sizes if one["kind"] != "image"]
    assert 5_000 < sum(sent) < BUDGET
    assert len(sizes) <= 6
    assert page.evaluate(SHIFT) < 0.02


def test_search_engines_and_messengers_find_what_they_read(page: Page) -> None:
    head = page.evaluate(HEAD)
    assert (head["lang"], head["charset"], head["doctype"]) == ("en", "UTF-8", "html")
    assert head["title"] == head["og:title"] == "Plan, Lift, Fuel for Runners"
    assert head["description"] == head["og:description"]
    assert 50 < len(head["description"]) < 320
    assert head["canonical"] == head["og:url"] == f"{PUBLIC_URL}/courses/running"
    assert "robots" not in head
    assert "width=device-width" in head["viewport"]
    assert head["twitter:card"] == "summary_large_image"
    assert head["og:image:alt"]
    picture = page.request.get(page.url.rstrip("/") + head["og:image"].removeprefix(PUBLIC_URL))
    with Image.open(BytesIO(picture.body())) as image:
        assert image.size == (int(head["og:image:width"]), int(head["og:image:height"])) == (1200, 630)
    assert len(picture.body()) < 100_000


def test_links_say_where_they_lead_and_lead_somewhere(page: Page) -> None:
    links = {str(link.get_attribute("href")): link.inner_text().strip() for link in page.locator("a").all()}
    assert not VAGUE & {words.lower() for words in links.values()}
    for href in links:
        if href.startswith("#"):
            assert page.locator(href).count() == 1
        else:
            assert page.request.get(page.url.rstrip("/") + href).status == 200
