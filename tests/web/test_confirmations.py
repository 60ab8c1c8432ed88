"""The confirmation link: every state is a page that says what to do, and only POST changes anything."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from course.core.links import CONFIRM_LIFE, Links
from course.core.tokens import Purpose, Tokens
from tests.factories import PUBLIC_URL, SECRET, TITLES
from tests.web.site import Page, Site, sqlite_only

AGENT = {"headers": {"User-Agent": "A phone"}, "environ_base": {"REMOTE_ADDR": "203.0.113.9"}}


def heading(site: Site, url: str, method: str = "GET", status: int = 200) -> str:
    response = site.open(url, method=method)
    assert response.status_code == status
    words = Page(response).words
    return words[: words.index(" Skip to the text")]  # the title


def test_the_link_shows_a_button_and_changes_nothing(site: Site) -> None:
    url = site.confirm_url()
    before = site.dump()
    page = Page(site.get(url))
    assert "One last tap" in page.words
    assert page.one("form")["method"] == "post"
    assert "action" not in page.one("form")  # back to this address
    assert page.one("button")
    assert not page.all("input")  # the token is the proof
    assert site.dump() == before


def test_the_button_enrolls_and_shows_what_comes_when(site: Site) -> None:
    url = site.confirm_url(timezone="Europe/Berlin")
    response = site.post(url, **AGENT)
    assert response.status_code == 200
    page = Page(response)
    assert "Lesson 1 is on its way" in page.words
    assert "on its way now" in page.words
    for title, day in zip(TITLES[1:], ("November 26", "November 30", "December 3", "December 7"), strict=True):
        assert re.search(rf"{title} (Next: )?\w+day, {day}, 7:00 am", page.words)
    assert "all times are Europe/Berlin time" in page.words
    reader_url = next(url for url in page.targets() if "/readers/" in url and "/private/" not in url)
    assert "Your course page" in Page(site.get(reader_url)).words
    [enrollment] = site.rows("enrollment")
    assert (enrollment.status, enrollment.source) == ("active", "blog:knee")
    assert site.rows("subscriber")[0].confirmed_at == site.world.machine
    consent = site.rows("consent")[-1]
    assert (consent.kind, consent.ip, consent.user_agent) == ("confirm", "203.0.113.9", "A phone")
    site.world.drain()
    assert list(site.world.lessons()) == ["About Start"]


def test_pressing_twice_is_pressing_once(site: Site) -> None:
    url = site.confirm_url()
    site.post(url)
    before = site.dump()
    assert "You are on lesson 1 of 5" in Page(site.post(url)).words
    assert heading(site, url, "POST") == "You are in"
    assert heading(site, url) == "You are in"
    assert site.dump() == before


def test_two_links_of_one_person_lead_to_one_enrollment(site: Site) -> None:
    first, second = site.confirm_url(), site.confirm_url(name="Annie")
    assert "is on its way" in Page(site.post(first)).words
    assert heading(site, second) == heading(site, second, "POST") == "You are in"
    assert len(site.rows("enrollment")) == 1


def test_the_link_works_to_the_last_second_of_seven_days(site: Site) -> None:
    url = site.confirm_url()
    site.world.go(seconds=CONFIRM_LIFE.total_seconds())
    assert heading(site, url) == "One last tap"
    site.world.go(seconds=1)
    before = site.dump()
    assert heading(site, url) == heading(site, url, "POST") == "This link is old"
    assert Page(site.get(url)).targets() >= {"/courses/running#join"}
    assert site.dump() == before
    assert "is on its way" in Page(site.post(site.confirm_url())).words


@sqlite_only
def test_the_life_of_a_link_is_real_time_however_fast_the_calendar_runs(site: Site) -> None:
    url = site.confirm_url()
    site.world.course += timedelta(days=400)
    assert heading(site, url) == "One last tap"


def test_an_old_link_of_somebody_who_is_in_says_so(site: Site) -> None:
    url = site.confirm_url()
    site.post(url)
    site.world.go(days=8)
    assert heading(site, url) == heading(site, url, "POST") == "You are in"


def test_after_the_last_lesson_it_says_finished(site: Site) -> None:
    url = site.confirm_url()
    site.post(url)
    site.go_on(4)
    assert len(list(site.world.lessons())) == 5
    before = site.dump()
    assert heading(site, url) == heading(site, url, "POST") == "You have had every lesson"
    assert site.dump() == before


@pytest.mark.parametrize("reason", ["complaint", "bounce"])
def test_an_address_that_may_not_be_mailed_is_told_so(site: Site, reason: str) -> None:
    url = site.confirm_url()
    site.suppress("ann@runner.test", reason)
    before = site.dump()
    assert heading(site, url) == heading(site, url, "POST") == "We have stopped writing to you"
    assert site.dump() == before


def test_after_leaving_it_goes_on_where_it_was(site: Site) -> None:
    site.post(site.confirm_url())
    site.go_on(1)
    assert list(site.world.lessons()) == ["About Start", "About Week"]
    site.post(site.lesson()["List-Unsubscribe"].strip("<>"))
    site.world.go(days=1)  # Saturday, November 28
    url = site.confirm_url()
    page = Page(site.get(url))
    assert "go on with Five lessons, where you left off" in page.words
    assert "Go on with the course" in page.words
    page = Page(site.post(url))
    assert "Lesson 3 comes next" in page.words
    assert "Lesson 1 is on its way" not in page.words
    assert "It comes Tuesday, December 1, 7:00 am" in page.words
    assert [row.status for row in site.rows("enrollment")] == ["active"]
    site.go_on(3)
    assert list(site.world.lessons()) == [f"About {title}" for title in TITLES]


def test_an_old_link_lets_nobody_back_in_after_they_left(site: Site) -> None:
    url = site.confirm_url()
    site.post(url)
    site.world.drain()
    site.post(site.lesson()["List-Unsubscribe"].strip("<>"))
    site.world.go(days=8)
    assert heading(site, url) == heading(site, url, "POST") == "This link is old"
    assert [row.status for row in site.rows("enrollment")] == ["left"]


def test_a_link_that_is_nobodys_is_a_clear_page(site: Site) -> None:
    url = site.confirm_url()
    tokens = site.world.letters.links.tokens
    foreign = [tokens.make(Purpose.CONFIRM, 999_999, 1, 2**40), tokens.make(Purpose.CONFIRM, 1, 999_999, 2**40)]
    short = tokens.make(Purpose.CONFIRM, 1, 1)
    bad = [url[:-1], url[:-5] + "AAAAA", url + "x", url.replace("1-", "2-", 1), f"{PUBLIC_URL}/confirmations/x"]
    bad += [
        f"{PUBLIC_URL}/confirmations/{token}" for token in (*foreign, short, "%00", "%ff", "é", "." * 3000, "1-1-1.")
    ]
    before = site.dump()
    for one in bad:
        for method in ("GET", "POST"):
            assert heading(site, one, method, 404) == "We do not know this link", one
    assert site.dump() == before


@sqlite_only
def test_a_secret_that_was_rotated_out_is_still_believed_and_another_one_is_not(site: Site) -> None:
    url = site.confirm_url()

    def with_secrets(*secrets: str) -> Site:
        return site.but(letters=replace(site.world.letters, links=Links(PUBLIC_URL, Tokens(secrets))))

    assert heading(with_secrets("n" * 32, SECRET), url) == "One last tap"
    assert heading(with_secrets("n" * 32), url, status=404) == "We do not know this link"
