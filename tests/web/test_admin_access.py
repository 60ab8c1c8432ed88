"""The coaches' door: shut to strangers everywhere, and what keeps it so."""

from datetime import timedelta
from typing import Any

import argon2
import pytest
from flask import Flask, request
from werkzeug.routing import Rule

from course.core import passwords
from course.store import admins, attempts
from course.store.models import Admin
from course.web import doors
from course.web.admin import access
from tests.factories import SECRET
from tests.web.admin import PASSWORD, Browser, Coach, add_coach
from tests.web.site import Page, Site, sqlite_only

FORM = {"email": "coach@clinic.test", "password": PASSWORD}
WRONG = {"email": "coach@clinic.test", "password": "not the password"}


def admin_rules(app: Flask) -> list[tuple[Rule, str]]:
    """Every rule of the admin with an address that fits it."""
    values = {"int": 1, "default": "x", "path": "x", "string": "x"}
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("admin."):
            kinds = {name: values[rule._converters[name].__class__.__name__.removesuffix("Converter").lower()
                                  .replace("integer", "int").replace("unicode", "string")]
                     for name in rule.arguments}  # fmt: skip
            found.append((rule, app.url_map.bind("course.example").build(rule.endpoint, kinds)))
    return found


@sqlite_only
def test_every_page_leads_a_stranger_to_the_sign_in_and_back(site: Site) -> None:
    stranger, seen = Browser(site), 0
    for rule, url in admin_rules(site.app):
        if "GET" in rule.methods and doors.is_for_coaches(site.app.view_functions[rule.endpoint]):
            answer = stranger.get(url)
            assert answer.status_code == 303, url
            assert answer.location.startswith("/admin/login"), url
            assert access.safe_next(answer.location.partition("next=")[2].replace("%2F", "/") or None) == url
            seen += 1
    assert seen >= 5


@sqlite_only
def test_every_change_by_a_stranger_is_refused_and_changes_nothing(site: Site) -> None:
    stranger, before, seen = Browser(site), site.dump(), 0
    for rule, url in admin_rules(site.app):
        if "POST" in rule.methods and doors.is_for_coaches(site.app.view_functions[rule.endpoint]):
            assert stranger.post(url).location == "/admin/login", url
            assert stranger.post(url, json={}).status_code == 401, url
            seen += 1
    assert seen >= 8
    assert site.dump() == before


@sqlite_only
def test_every_change_needs_the_token_of_this_session(site: Site, coach: Coach) -> None:
    coach.get("/admin/account")
    other = Browser(site)._token()
    before, seen = site.dump(), 0
    for rule, url in admin_rules(site.app):
        if "POST" in rule.methods:
            for data in ({}, {"csrf_token": "x"}, {"csrf_token": other + "x"}):
                answer = coach.client.post(url, data=data)
                assert answer.status_code == 400, url
                assert "Please send that once more" in answer.text
            assert coach.client.post(url, json={}).status_code == 400, url
            seen += 1
    assert seen >= 11
    assert site.dump() == before


@sqlite_only
def test_a_form_without_a_referrer_is_taken_over_https(coach: Coach) -> None:
    """Our own pages send none where an address is a secret."""
    answer = coach.post("/admin/account", {"name": "Kim", "timezone": ""}, base_url="https://course.example")
    assert answer.location == "/admin/account"


def test_signing_in_and_out(site: Site) -> None:
    add_coach(site)
    browser = Browser(site)
    answer = browser.post("/admin/login?next=/admin/people", FORM)
    assert (answer.status_code, answer.location) == (303, "/admin/people")
    assert "Kim" in browser.get("/admin/people").text
    assert browser.get("/admin/login").location == "/admin"
    kept = browser.cookie()
    assert browser.post("/admin/logout").location == "/admin/login"
    assert browser.get("/admin/people").status_code == 303
    assert kept != browser.cookie()
    with site.world.database.read() as session:
        [row] = admins.everyone(session)
        assert row.seen_at == site.world.machine
        assert [entry.action for entry in admins.entries(session, 9, 0)] == ["sign in"]


@sqlite_only
def test_an_address_is_known_however_it_is_written(site: Site) -> None:
    add_coach(site)
    assert Browser(site).post("/admin/login", FORM | {"email": " Coach@Clinic.test "}).location == "/admin"


@sqlite_only
@pytest.mark.parametrize(
    "form", [WRONG, FORM | {"email": "nobody@clinic.test"}, FORM | {"email": "no address"}, {}, FORM | {"password": ""}]
)
def test_who_is_not_known_and_what_is_wrong_are_answered_alike(site: Site, form: dict[str, str]) -> None:
    add_coach(site)
    browser = Browser(site)
    answer = browser.post("/admin/login", form)
    assert answer.status_code == 422
    page = Page(answer)
    assert page.words.count("do not belong together") == 2
    assert page.one("input", id="email")["aria-invalid"] == "true"
    assert page.one("input", id="email").get("value", "") == form.get("email", "")
    assert "value" not in page.one("input", id="password")
    assert browser.get("/admin/account").status_code == 303


@sqlite_only
def test_a_coach_without_a_password_cannot_sign_in_with_none(site: Site) -> None:
    add_coach(site, password_hash="")
    for password in ("", "nobody knows this one"):
        assert Browser(site).post("/admin/login", FORM | {"password": password}).status_code == 422


@sqlite_only
@pytest.mark.parametrize(
    ("target", "goes_to"),
    [
        ("/admin/people?a=b", "/admin/people?a=b"),
        ("https://evil.test/admin", "/admin"),
        ("//evil.test/admin", "/admin"),
        ("/\\evil.test", "/admin"),
        ("/admin\\@evil.test", "/admin"),
        ("/admin/../outbox", "/admin"),
        ("/outbox", "/admin"),
        ("/administrator", "/admin"),
        ("javascript:alert(1)", "/admin"),
        ("/admin/\r\nSet-Cookie: a=b", "/admin"),
        ("///admin/people", "/admin"),
        ("", "/admin"),
    ],
)
def test_next_leads_nowhere_else(site: Site, target: str, goes_to: str) -> None:
    add_coach(site)
    answer = Browser(site).client.post(
        "/admin/login",
        query_string={"next": target},
        data=FORM | {"csrf_token": ""},
    )
    assert answer.status_code == 400
    browser = Browser(site)
    assert browser.post("/admin/login", FORM, query_string={"next": target}).location == goes_to


@sqlite_only
def test_a_session_that_somebody_planted_is_not_the_one_that_is_signed_in(site: Site) -> None:
    add_coach(site)
    browser, thief = Browser(site), Browser(site)
    browser.get("/admin/login")
    planted = browser.cookie()
    thief.client.set_cookie("coach", planted, domain="course.example", path="/admin")
    browser.post("/admin/login", FORM)
    assert browser.cookie() != planted
    with browser.client.session_transaction("/admin", base_url="https://course.example") as session:
        assert "csrf_token" not in session
    assert thief.get("/admin/account").status_code == 303


@sqlite_only
def test_a_cookie_of_ours_is_made_with_care(site: Site) -> None:
    """tests/web/admin.py looks at the flags of every cookie."""
    add_coach(site)
    browser = Browser(site)
    browser.post("/admin/login", FORM)
    assert site.app.config["PERMANENT_SESSION_LIFETIME"] == timedelta(days=14)
    assert site.but(public_url="http://127.0.0.1:8000").app.config["SESSION_COOKIE_SECURE"] is False
    forged = browser.cookie()[:-2] + "xx"
    browser.client.set_cookie("coach", forged, domain="course.example", path="/admin")
    assert browser.get("/admin/account").status_code == 303


@sqlite_only
def test_no_public_page_sets_or_reads_a_cookie(site: Site, coach: Coach) -> None:
    for path in ("/", "/healthz", "/nothing", "/static/course.css"):
        answer = coach.get(path)  # its client refuses every Set-Cookie outside of /admin
        assert "Cookie" not in answer.headers.get("Vary", ""), path


@sqlite_only
def test_a_session_ends_after_two_weeks_whatever_was_done_in_it(site: Site, coach: Coach) -> None:
    site.world.go(days=13.9)
    assert coach.get("/admin/account").status_code == 200
    coach.post("/admin/account", {"name": "Kim", "timezone": ""})  # the cookie is signed anew for the message
    site.world.go(days=0.2)
    assert coach.get("/admin/account").status_code == 303


@sqlite_only
def test_a_secret_that_rotates_ends_no_session(site: Site, coach: Coach) -> None:
    later = Browser(site.but(secrets=["another secret, newer than the other", SECRET]))
    later.client.set_cookie("coach", coach.cookie(), domain="course.example", path="/admin")
    assert later.get("/admin/account").status_code == 200
    gone = Browser(site.but(secrets=["another secret, newer than the other"]))
    gone.client.set_cookie("coach", coach.cookie(), domain="course.example", path="/admin")
    assert gone.get("/admin/account").status_code == 303


def test_signing_out_everywhere_ends_every_session(site: Site, coach: Coach) -> None:
    phone = Browser(site).sign_in(coach.row)
    other = Browser(site).sign_in(add_coach(site, "other@clinic.test"))
    assert coach.post("/admin/account/sign-out-everywhere").location == "/admin/login"
    assert [b.get("/admin/account").status_code for b in (coach, phone, other)] == [303, 303, 200]


def test_a_new_password_needs_the_old_one_and_ends_the_other_sessions(site: Site, coach: Coach) -> None:
    phone, new = Browser(site).sign_in(coach.row), "four words of one colour"
    answer = coach.post("/admin/account/password", {"old_password": "wrong", "new_password": new})
    assert (answer.status_code, Page(answer).words.count("This is not your password.")) == (422, 2)
    assert phone.get("/admin/account").status_code == 200
    fields = {"old_password": PASSWORD, "new_password": new}
    assert coach.post("/admin/account/password", fields).location == "/admin/account"
    assert coach.get("/admin/account").status_code == 200
    assert phone.get("/admin/account").status_code == 303
    assert Browser(site).post("/admin/login", FORM).status_code == 422
    assert Browser(site).post("/admin/login", FORM | {"password": new}).location == "/admin"


@sqlite_only
@pytest.mark.parametrize("new", ["short", "password12345", "coach@clinic.test", "x" * 201, "aaaaaaaaaaaaaa"])
def test_a_bad_password_is_refused_with_a_reason(coach: Coach, new: str) -> None:
    answer = coach.post("/admin/account/password", {"old_password": PASSWORD, "new_password": new})
    assert answer.status_code == 422
    assert Page(answer).one("input", id="new_password")["aria-describedby"] == "new_password-wrong new_password-hint"
    assert new not in answer.text or new == "coach@clinic.test"


def test_an_old_hash_is_made_anew_at_the_next_sign_in(site: Site) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    add_coach(site, password_hash=weak)
    assert Browser(site).post("/admin/login", FORM).location == "/admin"
    with site.world.database.read() as session:
        [row] = admins.everyone(session)
    assert row.password_hash != weak
    assert not passwords.is_outdated(row.password_hash)
    assert passwords.matches(row.password_hash, PASSWORD)


def test_guesses_are_counted_for_all_processes_and_end_by_themselves(site: Site) -> None:
    add_coach(site)
    one, other = Browser(site), Browser(Site(site.world))  # two apps on one database
    for browser in (one, other) * 5:
        assert browser.post("/admin/login", WRONG).status_code == 422
        site.world.go(seconds=10)
    for browser in (one, other):
        answer = browser.post("/admin/login", FORM)
        assert (answer.status_code, "Wait 14 minutes" in answer.text) == (429, True)
    elsewhere: dict[str, Any] = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    assert other.post("/admin/login", FORM, **elsewhere).location == "/admin"
    site.world.go(minutes=14)
    assert one.post("/admin/login", FORM).location == "/admin"
    assert one.post("/admin/logout").status_code == 303
    assert one.post("/admin/login", WRONG).status_code == 422  # and the count began anew


@sqlite_only
def test_guesses_from_many_places_are_counted_too(site: Site) -> None:
    add_coach(site)
    key = account_key(site)
    with site.world.database.write() as session:
        attempts.add(session, [key] * 50, site.world.machine)
    answer = Browser(site).post("/admin/login", FORM, environ_base={"REMOTE_ADDR": "2001:db8::1"})
    assert (answer.status_code, "Wait 15 minutes" in answer.text) == (429, True)


def account_key(site: Site) -> str:
    """The key under which a try at this account was counted, wherever it came from."""
    Browser(site).post("/admin/login", WRONG)
    return next(row.key for row in site.rows("attempt") if row.key.count(":") == 1 and len(row.key) == 22)


@sqlite_only
def test_a_coach_who_is_gone_is_signed_out_at_once(site: Site, coach: Coach) -> None:
    with site.world.database.write() as session:
        admins.remove(session, session.get_one(Admin, coach.row.id))
    assert coach.get("/admin/account").status_code == 303


@sqlite_only
def test_a_view_for_coaches_outside_of_the_admin_is_shut_to_all(site: Site) -> None:
    app = site.build()
    app.add_url_rule("/elsewhere", view_func=doors.coaches_only(lambda: "come in"))
    assert app.test_client().get("/elsewhere").status_code == 403


@sqlite_only
def test_what_is_not_there_is_said_in_the_coaches_frame(coach: Coach) -> None:
    answer = coach.get("/admin/people/999")
    assert answer.status_code == 404
    assert "Sign out" in answer.text


@pytest.mark.parametrize(
    ("path", "inside"),
    [("/", False), ("/readers/x", False), ("/administer", False), ("/admin", True), ("/admin/people", True)],
)
def test_a_session_is_opened_in_the_admin_only(site: Site, path: str, inside: bool) -> None:
    with site.app.test_request_context(path):
        found = site.app.session_interface.open_session(site.app, request)
    assert (found is not None) == inside
