"""The page where a lesson is written, as a form sends it: saved, refused, compared, tested, published, thrown away."""

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from course.core.lesson_file import KEYS, LessonText, parse
from course.core.placeholders import AUTHORS
from course.store import courses
from course.store.models import AuditEntry, Draft, Lesson, Notice
from tests.factories import lesson_text
from tests.web.admin import Coach, add_coach
from tests.web.site import Page, Site, sqlite_only

SOURCE = lesson_text("Start")
JSON = {"Accept": "application/json"}


@pytest.fixture
def url(site: Site) -> str:
    with site.world.database.read() as session:
        steps = courses.terms_of(session, site.world.the_course(session).id).at(site.world.course).steps
        return f"/admin/lessons/{steps[0].lesson}"


@pytest.fixture
def second(site: Site) -> Coach:
    found = Coach.__new__(Coach)
    found.site = site
    super(Coach, found).__post_init__()
    found.row = add_coach(site, "ann@clinic.test", "Ann")
    found.sign_in(found.row)
    return found


def form(coach: Coach, url: str, **changes: Any) -> dict[str, Any]:
    """What the page would send."""
    page = coach.get(url)
    typed: LessonText = parse(SOURCE)
    draft = draft_of(coach.site, url)
    text = parse(draft.source) if draft else typed
    fields = {name: getattr(text, name) for name in (*KEYS, "body", "text")}
    version = Page(page).all("input", name="version")[0]["value"]
    return fields | {"version": version} | changes


def draft_of(site: Site, url: str) -> Draft | None:
    with site.world.database.read() as session:
        return session.get(Draft, int(url.rsplit("/", 1)[1]))


def rows(site: Site, model: type) -> list[Any]:
    with site.world.database.read() as session:
        return list(session.query(model).order_by(model.id))


def test_saving_makes_a_draft_that_no_reader_gets(site: Site, coach: Coach, url: str) -> None:
    answer = coach.post(url, form(coach, url, body="Hi {{ first_name }},\r\n\r\nrun.\r\n"))
    assert (answer.status_code, answer.location) == (303, url)
    draft = draft_of(site, url)
    assert draft is not None
    assert parse(draft.source).body == "Hi {{ first_name }},\n\nrun.\n"
    assert draft.author == "Kim"
    site.reader()
    assert "run." not in site.lesson().as_string()
    page = coach.get(url)
    assert "Saved by Kim, Monday, November 23, 10:00 am (New York time)" in Page(page).words
    assert "begin to change a lesson" in {row.action for row in rows(site, AuditEntry)}


@sqlite_only
def test_saving_what_is_there_changes_nothing(site: Site, coach: Coach, url: str) -> None:
    before = site.dump()
    assert coach.post(url, form(coach, url)).status_code == 303
    assert site.dump() == before


@sqlite_only
def test_what_is_written_comes_back_as_it_was(site: Site, coach: Coach, url: str) -> None:
    body = '\n\n{{ first_name }} {{first_name}} [x]({{ course_page }}) <script>\n\ttab  \n+++\n"q" \\ é 你\n\n'
    coach.post(url, form(coach, url, body=body, text="By hand\n\n  {{ first_name }}"))
    page = coach.get(url).text
    shown = re.search(r'<textarea[^>]* name="body"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert shown
    assert "&lt;script&gt;" in shown[1]
    before = draft_of(site, url)
    coach.post(url, form(coach, url, body=body.replace("\n", "\r\n"), text="By hand\r\n\r\n  {{ first_name }}\r\n"))
    after = draft_of(site, url)
    assert before is not None
    assert after is not None
    assert (after.source, after.version) == (before.source, before.version)
    assert parse(after.source).body == body
    assert parse(after.source).text == "By hand\n\n  {{ first_name }}"


def test_the_second_coach_sees_the_first_ones_text_and_loses_nothing(
    site: Site, coach: Coach, second: Coach, url: str
) -> None:
    first, mine = form(coach, url, body="Kim's words.\n"), form(second, url, body="Ann's words.\n")
    assert coach.post(url, first).status_code == 303
    told = second.post(url, mine)
    assert told.status_code == 409
    said = Page(told).words
    assert "Kim saved this lesson while you were writing" in said
    assert "Monday, November 23, 10:00 am" in said
    assert re.search(r"<del>.*?Kim.*?</del>", told.text, re.DOTALL)
    assert re.search(r"<ins>.*?Ann.*?</ins>", told.text, re.DOTALL)
    assert "Ann&#39;s words." in told.text.split('name="body"')[1]
    assert "data-hold" in told.text
    assert parse(draft_of(site, url).source).body == "Kim's words.\n"  # type: ignore[union-attr]
    version = re.search(r'name="version" value="(\d+)"', told.text)
    assert version
    assert second.post(url, mine | {"version": version[1]}).status_code == 303
    assert parse(draft_of(site, url).source).body == "Ann's words.\n"  # type: ignore[union-attr]


@sqlite_only
def test_the_script_hears_in_json(coach: Coach, second: Coach, url: str) -> None:
    mine = form(second, url, body="Ann's.\n")
    saved = coach.post(url, form(coach, url, body="Kim's.\n"), headers=JSON)
    assert saved.json["said"].startswith("Saved by Kim")
    again = coach.post(url, form(coach, url, body="Kim's, longer.\n", version=saved.json["version"]), headers=JSON)
    assert again.json["version"] == saved.json["version"] + 1
    told = second.post(url, mine, headers=JSON)
    assert told.status_code == 409
    assert "Kim saved this lesson too" in told.json["conflict"]


def test_a_megabyte_is_refused_beside_the_text_and_kept_on_the_page(site: Site, coach: Coach, url: str) -> None:
    huge = "run far " * 131_072
    answer = coach.post(url, form(coach, url, body=huge))
    assert answer.status_code == 422
    assert "1,048,576 characters, and at most 100,000 fit" in answer.text
    assert huge.rstrip() in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert draft_of(site, url) is None
    told = coach.post(url, form(coach, url, body=huge), headers=JSON)
    assert (told.status_code, "at most 100,000" in told.json["error"]) == (422, True)
    assert coach.post(url, form(coach, url, body="x" * 5_000_000)).status_code == 413
    checks = coach.post(f"{url}/checks", form(coach, url, body=huge))
    assert "at most 100,000 fit" in checks.text
    assert "Too long to show" in coach.post(f"{url}/preview", form(coach, url, body=huge)).text


@sqlite_only
def test_a_large_form_is_taken_here_only(coach: Coach, url: str) -> None:
    large = "x" * 90_000
    assert coach.post(url, form(coach, url, body=large)).status_code == 303
    assert coach.post("/admin/account", {"name": large}).status_code == 413


@sqlite_only
def test_a_test_mail_is_what_a_reader_gets_and_nobody_can_leave_by_it(site: Site, coach: Coach, url: str) -> None:
    add_coach(site, "ann@clinic.test", "Ann")
    answer = coach.post(url, form(coach, url, body="Hi {{ first_name }}, run.\n", do="test", everybody="1"))
    assert answer.status_code == 303
    assert "A test is on its way to coach@clinic.test and ann@clinic.test." in Page(coach.get(url)).words
    kept = rows(site, Notice)
    assert [row.email for row in kept] == ["coach@clinic.test", "ann@clinic.test"]
    message = kept[0].message
    assert message["subject"] == "[Test] About Start"
    assert "Hi Sam, run." in message["text"]
    assert "Lesson 1 of 5" in message["html"]
    assert "/unsubscriptions/" not in str(message)
    assert set(message["headers"]) == {"List-Id"}


@sqlite_only
def test_a_text_that_cannot_be_sent_is_not_tested_but_saved(site: Site, coach: Coach, url: str) -> None:
    coach.post(url, form(coach, url, title="", do="test"))
    assert "No test was sent: the title is missing." in Page(coach.get(url)).words
    assert rows(site, Notice) == []
    assert draft_of(site, url) is not None


@sqlite_only
def test_publish_saves_first_and_leads_on(site: Site, coach: Coach, url: str) -> None:
    answer = coach.post(url, form(coach, url, body="New.\n", do="publish"))
    assert answer.location == f"{url}/publish"
    assert draft_of(site, url) is not None


@sqlite_only
def test_a_draft_is_thrown_away_and_a_lesson_that_was_never_published_deleted(
    site: Site, coach: Coach, url: str
) -> None:
    coach.post(url, form(coach, url, body="New.\n"))
    version = form(coach, url)["version"]
    assert coach.post(f"{url}/discard", {"version": "1"}).location == url
    assert draft_of(site, url) is not None
    coach.post(f"{url}/discard", {"version": version})
    assert draft_of(site, url) is None
    new = coach.post("/admin/courses/running/lessons", {"title": "Sixth"}).location
    page = coach.get(new)
    assert "A new lesson" in Page(page).words
    fields = {"version": Page(page).all("input", name="version")[0]["value"]}
    assert coach.post(f"{new}/discard", fields).location == "/admin/courses/running"
    assert coach.get(new).status_code == 404


PREVIEWS = {"": "About", "phone": "light", "desktop": "light", "dark": "dark", "text": "Plain text"}


@sqlite_only
@pytest.mark.parametrize("show", PREVIEWS)
def test_the_preview_shows_what_is_being_written_and_saves_nothing(
    site: Site, coach: Coach, url: str, show: str
) -> None:
    before = site.dump()
    fields = form(coach, url, body="Hi {{ first_name }}, *run*.\n", show=show)
    answer = coach.post(f"{url}/preview", fields)
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'; sandbox " in policy
    assert "allow-scripts" not in policy
    assert "Hi Sam, " in answer.text
    assert ("<em>run</em>" in answer.text) == (show != "text")
    if show != "text":
        scheme = "dark" if show == "dark" else "light"
        assert "prefers-color-scheme" not in answer.text
        assert f"color-scheme:{scheme}" in answer.text
        assert ("@media all" in answer.text) == (show == "dark")
    assert site.dump() == before


@sqlite_only
def test_a_preview_is_for_sam_for_nobody_by_name_or_for_a_reader_and_never_holds_a_readers_links(
    site: Site, coach: Coach, url: str
) -> None:
    reader = site.world.enroll("eve@runner.test", "Eve")
    body = {"body": "Hi {{ first_name }}! [Leave]({{ unsubscribe }})\n"}
    for key, name in (("sam", "Sam"), ("nobody", "there"), (str(reader), "Eve"), ("999999", "Sam"), ("x", "Sam")):
        shown = coach.post(f"{url}/preview", form(coach, url, **body) | {"as": key}).text
        assert f"Hi {name}!" in shown
        assert "/unsubscriptions/" not in shown
        assert "/readers/" not in shown
    assert f'<option value="{reader}" selected>Eve (eve@runner.test)' in coach.get(f"{url}?as={reader}").text


@sqlite_only
def test_a_preview_of_what_is_not_in_order_says_what_is_missing(coach: Coach, url: str) -> None:
    assert "the title is missing." in coach.post(f"{url}/preview", form(coach, url, title="")).text


@sqlite_only
def test_checks_name_faults_and_hints_with_their_place(coach: Coach, url: str) -> None:
    body = "one\n\n{{ firstname }} [a](plan.md)\n\nFor more [click here](https://a.test/). TK\n"
    said = Page(coach.post(f"{url}/checks", form(coach, url, body=body))).words
    assert "Mend before you publish" in said
    assert "Text, line 3: {{ firstname }} is no placeholder. Did you mean {{ first_name }}?" in said
    assert "Text, line 3: the link 'plan.md' leads nowhere" in said
    assert "Perhaps" in said
    assert "Text, line 5: “TK” looks like" in said
    assert f"/pictures/{'a' * 32}-10.png" not in said
    lost = Page(coach.post(f"{url}/checks", form(coach, url, body=f"![a](/pictures/{'a' * 32}-10.png)\n"))).words
    assert "Text, line 1: this picture is not here" in lost
    assert "Nothing to mend." in Page(coach.get(url)).words


@sqlite_only
def test_every_placeholder_can_be_inserted(coach: Coach, url: str) -> None:
    page = coach.get(url)
    inserts = {one["data-insert"] for one in Page(page).all("button", type="button") if one.get("data-insert")}
    assert inserts == {f"{{{{ {name} }}}}" for name in AUTHORS}
    assert all(one.meaning in Page(page).words for one in AUTHORS.values())


def publish(site: Site, url: str, title: str, author: str) -> None:
    with site.world.database.write() as session:
        lesson = session.get_one(Lesson, int(url.rsplit("/", 1)[1]))
        courses.add_revision(session, lesson, lesson_text(title), title, author, site.world.machine)


@sqlite_only
def test_versions_are_listed_compared_and_brought_back(site: Site, coach: Coach, url: str) -> None:
    publish(site, url, "Second", "Ann")
    site.world.go(days=1)
    coach.post(url, form(coach, url, title="Draft"))
    page = coach.get(f"{url}/versions")
    said = Page(page).words
    assert "The draft of Kim" in said
    assert "Published by Ann" in said
    assert "Published by the lesson files readers get this" in said
    keys = [str(one["value"]) for one in Page(page).all("input", name="old")]
    assert keys[0] == "draft"
    compared = coach.get(f"{url}/versions?old={keys[2]}&new={keys[1]}").text
    assert re.search(r"<del>.*?Start.*?</del><ins>.*?Second.*?</ins>", compared, re.DOTALL)
    backwards = coach.get(f"{url}/versions?old={keys[1]}&new={keys[2]}").text
    assert re.search(r"<del>.*?Start.*?</del><ins>.*?Second.*?</ins>", backwards, re.DOTALL)
    version = Page(page).one("input", name="version")["value"]
    assert coach.post(f"{url}/versions", {"restore": keys[1], "version": "1"}).location == f"{url}/versions"
    answer = coach.post(f"{url}/versions", {"restore": keys[1], "version": version})
    assert answer.location == url
    assert parse(draft_of(site, url).source).title == "Second"  # type: ignore[union-attr]


@sqlite_only
@pytest.mark.parametrize("wanted", ["0", "x", "", "999"])
def test_a_version_of_another_lesson_is_none_of_this(site: Site, coach: Coach, url: str, wanted: str) -> None:
    other = url.rsplit("/", 1)[0] + "/2"
    [version] = [str(one["value"]) for one in Page(coach.get(f"{other}/versions")).all("input", name="old")]
    assert coach.post(f"{url}/versions", {"restore": wanted or version, "version": "0"}).status_code == 404
    assert coach.get(f"{url}/versions?old={wanted}&new={wanted}").status_code == 200


DOORS = ["", "/preview", "/checks", "/pictures", "/versions", "/discard"]


@sqlite_only
@pytest.mark.parametrize("door", DOORS)
def test_every_door_is_for_coaches_and_for_forms_from_here(site: Site, coach: Coach, url: str, door: str) -> None:
    def opened(answer: TestResponse) -> bool:
        return answer.status_code not in {302, 303, 400, 401, 403}

    assert not opened(site.post(url + door, data={"body": "x"}))
    assert not opened(coach.client.post(url + door, data={"body": "x"}, base_url="https://course.example"))
    if door in {"", "/preview", "/versions"}:
        assert coach.get("/admin/lessons/999" + door).status_code == 404
    assert coach.post("/admin/lessons/999" + door, {"body": "x", "alt": "x"}).status_code in {404, 422}


@sqlite_only
def test_a_form_without_its_text_is_none(coach: Coach, url: str) -> None:
    assert coach.post(url, {"title": "x", "version": "0"}).status_code == 400
