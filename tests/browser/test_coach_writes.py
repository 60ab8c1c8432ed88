"""A lesson is written, told by a real browser: looked at, tested, by two coaches at once, with a picture."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.actions.test_pictures import drawing, encoded
from tests.browser.looks import look
from tests.browser.watch import Watched, watching
from tests.fake_provider.waiting import eventually
from tests.flows.inbox import Maildir
from tests.flows.site import Site

pytestmark = pytest.mark.browser
PASSWORD = "four unrelated words here"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("writing")) as found:
        found.run()
        yield found


@pytest.fixture(scope="module")
def sessions() -> dict[str, Any]:
    """Of coaches who came in already: they need not come in again for each test."""
    return {}


@contextmanager
def coach(browser: Browser, site: Site, sessions: dict[str, Any], name: str, **options: Any) -> Iterator[Watched]:
    """A coach at the admin."""
    if name not in sessions:
        sessions[name] = _came_in(browser, site, name)
    with watching(browser, site.url, storage_state=sessions[name], **options) as watched:
        yield watched
        assert watched.faults == []


def _came_in(browser: Browser, site: Site, name: str) -> Any:
    """The session of somebody who followed the link that the command line printed."""
    added = site.command("admin", "add", f"{name.lower()}@clinic.test")
    link = re.search(r"http://\S+/admin/links/\S+", added.stdout)
    assert link, added.stdout + added.stderr
    with watching(browser, site.url) as watched:
        page = watched.go(watched.page(), link[0])
        page.get_by_label("Your name").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Go in").click()
        page.wait_for_url(re.compile("/admin$"))
        return watched.context.storage_state()


@pytest.fixture
def dana(browser: Browser, site: Site, sessions: dict[str, Any]) -> Iterator[Watched]:
    with coach(browser, site, sessions, "Dana") as watched:
        yield watched


def editor(watched: Watched, lesson: int) -> Page:
    return watched.go(watched.page(), f"/admin/lessons/{lesson}")


def preview(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[name=preview]")


def saved(page: Page) -> None:
    expect(page.locator("[data-state]")).to_contain_text("Saved by")


def text(page: Page) -> str:
    return page.get_by_label("Text", exact=True).input_value()


def test_a_coach_changes_a_lessons_text_sees_it_on_a_phone_and_in_the_dark_and_test_sends_it(
    dana: Watched, site: Site, screenshots: Path
) -> None:
    page = editor(dana, 1)
    expect(preview(page).locator("h1")).to_be_visible()
    history = page.evaluate("history.length")
    page.get_by_label("Title").fill("Begin from where you are")
    page.get_by_label("Text", exact=True).fill("Hi {{ first_name }},\n\nrun **easy**.\n" + "\nMore.\n" * 40)
    expect(preview(page).get_by_text("Hi Sam,")).to_be_visible()
    width = page.locator("iframe[name=preview]").bounding_box()
    assert width is not None
    assert width["width"] == 360
    expect(page.get_by_text("Nothing to mend.")).to_be_visible()
    preview(page).locator("html").evaluate("page => page.scrollTo(0, 300)")
    page.get_by_label("Text", exact=True).press("Control+Home")
    page.keyboard.type("Now ")
    expect(preview(page).get_by_text("Now Hi Sam,")).to_be_attached()
    assert preview(page).locator("html").evaluate("page => page.scrollTop") == 300
    page.get_by_text("Dark", exact=True).click()
    expect(preview(page).locator("body")).to_have_css("background-color", "rgb(22, 28, 22)")
    page.locator("label[for=show-text]").click()
    expect(preview(page).locator("pre")).to_contain_text("Now Hi Sam,")
    page.get_by_text("Desktop", exact=True).click()
    expect(preview(page).locator("body")).to_have_css("background-color", "rgb(242, 242, 230)")
    page.get_by_label("For", exact=True).select_option("nobody")
    expect(preview(page).get_by_text("Now Hi there,")).to_be_visible()
    assert page.evaluate("history.length") == history
    faults = look(page, screenshots, "writing-editor")
    page.get_by_role("button", name="Send me a test").click()
    expect(page.get_by_role("status").first).to_contain_text("A test is on its way to dana@clinic.test")
    faults += look(page, screenshots, "writing-tested")
    mail = eventually(lambda: Maildir(site).to("dana@clinic.test"), 20)[-1]
    assert mail.subject.startswith("[Test] ")
    assert "Now Hi there," in mail.text
    page.get_by_role("button", name="Publish…").click()
    expect(page).to_have_url(re.compile("/admin/lessons/1/publish$"))
    assert faults == []


def test_two_coaches_edit_the_same_lesson_and_nothing_is_lost(
    browser: Browser, dana: Watched, site: Site, sessions: dict[str, Any], screenshots: Path
) -> None:
    with coach(browser, site, sessions, "Kim") as kim:
        hers, his = editor(dana, 2), editor(kim, 2)
        hers.get_by_label("Text", exact=True).fill("What Dana wrote.\n")
        hers.get_by_label("Title").focus()
        saved(hers)
        his.get_by_label("Text", exact=True).fill("What Kim wrote.\n")
        his.get_by_label("Title").focus()
        expect(his.locator("[data-state]")).to_contain_text("Dana saved this lesson too")
        kim.faults.clear()  # the browser itself notes the 409
        his.get_by_role("button", name="Save", exact=True).click()
        expect(his.get_by_role("heading", name="Dana saved this lesson while you were writing")).to_be_visible()
        expect(his.locator("del").first).to_contain_text("Dana")
        assert text(his) == "What Kim wrote.\n"
        assert his.get_by_label("Text", exact=True).count() == 1
        faults = look(his, screenshots, "writing-conflict")
        kim.faults.clear()
        his.get_by_label("Text", exact=True).fill("What Dana wrote.\nWhat Kim wrote.\n")
        his.get_by_role("button", name="Save mine in its place").click()
        saved(his)
        hers.reload()
        assert text(hers) == "What Dana wrote.\nWhat Kim wrote.\n"
        hers.get_by_role("link", name="Earlier versions").click()
        expect(hers.locator("ins").last).to_be_visible()
        assert faults + look(hers, screenshots, "writing-versions") == []


def test_a_coach_adds_a_picture(dana: Watched, site: Site, tmp_path: Path, screenshots: Path) -> None:
    file = tmp_path / "IMG 1.png"
    file.write_bytes(encoded(drawing(900, 500), "PNG"))
    page = editor(dana, 3)
    page.get_by_label("Text", exact=True).fill("Before.\n")
    page.get_by_role("button", name="Picture").click()
    page.get_by_label("Picture", exact=True).set_input_files(file)
    page.get_by_role("button", name="Put it in the text").click()
    expect(page.get_by_text("Say what the picture shows, for readers who do not see it.")).to_be_visible()
    dana.faults.clear()  # the 422
    faults = look(page, screenshots, "writing-picture")
    page.get_by_label("What does it show?").fill("A knee")
    page.get_by_role("button", name="Put it in the text").click()
    expect(page.get_by_label("Text", exact=True)).to_have_value(
        re.compile(r"!\[A knee\]\(/pictures/[0-9a-f]{32}-900\.png\)")
    )
    shown = preview(page).get_by_role("img", name="A knee")
    expect(shown).to_be_visible()
    assert shown.evaluate("picture => picture.complete && picture.naturalWidth") == 900
    assert shown.get_attribute("width") == "528"
    drop = """([name, data]) => { const held = new DataTransfer();
      held.items.add(new File([Uint8Array.from(data)], name, { type: "image/png" }));
      document.getElementById("body").dispatchEvent(new DragEvent("drop", { dataTransfer: held, bubbles: true,
        cancelable: true })); }"""
    page.evaluate(drop, ["hip.png", list(encoded(drawing(60, 40), "PNG"))])
    expect(page.get_by_label("What does it show?")).to_be_focused()
    page.keyboard.type("A hip")
    page.get_by_role("button", name="Put it in the text").click()
    expect(page.get_by_label("Text", exact=True)).to_have_value(re.compile(r"!\[A hip\]\(/pictures/\w+-60\.png\)"))
    assert faults == []


def test_the_editor_does_not_mangle_placeholders(dana: Watched) -> None:
    page = editor(dana, 4)
    body = page.get_by_label("Text", exact=True)
    body.fill("")
    page.get_by_text("Insert", exact=True).click()
    page.get_by_role("button", name="{{ first_name }}").click()
    assert text(page) == "{{ first_name }}"
    body.select_text()
    page.get_by_role("button", name="Bold").click()
    assert text(page) == "**{{ first_name }}**"
    body.press("End")
    page.keyboard.type(" [your page]({{ course_page }}) {{unsubscribe}}")
    page.get_by_role("button", name="Save", exact=True).click()
    saved(page)
    page.reload()
    assert text(page) == "**{{ first_name }}** [your page]({{ course_page }}) {{unsubscribe}}"
    expect(preview(page).locator("strong").get_by_text("Sam")).to_be_visible()
    body.press("Control+End")
    page.keyboard.type("x")
    page.keyboard.press("Control+z")
    assert text(page).endswith("{{unsubscribe}}")


def test_what_was_typed_is_saved_when_the_page_is_closed_and_while_the_site_is_away(dana: Watched, site: Site) -> None:
    page = editor(dana, 5)
    page.get_by_label("Text", exact=True).fill("Typed just before closing.\n")
    page.goto("about:blank")
    page = editor(dana, 5)
    for _ in range(20):  # what a closing page sends may arrive after the next page was asked for
        if text(page) == "Typed just before closing.\n":
            break
        page.reload()
    expect(page.get_by_label("Text", exact=True)).to_have_value("Typed just before closing.\n")
    dana.context.set_offline(True)
    page.get_by_label("Text", exact=True).fill("Typed while it was away.\n")
    page.get_by_label("Title").focus()
    expect(page.locator("[data-state]")).to_contain_text("the site does not answer. We keep trying.")
    dana.context.set_offline(False)
    saved(page)
    dana.faults.clear()  # the browser itself notes what did not load
    page = editor(dana, 5)
    expect(page.get_by_label("Text", exact=True)).to_have_value("Typed while it was away.\n")


def test_a_coach_who_was_signed_out_while_writing_signs_in_elsewhere_and_loses_nothing(dana: Watched) -> None:
    page = editor(dana, 5)
    dana.context.clear_cookies()
    page.get_by_label("Text", exact=True).fill("Typed after the session was over.\n")
    page.get_by_label("Title").focus()
    expect(page.locator("[data-state]")).to_contain_text("You were signed out. Sign in again in another tab")
    other = dana.go(dana.page(), "/admin/login?next=/admin/account")
    other.get_by_label("Email").fill("dana@clinic.test")
    other.get_by_label("Password", exact=True).fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other).to_have_url(re.compile("/admin/account$"))
    page.get_by_role("button", name="Save", exact=True).click()
    saved(page)
    dana.faults.clear()  # the browser itself notes that the old token was refused
    page.reload()
    assert text(page) == "Typed after the session was over.\n"


def test_without_a_script_a_lesson_is_looked_at_saved_and_gets_its_picture(
    browser: Browser, site: Site, sessions: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "knee.png"
    file.write_bytes(encoded(drawing(900, 500), "PNG"))
    with coach(browser, site, sessions, "Dana", java_script_enabled=False) as plain:
        page = editor(plain, 5)
        expect(preview(page).locator("h1")).to_be_visible()
        page.get_by_label("Text", exact=True).fill("Without a script, {{ first_name }}.\n")
        page.get_by_text("Dark", exact=True).click()
        page.get_by_role("button", name="Show", exact=True).click()
        expect(preview(page).get_by_text("Without a script, Sam.")).to_be_visible()
        expect(preview(page).locator("body")).to_have_css("background-color", "rgb(22, 28, 22)")
        page.get_by_text("Add a picture").click()
        page.get_by_label("Picture", exact=True).set_input_files(file)
        page.get_by_label("What does it show?").fill("A knee")
        page.get_by_role("button", name="Put it in the text").click()
        expect(page.get_by_text("The picture stands at the end of the text")).to_be_visible()
        assert re.fullmatch(r"Without a script, \{\{ first_name \}\}\.\n\n!\[A knee\]\(\S+\)\n", text(page))
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("Saved. Readers get it when you publish it.")
