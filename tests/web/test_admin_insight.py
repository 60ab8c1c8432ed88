"""Insight, as a coach reads it."""

import csv
import io

import pytest

from tests.crowd import fill
from tests.web.admin import Browser, Coach
from tests.web.site import Page, Site, sqlite_only

HERE = "/admin/courses/running/insight"


def test_the_numbers_stand_beside_their_bars(site: Site, coach: Coach) -> None:
    fill(site.world)
    page = coach.get(HERE)
    words = Page(page).words
    assert "The biggest drop is after lesson 3, “Why”: 9 of the" in words
    assert "of 60 in all." in words
    assert "blog: strength for runners" in words
    assert "It is not known" in words
    assert page.text.count('<svg class="bar"') == page.text.count('aria-hidden="true" focusable="false"') > 15
    assert "style=" not in page.text
    ours = {target for target in Page(page).targets() if target.startswith(f"{HERE}/")}
    assert {f"{HERE}/{table}.csv" for table in ("lessons", "weeks", "sources")} < ours
    for target in ours:
        assert coach.get(target).status_code == 200


def test_a_course_without_readers_has_little_to_say(coach: Coach) -> None:
    page = coach.get(HERE)
    assert page.status_code == 200
    assert "Nobody has joined yet." in page.text
    assert "By the week" not in page.text
    assert "Nobody has answered yet." in coach.get(f"{HERE}/answers").text


def test_answers_are_read_page_by_page_newest_first(site: Site, coach: Coach) -> None:
    fill(site.world)
    seen, url = 0, f"{HERE}/answers"
    while url:
        page = coach.get(url)
        seen += page.text.count("<blockquote>")
        links = [found["href"] for found in Page(page).all("a", class_="button second")]
        older = [str(link) for link in links if ">Older<" in page.text and link and page.text.count(f'href="{link}"')]
        url = older[-1].replace("&amp;", "&") if ">Older<" in page.text else ""
    total = len(list(csv.reader(io.StringIO(coach.get(f"{HERE}/answers.csv").text)))) - 1
    assert seen == total > 25
    first = coach.get(f"{HERE}/answers?lesson=1")
    assert first.text.count("<blockquote>") < 25
    assert "&lt;b&gt;for fun&lt;/b&gt;" in coach.get(f"{HERE}/answers").text
    assert "<b>for fun" not in coach.get(f"{HERE}/answers").text


FILES = {
    "lessons": ["lesson", "title", "sent", "delivered", "done", "answered", "left after it", "wait for it"],
    "weeks": ["since", "source", "readers", "finished", "left", "on their way"],
    "sources": ["since", "source", "readers", "finished", "left", "on their way"],
    "answers": ["lesson", "title", "answered at", "email", "name", "answer"],
}


@pytest.mark.parametrize("table", FILES)
def test_each_table_is_a_file_too(site: Site, coach: Coach, table: str) -> None:
    fill(site.world)
    answer = coach.get(f"{HERE}/{table}.csv")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{table}-running.csv"'
    lines = list(csv.reader(io.StringIO(answer.text)))
    assert lines[0] == FILES[table]
    assert len(lines) > 4
    assert all(len(line) == len(lines[0]) for line in lines)
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line)
    if table in {"weeks", "sources"}:
        assert sum(int(line[2]) for line in lines[1:]) == 60


@sqlite_only
@pytest.mark.parametrize("path", ["", "/answers", "/answers.csv", "/lessons.csv"])
def test_only_coaches_read_it(site: Site, coach: Coach, path: str) -> None:
    assert coach.get(HERE + path).status_code == 200
    assert Browser(site).get(HERE + path).location.startswith("/admin/login")


@sqlite_only
@pytest.mark.parametrize(
    "path",
    [f"{HERE}/everything.csv", f"{HERE}/answers?lesson=99", "/admin/courses/none/insight",
     "/admin/courses/none/insight/answers", "/admin/courses/none/insight/lessons.csv"],
)  # fmt: skip
def test_what_is_not_there(coach: Coach, path: str) -> None:
    assert coach.get(path).status_code == 404


@sqlite_only
@pytest.mark.parametrize("query", ["?offset=-5", "?offset=x", "?offset=99999", "?lesson=x", "?lesson="])
def test_an_odd_address_is_read_kindly(site: Site, coach: Coach, query: str) -> None:
    fill(site.world)
    assert coach.get(f"{HERE}/answers{query}").status_code == 200
