"""A coach brings in a list of readers, and looks before."""

import io
from typing import Any

import pytest

from course.web.admin import reader_import as web
from course.worker.importing import Importer
from tests.web.admin import Browser, add_coach
from tests.web.site import Page, Site, sqlite_only

HERE = "/admin/courses/running/readers/import"


@pytest.fixture
def coach(site: Site) -> Browser:
    return Browser(site).sign_in(add_coach(site))


def look(coach: Browser, lines: str = "", **fields: Any) -> str:
    """Where the list can be looked at."""
    answer = coach.post(HERE, {"lines": lines, **fields}, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def words(coach: Browser, url: str) -> str:
    return Page(coach.get(url)).words


def test_a_list_is_looked_at_started_and_watched(site: Site, coach: Browser) -> None:
    site.reader()
    url = look(coach, "Mail,First name\nnew@list.test,New\nann@runner.test,Ann\nnobody,X\n")
    page = words(coach, url)
    assert "Of 3 lines, 1 is a new reader." in page
    assert "4not usableAn email address must have an @-sign." in page
    assert "3already here" in page
    assert coach.post(url, {"how": "agreed", "note": ""}).status_code == 422
    assert coach.post(url, {"how": "agreed", "note": "at the clinic"}).status_code == 303
    assert "0 of 3 lines are done." in words(coach, url)
    assert '<meta http-equiv="refresh"' in coach.get(url).text
    while Importer(site.world.database, site.world.now).step():
        pass
    page = words(coach, url)
    assert "3 of 3 lines are done." in page
    assert "1 new1 already here1 not usable" in page
    assert "http-equiv" not in coach.get(url).text
    assert "new@list.test" in words(coach, "/admin/courses/running/readers")
    assert "Kim31" in words(coach, HERE)
    assert "Bring in a list of readers3 lines, who had agreed" in words(coach, "/admin/audit")


@sqlite_only
def test_columns_are_guessed_and_can_be_chosen(site: Site, coach: Browser) -> None:
    url = look(coach, "Kontakt;Ruf;Mail\nann@list.test;Ann;alt@list.test\n")
    assert Page(coach.get(url)).one("option", value="2", selected=None) is not None
    answer = coach.post(f"{url}/columns", {"email": "0", "name": "1", "timezone": ""})
    assert answer.status_code == 303
    assert "1 is a new reader" in words(coach, str(answer.location))
    for columns in ({"email": ""}, {"email": "9"}, {"email": "x", "name": "0"}):
        assert coach.post(f"{url}/columns", columns).location == url
    assert "Choose the column that holds the email addresses." in words(coach, url)


@sqlite_only
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_of_a_spreadsheet_may_be_larger_than_other_forms(site: Site, coach: Browser, encoding: str) -> None:
    text = "email,name\n" + "".join(f"r{n}@list.test,Zoë\n" for n in range(8000))
    url = look(coach, "", file=(io.BytesIO(text.encode(encoding)), "readers.csv"))
    assert "8,000 are new readers" in words(coach, url)


@sqlite_only
@pytest.mark.parametrize(
    ("fields", "wrong", "said"),
    [
        ({}, "file", "Choose a file, or paste some lines."),
        ({"lines": "name\nAnn\n"}, "lines", "no column holds email addresses"),
        ({"file": (b"email\nz\xf6e@x.test\n", "a.csv")}, "file", "Line 2: not UTF-8. Save it as CSV UTF-8."),
    ],
)
def test_what_is_no_list_is_said_and_what_was_pasted_stays(
    site: Site, coach: Browser, fields: dict[str, Any], wrong: str, said: str
) -> None:
    sent = {k: (io.BytesIO(v[0]), v[1]) if isinstance(v, tuple) else v for k, v in fields.items()}
    answer = coach.post(HERE, sent, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert said in Page(answer).words
    assert [e["id"] for _, e in Page(answer).elements if e.get("aria-invalid")] == [wrong]
    assert fields.get("lines", "").split("\n")[0] in answer.text


@sqlite_only
def test_what_is_too_large_or_anothers_is_refused(site: Site, coach: Browser) -> None:
    huge = io.BytesIO(b"a" * (web.LARGEST + 1))
    assert coach.post(HERE, {"file": (huge, "a.csv")}, content_type="multipart/form-data").status_code == 413
    url = look(coach, "a@list.test\n")
    for path in (url.replace("running", "nothing"), f"{HERE}/99"):
        assert coach.get(path).status_code == 404
        assert coach.post(path, {"how": "ask"}).status_code == 404


@sqlite_only
def test_a_list_that_runs_can_be_stopped(site: Site, coach: Browser) -> None:
    url = look(coach, "".join(f"r{n}@list.test\n" for n in range(450)))
    coach.post(url, {"how": "ask"})
    Importer(site.world.database, site.world.now).step()
    assert coach.post(f"{url}/stop").status_code == 303
    assert "100 of 450 lines are done. Kim stopped it." in words(coach, url)
