"""The reader's own page: where I am, what I had, what comes when."""

from urllib.parse import urlsplit

import pytest

from course.core.outcome import Unreachable
from tests.factories import PUBLIC_URL, TITLES
from tests.web.site import Page, Site, link, sqlite_only


def reader_page(site: Site) -> Page:
    response = site.get(link(site.lesson(), "/readers/"))
    assert response.status_code == 200
    return Page(response)


def test_it_shows_what_was_sent_what_is_next_and_what_comes_later_on_the_readers_clock(site: Site) -> None:
    site.reader(timezone="Europe/Berlin")
    page = reader_page(site)
    assert "Hello, Ann" in page.words
    assert "1 of 5 lessons sent" in page.words
    assert page.one("progress")["value"] == "1"
    assert "All times are Europe/Berlin time." in page.words
    assert "Start Sent: Monday, November 23, 4:00 pm" in page.words
    assert "Week Next: Thursday, November 26, 7:00 am" in page.words
    assert "Why Monday, November 30, 7:00 am" in page.words
    assert [found["class"] for found in page.all("li")] == ["sent", "next", "later", "later", "later"]
    assert page.one("li", aria_current="step")["class"] == "next"


def test_a_reader_who_chose_no_zone_has_the_courses(site: Site) -> None:
    site.reader()
    page = reader_page(site)
    assert "All times are America/New York time." in page.words
    assert "Start Sent: Monday, November 23, 10:00 am" in page.words


def test_it_follows_the_reader_through_the_course(site: Site) -> None:
    site.reader()
    for number in range(2, 6):
        site.go_on(1)
        page = reader_page(site)
        assert f"{number} of 5 lessons sent" in page.words
        assert len(page.all("li", class_="sent")) == number
        assert len(page.all("li", class_="next")) == (number < 5)
    assert "You have had every lesson." in page.words
    assert "Leave the course" not in page.words


@sqlite_only
def test_every_lesson_that_went_can_be_read_again(site: Site) -> None:
    site.reader()
    site.go_on(1)
    lessons = sorted(url for url in reader_page(site).targets() if "/lessons/" in url)
    assert [Page(site.get(url)).words.count("Lesson 1 of 5") for url in lessons] == [1, 0]
    assert all(url.startswith(PUBLIC_URL) for url in lessons)
    assert len(lessons) == 2


def test_a_lesson_that_waits_for_the_provider_keeps_its_place(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    enrollment = site.world.enroll()
    with monkeypatch.context() as away:
        away.setattr(type(site.world.provider), "post", lambda _, _body, _key, n, *_ready: [Unreachable("away")] * n)
        site.world.sender.step("lesson")
    assert [row.state for row in site.rows("delivery") if row.kind == "lesson"] == ["queued"]
    url = site.world.letters.links.reader(enrollment, 0)
    page = Page(site.get(url))
    assert "0 of 5 lessons sent" in page.words
    assert "Lesson 1 Start Next: on its way now" in page.words
    assert [found["class"] for found in page.all("li")] == ["next", "later", "later", "later", "later"]
    assert not [target for target in page.targets() if "/lessons/" in target]
    site.world.go(hours=1)
    site.world.drain()
    assert "1 of 5 lessons sent" in Page(site.get(url)).words


@sqlite_only
def test_a_lesson_that_is_on_its_way_says_so(site: Site) -> None:
    enrollment = site.world.enroll()
    page = Page(site.get(site.world.letters.links.reader(enrollment, 0)))
    assert "0 of 5 lessons sent" in page.words
    assert "Start Next: on its way now" in page.words


def test_leaving_is_one_tap_and_so_is_coming_back(site: Site) -> None:
    enrollment = site.reader()
    url = link(site.lesson(), "/readers/")
    assert site.post(f"{url}/leave").location.endswith("?done=leave")
    page = reader_page(site)
    assert "You have left the course, so no more lessons come." in page.words
    assert [found["class"] for found in page.all("li")] == ["sent"]
    assert not [target for target in page.targets() if target.endswith("/leave")]
    assert site.world.enrollment(enrollment).status == "left"
    assert len(site.world.journal.read().departures) == 1
    site.go_on(1)
    site.post(f"{url}/return")
    site.world.drain()
    assert list(site.world.lessons()) == ["About Start", "About Week"]
    assert [row.kind for row in site.rows("consent")][-2:] == ["leave", "return"]


@sqlite_only
def test_who_comes_back_after_the_lessons_time_sees_when_it_will_come(site: Site) -> None:
    site.reader(timezone="Europe/Berlin")
    url = link(site.lesson(), "/readers/")
    site.post(f"{url}/leave")
    site.world.go(days=5, hours=7)  # the lesson's time was Thursday; it is Saturday, too late for mail
    back = Page(site.post(f"/returns/{urlsplit(link(site.lesson(), '/unsubscriptions/')).path.rsplit('/', 1)[1]}"))
    assert "Your next lesson comes Sunday, November 29, 7:00 am" in back.words
    page = Page(site.get(url))
    assert "Week Next: Sunday, November 29, 7:00 am" in page.words
    assert "Why Thursday, December 3, 7:00 am" in page.words
    assert "Lesson 2 comes Sunday, November 29" in page.words


def test_whoever_gave_no_name_is_greeted_without_one(site: Site) -> None:
    site.reader(name="")
    assert "Hello 1 of 5" in reader_page(site).words


def test_an_edit_shows_the_new_text_only_for_lessons_that_did_not_go(site: Site) -> None:
    site.reader()
    site.edit('title = "', 'title = "New ')
    words = reader_page(site).words
    assert "Start Sent" in words
    assert "New Start" not in words
    for title in TITLES[1:]:
        assert f"New {title}" in words


@sqlite_only
def test_an_address_that_is_nobodys_is_a_404(site: Site) -> None:
    site.reader()
    url = link(site.lesson(), "/readers/")
    for bad in (
        url[:-1],
        url + "x",
        f"{PUBLIC_URL}/readers/x",
        f"{PUBLIC_URL}/readers/%00",
        f"{PUBLIC_URL}/readers/%ff",
    ):
        response = site.get(bad)
        assert response.status_code == 404
        assert "This link does not work" in Page(response).words
        assert site.post(url).status_code == 405
