"""The form for other pages: what coaches copy, and the script that goes with it."""

import html
from pathlib import Path
from typing import Any

import pytest

from tests.factories import PUBLIC_URL
from tests.web.admin import Coach
from tests.web.site import Page, Site, sqlite_only

pytestmark = sqlite_only
PATH = "/admin/courses/running/embed"


def snippets(coach: Coach, query: str = "") -> dict[str, str]:
    page = coach.get(PATH + query).text
    return {name: html.unescape(page.split(f'id="{name}">')[1].split("</code>")[0]) for name in ("plain", "scripted")}


def test_the_script_is_small_and_any_page_may_load_it(site: Site) -> None:
    answer = site.get("/embed.js")
    assert answer.mimetype == "text/javascript"
    assert len(answer.data) <= 4096
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.cache_control.max_age == 3600
    for word in (b"cookie =", b"localStorage", b"http://", b"https://"):
        assert word not in answer.data


def test_both_forms_say_where_they_go_and_which_post_they_are_in(coach: Coach) -> None:
    for name, text in snippets(coach, "?source=blog:knee").items():
        assert text.startswith(f'<form action="{PUBLIC_URL}/signups" method="post"')
        assert '<input type="hidden" name="source" value="blog:knee">' in text
        assert '<input type="hidden" name="course" value="running">' in text
        assert (f'<script async src="{PUBLIC_URL}/embed.js"></script>' in text) == (name == "scripted")
        assert "style=" not in text


def test_the_look_is_the_courses_or_the_blogs(coach: Coach) -> None:
    assert "data-look" in snippets(coach)["scripted"]
    assert "data-look" not in snippets(coach, "?look=blog")["scripted"]
    assert "data-look" not in snippets(coach)["plain"]


def test_the_sample_post_has_the_form_that_coaches_copy(coach: Coach) -> None:
    post = (Path(__file__).parents[2] / "docs/sample-blog-post.html").read_text()
    form = post[post.index("<form") : post.index("</main>")]
    copied = snippets(coach, "?source=blog: runner's knee")["scripted"].replace("by Coaches.", "by Ryan and Niraj.")
    assert form.split() == copied.replace(PUBLIC_URL, "https://course.example").split()


@pytest.mark.parametrize("source", ['"><script>alert(1)</script>', "a&b <c>", "x" * 5000, "", "a\nb\0"])
def test_any_name_of_a_post_stays_a_value(coach: Coach, source: str) -> None:
    for kind in ("plain", "script"):
        response = coach.client.get(f"{PATH}/preview", query_string={"source": source, "kind": kind})
        page = Page(response)
        value = str(page.one("input", name="source")["value"])
        assert value == ("".join(c for c in source if c.isprintable())[:200] or "blog")
        scripts = [script["src"] for script in page.all("script")]
        assert scripts == ([f"{PUBLIC_URL}/embed.js"] if kind == "script" else [])


def test_what_was_copied_signs_up(site: Site, coach: Coach) -> None:
    response = coach.get(f"{PATH}/preview?source=blog:knee")
    fields: dict[str, Any] = {
        str(found["name"]): found.get("value") or "" for found in Page(response).all("input") if "name" in found
    }
    assert set(fields) == {"course", "source", "email", "name", "website"}
    assert site.post("/signups", data=fields | {"email": "ann@runner.test"}).status_code == 200
    assert [row.source for row in site.rows("consent")] == ["blog:knee"]


def test_the_frame_may_stand_in_our_pages_only_and_coaches_alone_see_them(site: Site, coach: Coach) -> None:
    assert "frame-ancestors 'self'" in coach.get(f"{PATH}/preview").headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in coach.get(PATH).headers["Content-Security-Policy"]
    for path in (PATH, f"{PATH}/preview"):
        assert "/admin/login" in site.get(path).headers["Location"]
    assert coach.get("/admin/courses/none/embed").status_code == 404


def test_any_origin_may_post_and_none_with_credentials(site: Site) -> None:
    asked = site.open("/signups", method="OPTIONS", headers={"Origin": "https://blog.test"})
    assert asked.status_code == 204
    for answer in (asked, site.post("/signups", json={"email": "ann"}), site.post("/signups", json={})):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
