"""What cannot be a sign-up is a clear 4xx, never a 500, and nothing of it is stored."""

import json
import re
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.web.site import FORM, Page, Site, sqlite_only

GOOD = {"email": "ann@runner.test", "name": "Ann", "timezone": "Europe/Berlin", "source": "blog"}
STORED = ("subscriber", "consent", "delivery", "enrollment")

# field -> values that it cannot have, as a form sends them
WRONG_TEXTS: dict[str, list[str]] = {
    "email": [
        "", " ", "ann", "ann@", "@runner.test", "ann@runner", "ann@@runner.test", "a b@runner.test", "ann@runner..test",
        "ann@runner.test, bob@runner.test", "Ann <ann@runner.test>", "ann@runner.test\r\nBcc: all@runner.test",
        "ann@runner.test\n", "ann\x00@runner.test", "ann@run\x07ner.test", "ann@[127.0.0.1]", "jösé@runner.test",
        "a" * 65 + "@runner.test", "a@" + "b" * 250 + ".test", "x" * 10_000 + "@runner.test", "\u202eann@runner.test",
        "ann@runner.test\u2028Bcc: x", '"a\r\n"@runner.test', "javascript:alert(1)", "ann@-runner.test",
    ],
    "name": [
        "A" * 81, "A" * 10_000, "Ann\r\nBcc: all@runner.test", "Ann\x00", "Ann\x1b[31m", "https://pills.example",
        "see www.pills.example", "Ann\u2029", "\u202eAnn", "Ann\x85", "Ann\tB",
    ],
    "timezone": [
        "Mars/Olympus", "x" * 10_000, "../../etc/passwd", "localtime", "Europe/Berlin\x00", "europe/berlin", " ",
    ],
    "source": ["x" * 201, "x" * 10_000, "a\r\nb", "\x00"],
}  # fmt: skip
WRONG_TYPES: list[Any] = [0, 1, -1.5, 10**400, True, False, [], ["ann@runner.test"], {}, {"a": {"b": [1]}}]
TEXT_CASES = [(field, value) for field, values in WRONG_TEXTS.items() for value in values]


def refused(site: Site, response: TestResponse, *statuses: int) -> None:
    assert response.status_code in statuses
    assert not any(site.rows(table) for table in STORED)


@sqlite_only
@pytest.mark.parametrize("field", WRONG_TEXTS)
def test_a_wrong_text_is_refused_by_form_and_json_with_the_field_it_is_about(site: Site, field: str) -> None:
    for value in WRONG_TEXTS[field]:
        said = site.post("/signups", json=GOOD | {field: value})
        refused(site, said, 422)
        assert set(said.json["errors"]) == {field}, value
        assert 5 < len(said.json["errors"][field]) < 300
        shown = site.post("/signups", data=GOOD | {field: value})
        refused(site, shown, 422)
        assert shown.mimetype == "text/html"


@sqlite_only
@pytest.mark.parametrize("field", WRONG_TEXTS)
def test_what_is_no_text_is_refused(site: Site, field: str) -> None:
    for value in WRONG_TYPES:
        said = site.post("/signups", json=GOOD | {field: value})
        refused(site, said, 422)
        assert said.json == {"errors": {field: "This has to be text"}}, value


@sqlite_only
def test_all_that_is_wrong_is_said_at_once(site: Site) -> None:
    said = site.post("/signups", json={"email": "ann", "name": "A" * 99, "timezone": "Mars", "source": "x" * 999})
    refused(site, said, 422)
    assert set(said.json["errors"]) == set(WRONG_TEXTS)


@sqlite_only
@pytest.mark.parametrize(("field", "value"), [("email", "ann@"), ("name", "www.pills.example"), ("timezone", "Mars")])
def test_the_form_comes_back_with_the_message_beside_its_field_and_what_was_typed(
    site: Site, field: str, value: str
) -> None:
    typed = {"email": "ann@runner.test", "name": "Ann", "timezone": "Europe/Berlin", "source": "blog:knee"}
    page = Page(site.post("/signups", data=typed | {field: value}))
    about = page.one("select" if field == "timezone" else "input", name=field)
    assert about["aria-invalid"] == "true"
    assert f"{field}-wrong" in str(about["aria-describedby"]).split()
    assert page.one("p", id=f"{field}-wrong")["class"] == "wrong"
    assert page.one("div", role="alert")
    assert page.one("a", href=f"#{field}")  # from the list of problems to the field
    assert page.words.startswith("Problem: ")
    for name, expected in (typed | {field: value}).items():
        if name != "timezone":
            assert page.one("input", name=name)["value"] == expected
    assert sum("aria-invalid" in found for _, found in page.elements) == 1
    assert "data-guess" not in page.one("select", name="timezone")  # what somebody chose is not guessed over


@sqlite_only
def test_a_zone_that_was_chosen_stays_chosen_also_an_older_spelling(site: Site) -> None:
    for zone in ("Europe/Berlin", "Asia/Calcutta"):
        answer = site.post("/signups", data=GOOD | {"email": "ann", "timezone": zone})
        [(value, text)] = re.findall(r'<option selected(?: value="([^"]*)")?>([^<]*)', answer.text)
        assert (value or text) == zone


@sqlite_only
def test_an_unknown_zone_is_not_offered_back_as_a_choice(site: Site) -> None:
    answer = site.post("/signups", data=GOOD | {"timezone": "Mars/Olympus"})
    assert not re.search("<option[^>]*>?Mars/Olympus", answer.text)


@sqlite_only
@pytest.mark.parametrize("field", ["email", "name", "source", "timezone", "course"])
def test_what_was_typed_comes_back_as_text_never_as_markup(site: Site, field: str) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    response = site.post("/signups", data=GOOD | {"email": "ann", field: evil})
    assert response.status_code in {404, 422}
    page = Page(response)
    assert all("/static/join.js" in str(script["src"]) for script in page.all("script"))
    assert not page.all("img", src="x")
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


@sqlite_only
def test_of_a_long_text_only_the_beginning_comes_back(site: Site) -> None:
    response = site.post("/signups", data=GOOD | {"name": "A" * 60_000})
    assert response.status_code == 422
    assert len(Page(response).one("input", name="name")["value"] or "") == 400


NO_BODIES: dict[str, tuple[bytes, str, set[int]]] = {
    "empty JSON": (b"", "application/json", {400}),
    "cut JSON": (b'{"email": "ann@runner.test"', "application/json", {400}),
    "JSON with more behind": (b'{"email": "ann@runner.test"} x', "application/json", {400}),
    "a JSON array": (b'["ann@runner.test"]', "application/json", {400}),
    "a JSON text": (b'"ann@runner.test"', "application/json", {400}),
    "a JSON number": (b"5", "application/json", {400}),
    "JSON null": (b"null", "application/json", {400}),
    "JSON that is no UTF-8": (b'{"email": "ann@runner.test", "name": "\xff"}', "application/json", {400}),
    "a number of 6,000 digits": (b'{"email": ' + b"1" * 6000 + b"}", "application/json", {400}),
    "no number at all": (b'{"email": NaN}', "application/json", {422}),
    "lists in lists": (b"[" * 60_000, "application/json", {400}),
    "objects in objects": (b'{"email":' * 6000 + b"1" + b"}" * 6000, "application/json", {400}),
    "a field of lists in lists": (b'{"email":' + b"[" * 300 + b"]" * 300 + b"}", "application/json", {422}),
    "half a surrogate pair": (b'{"email": "ann\\ud800@runner.test"}', "application/json", {422}),
    "half a surrogate pair as name": (b'{"email": "ann@runner.test", "name": "\\udfff"}', "application/json", {422}),
    "half a surrogate pair as course": (
        b'{"email": "ann@runner.test", "course": "\\ud800"}', "application/json", {404}
    ),
    "a form that is no UTF-8": (b"email=ann@runner.test&name=\xff", FORM, {400}),
    "a form that is no UTF-8 once decoded": (b"email=ann@runner.test&name=%ff", FORM, {400}),
    "a form with an encoded surrogate": (b"email=ann@runner.test&name=%ed%a0%80", FORM, {400}),
    "a form in UTF-16": ("email=ann@runner.test&name=ü".encode("utf-16"), FORM, {400}),
    "no form at all": (b"\x00\x01\x02", FORM, {422}),
    "an empty form": (b"", FORM, {422}),
    "multipart without a boundary": (b"email", "multipart/form-data", {422}),
    "multipart cut short": (b"--x\r\nContent-Disposition: form-", "multipart/form-data; boundary=x", {422}),
    "multipart that is no UTF-8": (
        b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nann@runner.test\r\n'
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
        {400},
    ),
    "an address sent as a file": (
        b'--x\r\nContent-Disposition: form-data; name="email"; filename="a"\r\n\r\nann@runner.test\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
        {422},
    ),
    "plain text": (b"email=ann@runner.test", "text/plain", {422}),
    "XML": (b"<email>ann@runner.test</email>", "application/xml", {422}),
    "JSON of 70,000 bytes": (json.dumps(GOOD | {"name": "A" * 70_000}).encode(), "application/json", {413}),
    "a form of 70,000 bytes": (urlencode(GOOD | {"name": "A" * 70_000}).encode(), FORM, {413}),
    "a form of 5 MB": (urlencode(GOOD | {"name": "A" * 5_000_000}).encode(), FORM, {413}),
    "5,000 fields": (urlencode(GOOD | {f"f{n}": "" for n in range(5000)}).encode(), FORM, {413}),
    "5,000 fields of JSON": (
        json.dumps(GOOD | {f"f{n}": "" for n in range(5000)}).encode(), "application/json", {413}
    ),
}  # fmt: skip


def test_a_body_that_is_no_sign_up_is_refused_as_a_whole(site: Site) -> None:
    for what, (body, content_type, statuses) in NO_BODIES.items():
        response = site.post("/signups", data=body, content_type=content_type)
        assert response.status_code in statuses, what
        assert response.is_json == (content_type == "application/json"), what
    refused(site, response, 413)


@sqlite_only
def test_a_body_of_parts_is_refused_when_it_is_too_long_or_has_too_many(site: Site) -> None:
    parts = "multipart/form-data"
    refused(site, site.post("/signups", data=GOOD | {"name": "A" * 70_000}, content_type=parts), 413)
    refused(site, site.post("/signups", data=GOOD | {f"f{n}": "" for n in range(200)}, content_type=parts), 413)


def test_a_course_that_is_not_there_is_refused(site: Site) -> None:
    for course in ("none", "\x00", "run\x00ning", "x" * 10_000, "'; DROP TABLE course; --"):
        refused(site, site.post("/signups", data=GOOD | {"course": course}), 404)
        refused(site, site.post("/signups", json=GOOD | {"course": course}), 404)
        refused(site, site.get(f"/courses/{quote_from_bytes(course[:1000].encode(), safe='')}"), 404)
    for kind in (5, ["running"], {"a": 1}, True):
        refused(site, site.post("/signups", json=GOOD | {"course": kind}), 404)


@sqlite_only
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_the_address_takes_only_sign_ups(site: Site, method: str) -> None:
    response = site.open("/signups", method=method, data=GOOD)
    refused(site, response, 405)
    assert response.headers["Allow"] == "OPTIONS, POST"


# Bodies that nobody thought of.

ODD = st.text(st.characters(exclude_categories=())) | st.sampled_from([value for _, value in TEXT_CASES])
NAMES = st.sampled_from(["email", "name", "timezone", "source", "course", "website"]) | ODD
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
    max_leaves=8,
)
fuzz = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _never_breaks(site: Site, body: bytes, content_type: str) -> None:
    """Either it is taken, or nothing of it is."""
    before = [site.rows(table) for table in STORED]
    status = site.post("/signups", data=body, content_type=content_type).status_code
    assert 200 <= status < 500
    if status >= 400:
        assert [site.rows(table) for table in STORED] == before


@fuzz
@given(body=st.dictionaries(NAMES, JSON_VALUES, max_size=6) | JSON_VALUES)
def test_no_json_breaks_it(site: Site, body: Any) -> None:
    _never_breaks(site, json.dumps(body).encode(), "application/json")


@sqlite_only
@fuzz
@given(fields=st.lists(st.tuples(NAMES, ODD), max_size=6), good=st.booleans())
def test_no_form_breaks_it(site: Site, fields: list[tuple[str, str]], good: bool) -> None:
    fields = [*GOOD.items(), *fields] if good else fields
    _never_breaks(site, urlencode(fields, errors="surrogatepass").encode(), FORM)


@fuzz
@given(
    body=st.binary(max_size=200),
    content_type=st.sampled_from(
        [FORM, "application/json", "multipart/form-data; boundary=x", "text/plain", "", "x/y;;="]
    ),
)
def test_no_bytes_break_it(site: Site, body: bytes, content_type: str) -> None:
    _never_breaks(site, body, content_type)


LATIN_1 = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=50)


@sqlite_only
@fuzz
@given(agent=LATIN_1, referrer=LATIN_1, host=LATIN_1)
def test_no_header_breaks_it(site: Site, agent: str, referrer: str, host: str) -> None:
    headers = {"User-Agent": agent, "Referer": referrer, "Content-Type": "application/json", "Host": host}
    assert site.post("/signups", data=json.dumps(GOOD), headers=headers).status_code in {202, 400}
