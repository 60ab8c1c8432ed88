"""Hostile words in every field of a lesson: shown as words wherever coaches see them."""

import pytest

from course.core.lesson_file import KEYS
from tests.web.admin import Coach
from tests.web.site import Page, Site, sqlite_only

pytestmark = sqlite_only
URL = "/admin/lessons/1"
EVIL = {
    "a script": "<script>alert(1)</script>",
    "a way out": "\"'></textarea></title><img src=x onerror=alert(1)>",
    "a template": "{{7*7}} {% raw %} ${7*7}",
    "a config": "{{ config }} {{ ''.__class__ }}",
    "right to left": "\u202egnp.exe\u202c \u2066x\u2069",
    "ends of a file": "+++ \"\"\" ''' \\",
    "a link that runs": "[x](javascript:alert(1)) <javascript:alert(1)>",
    "a NUL": "a\x00b",
    "many": "{{ " * 3000,
}


@pytest.mark.parametrize("name", EVIL)
def test_in_every_field_and_on_every_page_it_is_only_words(site: Site, coach: Coach, name: str) -> None:
    evil = EVIL[name]
    line = evil[:190]
    fields = dict.fromkeys(KEYS, line) | {"body": evil, "text": evil, "version": "0"}
    assert coach.post(URL, fields).status_code == 303
    pages = [coach.get(URL), coach.get(f"{URL}/versions"), coach.post(f"{URL}/checks", fields)]
    pages += [coach.get(f"{URL}/preview?show={show}") for show in ("phone", "dark", "text")]
    pages += [coach.post(f"{URL}/preview", fields | {"show": show}) for show in ("phone", "text")]
    pages += [coach.post(URL, fields | {"version": "5", "body": f"{evil} and more"})]
    for page in pages:
        assert page.status_code in {200, 409}, page.request.url
        read = Page(page)
        assert not [one for tag, one in read.elements if tag == "script" and not one.get("src")]
        assert not [key for _, one in read.elements for key in one if key.startswith("on")]
        assert not [one for _, one in read.elements if str(one.get("href", "")).startswith("javascript:")]
        assert "49" not in read.words
        assert "\x00" not in page.text
        assert "SecretKey" not in page.text
    assert coach.post(URL, fields | {"version": version(pages[-1])}).status_code == 303


def version(page: object) -> str:
    return str(Page(page).all("input", name="version")[0]["value"])  # type: ignore[arg-type]
