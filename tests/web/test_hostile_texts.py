"""What strangers type never becomes markup, code or a header: stored XSS, template and header injection (F70-F72)."""

import re
from email.message import EmailMessage

from werkzeug.test import TestResponse

from tests.web.site import Page, Site, link, sqlite_only, urls

pytestmark = sqlite_only
CORPUS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "<iframe srcdoc='<b>'>",
    "<!--<img src='--><img src=x onerror=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "</textarea></select></option><b onmouseover=alert(1)>",
    "{{ 7*7 }}",
    "{{ config }}",
    "{% for x in y %}",
    "${7*7}#{7*7}<%= 7*7 %>",
    "%recipient.email%",
    "{{ unsubscribe }}",
    "[x](javascript:alert(1))",
    "*|EMAIL|*",
    "<a href=javascript:alert(1)>x",
    "\\u003cscript\\u003e",
    "＜script＞alert(1)＜/script＞",
    "-->]]><x>",
)
NAMES = list(CORPUS)  # each is short enough for one


def inert(response: TestResponse) -> None:
    """No live node that we did not write ourselves."""
    page = Page(response)
    assert all(str(found.get("src", "")).startswith("/static/") for found in page.all("script"))
    assert not {tag for tag, _ in page.elements} & {"svg", "x", "object", "embed", "textarea", "base"}
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        assert not any(str(value).lower().lstrip().startswith("javascript:") for value in attributes.values())
    assert not page.all("img", src="x")
    assert "49" not in re.sub(r"[0-9a-f]{10}|[\w-]{43}|\d\d:\d\d:\d\d|\d{10}", "", response.text)  # 7*7 stays as it is


def test_a_name_is_only_ever_text(site: Site) -> None:
    for number, name in enumerate(NAMES):
        signed_up = site.post("/signups", data={"email": f"r{number}@runner.test", "name": name})
        assert signed_up.status_code == 200
        inert(signed_up)
    assert [row.name for row in site.rows("subscriber")] == NAMES
    site.world.drain()
    for mail in site.world.mails():
        confirm = link(mail, "/confirmations/")
        inert(site.get(confirm))
        inert(site.post(confirm))
    site.world.drain()
    lessons = {str(mail["To"]): mail for mail in site.lessons()}
    for number, name in enumerate(NAMES):
        _only_text(site, lessons[f"r{number}@runner.test"], name)


def _only_text(site: Site, mail: EmailMessage, name: str) -> None:
    reader, lesson = site.get(link(mail, "/readers/")), site.get(link(mail, "/lessons/"))
    assert f"Hello, {name}" in Page(reader).words
    assert f"Hi {name}, see your page" in Page(lesson).words
    for response in (reader, lesson, site.get(link(mail, "/unsubscriptions/"))):
        inert(response)
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert f"Hi {name}, see" in text
    assert "<script>" not in html
    assert "<img src=x" not in html
    assert not re.search(r"Hi [^<]*/unsubscriptions/", html)  # a value is not looked through for placeholders


def test_agents_referrers_and_sources_are_kept_as_text_and_shown_to_nobody_by_these_pages(site: Site) -> None:
    for text in CORPUS:
        headers = {"User-Agent": text.encode("latin-1", "ignore").decode("latin-1"), "Referer": "https://b.example/x"}
        assert (
            site.post("/signups", data={"email": "ann@runner.test", "source": text}, headers=headers).status_code == 200
        )
    assert [row.source for row in site.rows("consent")] == list(CORPUS)
    url = site.confirm_url("bob@runner.test")
    for text in CORPUS:
        inert(site.get("/", query_string={"source": text}))
        inert(site.post("/signups", data={"email": "x", "source": text}))
    site.post(url)
    site.world.drain()
    for url in urls(site.lesson()):
        inert(site.get(url))


def test_headers_of_the_mails_are_ours_alone(site: Site) -> None:
    for number, name in enumerate(NAMES):
        site.world.enroll(f"r{number}@runner.test", name)
    site.world.drain()
    assert len(site.world.mails()) == 2 * len(NAMES)
    for mail in site.world.mails():
        ours = {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"}
        lists = {"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"}
        assert set(mail.keys()) - ours - lists == set()
        assert re.fullmatch(r"r\d+@runner\.test", str(mail["To"]))
        assert len(mail.get_all("To", [])) == 1


def test_a_user_agent_of_any_length_and_with_any_characters_is_kept_in_part(site: Site) -> None:
    site.post("/signups", json={"email": "ann@runner.test"}, headers={"User-Agent": "A\x85B\xadC" + "x" * 5000})
    agent = site.rows("consent")[0].user_agent
    assert agent.startswith("ABCx")
    assert len(agent) == 300
