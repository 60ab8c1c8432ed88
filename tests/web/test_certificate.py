"""The certificate: for who had every lesson and ticked them all; on paper and as a picture."""

from io import BytesIO

import pytest
from PIL import Image

from tests.web.site import Page, Site, link, sqlite_only


def ticked(site: Site, *lessons: int, done: str = "yes") -> None:
    for lesson in lessons:
        assert site.post(f"{page_of(site)}/tick", data={"lesson": lesson, "done": done}).status_code == 303


def page_of(site: Site) -> str:
    return link(site.lesson(), "/readers/")


def status(site: Site) -> int:
    picture = site.get(f"{page_of(site)}/certificate.png").status_code
    assert site.get(f"{page_of(site)}/certificate").status_code == picture
    return picture


def test_it_waits_for_the_last_lesson_and_the_last_tick(site: Site) -> None:
    enrollment = site.reader()
    ticked(site, *site.world.enrollment(enrollment).had)
    assert status(site) == 404
    site.go_on(4)
    assert "Your certificate waits for you" in Page(site.get(f"{page_of(site)}/certificate")).words
    lessons = site.world.enrollment(enrollment).had
    assert "a certificate waits for you here" in Page(site.get(page_of(site))).words
    ticked(site, *lessons[:-1])
    assert status(site) == 404
    ticked(site, lessons[-1])
    assert status(site) == 200
    page = Page(site.get(f"{page_of(site)}/certificate"))
    assert "Certificate Ann has read all 5 lessons of Five lessons" in page.words
    assert "Done on December 9, 2026" in page.words
    assert "Your coaches Coaches" in page.words
    assert "/certificate" in " ".join(Page(site.get(page_of(site))).targets())
    ticked(site, lessons[0], done="no")
    assert status(site) == 404


def test_who_left_after_the_last_lesson_has_earned_it_all_the_same(site: Site) -> None:
    enrollment = site.reader()
    site.go_on(4)
    ticked(site, *site.world.enrollment(enrollment).had)
    site.post(f"{page_of(site)}/leave")
    assert status(site) == 200


@sqlite_only
def test_who_starts_again_earns_it_again(site: Site) -> None:
    enrollment = site.reader()
    site.go_on(4)
    ticked(site, *site.world.enrollment(enrollment).had)
    site.post(f"{page_of(site)}/start-again", data={"sure": "yes"})
    assert status(site) == 404


@sqlite_only
@pytest.mark.parametrize("name", ["Ann", "", "Zoë <b>", "W" * 80, "李雷"])
def test_the_picture_is_one_whatever_the_name(name: str, site: Site) -> None:
    enrollment = site.reader(name=name)
    site.go_on(4)
    ticked(site, *site.world.enrollment(enrollment).had)
    answer = site.get(f"{page_of(site)}/certificate.png")
    image = Image.open(BytesIO(answer.data))
    assert (image.format, image.size, answer.mimetype) == ("PNG", (1200, 630), "image/png")
    assert len(image.getcolors(1 << 20) or []) > 8  # there is text on it
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<b>" not in site.get(f"{page_of(site)}/certificate").text
