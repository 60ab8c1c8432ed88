"""What a coach sees on most days, told by a real browser over a course with ten weeks of history."""

import logging
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from werkzeug.serving import make_server

from course.actions.lesson_files import Files
from course.core.status import Sent
from course.paths import shipped
from course.store import installation
from course.store.db import Database
from course.store.models import Delivery
from tests.browser import looks
from tests.browser.watch import Watched, watching
from tests.crowd import fill
from tests.factories import World
from tests.web.admin import Coach
from tests.web.site import Site

pytestmark = pytest.mark.browser


@dataclass
class Desk:
    """A coach at a browser, signed in; the site runs in this process, on the test's clock."""

    world: World
    watched: Watched
    folder: Path

    def look(self, page: Page, name: str) -> None:
        assert looks.look(page, self.folder, f"glance-{name}") == []


@pytest.fixture(scope="module")
def desk(
    browser: Browser, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, screenshots: Path
) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("glance")
    shutil.copy(sqlite_template, folder / "course.db")
    database, source = Database(f"sqlite:///{folder / 'course.db'}"), shipped("lessons") / "running"
    lessons = {path.name: path.read_text() for path in sorted(source.glob("*.md"))}
    world = World(database, folder / "outbox", course=Files("running", (source / "course.toml").read_text(), lessons))
    fill(world)
    with database.relaxed() as session:
        installation.note_tick(session, world.machine)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    site = Site(world, {"public_url": "http://127.0.0.1"})
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    origin = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        with watching(browser, origin) as watched:
            cookie = Coach(Site(world)).cookie()
            watched.context.add_cookies([{"name": "coach", "value": cookie, "url": f"{origin}/admin"}])
            yield Desk(world, watched, screenshots)
            assert watched.faults == []
    finally:
        server.shutdown()
        server.server_close()
        world.close()
        database.close()


def test_a_coach_sees_at_one_glance_that_all_is_well(desk: Desk) -> None:
    page = desk.watched.go(desk.watched.page(), "/admin")
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything is going out.")
    expect(page.get_by_text("Last mail today, 9:55 am.")).to_be_visible()
    expect(page.get_by_role("heading", name="Needs you")).to_have_count(0)
    week = page.get_by_role("region", name="Goes out in the next 7 days")
    expect(week.get_by_role("heading", level=3)).to_have_count(7)
    expect(week.get_by_role("link", name="Why strong runners lift").first).to_be_visible()
    desk.look(page, "well")
    page.close()


def test_a_coach_settles_an_unknown_mail_it_arrived(desk: Desk) -> None:
    with desk.world.database.write() as session:
        rows = session.scalars(select(Delivery).where(Delivery.lesson_id == 2).order_by(Delivery.id).limit(2)).all()
        for row in rows:
            row.state, row.done_at, row.reason = Sent.UNKNOWN, None, "the connection broke"
    page = desk.watched.go(desk.watched.page(), "/admin")
    expect(page.get_by_role("heading", level=1)).to_have_text("Mail is going out. One thing needs a look.")
    desk.look(page, "unknown")
    line = page.get_by_role("row").nth(1)
    who = re.sub(r"^.*\n", "", line.get_by_role("cell").nth(1).inner_text())
    line.get_by_role("button", name=f"It arrived at {who}").click()
    expect(page.get_by_role("status")).to_have_text("One mail arrived. Thank you.")
    expect(page.get_by_text(who)).to_have_count(0)
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("status")).to_have_text("One mail will go once more.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything is going out.")
    with desk.world.database.read() as session:
        states = [session.get_one(Delivery, row.id).state for row in rows]
    assert states == [Sent.ACCEPTED, Sent.CANCELLED]
    page.close()


def test_a_coach_reads_the_funnel_and_finds_the_biggest_drop(desk: Desk) -> None:
    page = desk.watched.go(desk.watched.page(), "/admin")
    page.get_by_role("link", name="See where readers stay and where they stop").click()
    expect(page.get_by_text("The biggest drop is after lesson 3, “Why strong runners lift”: 9 of the")).to_be_visible()
    worst = page.get_by_role("row").filter(has_text="Why strong runners lift")
    expect(worst.get_by_role("cell").nth(5)).to_contain_text("9")
    desk.look(page, "insight")
    worst.get_by_role("link", name="answers to lesson 3").click()
    expect(page.get_by_text("We ask:")).to_be_visible()
    expect(page.locator("blockquote").first).to_be_visible()
    desk.look(page, "answers")
    page.get_by_label("To", exact=True).select_option("")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("blockquote")).to_have_count(25)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save all answers as CSV").click()
    assert "'=HYPERLINK" in Path(download.value.path()).read_text()
    page.close()
