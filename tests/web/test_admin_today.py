"""Today, as a coach meets it: one line that says whether all is well, and a button beside each thing that is not."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from course.core.status import Sent
from course.store import calls, installation
from course.store.models import AuditEntry, Delivery, Lane
from tests.web.admin import Browser, Coach
from tests.web.site import Page, Site, sqlite_only


@pytest.fixture(autouse=True)
def alive(site: Site) -> None:
    with site.world.database.relaxed() as session:
        installation.note_tick(session, site.world.machine)


def lose(site: Site, readers: int) -> Sequence[int]:
    """So many readers, of whom nobody knows whether they had lesson 1; the deliveries."""
    for n in range(readers):
        site.world.enroll(f"r{n}@runner.test", f"<i>R{n}</i>")
    site.world.drain()
    with site.world.database.write() as session:
        rows = session.scalars(select(Delivery).where(Delivery.lesson_id == 1).order_by(Delivery.id)).all()
        for row in rows:
            row.state, row.done_at = Sent.UNKNOWN, None
        return [row.id for row in rows]


def states(site: Site) -> list[str]:
    with site.world.database.read() as session:
        query = select(Delivery.state).where(Delivery.lesson_id == 1).order_by(Delivery.id)
        return [str(state) for state in session.scalars(query)]


def entries(site: Site) -> list[tuple[str, str]]:
    with site.world.database.read() as session:
        return [(row.action, row.what) for row in session.scalars(select(AuditEntry).order_by(AuditEntry.id))]


def heading(coach: Coach) -> str:
    found = re.search(r"<h1>(.*)</h1>", coach.get("/admin").text)
    assert found
    return found[1]


def test_a_new_site_says_what_comes_first(coach: Coach) -> None:
    page = coach.get("/admin")
    assert "Everything is going out." in page.text
    assert "/admin/courses/running/embed" in page.text
    assert "Needs you" not in page.text
    assert "Set it up in two minutes" in page.text


def test_all_is_well_in_one_line(site: Site, coach: Coach) -> None:
    for n in range(2):
        site.world.enroll(f"r{n}@runner.test")
    site.world.drain()
    site.world.go(days=3, hours=-4)
    with site.world.database.relaxed() as session:
        installation.note_tick(session, site.world.machine)
    words = Page(coach.get("/admin")).words
    assert "Everything is going out. Last mail Monday, November 23, 10:00 am. 2 due today." in words
    assert "2 × 2. Week" in words
    assert "Days are America/New York time." in words


def test_a_coach_with_a_second_step_is_not_asked_for_one(site: Site, coach: Coach) -> None:
    with site.world.database.write() as session:
        session.merge(coach.row).totp_secret = "JBSWY3DPEHPK3PXP"
    assert "/admin/account/second-step" not in coach.get("/admin").text


@pytest.mark.parametrize("zone", ["", "Asia/Tokyo"])
def test_times_are_on_the_coachs_clock(site: Site, coach: Coach, zone: str) -> None:
    site.world.enroll()
    site.world.drain()
    with site.world.database.write() as session:
        session.merge(coach.row).timezone = zone
    page = Page(coach.get("/admin")).words
    assert ("Last mail today, 10:00 am" in page) is not zone
    assert ("Tuesday, November 24" in page and "Asia/Tokyo time" in page) is bool(zone)


CHOICES: list[tuple[dict[str, Any], list[str], str]] = [
    ({"arrived": "{0}"}, ["accepted", "unknown", "unknown"], "One mail arrived"),
    ({"again": "{1}"}, ["unknown", "cancelled", "unknown", "queued"], "One mail will go once more"),
    ({"arrived": "ticked", "mail": ["{0}", "{2}"]}, ["accepted", "unknown", "accepted"], "2 mails arrived"),
    ({"arrived": "every"}, ["accepted"] * 3, "3 mails arrived"),
    ({"again": "every"}, ["cancelled"] * 3 + ["queued"] * 3, "3 mails will go once more"),
    ({"arrived": "ticked"}, ["unknown"] * 3, "Nothing to do"),
    ({"arrived": "99999"}, ["unknown"] * 3, "Nothing to do"),
    ({"again": "-1; drop"}, ["unknown"] * 3, "Nothing to do"),
    ({}, ["unknown"] * 3, "Nothing to do"),
]


@pytest.mark.parametrize(("form", "expected", "said"), CHOICES)
def test_unknown_mails_are_settled_one_by_one_or_together(
    site: Site, coach: Coach, form: dict[str, Any], expected: list[str], said: str
) -> None:
    ids = lose(site, 3)
    page = coach.get("/admin").text
    assert "We do not know whether 3 mails arrived" in page
    assert "&lt;i&gt;R0&lt;/i&gt;" in page
    assert "<i>R0" not in page

    def real(value: Any) -> Any:
        return [real(one) for one in value] if isinstance(value, list) else value.format(*ids)

    answer = coach.post("/admin/unknown", {name: real(value) for name, value in form.items()})
    assert answer.location == "/admin"
    assert states(site) == expected
    assert said in coach.get("/admin").text
    assert len(entries(site)) == (expected != ["unknown"] * 3)


def test_what_another_coach_settled_is_not_sent_again(site: Site, coach: Coach) -> None:
    [delivery] = lose(site, 1)
    coach.post("/admin/unknown", {"arrived": delivery})
    coach.post("/admin/unknown", {"again": delivery})
    assert states(site) == ["accepted"]
    assert entries(site) == [("a mail arrived", "lesson 1 to r0@runner.test")]


@sqlite_only
def test_of_many_unknown_mails_fifty_are_shown_and_all_can_be_settled(site: Site, coach: Coach) -> None:
    lose(site, 53)
    page = coach.get("/admin")
    assert page.text.count('name="mail"') == 50
    assert "50 of them are shown above" in page.text
    coach.post("/admin/unknown", {"arrived": "every"})
    assert set(states(site)) == {"accepted"}
    assert entries(site)[0][1].endswith("r2@runner.test and 50 more")


def test_refused_mails_lead_to_their_lesson_and_go_again(site: Site, coach: Coach) -> None:
    lose(site, 2)
    with site.world.database.write() as session:
        for row in session.scalars(select(Delivery).where(Delivery.lesson_id == 1)):
            row.state, row.scope, row.reason = Sent.REFUSED, "message", "<script>bad link</script>"
    page = coach.get("/admin").text
    assert "2 readers did not get lesson 1, “Start”" in page
    assert "&lt;script&gt;bad link" in page
    assert 'class="button" href="/admin/lessons/1"' in page
    coach.post("/admin/refused", {"course": 1, "lesson": 1})
    assert states(site) == ["queued", "queued"]
    assert "2 mails will go once more" in coach.get("/admin").text
    coach.post("/admin/refused", {"course": 1, "lesson": "1 or 1"})
    assert states(site) == ["queued", "queued"]
    assert entries(site) == [("send refused mails again", "1 Start: 2 mails")]


def test_a_closed_line_is_told_in_the_providers_words_and_tried_at_once(site: Site, coach: Coach) -> None:
    site.world.enroll()
    site.world.drain()
    site.world.enroll("late@runner.test")
    with site.world.database.write() as session:
        lane = calls.lane(session, "outbox", "test")
        lane.failures, lane.reason = 4, "Your account <b>is</b> suspended."
        lane.paused_until = site.world.machine + timedelta(minutes=9)
    page = Page(coach.get("/admin"))
    assert "No mail is going out. 2 mails wait, and none is lost." in page.words
    assert "They say: “Your account <b>is</b> suspended.”" in page.words
    assert "By itself today, 10:09 am" in page.words
    coach.post("/admin/try-now", {"provider": "outbox", "account": "test"})
    with site.world.database.read() as session:
        assert session.get_one(Lane, ("outbox", "test")).paused_until is None
    site.world.drain()
    assert heading(coach) == "Everything is going out."


def test_a_guard_is_lifted_by_a_coach_who_vouches(site: Site, coach: Coach) -> None:
    with site.world.database.write() as session:
        installation.the(session).guard_at = site.world.machine
    assert "An older copy of the database is in use" in coach.get("/admin").text
    coach.post("/admin/vouch")
    assert heading(coach) == "Everything is going out."
    assert entries(site) == [("vouch for the database", "0 mails that were held back go out")]


@sqlite_only
@pytest.mark.parametrize("path", ["/admin/unknown", "/admin/refused", "/admin/vouch", "/admin/try-now"])
def test_the_buttons_are_for_coaches_and_only_from_our_page(site: Site, coach: Coach, path: str) -> None:
    stranger = Browser(site).post(path)
    assert stranger.status_code == 303
    assert stranger.location.startswith("/admin/login")
    assert coach.client.post(path, data={}).status_code == 400
    assert entries(site) == []
