"""A runner's numbers: told behind the second link, kept, changed, taken back; and shown nowhere else."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from course.core.tokens import Purpose, epoch
from course.store.models import Enrollment
from tests.web.site import Page, Site, link, sqlite_only

FORM = {
    "units": "km",
    "goal": "half",
    "race": "",
    "weekly": "31",
    "longest": "11",
    "days": ["1", "3", "6"],
    "body": "63",
}


@pytest.fixture
def reader(site: Site) -> int:
    site.edit("Hi {{", "{{ plan_table }}\n\n{{ 10 km }} Hi {{")
    return site.reader()


def numbers_of(site: Site, reader: int, *, minutes: float = 30, links: int = 0) -> str:
    ends = epoch(site.world.machine + timedelta(minutes=minutes))
    return site.world.letters.links.private(reader, links, ends) + "/numbers"


def test_numbers_are_told_kept_changed_and_taken_back(site: Site, reader: int) -> None:
    url = numbers_of(site, reader)
    first = Page(site.get(url))
    assert "Every answer is optional" in first.words
    assert "Forget my numbers" not in first.words
    kept = Page(site.post(url, data=FORM))
    assert "Your next lessons use these numbers" in kept.words
    assert "What we keep, and why" in kept.words
    [row] = site.rows("profile")
    assert (row.units, row.goal, row.weekly_km, row.longest_km, row.running_days) == ("km", "half", 31, 11, [1, 3, 6])
    again = Page(site.get(url))
    assert {one["name"]: one["value"] for one in again.all("input") if one.get("inputmode")} == {
        "weekly": "31", "longest": "11", "body": "63",
    }  # fmt: skip
    site.post(url, data=FORM | {"units": "mi", "weekly": "20"})
    assert site.rows("profile")[0].weekly_km == pytest.approx(32.19, abs=0.01)
    gone = Page(site.post(url, data={"forget": "yes"}))
    assert "Your numbers are gone" in gone.words
    assert site.rows("profile") == []


@sqlite_only
def test_what_cannot_be_read_is_kept_in_the_form_and_named(site: Site, reader: int) -> None:
    url = numbers_of(site, reader)
    response = site.post(url, data=FORM | {"weekly": "lots", "race": "soon"})
    page = Page(response)
    assert response.status_code == 422
    assert [one["name"] for one in page.all("input", aria_invalid="true")] == ["race", "weekly"]
    assert 'value="lots"' in response.text
    assert "Distance in a week: Write a number of km" in page.words
    assert "Write the day as" in page.words
    assert site.rows("profile") == []


@sqlite_only
def test_out_of_range_is_kept_as_the_end_of_the_range_and_said_kindly(site: Site, reader: int) -> None:
    page = Page(site.post(numbers_of(site, reader), data=FORM | {"weekly": "400"}))
    assert "Distance in a week: That is a lot of running. The plan goes up to 160 km a week" in page.words
    assert site.rows("profile")[0].weekly_km == 160


@sqlite_only
@pytest.mark.parametrize(("weekly", "longest", "lacks"), [("30", "12", False), ("30", "", True), ("", "12", True)])
def test_one_distance_alone_makes_no_plan_and_the_page_says_so(
    site: Site, reader: int, weekly: str, longest: str, lacks: bool
) -> None:
    page = Page(site.post(numbers_of(site, reader), data=FORM | {"weekly": weekly, "longest": longest}))
    assert ("One of your two distances is missing." in page.words) == lacks


@sqlite_only
def test_a_look_changes_nothing(site: Site, reader: int) -> None:
    url = numbers_of(site, reader)
    site.post(url, data=FORM)
    before = site.dump()
    for method in ("GET", "HEAD"):
        assert site.open(url, method=method).status_code == 200
    assert site.dump() == before


@sqlite_only
def test_only_a_fresh_second_link_opens_it(site: Site, reader: int) -> None:
    links, url = site.world.letters.links, numbers_of(site, reader)
    bad = [
        numbers_of(site, reader, minutes=-1), numbers_of(site, reader, links=1), numbers_of(site, 999),
        url[:-9] + "x/numbers", url[:-10] + "/numbers", url.replace("private/", "private/1"),
        *(f"{links.public_url}/readers/private/{links.tokens.make(purpose, reader, 0, 2**33)}/numbers"
          for purpose in Purpose if purpose != Purpose.ACCESS),
    ]  # fmt: skip
    before = site.dump()
    for one in bad:
        assert site.get(one).status_code == site.post(one, data=FORM).status_code == 404, one
    assert site.dump() == before
    with site.world.database.write() as session:
        session.execute(update(Enrollment).values(links=1))
    assert site.get(url).status_code == 404


def test_the_page_that_is_shared_shows_sam_and_the_mail_the_reader(site: Site, reader: int) -> None:
    site.post(numbers_of(site, reader), data=FORM)
    site.world.go(days=4)
    with site.world.database.write() as session:  # lesson 1 once more
        session.execute(update(Enrollment).values(had=[], copy=2, due_at=site.world.course))
    site.world.drain()
    mail = site.lesson()
    [html] = [part.get_content() for part in mail.walk() if part.get_content_type() == "text/html"]
    assert "Your next eight weeks" in html
    assert "10 km Hi Ann" in " ".join(html.split())
    shared = Page(site.get(link(mail, "/lessons/"))).words
    assert "Sam's first eight weeks" in shared
    assert "6.2 mi (10 km) Hi Ann" in shared
    assert "Your next" not in shared
