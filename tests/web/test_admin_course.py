"""The course page, its settings, and the road of a change: proposed, seen, published, undone."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from course.store import courses
from course.store.models import AuditEntry, Course, Draft, Edit
from tests.actions.steps import pass_days
from tests.factories import lesson_text
from tests.web.admin import Coach
from tests.web.site import Site, sqlite_only

HERE = "/admin/courses/running"


@pytest.fixture
def coach(site: Site) -> Coach:
    return Coach(site)


def write(site: Site, place: int, title: str) -> int:
    """A draft for the lesson at that place; its id."""
    with site.world.database.write() as session:
        course = site.world.the_course(session)
        lesson = courses.terms_of(session, course.id).at(site.world.course).steps[place - 1].lesson
        session.add(
            Draft(lesson_id=lesson, source=lesson_text(title), version=1, author="Kim", updated_at=site.world.machine)
        )
        return lesson


def propose(coach: Coach, **fields: Any) -> str:
    """The address of the proposal."""
    answer = coach.post(f"{HERE}/changes", fields)
    assert answer.status_code == 303, answer.text
    assert re.fullmatch(r"/admin/changes/\d+", answer.location), answer.location
    return str(answer.location)


def publish(coach: Coach, url: str) -> Any:
    seen = re.search(r'name="seen" value="([^"]+)"', coach.get(url).text)
    assert seen
    return coach.post(url, {"seen": seen[1]})


def titles(site: Site) -> list[str]:
    with site.world.database.read() as session:
        steps = courses.terms_of(session, site.world.the_course(session).id).at(site.world.course).steps
        found = courses.revisions(session, (step.revision for step in steps))
        return [re.search(r'title = "(.*)"', found[step.revision].source)[1] for step in steps]  # type: ignore[index]


def test_the_course_page_says_where_everybody_stands(site: Site, coach: Coach) -> None:
    site.world.enroll()
    pass_days(site.world, 4)
    page = coach.get(HERE).text
    assert page.count("<li data-lesson=") == 5
    assert re.findall(r"day <b>(\d+)</b>", page) == ["0", "3", "7", "10", "14"]
    assert re.findall(r"<dt>wait for it</dt><dd>(\d+)", page) == ["0", "0", "1", "0", "0"]
    assert re.findall(r"<dt>sent</dt><dd>(\d+)", page) == ["1", "1", "0", "0", "0"]


def test_a_new_text_is_seen_then_published_then_undone(site: Site, coach: Coach) -> None:
    site.world.enroll()
    site.world.drain()
    lesson = write(site, 3, "Better why")
    assert "Changed, not published yet" in coach.get(HERE).text
    assert "See whom it touches" in coach.get(f"/admin/lessons/{lesson}/publish").text
    url = propose(coach, kind="text", lesson=lesson)
    page = coach.get(url).text
    assert "Publish for 1 reader<" in page
    assert re.findall(r'<li class="(\w+)"><b>(\d+)</b>', page) == [
        ("had", "0"), ("next", "0"), ("later", "1"),
    ]  # fmt: skip
    assert "Monday, November 30" in page  # lesson 3, seven days on
    assert titles(site)[2] == "Why"
    assert publish(coach, url).status_code == 303
    assert titles(site)[2] == "Better why"
    assert "Undo it" in coach.get(url).text
    site.world.go(seconds=1)
    coach.post(f"{url}/undo")
    assert titles(site)[2] == "Why"
    with site.world.database.read() as session:
        assert "Better why" in session.get_one(Draft, lesson).source
        done = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert done[-2:] == ["publish", "undo"]


def test_a_change_for_new_readers_says_that_nobody_here_is_touched(site: Site, coach: Coach) -> None:
    site.world.enroll()
    site.world.drain()
    page = coach.get(propose(coach, kind="gap", lesson=2, days=9, choice="new")).text
    assert re.findall(r'<li class="(\w+)"><b>(\d+)</b>', page) == [("stay", "1")]
    assert "Publish<" in page


def test_the_names_behind_a_number_are_shown(site: Site, coach: Coach) -> None:
    site.world.enroll("ann@runner.test", name="<b>Ann</b>")
    site.world.drain()
    url = propose(coach, kind="gap", lesson=2, days=6)
    page = coach.get(f"{url}/readers?group=next").text
    assert "ann@runner.test" in page
    assert "&lt;b&gt;Ann&lt;/b&gt;" in page
    assert "Thursday, November 26, 7:00 am" in page
    assert "Sunday, November 29, 7:00 am" in page
    assert coach.get(f"{url}/readers?group=everybody").status_code == 404


def test_who_moved_on_since_is_shown_and_nothing_is_changed(site: Site, coach: Coach) -> None:
    site.world.enroll()
    site.world.drain()
    url = propose(coach, kind="move", lesson=5, place=2)
    seen = re.search(r'name="seen" value="([^"]+)"', coach.get(url).text)
    assert seen
    pass_days(site.world, 4)
    answer = coach.post(url, {"seen": seen[1]})
    assert answer.status_code == 409
    assert "readers moved on since you looked" in answer.text
    assert "“Fuel” on Thursday, November 26" in answer.text
    assert titles(site) == ["Start", "Week", "Why", "How", "Fuel"]
    assert publish(coach, url).status_code == 303
    assert titles(site) == ["Start", "Fuel", "Week", "Why", "How"]


def test_another_choice_is_another_proposal(site: Site, coach: Coach) -> None:
    site.world.enroll()
    pass_days(site.world, 8)
    coach.post(f"{HERE}/lessons", {"title": "Sleep"})
    url = propose(coach, kind="insert", lesson=6, place=2, days=2)
    assert "Publish<" in coach.get(url).text  # the only reader is past it
    answer = coach.post(f"{url}/choice", {"choice": "all"})
    assert answer.location != url
    assert "Publish for 1 reader<" in coach.get(answer.location).text


def test_a_new_lesson_is_in_nobodys_course_until_it_is_published(site: Site, coach: Coach) -> None:
    answer = coach.post(f"{HERE}/lessons", {"title": "Sleep & recovery"})
    assert answer.location == "/admin/lessons/6"
    page = coach.get(HERE).text
    assert page.count("<li data-lesson=") == 5
    assert "Sleep &amp; recovery" in page
    assert coach.get("/courses/running").text.count("Sleep") == 0
    publish(coach, propose(coach, kind="insert", lesson=6, place=6, days=2))
    assert titles(site)[-1] == "Sleep & recovery"


def test_a_text_that_is_not_ready_goes_back_to_its_page_with_the_reason(site: Site, coach: Coach) -> None:
    lesson = write(site, 1, "Start")
    with site.world.database.write() as session:
        session.get_one(Draft, lesson).source = lesson_text("Start", "").replace("About Start", "")
    answer = coach.post(f"{HERE}/changes", {"kind": "text", "lesson": lesson})
    assert answer.location == f"/admin/lessons/{lesson}"


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "gap", "lesson": 2, "days": 0},
        {"kind": "gap", "lesson": 2, "days": 10**12},
        {"kind": "move", "lesson": 2, "place": 99},
        {"kind": "text", "lesson": 2},
        {"kind": "hours", "hour": "25:00", "day1": "yes"},
        {"kind": "hours", "hour": "07:00"},
        {"kind": "insert", "lesson": 2, "place": 1, "days": 1},
    ],
)
@sqlite_only
def test_what_makes_no_sense_is_said_on_the_course_page(coach: Coach, fields: dict[str, Any]) -> None:
    answer = coach.post(f"{HERE}/changes", fields)
    assert answer.location == HERE
    assert 'class="told bad"' in coach.get(HERE).text


@sqlite_only
@pytest.mark.parametrize(
    "fields", [{"kind": "everything", "lesson": 1}, {}, {"kind": "gap", "lesson": 99}, {"kind": "gap", "lesson": "x"}]
)
def test_what_no_page_sends_is_refused(coach: Coach, fields: dict[str, Any]) -> None:
    assert coach.post(f"{HERE}/changes", fields).status_code in {400, 404}


def test_the_list_of_changes_offers_undo_for_the_last_one_only(site: Site, coach: Coach) -> None:
    for days in (4, 5):
        site.world.go(seconds=1)
        publish(coach, propose(coach, kind="gap", lesson=2, days=days))
    page = coach.get(f"{HERE}/changes").text
    assert page.count("Undo</button>") == 1
    assert "Lesson files were imported" in page
    assert "“Week” comes 5 days after the mail before it" in page


def test_the_hours_are_changed_through_the_same_road(site: Site, coach: Coach) -> None:
    site.world.enroll()
    site.world.drain()
    url = propose(coach, kind="hours", hour="06:30", day0="yes", day5="yes")
    assert "Mails go at 6:30 am, on Monday and Saturday" in coach.get(url).text
    publish(coach, url)
    assert "6:30 am" in coach.get("/courses/running").text


# --- Settings ---


def settings(site: Site) -> Course:
    with site.world.database.read() as session:
        return site.world.the_course(session)


def test_settings_are_saved_and_noted(site: Site, coach: Coach) -> None:
    answer = coach.post(f"{HERE}/settings", {"sender": "  Ben & Cara ", "timezone": "Europe/Berlin"})
    assert answer.status_code == 303
    assert (settings(site).sender, settings(site).timezone) == ("Ben & Cara", "Europe/Berlin")
    with site.world.database.read() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry
        assert entry.what == "Five lessons: sender, timezone"


@sqlite_only
def test_saving_what_a_file_ends_with_a_line_is_no_change(site: Site, coach: Coach) -> None:
    """Else the next import of that file would be a conflict."""
    with site.world.database.write() as session:
        site.world.the_course(session).about = "Words.\n"
    coach.post(f"{HERE}/settings", {"about": "Words.\r\n", "sender": "Ben"})
    assert (settings(site).about, settings(site).sender) == ("Words.\n", "Ben")


def test_who_follows_the_courses_clock_moves_with_it(site: Site, coach: Coach) -> None:
    reader, other = site.world.enroll(), site.world.enroll("bob@runner.test", timezone="Asia/Tokyo")
    site.world.drain()
    before = site.world.enrollment(other).due_at
    coach.post(f"{HERE}/settings", {"timezone": "Europe/Berlin"})
    due = site.world.enrollment(reader).due_at
    assert due
    assert due.isoformat() == "2026-11-26T06:00:00+00:00"
    assert site.world.enrollment(other).due_at == before


@sqlite_only
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", " "), ("reply_to", "nobody"), ("timezone", "Mars/Base"), ("send_until", "9"), ("on_unknown", "maybe"),
        ("sender", "x" * 501), ("summary", "\x00"), ("about", "{{ first_name }}"), ("sender", "a\x1bb"),
        ("afterwards", "[Book](www.clinic.example)"), ("afterwards", "[x](javascript:alert(1))"),
        ("afterwards", "x" * 10_001),
    ],
)  # fmt: skip
def test_a_wrong_setting_changes_nothing_and_keeps_what_was_typed(
    site: Site, coach: Coach, name: str, value: str
) -> None:
    answer = coach.post(f"{HERE}/settings", {"disclaimer": "Kept as typed", name: value})
    assert answer.status_code == 422
    assert f'id="{name}-wrong"' in answer.text or name == "on_unknown"
    assert "Kept as typed" in answer.text
    assert settings(site).disclaimer == "Not a diagnosis."


def test_sign_up_closes_and_opens_and_the_course_pauses_and_goes_on(site: Site, coach: Coach) -> None:
    reader = site.world.enroll()
    coach.post(f"{HERE}/sign-up", {"open": "no"})
    coach.post(f"{HERE}/pause", {"paused": "yes"})
    assert settings(site).closed_at
    site.world.drain()
    assert list(site.world.lessons()) == []
    coach.post(f"{HERE}/pause", {"paused": "no"})
    coach.post(f"{HERE}/sign-up", {"open": "yes"})
    assert settings(site).closed_at is None
    site.world.drain()
    assert list(site.world.lessons()) == ["About Start"]
    assert site.world.enrollment(reader).had


def test_a_proposal_is_nobodys_change_until_it_is_published(site: Site, coach: Coach) -> None:
    propose(coach, kind="archive", lesson=2)
    assert titles(site) == ["Start", "Week", "Why", "How", "Fuel"]
    with site.world.database.read() as session:
        assert session.scalars(select(Edit).where(Edit.published_at.is_(None))).all()
    assert "Lesson files were imported" in coach.get(f"{HERE}/changes").text
    assert "leaves the course" not in coach.get(f"{HERE}/changes").text
