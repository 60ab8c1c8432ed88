"""The pages for readers are in plain words: school year 8 or lower by Flesch-Kincaid, over the paragraphs of a page."""

from html.parser import HTMLParser

from course.core import readability
from tests.web.site import Site, link, sqlite_only
from tests.web.test_reader_private import link_in, newest, private

HIGHEST = 8.0
BLOCKS = {"p", "li", "summary", "label", "legend", "dt", "dd"}


class Prose(HTMLParser):
    """The paragraphs, each a text of its own, without titles and options."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._depth = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._depth += tag in BLOCKS
        if tag in BLOCKS:
            self.pieces.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag in BLOCKS

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        """Sentences only: labels and buttons would make it look easier than it is."""
        parts = (" ".join(part.split()) for part in "".join(self.pieces).split("\n\n"))
        return "\n\n".join(part for part in parts if part.endswith((".", "!", "?")))


def pages(site: Site) -> dict[str, str]:
    """By name, as HTML."""
    found = {"landing": site.get("/").text}
    found["check inbox"] = site.post("/signups", data={"email": "new@runner.test"}).text
    confirm = site.confirm_url()
    found["confirm"] = site.get(confirm).text
    found["confirmed"] = site.post(confirm).text
    site.world.drain()
    url = link(site.lesson(), "/readers/")
    leave = str(site.lesson()["List-Unsubscribe"]).strip("<>")
    found["active"], found["leave?"] = site.get(url).text, site.get(leave).text
    second = private(site, url)
    found["private"], found["numbers"] = site.get(second).text, site.get(f"{second}/numbers").text
    site.post(f"{second}/address", data={"address": "ann@new.test"})
    found["address"] = site.get(link_in(newest(site, "Your new address"), "/readers/addresses/")).text
    site.post(f"{url}/pause", data={"weeks": "1"})
    found["paused"] = site.get(url).text
    site.post(f"{url}/leave")
    found["left"] = site.get(f"{url}?done=leave").text
    site.post(f"{url}/return")
    site.post(f"{url}/resume")
    site.go_on(4)
    found["finished"] = site.get(url).text
    for lesson in site.world.enrollment(1).had:
        site.post(f"{url}/tick", data={"lesson": lesson, "done": "yes"})
    found["certificate"], found["dead link"] = site.get(f"{url}/certificate").text, site.get(second).text
    second = private(site, url)
    found["erased"] = site.post(f"{second}/erasure", data={"sure": "yes"}).text
    return found


@sqlite_only
def test_no_page_for_readers_asks_for_more_than_eight_years_of_school(site: Site) -> None:
    grades = {name: readability.grade(Prose(html).text) for name, html in pages(site).items()}
    assert {name: round(grade, 1) for name, grade in grades.items() if grade > HIGHEST} == {}
    assert len(grades) == 15


def test_the_measure_can_fail() -> None:
    hard = "<p>Notwithstanding considerable methodological heterogeneity, periodisation facilitates adaptation.</p>"
    assert readability.grade(Prose(hard).text) > HIGHEST
