"""The readers of a course, as a coach finds, adds and helps them."""

from datetime import timedelta
from typing import Any

import pytest

from course.actions import controls
from course.core.status import Sent
from course.store import subscribers
from course.store.models import Delivery, Enrollment, Revision
from tests.web.admin import Browser, add_coach
from tests.web.site import Page, Site, sqlite_only

READERS = "/admin/courses/running/readers"


@pytest.fixture
def coach(site: Site) -> Browser:
    return Browser(site).sign_in(add_coach(site))


def words(browser: Browser, url: str, **request: Any) -> str:
    response = browser.get(url, **request)
    assert response.status_code == 200, response.text
    return Page(response).words


def test_readers_are_found_by_how_their_address_or_name_begins(site: Site, coach: Browser) -> None:
    for address, name in (("ann@runner.test", "Ann"), ("bob@runner.test", "Robert"), ("o'hara@runner.test", "Éva")):
        site.world.enroll(address, name)
    assert "ann@runner.test" in words(coach, READERS)
    for text, found in (("ann", "ann@"), ("ROB", "bob@"), ("rob", "bob@"), ("O'H", "o'hara@"), ("éva", "o'hara@")):
        page = words(coach, f"{READERS}?q={text}")
        assert [one for one in ("ann@", "bob@", "o'hara@") if one in page] == [found], text
    for text in ("runner.test", "%", "_nn", "\x00", "'; DROP TABLE subscriber"):
        assert "Nobody here fits that" in words(coach, READERS, query_string={"q": text}) or "\x00" in text


def test_readers_are_filtered_by_where_they_stand(site: Site, coach: Browser) -> None:
    ann, bob, cho = (site.reader(f"{name}@runner.test", name) for name in ("ann", "bob", "cho"))
    site.world.sign_up("dan@runner.test", "dan")
    site.world.drain()
    with site.world.database.write() as session:
        controls.pause(session, controls.hold(session, bob), site.world.course + timedelta(days=9), site.world.now())
        controls.stop(session, controls.hold(session, cho), "asked by phone", site.world.now())
    for query, found in (
        ("status=active", {"ann", "bob"}), ("status=paused", {"bob"}), ("status=stopped", {"cho"}),
        ("status=waiting", {"dan"}), ("status=finished", set()), ("lesson=next-2", {"ann", "bob"}),
        ("lesson=next-1", set()), ("lesson=had-1", {"ann", "bob", "cho"}), ("source=blog:knee", {"ann", "bob", "cho"}),
        ("lesson=next-99&status=nothing&source=&before=x", {"ann", "bob", "cho"}), ("before=2", {"ann"}),
    ):  # fmt: skip
        page = words(coach, f"{READERS}?{query}")
        assert {one for one in ("ann", "bob", "cho", "dan") if f"{one}@runner.test" in page} == found, query
    assert ann == 1


def test_fifty_stand_on_a_page_and_the_next_one_goes_on(site: Site, coach: Browser) -> None:
    for number in range(53):
        site.world.enroll(f"r{number:02d}@runner.test", "")
    first = coach.get(READERS)
    assert first.text.count("@runner.test") == 50
    assert "r52@" in first.text
    older = Page(first).one("a", rel="next")["href"]
    second = coach.get(str(older))
    assert second.text.count("@runner.test") == 3
    assert "r00@" in second.text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"email": "new@runner.test", "how": "ask"}, "They get a mail with a button"),
        ({"email": "new@runner.test", "how": "agreed", "note": "at the clinic"}, "They are in"),
    ],
)
def test_one_reader_is_added_by_hand(site: Site, coach: Browser, form: dict[str, str], said: str) -> None:
    answer = coach.post(READERS, form)
    assert answer.status_code == 303
    assert said in words(coach, READERS)
    site.world.drain()
    assert len(site.world.mails()) == (form["how"] == "ask")


@sqlite_only
@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "new@runner.test", "how": "agreed", "note": " "}, "note"),
        ({"email": "new@runner.test", "timezone": "Mars"}, "timezone"),
        ({"email": "ann@runner.test"}, "email"),
        ({"email": "complained@runner.test"}, "email"),
    ],
)
def test_what_cannot_be_added_is_said_and_what_was_typed_stays(
    site: Site, coach: Browser, form: dict[str, str], wrong: str
) -> None:
    site.reader()
    site.suppress("complained@runner.test")
    answer = coach.post(READERS, form)
    assert answer.status_code == 422
    page = Page(answer)
    assert [found["id"] for tag, found in page.elements if found.get("aria-invalid")] == [wrong]
    assert page.one("input", id="email")["value"] == form["email"]


def test_everybody_is_saved_as_csv_that_no_spreadsheet_runs(site: Site, coach: Browser) -> None:
    site.world.enroll("ann@runner.test", "=cmd()")
    answer = coach.get(f"{READERS}/export.csv")
    assert answer.mimetype == "text/csv"
    assert "ann@runner.test,'=cmd()," in answer.text


# One reader


def test_the_page_of_a_reader_says_what_comes_next_and_shows_all_that_happened(site: Site, coach: Browser) -> None:
    reader = site.reader()
    page = words(coach, f"/admin/readers/{reader}")
    assert "Lesson 2 goes Thursday, November 26, 7:00 am (New York time)." in page
    for said in ("Signed up", "at blog:knee", "wording of 2026-11", "Confirmed", "Lesson 1, “Start”, went"):
        assert said in page


WHY = {
    "paused": "Paused until Friday, December 4, 12:00 am. Lesson 2 goes Friday, December 4, 7:00 am (New York time).",
    "stopped": "The course was stopped for them on Monday, November 23, 10:00 am, so nothing is sent. The reason: m",
    "left": "They left the course on Monday, November 23, 10:00 am",
    "bounced": "Mail to this address came back on Monday, November 23, 10:00 am, so nothing is sent. "
    "The mail service said: no such user",
    "complained": "They marked a mail of ours as spam",
    "course paused": "The whole course has been paused since Monday, November 23, 10:00 am",
    "unknown": "Nobody knows yet whether lesson 1 arrived. The mail service said: the line broke",
    "held": "Lesson 2 is held back for everybody: held after 3 refusals",
    "refused": "Lesson 1 was refused, because of its text. The mail service said: too large",
    "finished": "They had every lesson that was for them.",
}


@pytest.mark.parametrize("case", WHY)
def test_the_page_says_in_a_sentence_why_somebody_gets_nothing(site: Site, coach: Browser, case: str) -> None:
    reader = site.reader()
    with site.world.database.write() as session:
        found = controls.hold(session, reader)
        mail = session.query(Delivery).filter_by(enrollment_id=reader).one()
        course = site.world.the_course(session)
        match case:
            case "paused":
                controls.pause(session, found, site.world.course + timedelta(days=10, hours=14), site.world.now())
            case "stopped":
                controls.stop(session, found, "moved", site.world.now())
            case "left":
                found.status, found.ended_at, found.due_at = "left", site.world.machine, None
            case "bounced" | "complained":
                reason, detail = ("bounce", "no such user") if case == "bounced" else ("complaint", "")
                subscribers.suppress(session, "ann@runner.test", reason, detail, site.world.machine)
            case "course paused":
                course.paused_at = site.world.machine
            case "unknown":
                mail.state, mail.reason, found.due_at = Sent.UNKNOWN, "the line broke", None
            case "refused":
                mail.state, mail.scope, mail.reason = Sent.REFUSED, "message", "too large"
            case "held":
                revision = session.query(Revision).filter_by(lesson_id=2).one()
                revision.held_at, revision.held_reason = site.world.machine, "held after 3 refusals: x"
            case "finished":
                found.status, found.due_at = "finished", None
    assert WHY[case] in words(coach, f"/admin/readers/{reader}")


@sqlite_only
def test_what_a_mail_looked_like_is_shown_as_it_went_and_without_the_readers_own_links(
    site: Site, coach: Browser
) -> None:
    reader = site.reader()
    site.edit("see ", "NOW: ")
    page = coach.get(f"/admin/readers/{reader}/mails/2")
    frame = coach.get(str(Page(page).one("iframe")["src"]))
    assert "see" in frame.text
    assert "NOW:" not in frame.text
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert "/unsubscriptions/" not in frame.text
    assert "/readers/" not in frame.text
    assert "Hi Ann" in words(coach, f"/admin/readers/{reader}/mails/2?show=text")
    assert coach.get(f"/admin/readers/{reader}/mails/1/html").status_code == 200
    other = site.reader("bob@runner.test")
    assert coach.get(f"/admin/readers/{other}/mails/2").status_code == 404
    assert coach.get(f"/admin/readers/{other}/mails/99").status_code == 404


def test_what_a_coach_does_is_done_and_stands_in_the_timeline(site: Site, coach: Browser) -> None:
    reader = site.reader()
    here = f"/admin/readers/{reader}"
    for act, form, said in (
        ("pause", {"until": "2026-12-07"}, "Paused until Monday, December 7."),
        ("resume", {}, "The pause is over."),
        ("send-again", {"lesson": "1"}, "Lesson 1 goes once more."),
        ("skip", {"lesson": "3"}, "Lesson 3 is skipped."),
        ("unskip", {"lesson": "3"}, "Lesson 3 is no longer skipped."),
        ("times", {"pace": "slower", "hour": "18:00", "weekday": ["5"], "timezone": "Europe/Berlin"}, "new times"),
        ("stop", {"reason": "moved away"}, "Stopped: no more lessons."),
        ("bring-back", {"note": "by phone"}, "They are in the course again"),
    ):
        answer = coach.post(f"{here}/{act}", form)
        assert answer.status_code == 303, (act, answer.text)
        assert said in words(coach, here), act
        site.world.drain()
        assert f"Kim: {act.replace('-', ' ')}" in words(coach, here)
    with site.world.database.read() as session:
        found = session.get_one(Enrollment, reader)
        assert (found.pace, found.hour, found.weekdays) == ("slower", "18:00", [5])
    assert len(site.lessons()) == 2


@sqlite_only
def test_what_cannot_be_done_is_said_beside_its_field(site: Site, coach: Browser) -> None:
    reader = site.reader()
    for act, form, field in (
        ("pause", {"until": "yesterday"}, "until"), ("pause", {"until": "2020-01-01"}, "until"),
        ("skip", {"lesson": "1"}, "skip"), ("times", {"pace": "normal", "hour": "x"}, "hour"),
        ("send-again", {"lesson": "4"}, "again"), ("erasure", {}, "sure"),
    ):  # fmt: skip
        answer = coach.post(f"/admin/readers/{reader}/{act}", form)
        assert answer.status_code == 422, act
        assert [e["id"] for _, e in Page(answer).elements if e.get("aria-invalid")] == [field], act
    assert coach.post(f"/admin/readers/{reader}/dance").status_code == 404
    assert coach.post("/admin/readers/99/resume").status_code == 404
    assert coach.get("/admin/readers/99").status_code == 404


def test_an_erased_reader_is_gone_from_every_table(site: Site, coach: Browser) -> None:
    reader = site.reader("ann.secret@runner.test", "Annabel")
    assert "ann.secret" in coach.get(f"/admin/readers/{reader}/data.json").text
    coach.post(f"/admin/readers/{reader}/stop", {"reason": ""})
    assert coach.post(f"/admin/readers/{reader}/erasure", {"sure": "yes"}).status_code == 303
    kept = str(site.dump())
    assert "ann.secret" not in kept
    assert "Annabel" not in kept
    assert coach.get(f"/admin/readers/{reader}").status_code == 404
    assert site.post("/signups", data={"email": "ann.secret@runner.test"}).status_code == 200
    site.world.drain()
    assert len(site.world.mails()) == 3  # she may sign up anew, and is asked to confirm


@sqlite_only
def test_hostile_names_are_shown_harmless(site: Site, coach: Browser) -> None:
    reader = site.reader("ann@runner.test", "<script>alert(1)</script>{{7*7}}")
    for url in (READERS, f"/admin/readers/{reader}", f"/admin/readers/{reader}/mails/2"):
        text = coach.get(url).text
        assert "<script>alert" not in text
        assert "49" not in text.replace("2026", "").split("<main")[1].split("{{7*7}}")[0][-40:]
