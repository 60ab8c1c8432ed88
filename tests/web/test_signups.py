"""Sign-up by form and by JSON: what is stored, what is answered, and what nobody learns from the answer."""

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from tests.factories import SECRET
from tests.web.site import Page, Site, sqlite_only

ANN = {"email": "ann@runner.test", "name": "Ann", "timezone": "Europe/Berlin", "source": "blog:knee"}


@pytest.mark.parametrize("how", ["data", "json"])
def test_a_sign_up_is_kept_with_its_proof_and_asks_by_mail(site: Site, how: str) -> None:
    headers = {"User-Agent": "A browser", "Referer": "https://blog.example/knee?utm=1#top"}
    site.post("/signups", **{how: ANN}, headers=headers, environ_base={"REMOTE_ADDR": "203.0.113.9"})
    [person] = site.rows("subscriber")
    assert (person.email, person.name, person.timezone) == ("ann@runner.test", "Ann", "Europe/Berlin")
    assert person.confirmed_at is None
    [consent] = site.rows("consent")
    assert (consent.kind, consent.source, consent.ip) == ("signup", "blog:knee", "203.0.113.9")
    assert (consent.user_agent, consent.wording) == ("A browser", "2026-11")
    assert consent.created_at == site.world.machine
    [delivery] = site.rows("delivery")
    assert (delivery.kind, delivery.state) == ("confirm", "queued")
    assert not site.rows("enrollment")
    assert not site.world.outbox.exists()  # a web request never sends


def test_the_answer_to_a_form_is_a_page_that_says_what_to_look_for(site: Site) -> None:
    response = site.post("/signups", data=ANN)
    assert response.status_code == 200
    words = Page(response).words
    for word in ("ann@runner.test", "Coaches", "Confirm your place: Five lessons"):
        assert word in words


@sqlite_only
def test_the_answer_to_json_is_json(site: Site) -> None:
    response = site.post("/signups", json=ANN)
    assert response.status_code == 202
    assert response.mimetype == "application/json"
    assert set(response.json) == {"message"}


@sqlite_only
def test_only_the_address_is_needed(site: Site) -> None:
    site.post("/signups", json={"email": "ann@runner.test"})
    site.post("/signups", json={"email": "bob@runner.test", "name": None, "timezone": None, "source": None})
    site.post("/signups", data={"email": "eve@runner.test"}, content_type="multipart/form-data")
    assert [(row.name, row.timezone) for row in site.rows("subscriber")] == [("", "")] * 3


@sqlite_only
def test_without_a_named_source_it_is_the_page_that_linked_here_less_its_query(site: Site) -> None:
    for referrer in (
        "https://blog.example/knee?email=ann#x",
        "",
        "http://[",
        "mailto:a@b",
        "https://x.example/" + "é" * 900,
    ):
        site.post("/signups", json={"email": "ann@runner.test"}, headers={"Referer": referrer})
    sources = [row.source for row in site.rows("consent")]
    assert sources[:4] == ["https://blog.example/knee", "", "", ""]
    assert sources[4].startswith("https://x.example/")
    assert len(sources[4]) == 200


def test_the_same_person_in_other_letters_is_the_same_subscriber(site: Site) -> None:
    for email in ("bob@bücher.example", "BOB@xn--bcher-kva.example", "Bob@BÜCHER.example", "bob@bu\u0308cher.example"):
        assert site.post("/signups", json={"email": email}).status_code == 202
    [person] = site.rows("subscriber")
    assert person.email_key == "bob@xn--bcher-kva.example"
    assert len(site.rows("consent")) == 4


def test_no_more_than_three_confirmations_a_day_go_to_one_address(site: Site) -> None:
    for _ in range(10):
        assert site.post("/signups", json=ANN).status_code == 202
        site.world.go(minutes=5)
    assert len(site.rows("delivery")) == 3
    site.world.go(days=1)
    site.post("/signups", json=ANN)
    assert len(site.rows("delivery")) == 4
    site.world.drain()
    assert {mail["To"] for mail in site.world.mails()} == {"ann@runner.test"}


def _answers(site: Site, email: str) -> list[tuple[int, str, list[tuple[str, str]]]]:
    answers: list[TestResponse] = [
        site.post("/signups", data={"email": email}),
        site.post("/signups", json={"email": email}),
        site.post("/signups", json={"email": email}, headers={"Origin": "https://blog.example"}),
    ]
    return [
        (answer.status_code, answer.text.replace(email, "(the address)"), _without_length(answer)) for answer in answers
    ]


def _without_length(answer: TestResponse) -> list[tuple[str, str]]:
    return [(name, value) for name, value in answer.headers if name != "Content-Length"]


def test_nobody_learns_from_the_answer_who_is_a_reader(site: Site) -> None:
    site.world.sign_up("known@runner.test")
    site.world.enroll("confirmed@runner.test")
    left = site.world.enroll("left@runner.test")
    with site.world.database.write() as session:
        session.get_one(site.world.enrollment(left).__class__, left).status = "left"
    site.suppress("complained@runner.test")
    site.suppress("bounced@runner.test", "bounce")
    for _ in range(4):
        site.world.sign_up("often@runner.test")
    new = _answers(site, "new@runner.test")
    assert [status for status, _, _ in new] == [200, 202, 202]
    for who in ("known", "confirmed", "left", "complained", "bounced", "often", "new"):
        assert _answers(site, f"{who}@runner.test") == new, who


def test_a_suppressed_address_gets_no_mail(site: Site) -> None:
    site.suppress("ann@runner.test")
    site.suppress("bob@runner.test", "bounce")
    for email in ("ann@runner.test", "bob@runner.test"):
        assert site.post("/signups", json={"email": email}).status_code == 202
    site.world.drain()
    assert site.world.mails() == []
    site.world.go(days=31)
    for email in ("ann@runner.test", "bob@runner.test"):
        site.post("/signups", json={"email": email})
    site.world.drain()
    assert [mail["To"] for mail in site.world.mails()] == ["bob@runner.test"]  # a bounce may try again, after a month


@pytest.mark.parametrize("how", ["data", "json"])
def test_what_fills_the_trap_is_told_the_same_and_nothing_is_stored(site: Site, how: str) -> None:
    person = site.post("/signups", **{how: ANN})
    before = site.dump()
    machine = site.post("/signups", **{how: ANN | {"website": "https://pills.example"}})
    assert (machine.status_code, machine.data) == (person.status_code, person.data)
    assert site.dump() == before


@sqlite_only
def test_a_confirmed_readers_name_and_zone_are_not_changed_by_whoever_knows_the_address(site: Site) -> None:
    site.world.sign_up(name="Anne", timezone="Asia/Tokyo")
    site.post("/signups", json=ANN)
    assert [(row.name, row.timezone) for row in site.rows("subscriber")] == [("Ann", "Europe/Berlin")]
    site.world.enroll(name="Ann")
    site.post("/signups", json=ANN | {"name": "Mallory", "timezone": "Asia/Tokyo"})
    assert [(row.name, row.timezone) for row in site.rows("subscriber")] == [("Ann", "Europe/Berlin")]


def test_the_mail_holds_nothing_that_was_typed_but_the_address_it_goes_to(site: Site) -> None:
    typed = {"name": "BUY-PILLS", "source": "CHEAP-WATCHES", "email": "ann@runner.test", "website": ""}
    headers = {"User-Agent": "EVIL-AGENT", "Referer": "https://evil.example/PAGE", "Host": "evil.example"}
    site.post("/signups", data=typed, headers=headers)
    site.world.drain()
    [mail] = site.world.mails()
    whole = mail.as_string() + "".join(part.get_content() for part in mail.iter_parts())
    for word in ("BUY-PILLS", "CHEAP-WATCHES", "EVIL-AGENT", "evil.example", SECRET):
        assert word not in whole
    assert "List-Unsubscribe" not in mail


@sqlite_only
def test_a_blog_on_another_origin_may_send_json_and_read_every_answer(site: Site) -> None:
    origin = {"Origin": "https://blog.example"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    preflight = site.open("/signups", method="OPTIONS", headers=origin | asks)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "content-type" in preflight.headers["Access-Control-Allow-Headers"].lower()
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    answers = {
        202: site.post("/signups", json=ANN, headers=origin),
        422: site.post("/signups", json={}, headers=origin),
        400: site.post("/signups", data="{", content_type="application/json", headers=origin),
        404: site.post("/signups", json=ANN | {"course": "none"}, headers=origin),
        413: site.post("/signups", json={"email": "x" * 70_000}, headers=origin),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.is_json


@sqlite_only
def test_no_other_address_is_open_to_scripts_of_other_origins(site: Site) -> None:
    for path in ("/", "/healthz", "/confirmations/x", "/unsubscriptions/x", "/readers/x", "/outbox"):
        for method in ("GET", "OPTIONS"):
            answer = site.open(path, method=method, headers={"Origin": "https://blog.example"})
            assert "Access-Control-Allow-Origin" not in answer.headers


@sqlite_only
def test_a_confirmation_link_is_good_for_seven_days_from_when_it_was_sent(site: Site) -> None:
    site.post("/signups", json=ANN)
    site.world.go(days=6)
    site.world.drain()
    [mail] = site.world.mails()
    assert mail["Date"].datetime - site.world.machine < timedelta(seconds=1)
