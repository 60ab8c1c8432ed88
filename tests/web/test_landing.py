"""The front page: what the course is, and the form."""

import re
from io import BytesIO

import pytest
from PIL import Image

from course.store import courses
from tests import factories
from tests.factories import PUBLIC_URL
from tests.web.site import Page, Site, sqlite_only

pytestmark = sqlite_only


@pytest.fixture(params=["/", "/courses/running"])
def page(request: pytest.FixtureRequest, site: Site) -> Page:
    response = site.get(request.param)
    assert response.status_code == 200
    assert response.mimetype == "text/html"
    return Page(response)


def test_it_says_what_the_lessons_are_and_when_they_come(page: Page) -> None:
    for title in factories.TITLES:
        assert f"{title} What {title} is." in page.words
    for day in (0, 3, 7, 10, 14):  # the gaps of the course, added up
        assert f"Day {day}" in page.words
    assert "Five lessons by email over two weeks" in page.words
    assert "Lessons come at 7:00 am in this zone." in page.words
    assert "A course for tests." in page.words
    assert "Not a diagnosis." in page.words


def test_the_form_works_without_javascript_in_the_zone_of_the_course(page: Page) -> None:
    assert page.one("form")["action"] == "/signups"
    assert page.one("form")["method"] == "post"
    assert page.one("option", selected=None)["value"] == "America/New_York"
    assert page.one("input", name="course")["value"] == "running"
    assert "data-guess" in page.one("select", name="timezone")


def test_every_field_has_a_label_and_the_right_keyboard(page: Page) -> None:
    for name in ("email", "name", "timezone"):
        assert page.one("label", for_=name)
    assert page.one("input", name="email")["type"] == "email"
    assert page.one("input", name="email")["autocomplete"] == "email"
    assert "required" in page.one("input", name="email")
    assert "required" not in page.one("input", name="name")


def test_the_trap_for_machines_is_out_of_the_way_of_people(page: Page) -> None:
    trap = page.one("input", name="website")
    assert trap["tabindex"] == "-1"
    assert trap["autocomplete"] == "off"
    assert page.one("div", class_="elsewhere")["aria-hidden"] == "true"


def test_its_own_address_is_the_public_one_whatever_was_asked_for(page: Page) -> None:
    assert page.one("link", rel="canonical")["href"] == f"{PUBLIC_URL}/courses/running"


def test_a_link_to_it_is_shown_with_a_picture(page: Page, site: Site) -> None:
    said = {str(meta["property"]): str(meta["content"]) for meta in page.all("meta") if "property" in meta}
    assert said["og:url"] == f"{PUBLIC_URL}/courses/running"
    assert said["og:title"] == "Five lessons"
    assert said["og:description"] == page.one("meta", name="description")["content"]
    assert said["og:image"].startswith(f"{PUBLIC_URL}/courses/running/share.png?v=")
    answer = site.get(said["og:image"])
    assert answer.mimetype == "image/png"
    with Image.open(BytesIO(answer.data)) as picture:
        assert picture.size == (1200, 630)
        assert len(picture.convert("RGB").getcolors(10_000) or []) > 5


def test_lesson_one_can_be_read_before_signing_up(page: Page, site: Site) -> None:
    assert page.one("a", href="/courses/running/sample")
    answer = site.get("/courses/running/sample")
    lesson = Page(answer)
    assert factories.TITLES[0] in lesson.words
    assert "Lesson 1 of 5" in lesson.words
    assert "Sam" in lesson.words
    assert "/unsubscriptions/" not in answer.text
    assert not site.rows("subscriber")
    assert site.get("/courses/none/sample").status_code == site.get("/courses/none/share.png").status_code == 404


def test_it_is_light(site: Site) -> None:
    page = site.get("/")
    parts = [target for target in Page(page).targets() if target.startswith("/static/")]
    assert len(page.data) + sum(len(site.get(part).data) for part in parts) < 50_000


def test_it_may_be_found_by_search_engines(page: Page) -> None:
    assert not page.all("meta", name="robots")


def test_it_loads_nothing_from_elsewhere(page: Page) -> None:
    foreign = {url for url in page.targets() if "://" in url}
    assert foreign == {f"{PUBLIC_URL}/courses/running"}  # its canonical address; a picture is named for others to load


def test_the_zones_are_those_of_the_world(site: Site) -> None:
    page = site.get("/").text
    zones = re.findall(r'<option(?: value="([^"]*)")?[^>]*>([^<]*)', page)
    values = [value or text for value, text in zones]
    assert {"Choose one", "Europe/Berlin", "Asia/Tokyo", "UTC", "America/New_York"} <= set(values)
    assert len(values) == len(set(values)) > 300
    assert ("", "Europe/Berlin") in zones  # said once: they are half of the page


def test_where_a_reader_comes_from_goes_along_with_the_form(site: Site) -> None:
    assert Page(site.get("/?source=blog:knee")).one("input", name="source")["value"] == "blog:knee"
    assert len(Page(site.get("/?source=" + "x" * 5000)).one("input", name="source")["value"] or "") == 200


def test_a_closed_course_shows_no_form_and_takes_nobody(site: Site) -> None:
    with site.world.database.write() as session:
        site.world.the_course(session).closed_at = site.world.machine
    page = Page(site.get("/"))
    assert "Sign-up is closed" in page.words
    assert not page.all("form")
    form = site.post("/signups", data={"email": "ann@runner.test"})
    assert form.status_code == 422
    assert "Sign-up is closed" in Page(form).words
    said = site.post("/signups", json={"email": "ann@runner.test"})
    assert said.status_code == 422
    assert said.json == {"errors": {"": "Sign-up is closed at the moment."}}
    assert not site.rows("subscriber")


def test_the_first_course_is_the_front_page_and_each_has_its_own(site: Site) -> None:
    world = site.world
    other = factories.files("swimming", factories.COURSE_TOML.replace("Five lessons", "Strokes"))
    with world.database.write() as session:
        factories.lesson_import.import_course(session, other, world.machine, world.course)
        assert len(courses.all_courses(session)) == 2
    assert "Five lessons" in Page(site.get("/")).words
    assert "Strokes" in Page(site.get("/courses/swimming")).words
    assert Page(site.get("/courses/swimming")).one("input", name="course")["value"] == "swimming"


def test_a_house_without_a_course_is_a_clear_404(site: Site) -> None:
    with site.world.database.write() as session:
        for table in ("term", "edit", "revision", "lesson", "course"):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")
    assert site.get("/").status_code == 404
    assert site.post("/signups", json={"email": "ann@runner.test"}).status_code == 404
