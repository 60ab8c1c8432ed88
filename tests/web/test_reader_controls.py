"""What a reader does on their own page: each button does what it says, once, and a refusal keeps what was typed."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from course.core.status import Enrolled
from course.store.models import Enrollment
from tests.factories import PUBLIC_URL
from tests.web.site import Page, Site, link, sqlite_only
from tests.web.test_at_once import at_once

QUESTION = 'question = "How far was your longest run?"\naction = "Write down your longest run."\n+++\nHi'


@pytest.fixture
def url(site: Site) -> str:
    """The page of a reader who had lesson 1."""
    site.edit("+++\nHi", QUESTION)
    site.reader(timezone="Europe/Berlin")
    return link(site.lesson(), "/readers/")


def press(site: Site, url: str, what: str, **form: Any) -> TestResponse:
    return site.post(f"{url}/{what}", data=form)


def words(site: Site, url: str) -> str:
    return Page(site.get(url)).words


def me(site: Site) -> Enrollment:
    return site.world.enrollment(1)


def test_a_break_of_a_week_is_two_taps_and_ends_at_the_readers_own_hour(site: Site, url: str) -> None:
    before = me(site).due_at
    answer = press(site, url, "pause", weeks="1")
    assert (answer.status_code, answer.location.partition("?")[2]) == (303, "done=pause")
    assert "You are on a break until Monday, November 30." in words(site, url)
    assert "Week Next: Monday, November 30, 7:00 am" in words(site, url)
    site.world.live(6)
    assert list(site.world.lessons()) == ["About Start"]
    site.world.live(1)
    assert list(site.world.lessons()) == ["About Start", "About Week"]
    assert before is not None


def test_a_break_may_end_on_any_day_and_be_ended_before(site: Site, url: str) -> None:
    press(site, url, "pause", until="2026-12-20")
    assert "break until Sunday, December 20" in words(site, url)
    press(site, url, "resume")
    assert "Week Next: Thursday, November 26, 7:00 am" in words(site, url)


@sqlite_only
@pytest.mark.parametrize("until", ["", "soon", "2026-11-23", "2020-01-01", "2029-01-01", "9999-99-99", "²"])
def test_a_day_that_cannot_be_is_refused_with_the_field_and_the_remedy(until: str, site: Site, url: str) -> None:
    before = site.dump()
    answer = press(site, url, "pause", until=until)
    page = Page(answer)
    assert answer.status_code == 422
    assert page.one("input", name="until")["aria-invalid"] == "true"
    assert page.one("div", role="alert")["class"] == "problem"
    assert page.one("input", name="until")["value"] == (until or "2026-11-24")
    assert site.dump() == before


def test_each_pace_says_what_comes_when_before_it_is_chosen(site: Site, url: str) -> None:
    page = words(site, url)
    assert "Slower. Twice the days between two lessons. Lesson 2 comes Sunday, November 29, and the last one" in page
    assert "Normal. As your coaches planned it. Lesson 2 comes Thursday, November 26, and the last one" in page
    assert "Faster. Half the days, but at least one. Lesson 2 comes Wednesday, November 25, and the last one" in page
    press(site, url, "pace", pace="faster")
    assert "Week Next: Wednesday, November 25, 7:00 am" in words(site, url)
    [chosen] = [one for one in Page(site.get(url)).all("input", name="pace") if "checked" in one]
    assert chosen["value"] == "faster"


def test_hour_days_and_zone_are_the_readers_own(site: Site, url: str) -> None:
    press(site, url, "times", hour="18:30", weekday=["5", "6"], timezone="Asia/Tokyo")
    assert "All times are Asia/Tokyo time." in words(site, url)
    assert "Week Next: Saturday, November 28, 6:30 pm" in words(site, url)
    row = me(site)
    assert (row.hour, row.weekdays) == ("18:30", [5, 6])


@sqlite_only
def test_what_is_as_in_the_course_follows_the_course(site: Site) -> None:
    site.reader()
    url = link(site.lesson(), "/readers/")
    press(site, url, "times", hour="07:00", weekday=list("0123456"), timezone="America/New_York")
    row = me(site)
    assert (row.hour, row.weekdays, site.rows("subscriber")[0].timezone) == (None, None, "")


@sqlite_only
@pytest.mark.parametrize(
    "form", [{"hour": "25:00", "weekday": "1"}, {"hour": "07:00"}, {"hour": "7", "weekday": "1"},
             {"hour": "07:00", "weekday": "1", "timezone": "Mars/Olympus"}]
)  # fmt: skip
def test_times_that_cannot_be_change_nothing(form: dict[str, str], site: Site, url: str) -> None:
    before = site.dump()
    answer = press(site, url, "times", **form)
    assert answer.status_code == 422
    assert "aria-invalid" in Page(answer).one("input", name="hour")
    assert site.dump() == before


def test_the_next_lesson_comes_now_and_only_once(site: Site, url: str) -> None:
    assert press(site, url, "next").status_code == 422  # lesson 1 went a moment ago
    site.world.go(minutes=30)
    for _ in range(2):
        assert press(site, url, "next").status_code == 303
    site.world.drain()
    assert press(site, url, "next").status_code == 422
    site.world.live(1)
    assert list(site.world.lessons()) == ["About Start", "About Week"]


def test_two_tabs_that_ask_for_the_next_lesson_get_one(site: Site, url: str) -> None:
    site.world.go(minutes=30)
    path = url.removeprefix(PUBLIC_URL)
    assert at_once(lambda _: site.app.test_client().post(f"{path}/next").status_code) == {303: 20}
    site.world.drain()
    site.world.drain()
    assert list(site.world.lessons()) == ["About Start", "About Week"]


def test_tabs_that_tick_answer_pause_and_leave_at_once_end_in_order(site: Site, url: str) -> None:
    path = url.removeprefix(PUBLIC_URL)
    forms: list[tuple[str, dict[str, str]]] = [
        ("tick", {"lesson": "1", "done": "yes"}),
        ("answer", {"lesson": "1", "answer": "ten km"}),
        ("pause", {"weeks": "1"}),
        ("leave", {}),
    ]

    def press_one(number: int) -> int:
        what, form = forms[number % 4]
        return site.app.test_client().post(f"{path}/{what}", data=form).status_code

    found: Counter[int] = at_once(press_one)
    assert set(found) <= {303, 422}  # a break after leaving is refused
    [answer] = site.rows("answer")
    assert (answer.text, bool(answer.done_at)) == ("ten km", True)
    assert (me(site).status, me(site).due_at) == ("left", None)
    assert [row.kind for row in site.rows("consent")].count("leave") == 1


def test_a_tick_and_an_answer_are_kept_changed_and_taken_back(site: Site, url: str) -> None:
    lesson = str(me(site).had[0])
    assert press(site, url, "tick", lesson=lesson, done="yes").location.endswith(f"#lesson-{lesson}")
    press(site, url, "answer", lesson=lesson, answer=" Ten   km,\n<b>slowly</b> ")
    page = words(site, url)
    assert "1 of 5 lessons sent, 1 done" in page
    assert "You wrote: Ten km, <b>slowly</b>" in page
    first = site.rows("answer")[0].done_at
    site.world.go(hours=1)
    press(site, url, "tick", lesson=lesson, done="yes")
    assert site.rows("answer")[0].done_at == first
    press(site, url, "tick", lesson=lesson, done="no")
    press(site, url, "answer", lesson=lesson, answer="")
    [row] = site.rows("answer")
    assert (row.done_at, row.text, row.answered_at) == (None, "", None)


@sqlite_only
def test_an_answer_that_is_too_long_is_kept_in_its_field(site: Site, url: str) -> None:
    answer = press(site, url, "answer", lesson="1", answer="x" * 501)
    assert answer.status_code == 422
    field = Page(answer).one("input", id="answer-1")
    assert (field["value"], field["aria-invalid"]) == ("x" * 501, "true")
    assert Page(answer).one("a", href="#answer-1")
    assert site.rows("answer") == []


@sqlite_only
@pytest.mark.parametrize("lesson", ["2", "99", "", "-1", "²", "1" * 30, "a"])
def test_only_a_lesson_that_one_had_can_be_ticked(lesson: str, site: Site, url: str) -> None:
    assert press(site, url, "tick", lesson=lesson, done="yes").status_code == 422
    assert press(site, url, "answer", lesson=lesson, answer="x").status_code == 422
    assert site.rows("answer") == []


def test_the_course_starts_again_from_lesson_1_and_what_was_had_stays_to_read(site: Site, url: str) -> None:
    press(site, url, "tick", lesson="1", done="yes")
    site.go_on(4)
    assert press(site, url, "start-again").status_code == 422  # the box was not ticked
    assert press(site, url, "start-again", sure="yes").status_code == 303
    page = Page(site.get(url))
    assert "0 of 5 lessons sent" in page.words
    assert page.words.count("as you had it") == 5
    site.world.drain()
    assert "1 of 5 lessons sent" in words(site, url)
    assert "1 done" not in words(site, url)
    assert list(site.world.lessons())[-1] == "About Start"


@sqlite_only
def test_what_does_not_fit_the_moment_is_refused_in_words_for_readers(site: Site, url: str) -> None:
    assert press(site, url, "return").status_code == 303  # who is in stays in
    press(site, url, "leave")
    assert "Come back first" in Page(press(site, url, "pace", pace="slower")).words
    press(site, url, "return")
    site.go_on(4)
    assert "You have had every lesson" in Page(press(site, url, "next")).words
    site.suppress("ann@runner.test")
    press(site, url, "leave")
    assert press(site, url, "return").status_code == 422
    with site.world.database.write() as session:
        session.execute(update(Enrollment).values(status=Enrolled.STOPPED))
    for what in ("leave", "return", "pause", "start-again"):  # whom a coach stopped does not slip back in
        assert "We have stopped writing to you" in Page(press(site, url, what)).words
    assert press(site, url, "nonsense").status_code == 404


@sqlite_only
def test_the_page_is_for_whoever_has_the_link_so_it_tells_no_address_and_no_numbers(site: Site, url: str) -> None:
    page = site.get(url)
    assert "ann@runner.test" not in page.text
    assert "a•••@runner.test" in page.text
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"


@sqlite_only
def test_a_link_of_another_kind_or_of_somebody_else_presses_nothing(site: Site, url: str) -> None:
    links, before = site.world.letters.links, site.dump()
    wrong = [links.leave(1, 0), links.reader(1, 1), links.reader(2, 0), links.lesson(1), f"{url}x", url[:-1]]
    for one in wrong:
        token = one.rsplit("/", 1)[1]
        for what in ("leave", "pause", "tick", "link", "next", "start-again"):
            assert (
                site.post(f"/readers/{token}/{what}", data={"weeks": "1", "lesson": "1", "sure": "yes"}).status_code
                == 404
            )
    assert site.dump() == before
