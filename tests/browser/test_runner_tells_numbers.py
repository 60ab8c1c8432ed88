"""A runner tells their numbers and gets their own plan; looked at on a phone and on a desk, by day and at night."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, expect
from werkzeug.serving import make_server

from course.core import blocks
from course.core.letter import Values
from course.core.profile import Goal, Profile
from course.core.tokens import epoch
from course.core.units import Units
from course.store.db import Database
from tests.browser import looks
from tests.browser.watch import watching
from tests.factories import PUBLIC_URL, START, World
from tests.mail.test_render import COMPOSER, FACTS, SHIPPED, VALUES
from tests.web.site import Site, sqlite_only

pytestmark = pytest.mark.browser
TODAY = START.date()
ANN = Profile(Units.MI, Goal.HALF, None, 30, 12, (0, 2, 4, 6), 63, TODAY)


@pytest.fixture
def served(database: Database, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """An origin, and the path of a reader's numbers."""
    world = World(database, tmp_path / "outbox")
    reader = world.enroll()
    ends = epoch(world.machine + timedelta(minutes=30))
    path = world.letters.links.private(reader, 0, ends).removeprefix(PUBLIC_URL) + "/numbers"
    server = make_server("127.0.0.1", 0, Site(world).app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}", path
    server.shutdown()
    thread.join()
    world.close()


@sqlite_only
def test_a_runner_tells_their_numbers_is_answered_kindly_and_takes_them_back(
    browser: Browser, served: tuple[str, str], screenshots: Path
) -> None:
    origin, path = served
    with watching(browser, origin) as ann:
        page = ann.go(ann.page(), path)
        assert looks.look(page, screenshots, "numbers") == []
        page.get_by_label("Kilometers and kilograms").check()
        page.get_by_label("What are you training for?").select_option("half")
        page.get_by_label("How far do you run in a week now?").fill("a lot")
        page.get_by_role("button", name="Use my numbers").click()
        expect(page.get_by_role("alert")).to_contain_text("Write a number of km")
        assert looks.look(page, screenshots, "numbers-wrong") == []
        page.get_by_label("How far do you run in a week now?").fill("400")
        page.get_by_label("Your longest run of the last 30 days").fill("12")
        page.get_by_label("Tuesday").check()
        page.get_by_role("button", name="Use my numbers").click()
        expect(page.get_by_role("status")).to_contain_text("Your next lessons use these numbers")
        expect(page.get_by_text("goes up to 160 km a week")).to_be_visible()
        expect(page.get_by_label("How far do you run in a week now?")).to_have_value("160")
        assert looks.look(page, screenshots, "numbers-kept") == []
        page.get_by_role("button", name="Forget my numbers").click()
        expect(page.get_by_role("status")).to_contain_text("Your numbers are gone")
        assert [fault for fault in ann.faults if "422" not in fault] == []


def test_a_mail_with_tables_fits_a_phone_and_reads_well_by_day_and_at_night(
    browser: Browser, screenshots: Path, tmp_path: Path
) -> None:
    page = browser.new_page()
    for file, source in SHIPPED.items():
        if "{{ plan_table }}" not in source and "{{ fueling }}" not in source:
            continue
        for who, units in (("sam", Units.BOTH), ("own", Units.MI)):
            letter = COMPOSER.lesson(FACTS, source, "mail", units, who == "own")
            path = tmp_path / f"{file}-{who}.html"
            path.write_text(letter.html.join(Values(VALUES, blocks.own(ANN, TODAY))))
            page.goto(path.as_uri())
            for width, height, scheme in looks.WAYS:
                page.set_viewport_size({"width": width, "height": height})
                page.emulate_media(color_scheme=scheme)
                assert looks.faults(page, mail=True) == []
                looks.picture(page, screenshots / f"{file[:2]}-{who}-{width}-{scheme}.png")
    page.close()
