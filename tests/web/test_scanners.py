"""Mail scanners follow every link, some of them at once, and some press nothing: looking changes nothing (F81)."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from course.worker.notifier import Notifier
from tests.factories import PUBLIC_URL
from tests.web.site import Page, Site, link, sqlite_only, urls

BUTTONS = {  # of the reader's own pages
    "tick", "answer", "pause", "resume", "next", "pace", "times", "start-again", "leave", "return", "link",
    "name", "address", "links", "erasure",
}  # fmt: skip
HERE = ("", urlsplit(PUBLIC_URL).netloc)


def crawl(site: Site, start: set[str], method: str) -> dict[str, int]:
    """Asks for every address, and for every one on the pages that GET shows; the statuses."""
    statuses: dict[str, int] = {}
    todo = set(start)
    while todo:
        url = todo.pop()
        statuses[url] = site.open(url, method=method).status_code
        answer = site.get(url)
        page = Page(answer) if answer.mimetype == "text/html" else None
        found = {found.split("#")[0] for found in (page.targets() if page else ())}
        todo |= {one for one in found if one and urlsplit(one).netloc in HERE and not one.startswith("?")} - set(
            statuses
        )
    return statuses


def mails_of_everybody(site: Site) -> set[str]:
    """Addresses from mails to somebody who confirms, who is in, who left, who is through, and who is suppressed."""
    site.edit("+++\nHi", 'question = "How far?"\n+++\nHi')
    through = site.reader("through@runner.test")
    site.go_on(4)
    page = link(site.lesson(), "/readers/")
    for lesson in site.world.enrollment(through).had:
        site.post(f"{page}/tick", data={"lesson": lesson, "done": "yes"})
    _ask_for_a_private_link_and_a_new_address(site, page)
    site.reader("left@runner.test")
    site.post(str(site.lesson()["List-Unsubscribe"]).strip("<>"))
    site.reader("suppressed@runner.test")
    site.suppress("suppressed@runner.test")
    site.reader("in@runner.test")
    site.post(f"{link(site.lesson(), '/readers/')}/pause", data={"weeks": "1"})
    site.confirm_url("new@runner.test")
    return {url for mail in site.world.mails() for url in urls(mail)}


def _ask_for_a_private_link_and_a_new_address(site: Site, page: str) -> None:
    world = site.world
    notifier = Notifier(world.database, world.sender.sending, world.now, world.sender.backoff)
    site.post(f"{page}/link")
    notifier.step()
    [private] = [url for url in urls(world.mails()[-1]) if "/readers/private/" in url]
    site.post(f"{private}/address", data={"address": "through@new.test"})
    notifier.step()


@sqlite_only
def test_looking_at_every_address_of_every_mail_and_page_changes_nothing(site: Site) -> None:
    start = mails_of_everybody(site)
    assert all(url.startswith(f"{PUBLIC_URL}/") for url in start)
    before = site.dump()
    for method in ("GET", "HEAD", "OPTIONS"):
        statuses = crawl(site, start | {"/", "/healthz", "/outbox", "/none"}, method)
        assert site.dump() == before
        _as_expected(statuses, method)


def _as_expected(statuses: dict[str, int], method: str) -> None:
    kinds = {urlsplit(url).path.split("/")[1] for url in statuses}
    assert kinds >= {"confirmations", "unsubscriptions", "readers", "lessons", "returns", "courses", "outbox", "static"}
    broken = {url: status for url, status in statuses.items() if status not in {200, 204}}
    only_post = {url for url, status in broken.items() if status == 405}
    assert {urlsplit(url).path.split("/")[1] for url in only_post} <= {"returns", "signups", "readers"}
    assert method == "OPTIONS" or _ends(only_post) == BUTTONS
    assert _ends(statuses) >= {*BUTTONS, "numbers", "certificate", "certificate.png", "data.json"}
    assert set(broken) - only_post == ({"/none"} if method == "OPTIONS" else {"/none", "/healthz"})


def _ends(urls: Iterable[str]) -> set[str]:
    """ "tick" of the address of a button to tick."""
    return {url.rsplit("/", 1)[1] for url in urls if "/readers/" in url}


def test_a_program_that_presses_every_button_of_a_mail_only_does_what_the_buttons_say(site: Site) -> None:
    """The most that anybody can do who holds a mail: confirm, leave, come back."""
    confirm = site.confirm_url()
    for url in urls(site.world.mails()[0]):
        site.post(url)
    assert site.post(confirm).status_code == 200
    assert [row.kind for row in site.rows("consent")] == ["signup", "confirm"]
