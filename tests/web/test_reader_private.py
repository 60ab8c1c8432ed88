"""Behind the second link: name, address, data, links and erasure; and what becomes of a link that is not good."""

import re
from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import update

from course.core.links import Links
from course.core.status import Sent
from course.core.tokens import Purpose, Tokens, epoch
from course.store.models import Delivery
from course.worker.notifier import Notifier
from tests.factories import PUBLIC_URL
from tests.web.site import Page, Site, link, sqlite_only, urls

NEW = "ann@new.test"


@pytest.fixture
def url(site: Site) -> str:
    """The page of a reader who had lesson 1."""
    site.reader()
    return link(site.lesson(), "/readers/")


def send(site: Site) -> None:
    world = site.world
    notifier = Notifier(world.database, world.sender.sending, world.now, world.sender.backoff)
    while notifier.step():
        pass


def newest(site: Site, kind: str) -> EmailMessage:
    send(site)
    mail = site.world.mails()[-1]
    assert kind in str(mail["Subject"])
    return mail


def private(site: Site, url: str) -> str:
    """The second link, out of the mail that the button sends."""
    assert site.post(f"{url}/link").status_code == 303
    return link_in(newest(site, "Your link"), "/readers/private/")


def link_in(mail: EmailMessage, path: str) -> str:
    [found] = [one for one in urls(mail) if path in one]
    return found


def test_the_second_link_comes_by_mail_and_is_good_for_half_an_hour(site: Site, url: str) -> None:
    second = private(site, url)
    mail = site.world.mails()[-1]
    assert (mail["To"], mail["List-Unsubscribe"]) == ("ann@runner.test", None)
    assert "Coaches" in str(mail["From"])
    for minutes in (0, 29):
        site.world.machine += timedelta(minutes=minutes)
        assert "ann@runner.test" in Page(site.get(second)).words
    site.world.machine += timedelta(minutes=1)
    answer = site.get(second)
    assert answer.status_code == 404
    assert "This link does not work" in Page(answer).words


def test_three_links_in_an_hour_are_enough(site: Site, url: str) -> None:
    assert [site.post(f"{url}/link").status_code for _ in range(5)] == [303, 303, 303, 422, 422]
    page = Page(site.post(f"{url}/link"))
    assert "We sent 3 mails within the last hour" in page.words
    site.world.go(minutes=61)
    assert site.post(f"{url}/link").status_code == 303
    assert len(site.rows("notice")) == 4


@sqlite_only
def test_an_address_that_is_not_mailed_gets_no_link(site: Site, url: str) -> None:
    site.suppress("ann@runner.test")
    answer = site.post(f"{url}/link")
    assert answer.status_code == 422
    assert site.rows("notice") == []


@sqlite_only
def test_the_link_and_the_address_stand_in_no_row_once_the_mail_went(site: Site, url: str) -> None:
    private(site, url)
    [notice] = site.rows("notice")
    assert notice.message == {}


def test_the_name_is_changed_and_a_wrong_one_is_refused(site: Site, url: str) -> None:
    second = private(site, url)
    assert site.post(f"{second}/name", data={"name": " Zoë  B "}).status_code == 303
    assert site.rows("subscriber")[0].name == "Zoë B"
    answer = site.post(f"{second}/name", data={"name": "www.example.org"})
    assert answer.status_code == 422
    field = Page(answer).one("input", id="name")
    assert (field["value"], field["aria-invalid"]) == ("www.example.org", "true")


def test_a_new_address_counts_when_somebody_there_says_yes(site: Site, url: str) -> None:
    second = private(site, url)
    assert site.post(f"{second}/address", data={"address": NEW}).status_code == 303
    mail = newest(site, "Your new address")
    assert mail["To"] == NEW
    confirm = link_in(mail, "/readers/addresses/")
    assert NEW in Page(site.get(confirm)).words
    assert site.rows("subscriber")[0].email == "ann@runner.test"
    assert "From now on they go to ann@new.test" in Page(site.post(confirm)).words
    [person] = site.rows("subscriber")
    assert (person.email, person.email_key, person.new_email) == (NEW, NEW, None)
    assert site.get(confirm).status_code == 404
    site.go_on(1)
    assert [mail["To"] for mail in site.lessons()] == ["ann@runner.test", NEW]
    assert "ann@runner.test" not in str(site.dump())


def test_an_address_does_not_move_while_a_mail_is_under_way(site: Site, url: str) -> None:
    second = private(site, url)
    site.post(f"{second}/address", data={"address": NEW})
    confirm = link_in(newest(site, "Your new address"), "/readers/addresses/")
    with site.world.database.write() as session:  # nobody knows whether lesson 1 arrived
        session.execute(update(Delivery).where(Delivery.lesson_id.is_not(None)).values(state=Sent.UNKNOWN))
    answer = site.post(confirm)
    assert answer.status_code == 422
    assert "on its way at this moment" in Page(answer).words
    assert site.rows("subscriber")[0].email == "ann@runner.test"


def test_nobody_learns_by_this_form_who_is_a_reader_and_nobody_is_bombed(site: Site, url: str) -> None:
    site.reader("bob@runner.test", "Bob")
    second = private(site, url)
    answers = [site.post(f"{second}/address", data={"address": "bob@runner.test"})]
    assert [row.email for row in site.rows("notice")] == ["ann@runner.test"]
    answers.append(site.post(f"{second}/address", data={"address": "new@runner.test"}))
    assert [(a.status_code, a.location) for a in answers] == [(303, answers[0].location)] * 2
    assert [row.email for row in site.rows("notice")] == ["ann@runner.test", "new@runner.test"]
    site.post(f"{second}/address", data={"address": "third@runner.test"})
    assert site.post(f"{second}/address", data={"address": "fourth@runner.test"}).status_code == 422


def test_only_the_newest_address_that_was_asked_for_can_say_yes(site: Site, url: str) -> None:
    second = private(site, url)
    site.post(f"{second}/address", data={"address": "first@new.test"})
    first = link_in(newest(site, "Your new address"), "/readers/addresses/")
    site.post(f"{second}/address", data={"address": "second@new.test"})
    assert site.post(first).status_code == 404
    assert site.rows("subscriber")[0].email == "ann@runner.test"


def test_an_address_that_somebody_took_meanwhile_is_refused(site: Site, url: str) -> None:
    second = private(site, url)
    site.post(f"{second}/address", data={"address": NEW})
    confirm = link_in(newest(site, "Your new address"), "/readers/addresses/")
    site.reader(NEW, "Bob")
    answer = site.post(confirm)
    assert answer.status_code == 422
    assert "cannot be used" in Page(answer).words
    assert [row.email for row in site.rows("subscriber")] == ["ann@runner.test", NEW]


@sqlite_only
@pytest.mark.parametrize("typed", ["", "x", "ann@runner..test", "ann@runner.test", "a" * 400 + "@b.test"])
def test_an_address_that_cannot_be_is_refused_and_stays_in_its_field(typed: str, site: Site, url: str) -> None:
    second = private(site, url)
    answer = site.post(f"{second}/address", data={"address": typed})
    assert answer.status_code == 422
    field = Page(answer).one("input", id="address")
    assert (field["value"], field["aria-invalid"]) == (typed, "true")


def test_old_links_are_made_useless_and_fresh_ones_are_mailed(site: Site, url: str) -> None:
    second = private(site, url)
    leave = str(site.lesson()["List-Unsubscribe"]).strip("<>")
    for _ in range(2):
        site.post(f"{url}/link")  # however many were asked for: this door is never shut
    assert "useless" in Page(site.post(f"{second}/links")).words
    for old in (url, second, f"{second}/numbers"):
        assert site.get(old).status_code == 404
    assert "We do not know this link" in Page(site.post(leave)).words
    mail = newest(site, "Your link")
    assert site.get(link_in(mail, "/readers/private/")).status_code == 200
    [page] = [one for one in urls(mail) if re.search(r"/readers/\d", one)]
    assert site.get(page).status_code == 200
    site.go_on(1)
    assert link(site.lesson(), "/readers/") == page


def test_the_data_are_all_that_is_kept_about_this_reader_and_nobody_else(site: Site, url: str) -> None:
    site.reader("bob@runner.test", "Bob")
    site.post(f"{url}/answer", data={"lesson": "1", "answer": "ten km"})
    answer = site.get(f"{private(site, url)}/data.json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    data = answer.get_json()
    assert data["person"][0]["email"] == "ann@runner.test"
    assert data["answers"][0]["text"] == "ten km"
    assert "bob" not in answer.text.lower()


@sqlite_only
def test_the_data_can_be_read_by_people(site: Site) -> None:
    site.reader("zoe@runner.test", "Zoë 李")
    page = link(site.lesson(), "/readers/")
    lines = site.get(f"{private(site, page)}/data.json").text.splitlines()
    assert lines[1] == '  "meaning": "Everything this course keeps about you. Times are UTC.",'
    assert '      "name": "Zoë 李",' in lines


def test_erasing_is_real_keeps_a_hash_that_blocks_lists_and_lets_the_reader_sign_up_again(site: Site, url: str) -> None:
    second = private(site, url)
    site.post(f"{second}/address", data={"address": NEW})
    assert site.post(f"{second}/erasure").status_code == 422
    assert len(site.rows("subscriber")) == 1
    answer = site.post(f"{second}/erasure", data={"sure": "yes"})
    assert "You are erased" in Page(answer).words
    assert re.search("ann@(runner|new).test", str(site.dump())) is None
    assert [row.email_key[:7] for row in site.rows("suppression")] == ["erased:"]
    assert len(site.world.journal.read().departures) == 1
    for gone in (url, second):
        assert site.get(gone).status_code == 404
    site.reader()
    assert "Hello, Ann" in Page(site.get(link(site.lesson(), "/readers/"))).words


@sqlite_only
def test_a_link_that_is_forged_swapped_cut_or_old_gets_one_and_the_same_answer(site: Site, url: str) -> None:
    second = private(site, url)
    site.reader("bob@runner.test", "Bob")
    token, ends = second.rsplit("/", 1)[1], epoch(site.world.machine) + 1800
    links = site.world.letters.links
    make, other = links.tokens.make, Links(PUBLIC_URL, Tokens(["another secret, long enough for it"]))
    wrong = [
        make(Purpose.READER, 1, 0), make(Purpose.LEAVE, 1, 0), make(Purpose.CONFIRM, 1, 0, ends),
        make(Purpose.ADDRESS, 1, 0, ends, 1), make(Purpose.ACCESS, 1, 1, ends), make(Purpose.ACCESS, 99, 0, ends),
        make(Purpose.ACCESS, 1, 0, ends - 1801), make(Purpose.ACCESS, 1, 0), token[:-1], f"{token}A", token[1:],
        f"2{token[1:]}", other.private(1, 0, ends).rsplit("/", 1)[1], "x",
    ]  # fmt: skip
    before = site.dump()
    answers = set()
    for one in wrong:
        for what in ("", "/data.json"):
            answers.add((site.get(f"/readers/private/{one}{what}").status_code, what))
        answers |= {
            (site.post(f"/readers/private/{one}/{what}", data={"sure": "yes", "name": "X"}).status_code, what)
            for what in ("name", "address", "links", "erasure")
        }
        pages = {site.get(f"/readers/private/{one}").text, site.get(f"/readers/addresses/{one}").text}
        pages.add(site.post(f"/readers/addresses/{one}").text)
        assert len(pages) == 1
    assert {status for status, _ in answers} == {404}
    assert site.dump() == before
    assert site.get(second).status_code == 200
