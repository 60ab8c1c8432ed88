"""What the coaches offer after the last lesson: on the reader's page and beside the certificate."""

import pytest

from course.actions import lesson_import
from tests.factories import COURSE_TOML, files
from tests.web.site import Page, Site, link, sqlite_only

TITLE = "What comes next"


def finished(site: Site) -> str:
    """The page of somebody who has had every lesson."""
    site.reader()
    site.go_on(4)
    return link(site.lesson(), "/readers/")


def offer(site: Site, text: str) -> None:
    with site.world.database.write() as session:
        site.world.the_course(session).afterwards = text


def another_course(site: Site, title: str, *, closed: bool = False) -> None:
    toml = COURSE_TOML.replace("Five lessons", title).replace("A course for tests.", f"All about {title}.")
    with site.world.database.write() as session:
        now = site.world.machine, site.world.course
        lesson_import.import_course(session, files(title.lower(), toml), *now)
        site.world.the_course(session, title.lower()).closed_at = now[0] if closed else None


def test_it_is_for_who_has_had_every_lesson(site: Site) -> None:
    offer(site, "Come and **run** with us.")
    site.reader()
    url = link(site.lesson(), "/readers/")
    assert TITLE not in Page(site.get(url)).words
    site.go_on(4)
    assert f"From Coaches {TITLE} Come and run with us." in Page(site.get(url)).words
    site.post(f"{url}/leave")
    assert TITLE not in Page(site.get(url)).words


def test_it_stands_beside_the_certificate_too(site: Site) -> None:
    url = finished(site)
    offer(site, "Come and run with us.")
    for lesson in Page(site.get(url)).all("input", name="lesson"):
        site.post(f"{url}/tick", data={"lesson": lesson["value"], "done": "yes"})
    assert f"{TITLE} Come and run with us." in Page(site.get(f"{url}/certificate")).words


@sqlite_only
def test_where_the_coaches_wrote_nothing_the_runner_is_not_left_alone(site: Site) -> None:
    assert "Keep your plan going, one week at a time." in Page(site.get(finished(site))).words


@sqlite_only
@pytest.mark.parametrize(
    ("text", "is_button"),
    [
        ("[Book](https://clinic.example/?a=1&b=2)", True),
        ("Or [book](https://clinic.example/?a=1&b=2) soon.", False),
        ("- [Book](https://clinic.example/?a=1&b=2)", False),
    ],
)
def test_a_link_in_a_line_of_its_own_is_a_button(site: Site, text: str, is_button: bool) -> None:
    offer(site, text)
    found = Page(site.get(finished(site))).one("a", href="https://clinic.example/?a=1&b=2")
    assert found.get("class") == ("button" if is_button else None)


@sqlite_only
def test_nothing_in_it_runs(site: Site) -> None:
    offer(site, '<script>alert(1)</script> [x](javascript:alert(1)) {{ 7 * 7 }}\n\n["><b>](https://a.test/"onclick=x)')
    page = Page(site.get(finished(site)))
    assert not any("onclick" in attributes for _, attributes in page.elements)
    assert [one["src"] for one in page.all("script")] == []
    assert "{{ 7 * 7 }}" in page.words


@sqlite_only
def test_other_courses_that_one_may_join_are_named_with_what_they_are(site: Site) -> None:
    url = finished(site)
    assert "More to read here" not in Page(site.get(url)).words
    another_course(site, "Hills")
    another_course(site, "Closed", closed=True)
    words = Page(site.get(url)).words
    assert "More to read here Hills All about Hills." in words
    assert "Closed" not in words


@sqlite_only
def test_it_comes_with_the_files_of_a_course_and_goes_back_into_them(site: Site) -> None:
    toml = COURSE_TOML + 'afterwards = """\nCome and run.\n"""\n'
    with site.world.database.write() as session:
        lesson_import.import_course(session, files(toml=toml), site.world.machine, site.world.course)
        assert site.world.the_course(session).afterwards == "Come and run.\n"
        site.world.the_course(session).afterwards = "Come and walk."
    with site.world.database.read() as session:
        course = site.world.the_course(session)
        exported = lesson_import.export_course(session, course, site.world.course).course
    assert 'afterwards = "Come and walk."' in exported
