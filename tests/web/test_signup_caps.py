"""Sign-ups in a crowd: served as they come within their caps, above them with patience or work; never more mails to one
address, whatever happens."""

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from course.actions import signup_caps, throttle
from course.actions.signup_caps import SignupCaps
from course.core import proof_of_work
from course.core.tokens import Purpose, Tokens, epoch
from tests.factories import SECRET
from tests.web.site import Page, Site, sqlite_only
from tests.web.test_at_once import THREADS, at_once

CAPS = SignupCaps(per_ip=2, per_network=3, waited=2, worked=4, cost=1)
OFFICE = "203.0.113.7"


@pytest.fixture
def small(site: Site) -> Site:
    """The caps are so low that a test can reach them."""
    return site.but(signup_caps=CAPS)


def sign_up(site: Site, email: str, ip: str = OFFICE, **fields: Any) -> TestResponse:
    form = {"email": email, "name": "Ann", "timezone": "Europe/Berlin", "source": "blog: knee"} | fields
    return site.post("/signups", data=form, environ_base={"REMOTE_ADDR": ip})


def ticket_of(response: TestResponse) -> str:
    assert response.status_code == 429
    return str(Page(response).one("input", name="ticket")["value"])


def solved(ticket: str, cost: int = CAPS.cost) -> str:
    return next(str(n) for n in count() if proof_of_work.is_done(ticket, str(n), cost))


def fill(site: Site, ip: str = OFFICE) -> str:
    """Uses up what this address has; the ticket that comes then."""
    for number in range(CAPS.per_ip):
        assert sign_up(site, f"first{number}@runner.test", ip).status_code == 200
    return ticket_of(sign_up(site, "late@runner.test", ip))


def test_within_the_caps_a_bare_form_is_served_and_above_them_nothing_is_stored(small: Site) -> None:
    fill(small)
    assert len(small.rows("subscriber")) == CAPS.per_ip
    assert len(small.rows("delivery")) == CAPS.per_ip
    assert len(small.rows("attempt")) == 2 * CAPS.per_ip


def test_json_is_counted_with_the_form_and_gets_a_ticket_too(small: Site) -> None:
    fill(small)
    ask = {"email": "late@runner.test"}
    said = small.post("/signups", json=ask, environ_base={"REMOTE_ADDR": OFFICE})
    assert said.status_code == 429
    assert said.headers["Retry-After"] == "5"
    assert said.headers["Access-Control-Allow-Origin"] == "*"
    small.world.go(seconds=5)
    again = small.post("/signups", json=ask | {"ticket": said.json["ticket"]}, environ_base={"REMOTE_ADDR": OFFICE})
    assert again.status_code == 202


def test_a_network_has_a_cap_of_its_own_and_another_network_is_not_touched(small: Site) -> None:
    assert sign_up(small, "a@runner.test", "203.0.113.1").status_code == 200
    assert sign_up(small, "b@runner.test", "203.0.113.2").status_code == 200
    assert sign_up(small, "c@runner.test", "203.0.113.3").status_code == 200
    assert sign_up(small, "d@runner.test", "203.0.113.4").status_code == 429
    assert sign_up(small, "d@runner.test", "203.0.114.4").status_code == 200
    assert sign_up(small, "e@runner.test", "2001:db8::1").status_code == 200
    assert sign_up(small, "f@runner.test", "2001:db8::2:2").status_code == 200
    assert sign_up(small, "g@runner.test", "2001:db8::3:3:3").status_code == 200
    assert sign_up(small, "h@runner.test", "2001:db8::4:4:4:4").status_code == 429


def test_after_an_hour_it_is_as_before(small: Site) -> None:
    fill(small)
    small.world.go(minutes=61)
    assert sign_up(small, "late@runner.test").status_code == 200


@sqlite_only
def test_the_page_keeps_what_was_typed_and_needs_no_script(small: Site) -> None:
    fill(small)
    page = Page(sign_up(small, "zoë@runner.test".replace("ë", "e"), name='Zoë "Z"'))
    assert page.one("form")["action"] == "/signups"
    kept = {name: page.one("input", name=name)["value"] for name in ("email", "name", "timezone", "source", "course")}
    assert kept == {
        "email": "zoe@runner.test", "name": 'Zoë "Z"', "timezone": "Europe/Berlin", "source": "blog: knee",
        "course": "running",
    }  # fmt: skip
    assert "Wait 5 seconds" in page.words


def test_a_ticket_is_good_after_five_seconds_and_too_early_it_is_kept(small: Site) -> None:
    ticket = fill(small)
    small.world.go(seconds=4)
    early = sign_up(small, "late@runner.test", ticket=ticket)
    assert ticket_of(early) == ticket
    assert "too quick" in Page(early).words
    small.world.go(seconds=1)
    assert sign_up(small, "late@runner.test", ticket=ticket).status_code == 200


@sqlite_only
def test_with_work_nobody_waits(small: Site) -> None:
    ticket = fill(small)
    assert sign_up(small, "late@runner.test", ticket=ticket, work=solved(ticket)).status_code == 200


@pytest.mark.parametrize("worked", [False, True])
def test_a_ticket_is_good_once(small: Site, worked: bool) -> None:
    ticket = fill(small)
    small.world.go(seconds=6)
    work = solved(ticket) if worked else ""
    assert sign_up(small, "late@runner.test", ticket=ticket, work=work).status_code == 200
    again = sign_up(small, "later@runner.test", "198.51.100.9", ticket=ticket, work=work)
    assert ticket_of(again) != ticket
    assert len(small.rows("subscriber")) == CAPS.per_ip + 1


def test_a_ticket_of_another_key_or_of_yesterday_is_as_good_as_none(small: Site) -> None:
    fill(small)
    forged = Tokens(["x" * 40]).make(Purpose.TICKET, epoch(small.world.machine), 1)
    other = small.world.letters.links.tokens.make(Purpose.LEAVE, epoch(small.world.machine), 1)
    small.world.go(minutes=1)
    for ticket in (forged, other, "x", "1-1.x", "é" * 50):
        assert sign_up(small, "late@runner.test", ticket=ticket, work="1").status_code == 429
    future = small.world.letters.links.tokens.make(Purpose.TICKET, epoch(small.world.machine) + 3000, 1)
    assert sign_up(small, "late@runner.test", ticket=future, work=solved(future)).status_code == 429
    old = small.world.letters.links.tokens.make(Purpose.TICKET, epoch(small.world.machine) - 3600, 1)
    assert sign_up(small, "late@runner.test", ticket=old, work=solved(old)).status_code == 429


@sqlite_only
def test_work_that_was_not_done_is_no_work(small: Site) -> None:
    ticket = fill(small)
    wrong = next(str(n) for n in count() if not proof_of_work.is_done(ticket, str(n), CAPS.cost))
    for work in (wrong, "-1", "1e3", "٣", "9" * 400, solved("another")):
        if not proof_of_work.is_done(ticket, work, CAPS.cost):
            assert sign_up(small, "late@runner.test", ticket=ticket, work=work).status_code == 429


def test_patience_and_work_have_caps_too_and_the_last_word_is_kind(small: Site) -> None:
    fill(small)
    for number in range(CAPS.waited):
        ticket = ticket_of(sign_up(small, f"waited{number}@runner.test"))
        small.world.go(seconds=5)
        assert sign_up(small, f"waited{number}@runner.test", ticket=ticket).status_code == 200
    for number in range(CAPS.worked):
        ticket = ticket_of(sign_up(small, f"worked{number}@runner.test"))
        assert sign_up(small, f"worked{number}@runner.test", ticket=ticket, work=solved(ticket)).status_code == 200
    ticket = ticket_of(sign_up(small, "last@runner.test"))
    full = sign_up(small, "last@runner.test", ticket=ticket, work=solved(ticket))
    assert full.status_code == 429
    assert full.headers["Retry-After"] == "3600"
    assert "come back in an hour" in Page(full).words


@sqlite_only
def test_an_address_that_cannot_be_is_refused_before_it_is_counted(small: Site) -> None:
    for _ in range(5):
        assert sign_up(small, "no address").status_code == 422
    assert not small.rows("attempt")


def test_what_fills_the_trap_is_not_counted_and_learns_nothing(small: Site) -> None:
    for _ in range(5):
        assert sign_up(small, "bot@runner.test", website="https://pills.example").status_code == 200
    assert not small.rows("attempt")


def test_caps_of_nothing_are_no_caps(site: Site) -> None:
    free = site.but(signup_caps=SignupCaps(per_ip=0, per_network=0))
    for number in range(70):  # more than either cap would be
        assert sign_up(free, f"ann{number}@runner.test").status_code == 200
    assert not free.rows("attempt")


def test_no_address_of_a_network_stands_in_the_counts(small: Site) -> None:
    ticket = fill(small)
    sign_up(small, "late@runner.test", ticket=ticket, work=solved(ticket))
    assert all("203.0" not in row.key and ticket not in row.key for row in small.rows("attempt"))


def test_a_ticket_that_is_used_at_once_by_many_is_good_once(small: Site) -> None:
    ticket = fill(small)
    work = solved(ticket)
    statuses = at_once(lambda number: sign_up(small, f"r{number}@runner.test", ticket=ticket, work=work).status_code)
    assert statuses == {200: 1, 429: THREADS - 1}


def test_every_process_counts_the_same(small: Site) -> None:
    other = small.but(signup_caps=CAPS)
    assert sign_up(small, "a@runner.test").status_code == 200
    assert sign_up(other, "b@runner.test").status_code == 200
    assert {sign_up(site, "c@runner.test").status_code for site in (small, other)} == {429}


def test_old_counts_are_forgotten_by_the_worker(small: Site) -> None:
    fill(small)
    small.world.go(hours=25)
    with small.world.database.write() as session:
        throttle.prune(session, small.world.machine)
    assert not small.rows("attempt")


@sqlite_only
def test_a_thousand_hostile_sign_ups_for_one_address_are_three_mails(site: Site) -> None:
    guarded = site.but(signup_caps=SignupCaps())
    for number in range(1000):
        ip = f"{10 + number % 200}.{number // 200}.7.9"
        assert sign_up(guarded, "ann@runner.test", ip).status_code == 200
    assert len(site.rows("delivery")) == 3
    site.world.drain()
    assert len(site.world.mails()) == 3


@sqlite_only
def test_a_thousand_people_in_one_office_are_all_served_within_the_hour(site: Site) -> None:
    """As they come, after waiting, or with work: whoever is asked does what the page asks for."""
    office = site.but(signup_caps=SignupCaps(cost=1))
    kinds = {"bare": 0, "waited": 0, "worked": 0}
    for number in range(1000):
        email, ip = f"runner{number}@office.test", f"203.0.113.{number % 4}"
        said, kind = sign_up(office, email, ip), "bare"
        if said.status_code == 429:
            ticket, kind = ticket_of(said), "waited" if number % 4 == 0 else "worked"
            office.world.go(seconds=5 if kind == "waited" else 1)
            said = sign_up(office, email, ip, ticket=ticket, work=solved(ticket, 1) if kind == "worked" else "")
        assert said.status_code == 200
        kinds[kind] += 1
    assert len(office.rows("subscriber")) == len(office.rows("delivery")) == 1000
    assert kinds["bare"] == 60
    assert min(kinds.values()) > 0


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_two_addresses_are_one_network_when_three_numbers_agree(one: Any, other: Any) -> None:
    same = str(one).rpartition(".")[0] == str(other).rpartition(".")[0]
    assert (signup_caps.places(str(one), SECRET)[1] == signup_caps.places(str(other), SECRET)[1]) == same


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_an_ipv6_network_is_its_first_half(one: Any, rest: int) -> None:
    inside = type(one)((int(one) >> 64 << 64) | rest)
    if one.ipv4_mapped is None and inside.ipv4_mapped is None:
        assert signup_caps.places(str(one), SECRET)[1] == signup_caps.places(str(inside), SECRET)[1]


def test_an_ipv4_address_is_the_same_in_both_spellings() -> None:
    assert signup_caps.places("::ffff:192.0.2.1", SECRET) == signup_caps.places("192.0.2.1", SECRET)


@pytest.mark.parametrize("ip", ["", "unix:", "999.1.1.1", "evil'\"<>"])
def test_what_is_no_address_is_one_place(ip: str) -> None:
    assert signup_caps.places(ip, SECRET) == signup_caps.places("", SECRET)


def test_the_work_is_altchas() -> None:
    """The counter that ALTCHA's own solver (its Python package, 2.3.0) found; the browser tests run its worker."""
    assert solved("some text", 3) == "234"
