"""The second step: codes from a phone, and on paper."""

import pyotp
import pytest

from course.actions import entering
from course.core import second_factor
from course.store import admins
from course.store.models import Admin
from tests.web.admin import PASSWORD, Browser, Coach, add_coach
from tests.web.site import Page, Site, sqlite_only

SECRET = second_factor.new_secret(b"s" * 20)
FORM = {"email": "coach@clinic.test", "password": PASSWORD}
CODES = second_factor.recovery_codes(bytes(range(70)))


def code(site: Site, secret: str = SECRET, steps: int = 0) -> str:
    """What the phone shows now, or so many half minutes later."""
    return pyotp.TOTP(secret).generate_otp(int(site.world.machine.timestamp()) // 30 + steps)


def with_phone(site: Site) -> Admin:
    return add_coach(site, totp_secret=SECRET, recovery_hashes=[second_factor.kept(one) for one in CODES])


def at_the_second_step(site: Site) -> Browser:
    browser = Browser(site)
    assert browser.post("/admin/login?next=/admin/people", FORM).location == "/admin/login/code"
    return browser


def is_in(browser: Browser) -> bool:
    return browser.get("/admin/account").status_code == 200


def test_a_code_is_asked_for_after_the_password_and_each_is_good_once(site: Site) -> None:
    with_phone(site)
    browser = at_the_second_step(site)
    assert not is_in(browser)
    good = code(site)
    assert browser.post("/admin/login/code", {"code": f" {good[:3]} {good[3:]} "}).location == "/admin/people"
    assert is_in(browser)
    thief = at_the_second_step(site)
    assert thief.post("/admin/login/code", {"code": good}).status_code == 422
    assert thief.post("/admin/login/code", {"code": code(site, steps=-1)}).status_code == 422  # nor an older one
    assert not is_in(thief)
    site.world.go(seconds=30)
    assert thief.post("/admin/login/code", {"code": code(site)}).location == "/admin/people"


def test_a_recovery_code_is_good_once(site: Site) -> None:
    with_phone(site)
    for typed, answer in ((CODES[0].upper(), 303), (CODES[0], 422), (CODES[1].replace("-", " "), 303)):
        assert at_the_second_step(site).post("/admin/login/code", {"code": typed}).status_code == answer
    with site.world.database.read() as session:
        assert len(admins.everyone(session)[0].recovery_hashes) == 8
    assert CODES[2] not in str(site.dump())


@sqlite_only
def test_few_codes_left_are_told(site: Site) -> None:
    add_coach(site, totp_secret=SECRET, recovery_hashes=[second_factor.kept(one) for one in CODES[:3]])
    browser = at_the_second_step(site)
    browser.post("/admin/login/code", {"code": CODES[0]})
    assert "You have 2 recovery codes left" in browser.get("/admin/account").text


@sqlite_only
@pytest.mark.parametrize("typed", ["", "000000", "١٢٣٤٥٦", "x" * 1000, "ab-cd", "123456789"])
def test_any_other_code_is_refused(site: Site, typed: str) -> None:
    with_phone(site)
    browser = at_the_second_step(site)
    answer = browser.post("/admin/login/code", {"code": typed})
    assert (answer.status_code, Page(answer).one("input", id="code")["aria-invalid"]) == (422, "true")
    assert not is_in(browser)


def test_guesses_at_the_second_step_are_counted(site: Site) -> None:
    with_phone(site)
    browser = at_the_second_step(site)
    tries = [browser.post("/admin/login/code", {"code": "000000"}).status_code for _ in range(11)]
    assert tries == [422] * 10 + [429]
    assert at_the_second_step(site).post("/admin/login/code", {"code": code(site)}).status_code == 429
    site.world.go(minutes=15)
    assert at_the_second_step(site).post("/admin/login/code", {"code": code(site)}).status_code == 303


@sqlite_only
def test_the_second_step_waits_ten_minutes_and_stands_alone(site: Site) -> None:
    stranger = Browser(site)
    assert stranger.get("/admin/login/code").location == "/admin/login"
    assert stranger.post("/admin/login/code", {"code": code(site)}).location == "/admin/login"
    with_phone(site)
    browser = at_the_second_step(site)
    site.world.go(minutes=11)
    assert browser.post("/admin/login/code", {"code": code(site)}).location == "/admin/login"
    assert not is_in(browser)


@sqlite_only
def test_a_password_that_changed_meanwhile_ends_the_second_step(site: Site) -> None:
    with_phone(site)
    browser = at_the_second_step(site)
    with site.world.database.write() as session:
        admins.everyone(session)[0].session_key = "another"
    assert browser.post("/admin/login/code", {"code": code(site)}).location == "/admin/login"


def test_setting_it_up_needs_a_code_and_shows_the_recovery_codes_once(site: Site, coach: Coach) -> None:
    page = Page(coach.get("/admin/account/second-step"))
    secret = page.one("input", name="secret")["value"] or ""
    assert (page.one("img", class_="qr")["src"] or "").startswith("data:image/svg+xml")
    assert " ".join(secret[i : i + 4] for i in range(0, 32, 4)) in page.words
    answer = coach.post("/admin/account/second-step", {"secret": secret, "code": "000000"})
    assert (answer.status_code, Page(answer).one("input", name="secret")["value"]) == (422, secret)
    answer = coach.post("/admin/account/second-step", {"secret": secret, "code": code(site, secret)})
    assert answer.status_code == 200
    with site.world.database.read() as session:
        row = admins.everyone(session)[0]
        codes = [word for word in Page(answer).words.split() if second_factor.kept(word) in row.recovery_hashes]
    assert (row.totp_secret, len(codes), len(row.recovery_hashes)) == (secret, 10, 10)
    assert not [one for one in codes if one in coach.get("/admin/account").text]
    assert coach.get("/admin/account/second-step").location == "/admin/account"
    stolen = {"secret": SECRET, "code": code(site)}
    assert coach.post("/admin/account/second-step", stolen).location == "/admin/account"  # it is on already
    browser = at_the_second_step(site)
    assert browser.post("/admin/login/code", {"code": code(site, secret)}).status_code == 422  # used for the set-up
    assert browser.post("/admin/login/code", {"code": codes[3]}).location == "/admin/people"


@sqlite_only
@pytest.mark.parametrize("secret", ["", "short", "<script>", "a" * 32])
def test_a_secret_that_is_none_turns_nothing_on(site: Site, coach: Coach, secret: str) -> None:
    coach.post("/admin/account/second-step", {"secret": secret, "code": "000000"})
    with site.world.database.read() as session:
        assert admins.everyone(session)[0].totp_secret == ""


@sqlite_only
@pytest.mark.parametrize("action", ["second-step/off", "recovery-codes"])
def test_changing_it_needs_the_password(site: Site, action: str) -> None:
    browser = Browser(site).sign_in(with_phone(site))
    field = {"second-step/off": "off_password", "recovery-codes": "codes_password"}[action]
    before = site.rows("admin")
    answer = browser.post(f"/admin/account/{action}", {field: "wrong"})
    assert (answer.status_code, Page(answer).one("input", id=field)["aria-invalid"]) == (422, "true")
    assert site.rows("admin") == before
    assert browser.post(f"/admin/account/{action}", {field: PASSWORD}).status_code in {200, 303}
    [after] = site.rows("admin")
    assert bool(after.totp_secret) == (action == "recovery-codes")
    assert not set(after.recovery_hashes) & {second_factor.kept(one) for one in CODES}
    for _ in range(10):
        browser.post(f"/admin/account/{action}", {field: "wrong"})
    assert "Too many tries" in browser.post(f"/admin/account/{action}", {field: PASSWORD}).text


def test_two_at_once_cannot_use_one_code(site: Site) -> None:
    """The row is locked: the second one finds the counter moved."""
    coach = with_phone(site)
    good = code(site)
    results = []
    for _ in range(2):
        with site.world.database.write() as session:
            row = admins.by_id(session, coach.id, lock=True)
            assert row
            results.append(entering.with_code(session, row, good, site.world.machine))
    assert results == [True, False]
