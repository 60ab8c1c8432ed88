"""The way out: as mail programs take it (RFC 8058), as people take it, and back."""

from pathlib import Path
from typing import Any

import pytest

from course.actions import controls
from course.core.tokens import Purpose
from course.store.journal import Journal
from tests.factories import PUBLIC_URL
from tests.web.site import FORM, Page, Site, link, sqlite_only

GMAIL: dict[str, Any] = {"data": b"List-Unsubscribe=One-Click", "content_type": FORM}
PARTS = (
    b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
    "multipart/form-data; boundary=b",
)
ONE_CLICKS: dict[str, dict[str, Any]] = {
    "Gmail": GMAIL,
    "multipart": {"data": PARTS[0], "content_type": PARTS[1]},
    "no body": {},
    "no body but its type": {"data": b"", "content_type": FORM},
    "extra fields": {"data": b"List-Unsubscribe=One-Click&x=1&List-Unsubscribe=Two", "content_type": FORM},
    "an odd type": {"data": b"\x00\xff", "content_type": "application/x-who-knows; charset=klingon"},
    "broken JSON": {"data": b"{", "content_type": "application/json"},
    "broken multipart": {"data": b"--", "content_type": "multipart/form-data"},
    "a large body": {"data": b"x" * 100_000, "content_type": FORM},
    "a query": {**GMAIL, "query_string": "utm_source=mail"},
    "a foreign origin": {**GMAIL, "headers": {"Origin": "https://mail.example", "Referer": "https://mail.example/"}},
    "JSON wanted": {**GMAIL, "headers": {"Accept": "application/json"}},
}


def leave_url(site: Site) -> str:
    return str(site.lesson()["List-Unsubscribe"]).strip("<>")


def test_one_click_leaves_at_once_whatever_the_body(site: Site) -> None:
    enrollments = [site.world.enroll(f"r{number}@runner.test") for number in range(len(ONE_CLICKS))]
    site.world.drain()
    for enrollment, (how, request) in zip(enrollments, ONE_CLICKS.items(), strict=True):
        [mail] = [one for one in site.lessons() if f"/unsubscriptions/{enrollment}-" in one["List-Unsubscribe"]]
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        response = site.post(mail["List-Unsubscribe"].strip("<>"), **request)
        assert response.status_code == 200, how
        assert "Location" not in response.headers
        found = site.world.enrollment(enrollment)
        assert (found.status, found.due_at, found.ended_at) == ("left", None, site.world.machine), how
    site.go_on(2)
    assert len(list(site.world.lessons())) == len(ONE_CLICKS)  # the first ones; nothing after


@sqlite_only
def test_it_is_the_post_that_gmail_makes(site: Site) -> None:
    site.reader()
    assert len(GMAIL["data"]) == 26
    assert "You have left the course" in Page(site.post(leave_url(site), **GMAIL)).words


def test_leaving_is_kept_as_proof_once(site: Site) -> None:
    site.reader()
    url, agent = leave_url(site), {"headers": {"User-Agent": "Gmail"}, "environ_base": {"REMOTE_ADDR": "203.0.113.7"}}
    for _ in range(3):
        assert site.post(url, **GMAIL, **agent).status_code == 200
    left = [row for row in site.rows("consent") if row.kind == "leave"]
    assert [(row.ip, row.user_agent) for row in left] == [("203.0.113.7", "Gmail")]


@sqlite_only
def test_leaving_is_noted_outside_the_database_without_the_address_and_works_where_it_cannot_be(
    site: Site, tmp_path: Path
) -> None:
    site.reader()
    site.post(leave_url(site), **GMAIL)
    assert len(site.world.journal.read().departures) == 1
    assert "runner" not in "".join(path.read_text() for path in site.world.journal.folder.iterdir())
    enrollment = site.reader("bob@runner.test")
    (tmp_path / "file").touch()
    nowhere = site.but(journal=Journal(tmp_path / "file", "web"))
    assert nowhere.post(leave_url(site), **GMAIL).status_code == 200
    assert site.world.enrollment(enrollment).status == "left"


def test_looking_asks_and_changes_nothing(site: Site) -> None:
    site.reader()
    url, before = leave_url(site), site.dump()
    page = Page(site.get(url))
    assert "Leave the course?" in page.words
    assert page.one("form") == {"method": "post", "action": url.removeprefix(PUBLIC_URL)}
    assert "a•••@runner.test" in page.words  # who forwards a lesson does not give the address away
    assert "ann@runner.test" not in page.words
    head = site.open(url, method="HEAD")
    assert (head.status_code, head.data) == (200, b"")
    assert site.open(url, method="OPTIONS").status_code == 200
    assert site.dump() == before


def test_leaving_from_the_page_and_undo(site: Site) -> None:
    enrollment = site.reader()
    before = site.world.enrollment(enrollment)
    button = Page(site.get(leave_url(site))).one("form")
    left = Page(site.post(str(button["action"])))
    assert "You have left the course" in left.words
    assert site.world.enrollment(enrollment).status == "left"
    assert "You have left the course" in Page(site.get(leave_url(site))).words
    undo = left.one("form")
    assert undo["method"] == "post"
    back = Page(site.post(str(undo["action"])))
    assert "Welcome back" in back.words
    assert "Your next lesson comes Thursday, November 26, 7:00 am" in back.words
    found = site.world.enrollment(enrollment)
    assert (found.status, found.due_at, found.ended_at) == ("active", before.due_at, None)
    assert [row.kind for row in site.rows("consent")] == ["signup", "confirm", "leave", "return"]
    site.go_on(4)
    assert len(list(site.world.lessons())) == 5


@sqlite_only
def test_undo_twice_and_undo_of_nothing_are_no_errors(site: Site) -> None:
    site.reader()
    url = leave_url(site).replace("/unsubscriptions/", "/returns/")
    before = site.dump()
    assert site.post(url).status_code == 200
    assert site.dump() == before
    assert site.get(url).status_code == 405  # a scanner cannot undo


def test_undo_is_not_for_who_may_not_be_mailed(site: Site) -> None:
    enrollment = site.reader()
    site.post(leave_url(site))
    site.suppress("ann@runner.test")
    page = Page(site.post(leave_url(site).replace("/unsubscriptions/", "/returns/")))
    assert "You have left the course" in page.words
    assert site.world.enrollment(enrollment).status == "left"


def test_who_was_stopped_hears_that_nothing_comes_and_is_offered_no_way_back(site: Site) -> None:
    enrollment = site.reader()
    with site.world.database.write() as session:
        found = controls.hold(session, enrollment)
        assert found
        controls.stop(session, found, "an injury", site.world.now())
    for page in (Page(site.get(leave_url(site))), Page(site.post(leave_url(site)))):
        assert "No more lessons go to" in page.words
        assert "Undo" not in page.words
    assert "Welcome back" not in Page(site.post(leave_url(site).replace("/unsubscriptions/", "/returns/"))).words
    assert site.world.enrollment(enrollment).status == "stopped"


def test_leaving_after_the_last_lesson_and_back(site: Site) -> None:
    enrollment = site.reader()
    site.go_on(4)
    assert site.world.enrollment(enrollment).status == "finished"
    assert site.post(leave_url(site), **GMAIL).status_code == 200
    assert site.world.enrollment(enrollment).status == "left"
    page = Page(site.post(leave_url(site).replace("/unsubscriptions/", "/returns/")))
    assert "Your next lesson" not in page.words
    assert site.world.enrollment(enrollment).status == "finished"


def test_a_link_still_works_after_years(site: Site) -> None:
    enrollment = site.reader()
    url = leave_url(site)
    site.world.go(days=3 * 365)
    assert site.post(url, **GMAIL).status_code == 200
    assert site.world.enrollment(enrollment).status == "left"


def test_leaving_stops_what_is_queued_but_did_not_go(site: Site) -> None:
    site.post(site.confirm_url())
    [enrollment] = site.rows("enrollment")
    url = site.world.letters.links.leave(enrollment.id, enrollment.links)
    site.post(url, **GMAIL)
    site.go_on(1)
    assert not list(site.world.lessons())


@pytest.mark.parametrize("path", ["unsubscriptions", "returns"])
def test_a_link_that_is_nobodys_is_told_200_and_has_no_effect(site: Site, path: str) -> None:
    site.reader()
    token, tokens = leave_url(site).rsplit("/", 1)[1], site.world.letters.links.tokens
    foreign = [tokens.make(Purpose.LEAVE, 999_999, 0), tokens.make(Purpose.LEAVE, 1, 1), tokens.make(Purpose.LEAVE, 1)]
    before = site.dump()
    for bad in (*foreign, token[:-1], token + "x", "2" + token[1:], "x", "%00", "%ff", "é", "." * 3000):
        response = site.post(f"/{path}/{bad}", **GMAIL)
        assert response.status_code == 200, bad
        assert "We do not know this link" in Page(response).words
    assert site.dump() == before


def test_no_link_does_the_work_of_another(site: Site) -> None:
    confirmation = site.confirm_url("bob@runner.test")
    site.reader()
    mail = site.lesson()
    links = {
        "confirmations": confirmation,
        "unsubscriptions": leave_url(site),
        "readers": link(mail, "/readers/"),
        "lessons": link(mail, "/lessons/"),
    }
    before = site.dump()
    for home, url in links.items():
        token = url.rsplit("/", 1)[1]
        for path in (*links, "returns"):
            if path == home or {path, home} == {"returns", "unsubscriptions"}:
                continue
            for method in ("GET", "POST"):
                response = site.open(f"/{path}/{token}", method=method)
                assert response.status_code in {404, 405} or "We do not know this link" in Page(response).words
    assert site.dump() == before


def test_a_revoked_link_leaves_nothing_open(site: Site) -> None:
    enrollment = site.reader()
    mail = site.lesson()
    with site.world.database.write() as session:
        session.get_one(type(site.world.enrollment(enrollment)), enrollment).links = 1
    before = site.dump()
    assert "We do not know this link" in Page(site.post(leave_url(site), **GMAIL)).words
    assert site.get(link(mail, "/readers/")).status_code == 404
    assert site.dump() == before
