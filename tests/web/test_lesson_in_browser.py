"""A lesson as a web page: what was sent, and nothing that is the reader's own."""

from urllib.parse import urlsplit

from sqlalchemy import update

from course.core.tokens import Purpose
from course.store.models import Delivery
from tests.factories import PUBLIC_URL
from tests.web.site import Page, Site, link, sqlite_only


def in_browser(site: Site) -> str:
    return link(site.lesson(), "/lessons/")


def test_it_is_the_lesson_as_it_was_sent(site: Site) -> None:
    site.reader()
    page = Page(site.get(in_browser(site)))
    for words in ("Lesson 1 of 5", "Five lessons", "Start", "Hi Ann, see your page.", "Not a diagnosis."):
        assert words in page.words


def test_it_carries_none_of_the_readers_own_links(site: Site) -> None:
    site.edit("Hi {{", "[out]({{ unsubscribe }}) [here]({{ view_in_browser }}) [me]({{ course_page }}) Hi {{")
    site.reader()
    response = site.get(in_browser(site))
    assert "out here me Hi Ann" in Page(response).words
    for word in ("/readers/", "/unsubscriptions/", "/lessons/", "/confirmations/", "/returns/", "ann@runner.test"):
        assert word not in response.text
    links = {urlsplit(url) for url in Page(response).targets()}
    assert {(url.netloc, url.path) for url in links} == {("course.example", "/courses/running")}
    assert "Leave the course" not in response.text
    assert "Your course page" not in response.text  # it leads to the start page, and says so
    assert "About this course, and how to get it by email" in Page(response).words
    assert "1 Test Street" not in response.text  # the foot of a mail


def test_an_edit_does_not_change_what_was_sent(site: Site) -> None:
    site.reader()
    before = site.get(in_browser(site)).data
    site.edit("Hi {{", "A wholly new text. Hi {{")
    assert site.get(in_browser(site)).data == before
    site.reader("bob@runner.test", "Bob")
    assert "A wholly new text. Hi Bob" in Page(site.get(in_browser(site))).words


@sqlite_only
def test_it_stays_when_the_reader_leaves(site: Site) -> None:
    site.reader()
    url = in_browser(site)
    site.post(str(site.lesson()["List-Unsubscribe"]).strip("<>"))
    assert site.get(url).status_code == 200


@sqlite_only
def test_only_a_lesson_that_went_or_may_have_gone_is_shown(site: Site) -> None:
    site.reader()
    shown = {}
    for state in ("queued", "sending", "accepted", "refused", "unknown", "cancelled"):
        with site.world.database.write() as session:
            session.execute(update(Delivery).where(Delivery.lesson_id.is_not(None)).values(state=state))
        shown[state] = site.get(in_browser(site)).status_code
    assert shown.pop("queued") == shown.pop("cancelled") == 404
    assert set(shown.values()) == {200}


@sqlite_only
def test_other_mails_are_no_lessons(site: Site) -> None:
    site.confirm_url()
    [confirmation] = site.rows("delivery")
    assert site.get(site.world.letters.links.lesson(confirmation.id)).status_code == 404


@sqlite_only
def test_an_address_that_is_nobodys_is_a_404(site: Site) -> None:
    site.reader()
    url, tokens = in_browser(site), site.world.letters.links.tokens
    foreign = [tokens.make(Purpose.READ, 999_999), tokens.make(Purpose.READ, 1, 1)]
    bad = [url[:-1], url + "x", *(f"{PUBLIC_URL}/lessons/{token}" for token in (*foreign, "2", "2.", "%00", "%ff"))]
    for one in bad:
        assert site.get(one).status_code == 404, one


@sqlite_only
def test_it_may_load_pictures_and_run_nothing(site: Site) -> None:
    site.reader()
    answer = site.get(in_browser(site))
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert Page(answer).one("meta", name="referrer")["content"] == "no-referrer"
    assert not Page(answer).all("script")
