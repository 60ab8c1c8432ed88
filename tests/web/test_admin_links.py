"""One-time links: the first coach, invitations, new passwords."""

import re
from datetime import timedelta

import pytest

from course.actions import coaches
from course.core import passwords, second_factor
from course.core.tokens import Purpose, epoch
from course.store import admins
from course.store.models import Admin
from course.worker.notifier import Notifier
from tests.web.admin import PASSWORD, Browser, Coach, add_coach
from tests.web.site import Page, Site, sqlite_only

NEW = "four words of one colour"
FIRST = {"name": "Dana", "email": "dana@clinic.test", "password": NEW}


def first(site: Site) -> str:
    return coaches.first_link(site.world.letters.links, site.world.machine)


def link(site: Site, coach: Admin, purpose: Purpose) -> str:
    return coaches.link(site.world.letters.links, coach, purpose, site.world.machine)


def row(site: Site, email: str) -> Admin:
    with site.world.database.read() as session:
        found = admins.by_key(session, email)
        assert found
        return found


def mailed(site: Site, address: str) -> str:
    """The link in the newest mail to this address, once the worker has been there."""
    world = site.world
    notifier = Notifier(world.database, world.sender.sending, world.now, world.sender.backoff)
    while notifier.step():
        pass
    mail = [mail for mail in world.mails() if mail["To"] == address][-1]
    text = mail.get_body(("plain",))
    assert text
    return re.findall(r"https://course.example/admin/links/\S+", text.get_content())[0]


def test_the_first_coach_comes_in_by_the_link_that_the_start_prints(site: Site) -> None:
    browser, door = Browser(site), first(site)
    before = site.dump()
    assert "Become the first coach" in browser.get(door).text
    assert site.dump() == before
    answer = browser.post(door, FIRST)
    assert (answer.status_code, answer.location) == (303, "/admin")
    assert "Welcome, Dana" in browser.get("/admin/account").text
    for late in (browser, Browser(site)):
        assert late.get(door).status_code == 410
        assert late.post(door, FIRST | {"email": "thief@evil.test"}).status_code == 410
    assert [one.email for one in site.rows("admin")] == ["dana@clinic.test"]


@sqlite_only
def test_what_is_wrong_behind_a_link_is_said_and_nothing_is_lost(site: Site) -> None:
    browser, door = Browser(site), first(site)
    answer = browser.post(door, {"name": " ", "email": "dana@", "password": "short"})
    page = Page(answer)
    assert answer.status_code == 422
    assert page.one("div", role="alert")["tabindex"] == "-1"
    assert {f"#{name}" for name in ("name", "email", "password")} <= page.targets()
    assert page.one("input", id="email")["value"] == "dana@"
    assert "short" not in answer.text
    assert browser.post(door, FIRST).location == "/admin"


def test_an_invitation_is_good_once(site: Site, coach: Coach) -> None:
    assert coach.post("/admin/people", {"email": "Sam@Clinic.test"}).location == "/admin/people"
    page = Page(coach.get("/admin/people"))
    assert "An invitation to Sam@clinic.test is on its way" in page.words
    assert "Invited; the mail is on its way" in page.words
    door = mailed(site, "Sam@clinic.test")
    assert "Invited; the mail went" in Page(coach.get("/admin/people")).words
    sam = Browser(site)
    page = Page(sam.get(door))
    assert not page.all("input", id="email")
    assert sam.post(door, {"name": "Sam", "password": NEW}).location == "/admin"
    assert sam.get("/admin/people").status_code == 200
    assert Browser(site).get(door).status_code == 410
    assert Browser(site).post("/admin/login", {"email": "sam@clinic.test", "password": NEW}).location == "/admin"


@sqlite_only
def test_nobody_is_invited_twice(coach: Coach) -> None:
    answer = coach.post("/admin/people", {"email": "COACH@clinic.test"})
    assert (answer.status_code, "is a coach already" in answer.text) == (422, True)
    answer = coach.post("/admin/people", {"email": "nonsense"})
    assert (answer.status_code, Page(answer).one("input", id="email")["value"]) == (422, "nonsense")


@sqlite_only
@pytest.mark.parametrize("purpose", [Purpose.INVITE, Purpose.RESET, Purpose.RENEW])
def test_a_link_is_over_after_its_time(site: Site, purpose: Purpose) -> None:
    door = link(site, add_coach(site), purpose)
    life = coaches.LIFE[purpose]
    site.world.machine += life - timedelta(seconds=1)
    assert Browser(site).get(door).status_code == 200
    site.world.machine += timedelta(seconds=2)
    assert Browser(site).get(door).status_code == 410
    assert Browser(site).post(door, {"password": NEW}).status_code == 410


@sqlite_only
def test_a_link_that_somebody_made_up_is_dead(site: Site) -> None:
    found, tokens = add_coach(site), site.world.letters.links.tokens
    door = link(site, found, Purpose.RESET)
    token = door.rpartition("/")[2]
    soon = epoch(site.world.machine) + 60
    for bad in (
        token[:-1] + ("A" if token[-1] != "A" else "E"),
        token.replace(f"{found.id}-", f"{found.id + 1}-", 1),
        tokens.make(Purpose.RESET, found.id, 7, soon),
        tokens.make(Purpose.LEAVE, found.id, soon),
        tokens.make(Purpose.CONFIRM, *tokens.read(Purpose.RESET, token, 3) or ()),
        tokens.make(Purpose.FIRST_COACH, soon),  # there is one
        "x",
    ):
        assert Browser(site).get(f"/admin/links/{bad}").status_code == 410, bad
        assert Browser(site).post(f"/admin/links/{bad}", FIRST).status_code == 410, bad
    assert Browser(site).get(door).status_code == 200


def test_one_link_ends_the_others_and_every_session(site: Site, coach: Coach) -> None:
    reset, renew = (link(site, coach.row, purpose) for purpose in (Purpose.RESET, Purpose.RENEW))
    browser = Browser(site)
    assert browser.post(reset, {"password": NEW}).location == "/admin"
    assert browser.get("/admin/account").status_code == 200
    assert coach.get("/admin/account").status_code == 303
    assert Browser(site).get(renew).status_code == 410


def test_forgetting_a_password(site: Site) -> None:
    add_coach(site)
    browser = Browser(site)
    browser.post("/admin/forgotten", {"email": "coach@clinic.test"})
    assert browser.post(mailed(site, "coach@clinic.test"), {"password": NEW}).location == "/admin"
    assert passwords.matches(row(site, "coach@clinic.test").password_hash, NEW)


@sqlite_only
def test_nobody_learns_by_asking_who_is_a_coach(site: Site) -> None:
    add_coach(site)
    known, unknown = (
        Browser(site).post("/admin/forgotten", {"email": email}) for email in ("coach@clinic.test", "elsa@clinic.test")
    )
    assert known.status_code == unknown.status_code == 200
    texts = [re.sub(r"\w+@clinic.test", "X", Page(answer).words) for answer in (known, unknown)]
    assert texts[0] == texts[1]
    assert [notice.email for notice in site.rows("notice")] == ["coach@clinic.test"]


@sqlite_only
def test_strangers_cannot_make_us_mail_without_end(site: Site) -> None:
    add_coach(site)
    answers = [Browser(site).post("/admin/forgotten", {"email": "coach@clinic.test"}).status_code for _ in range(7)]
    assert answers == [200] * 5 + [429] * 2
    assert len(site.rows("notice")) == 5


@sqlite_only
def test_a_new_password_by_mail_does_not_get_round_the_second_step(site: Site) -> None:
    secret = second_factor.new_secret(b"s" * 20)
    door = link(site, add_coach(site, totp_secret=secret), Purpose.RESET)
    browser = Browser(site)
    assert browser.post(door, {"password": NEW}).location == "/admin/login/code"
    assert browser.get("/admin/account").status_code == 303


def test_a_new_way_in_takes_the_second_step_off_and_says_so_before(site: Site, coach: Coach) -> None:
    secret = second_factor.new_secret(b"s" * 20)
    lost = add_coach(site, "sam@clinic.test", totp_secret=secret, recovery_hashes=["x"])
    page = Page(coach.get(f"/admin/people/{lost.id}"))
    assert "turns the second step off" in page.words
    coach.post(f"/admin/people/{lost.id}/link")
    door, sam = mailed(site, "sam@clinic.test"), Browser(site)
    assert "the second step with your phone is turned off" in Page(sam.get(door)).words
    assert row(site, "sam@clinic.test").totp_secret == secret
    assert sam.post(door, {"password": NEW}).location == "/admin"
    after = row(site, "sam@clinic.test")
    assert (after.totp_secret, after.recovery_hashes) == ("", [])


@sqlite_only
def test_a_link_is_kept_nowhere_once_it_went(site: Site, coach: Coach) -> None:
    coach.post("/admin/people", {"email": "sam@clinic.test"})
    assert "/admin/links/" in site.rows("notice")[0].message["text"]
    mailed(site, "sam@clinic.test")
    assert site.rows("notice")[0].message == {}


def test_a_coach_is_taken_out_by_another(site: Site, coach: Coach) -> None:
    other = Browser(site).sign_in(sam := add_coach(site, "sam@clinic.test", "Sam"))
    door = link(site, sam, Purpose.RESET)
    assert coach.post(f"/admin/people/{coach.row.id}/removal").status_code == 403
    assert coach.post(f"/admin/people/{sam.id}/removal").location == "/admin/people"
    assert other.get("/admin/people").status_code == 303
    assert other.get(door).status_code == 410
    assert "Sam is no longer a coach here" in coach.get("/admin/people").text
    assert PASSWORD not in str(site.dump())


@sqlite_only
def test_the_book_tells_who_did_what(site: Site, coach: Coach) -> None:
    for number in range(55):
        coach.post("/admin/people", {"email": f"c{number}@clinic.test"})
    Browser(site).sign_in(add_coach(site, "sam@clinic.test", "Sam")).post("/admin/people", {"email": "zoe@clinic.test"})
    coach.get("/admin/people")  # takes what there was to say
    page = Page(coach.get("/admin/audit"))
    assert page.words.index("zoe@clinic.test") < page.words.index("c54@clinic.test")
    assert "c0@clinic.test" not in page.words
    assert "c0@clinic.test" in Page(coach.get(page.one("a", class_="button second")["href"] or "")).words
    assert "c54@clinic.test" not in Page(coach.get("/admin/audit?who=Sam")).words


@sqlite_only
def test_hostile_names_are_shown_harmless(site: Site, coach: Coach) -> None:
    bad = '<script>alert(1)</script>{{7*7}}"\u202e'
    assert coach.post("/admin/account", {"name": bad, "timezone": ""}).location == "/admin/account"
    sam = add_coach(site, "sam@clinic.test", bad)
    for path in ("/admin/account", "/admin/people", f"/admin/people/{sam.id}", "/admin/audit"):
        text = coach.get(path).text
        assert "<script>alert" not in text, path
        assert "49" not in Page(coach.get(path)).words, path
        assert "&lt;script&gt;" in text, path
        assert "\u202e" not in text or path == f"/admin/people/{sam.id}" or path == "/admin/people", path
    answer = coach.post("/admin/account", {"name": "", "timezone": "<b>"})
    assert (answer.status_code, "<b>&" in answer.text) == (422, False)
