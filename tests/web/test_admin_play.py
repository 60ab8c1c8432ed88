"""Play the course: on a page, and in the terminal."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from course.cli import main
from tests.web.admin import Browser, add_coach
from tests.web.site import Page, Site, sqlite_only

HERE = "/admin/courses/running/play"


@pytest.fixture
def coach(site: Site) -> Browser:
    return Browser(site).sign_in(add_coach(site))


@sqlite_only
def test_without_a_choice_it_plays_a_runner_who_signs_up_now(site: Site, coach: Browser) -> None:
    page = Page(coach.get(HERE)).words
    assert "What Sam gets" in page
    assert "Lesson 1 Start Monday, November 23, 10:00 am" in page
    assert "Lesson 5 Fuel Monday, December 7, 7:00 am" in page


@sqlite_only
def test_a_runner_abroad_with_a_pause_and_days_of_their_own(site: Site, coach: Browser) -> None:
    query = {
        "name": "Yuki", "timezone": "Asia/Tokyo", "day": "2026-11-23", "at": "20:00", "pace": "normal", "hour": "06:30",
        "weekday": ["2", "6"], "pause_from": "2026-11-30", "pause_until": "2026-12-24",
    }  # fmt: skip
    page = Page(coach.get(HERE, query_string=query)).words
    assert "What Yuki gets" in page
    assert "Lesson 2 Week Sunday, November 29, 6:30 am" in page
    assert "Lesson 3 Why Sunday, December 27, 6:30 am" in page
    assert "Times are Tokyo time." in page


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"day": "soon"}, ["day"]),
        ({"day": "9999-12-31"}, ["day"]),
        ({"hour": "7"}, ["hour"]),
        ({"pause_from": "2026-12-01"}, ["pause_until"]),
        ({"pause_from": "2026-12-09", "pause_until": "2026-12-01"}, ["pause_until"]),
    ],
)
@sqlite_only
def test_what_cannot_be_played_is_said_beside_its_field(
    coach: Browser, query: dict[str, str], wrong: list[str]
) -> None:
    answer = coach.get(HERE, query_string=query)
    assert answer.status_code == 422
    assert [e["id"] for _, e in Page(answer).elements if e.get("aria-invalid")] == wrong
    nonsense = {"timezone": "Mars", "pace": "x", "weekday": "9", "name": "<b>" * 99}
    assert coach.get(HERE, query_string=nonsense).status_code == 200


@sqlite_only
def test_each_mail_is_shown_as_it_looks_in_a_frame_that_runs_nothing(site: Site, coach: Browser) -> None:
    frame = coach.get(str(Page(coach.get(f"{HERE}?name=%3Cscript%3E")).all("iframe")[1]["src"]))
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert "Hi &lt;script&gt;" in frame.text
    assert coach.get(f"{HERE}/99").status_code == 404


@sqlite_only
def test_a_real_reader_is_played_from_where_they_are(site: Site, coach: Browser) -> None:
    reader = site.reader()
    page = Page(coach.get(f"{HERE}?reader={reader}")).words
    assert "What Ann gets" in page
    assert "Start" not in page
    assert "Lesson 2 Week Thursday, November 26, 7:00 am" in page
    assert coach.get(f"{HERE}?reader=99").status_code == 404


def course(home: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["play", *arguments], env={"COURSE_HOME": str(home)})
    return result.exit_code, result.output


def test_in_the_terminal_it_is_a_line_a_lesson(tmp_path: Path) -> None:
    CliRunner().invoke(main, ["lessons", "import", "lessons/running"], env={"COURSE_HOME": str(tmp_path)})
    code, said = course(tmp_path)
    assert code == 0
    assert len(said.splitlines()) == 5
    options = ("--zone", "Europe/Berlin", "--signed-up", "2027-03-20T18:30", "--pace", "slower", "--hour", "06:15")
    code, said = course(tmp_path, "running", *options, "--pause", "2027-03-28..2027-04-20")
    assert [line.split("  ")[0] for line in said.splitlines()] == [
        "2027-03-20T18:30+01:00", "2027-03-27T06:15+01:00", "2027-04-20T06:15+02:00", "2027-04-26T06:15+02:00",
        "2027-05-04T06:15+02:00",
    ]  # fmt: skip
    for wrong in (
        ("nothing",), ("--zone", "Mars"), ("--signed-up", "soon"), ("--hour", "7"), ("--pause", "x"),
        ("--pause", "2027-01-02..2027-01-01"),
    ):  # fmt: skip
        code, said = course(tmp_path, *wrong)
        assert code == 1, wrong
        assert len(said.splitlines()) == 1
